use std::collections::BTreeSet;

use super::*;
use crate::api::openapi as described;

/// What needs no token, and ignores a bad one.
const PUBLIC: &[&str] = &[
    "GET /api/games",
    "GET /api/games/meta/packs",
    "GET /api/games/packs",
    "GET /api/games/{id}",
    "GET /api/polls/{id}",
    "GET /api/sessions",
    "GET /api/sessions/active",
    "GET /api/sessions/live",
    "GET /api/sessions/{id}",
    "GET /api/sessions/{id}/events",
    "GET /api/sessions/{id}/games",
    "GET /api/sessions/{id}/votes",
    "GET /api/sessions/{id}/polls",
    "GET /api/stats",
    "GET /api/votes",
    "GET /app",
    "GET /app/{key}",
    "GET /asyncapi.json",
    "GET /docs",
    "GET /health",
    "GET /openapi.json",
    "GET /readyz",
    "GET /ws",
    "GET /stats",
    "POST /api/auth/login",
    "POST /api/pick",
    "POST /broadcasting/auth",
    "POST /pusher/auth",
    "POST /pusher/user-auth",
];

/// Each operation with its name, such as `GET /health`.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            found.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    assert!(found.len() > 15);
    found
}

/// What a reference stands for, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(path) => document.pointer(&path[1..]).unwrap_or_else(|| panic!("{path} leads nowhere")),
        None => value,
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn every_operation_says_what_it_is_and_who_may_use_it() {
    let document = described();
    let tags: BTreeSet<_> = TAGS.iter().map(|(name, _)| *name).collect();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(text_of(&operation["operationId"])), "{name}: its operationId is not unique");
        assert!(text_of(&operation["summary"]).len() > 5, "{name} has no summary");
        assert!(
            operation["tags"][0].as_str().is_some_and(|tag| tags.contains(tag)),
            "{name} has no known tag"
        );
        let is_public = operation["security"] == json!([]);
        assert_eq!(is_public, PUBLIC.contains(&name.as_str()), "{name}: {}", operation["security"]);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolved(&document, parameter);
            assert!(!text_of(&parameter["description"]).is_empty(), "{name}: {parameter} is not described");
            assert!(!parameter["schema"].to_string().contains("null"), "{name}: {parameter} is never null");
        }
        let path_of = |parameter: &Value| text_of(&resolved(&document, parameter)["name"]).to_owned();
        let known: Vec<_> = operation["parameters"].as_array().into_iter().flatten().map(path_of).collect();
        for parameter in name.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(known.iter().any(|name| name == parameter), "{name}: {parameter} is not described");
        }
    }
}

#[test]
fn every_body_has_an_example_that_its_schema_takes() {
    let document = described();
    let check = |name: &str, content: &Value| {
        for (media_type, media) in content.as_object().into_iter().flatten() {
            let one = media.get("example").into_iter();
            let many = media["examples"].as_object().into_iter().flatten().map(|(_, one)| &one["value"]);
            let examples: Vec<_> = one.chain(many).collect();
            assert!(!examples.is_empty(), "{name}: {media_type} has no example");
            let schema = json!({"allOf": [media["schema"]], "components": document["components"]});
            let validator = jsonschema::draft202012::options()
                .should_validate_formats(true)
                .build(&schema)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            for example in examples {
                let errors: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{name}: {errors:?} in {example}");
            }
        }
    };
    for (name, operation) in operations(&document) {
        if let Some(body) = operation.get("requestBody") {
            assert!(body["content"].is_object(), "{name} takes a body of no type");
            check(&name, &body["content"]);
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            check(&format!("{name} {status}"), &resolved(&document, response)["content"]);
        }
    }
}

#[test]
fn every_operation_says_how_it_succeeds_and_how_it_fails() {
    let document = described();
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().expect("responses");
        let has = |status: &str| responses.contains_key(status);
        assert!(responses.keys().any(|status| status.starts_with(['1', '2', '3'])), "{name} never succeeds");
        assert!(has("429") && has("500") && has("503"), "{name}");
        let guarded = operation["security"][0].get("bearerAuth").is_some();
        assert!(!guarded || has("401") && has("403"), "{name}");
        let takes_body = operation.get("requestBody").is_some();
        assert!(!takes_body || ["400", "408", "413", "415"].into_iter().all(has), "{name}");
        let keys = operation["parameters"].as_array().into_iter().flatten();
        let has_key = keys.map(|key| resolved(&document, key)).any(|key| key["name"] == "Idempotency-Key");
        assert!(!has("201") || has_key, "{name}");
        assert_eq!(has_key, has("422"), "{name}");
        for (status, response) in responses {
            let response = resolved(&document, response);
            assert!(!text_of(&response["description"]).is_empty(), "{name} {status} is not described");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/ErrorBody", "{name} {status}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = described();
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        resolved(&document, value);
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => waiting.extend(fields.values()),
            _ => {}
        }
    }
}
