//! What holds for every operation of a kind, so that no handler has to say it.

use fanfare_model::limits::{IDEMPOTENCY_KEY_MAX_BYTES, INTEGER_MAX};
use serde_json::{Map, Value, json};

use super::refusals;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Refusals that many operations have in common: status, name, when, and the body.
const REFUSALS: &[(&str, &str, &str, &str)] = &[
    ("400", "BadBody", "The body cannot be used as it came", r#"{"error":"Request body is not valid JSON"}"#),
    ("401", "NoToken", "There is no token", r#"{"error":"Access token required"}"#),
    (
        "403",
        "BadToken",
        "The token is not valid, not valid any more, or not an admin's",
        r#"{"error":"Invalid or expired token"}"#,
    ),
    (
        "408",
        "SlowBody",
        "The body did not arrive in time",
        r#"{"error":"Request body did not arrive in time"}"#,
    ),
    ("413", "LargeBody", "The body is too large", r#"{"error":"Request body is larger than 1048576 bytes"}"#),
    (
        "415",
        "OtherBody",
        "The body is not declared as JSON",
        r#"{"error":"Content-Type must be application/json"}"#,
    ),
    (
        "422",
        "KeyReused",
        "The `Idempotency-Key` came with another request before",
        r#"{"error":"Idempotency-Key was used for another request"}"#,
    ),
    ("429", "TooMany", "Too many requests from this address", r#"{"error":"Too many requests"}"#),
    (
        "500",
        "Fault",
        "Something went wrong that should not; the log says what",
        r#"{"error":"Something went wrong!","message":"Internal error"}"#,
    ),
    (
        "503",
        "Unavailable",
        "The database cannot be used now",
        r#"{"error":"Something went wrong!","message":"The database is unavailable"}"#,
    ),
];

/// Every operation of the document.
pub(super) fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    paths.flat_map(|path| {
        let members = path.as_object_mut().into_iter().flatten();
        members.filter(|(name, _)| METHODS.contains(&name.as_str())).map(|(_, operation)| operation)
    })
}

/// Adds the shared parts, and to every operation those that are its.
pub(super) fn complete(document: &mut Value) {
    bound_integers(document);
    let schemas = document["components"]["schemas"].clone();
    for operation in operations(document) {
        settle_body(operation, &schemas);
        settle_parameters(operation);
        complete_operation(operation);
    }
    let components = &mut document["components"];
    components["responses"] = REFUSALS.iter().map(response).collect::<Map<_, _>>().into();
    components["parameters"] = json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same key with the same request gets the same answer again, within 24 hours, \
                and nothing is created twice.",
            "required": false,
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": IDEMPOTENCY_KEY_MAX_BYTES,
                // Blanks at its end are not the key's: HTTP does not count them.
                "pattern": "^[!-~][ -~]*$",
                "examples": ["5f2b6c1e-night-3-game-42"],
            },
        },
    });
    components["headers"] = json!({
        "RetryAfter": {
            "description": "Whole seconds to wait",
            "schema": {"type": "integer", "minimum": 1, "examples": [1]},
        },
        "IdempotencyReplayed": {
            "description": "`true` when this answer was given to an earlier request with the same `Idempotency-Key`",
            "schema": {"type": "string", "enum": ["true"]},
        },
    });
}

/// No integer is larger than JavaScript can hold, in requests or in answers.
fn bound_integers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        Value::Object(fields) => {
            if fields.get("format").is_some_and(|format| format == "int64") {
                fields.entry("maximum").or_insert(INTEGER_MAX.into());
            }
            fields.values_mut().for_each(bound_integers);
        }
        _ => {}
    }
}

/// Says whether the body may be left out, which counts as `{}`: where that is as good as any. An
/// optional schema says something else, namely that `null` is a body.
fn settle_body(operation: &mut Value, schemas: &Value) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    let mut required = false;
    for media in body["content"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        let schema = &media["schema"];
        let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let schema = name.map_or(schema, |name| &schemas[name]);
        let is_needed = ["required", "allOf", "anyOf", "oneOf"].iter().any(|word| schema.get(word).is_some());
        required |= is_needed;
    }
    body["required"] = required.into();
}

/// Nothing in a path, a query or a header is `null`; a parameter is there or not.
fn settle_parameters(operation: &mut Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let Some(kind) = parameter.pointer_mut("/schema/type") else { continue };
        let known = kind.as_array().into_iter().flatten().find(|kind| *kind != "null").cloned();
        if let Some(known) = known {
            *kind = known;
        }
    }
}

fn response((status, name, when, body): &(&str, &str, &str, &str)) -> (String, Value) {
    let example: Value = serde_json::from_str(body).expect("written above as JSON");
    let schema = json!({"$ref": "#/components/schemas/ErrorBody"});
    let mut response = json!({
        "description": when,
        "content": {"application/json": {"schema": schema, "example": example}},
    });
    let texts = refusals::shared(name);
    if !texts.is_empty() {
        let mut media = json!({ "schema": schema });
        refusals::show(&mut media, &texts);
        response["content"]["application/json"] = media;
    }
    if *status == "429" {
        response["headers"] = json!({"Retry-After": {"$ref": "#/components/headers/RetryAfter"}});
    }
    ((*name).to_owned(), response)
}

fn complete_operation(operation: &mut Value) {
    // No word about security means none, and that is said.
    let is_public = operation.get("security").is_none_or(|security| security == &json!([]));
    if is_public {
        operation["security"] = json!([]);
    }
    let takes_token = operation["security"][0].get("bearerAuth").is_some();
    let has_body = operation.get("requestBody").is_some();
    // What creates something, and what says itself that the key counts.
    let success = if operation["responses"].get("201").is_some() { "201" } else { "200" };
    let takes_key = success == "201" || operation["responses"].get("422").is_some();
    let mut statuses = vec!["429", "500", "503"];
    if takes_token {
        statuses.extend(["401", "403"]);
    }
    if has_body {
        statuses.extend(["400", "408", "413", "415"]);
    }
    if takes_key {
        operation["responses"].as_object_mut().map(|responses| responses.remove("422"));
        statuses.push("422");
        let parameters = operation.as_object_mut().map(|operation| operation.entry("parameters"));
        let parameters = parameters.map(|entry| entry.or_insert_with(|| json!([])));
        if let Some(Value::Array(parameters)) = parameters {
            parameters.push(json!({"$ref": "#/components/parameters/IdempotencyKey"}));
        }
        operation["responses"][success]["headers"]["Idempotency-Replayed"] =
            json!({"$ref": "#/components/headers/IdempotencyReplayed"});
    }
    refusals::put(operation, has_body, takes_key);
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, name, ..) in REFUSALS.iter().filter(|refusal| statuses.contains(&refusal.0)) {
            responses
                .entry(*status)
                .or_insert_with(|| json!({"$ref": format!("#/components/responses/{name}")}));
        }
        let mut sorted: Vec<_> = std::mem::take(responses).into_iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        responses.extend(sorted);
    }
}
