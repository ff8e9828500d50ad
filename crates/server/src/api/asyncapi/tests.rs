use std::collections::BTreeSet;

use fanfare_model::{event::kind, wire::picker};

use super::*;

mod dialects;

/// Everything of the document that has a schema, with an example of it.
fn examples() -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    for (name, message) in messages() {
        for part in ["payload", "headers"] {
            for example in message["examples"].as_array().expect("examples") {
                if let Some(value) = example.get(part) {
                    found.push((format!("{name} {part}"), message[part].clone(), value.clone()));
                }
            }
        }
    }
    found
}

fn validator(schema: &Value) -> jsonschema::Validator {
    let whole = json!({"allOf": [schema], "components": {"schemas": schemas()}});
    jsonschema::draft202012::new(&whole).expect("a schema")
}

#[test]
fn every_schema_takes_its_examples_and_nothing_else() {
    let all = examples();
    assert!(all.len() > 20);
    for (name, schema, example) in all {
        let validator = validator(&schema);
        let errors: Vec<_> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?} in {example}");
        for field in example.as_object().expect("an object").keys() {
            let mut less = example.clone();
            less.as_object_mut().expect("an object").remove(field);
            let is_of_a_dialect = DIALECTS.iter().any(|it| name.starts_with(&format!("{}.", it.key)));
            let is_required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(field)));
            let optional = field == "after" || (is_of_a_dialect && !is_required);
            assert_eq!(validator.is_valid(&less), optional, "{name} without {field}");
        }
    }
}

#[test]
fn what_clients_say_is_understood() {
    for message in FROM_CLIENTS {
        for text in (message.examples)() {
            assert!(picker::parse(&text).is_ok(), "{text}");
            let value: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(value["type"], message.kind);
        }
    }
    let known: BTreeSet<_> = FROM_CLIENTS.iter().map(|message| message.kind).collect();
    for unknown in ["auth_success", "publish", ""] {
        assert!(!known.contains(unknown));
        let text = json!({"type": unknown}).to_string();
        assert_eq!(picker::parse(&text), Err(picker::Invalid::UnknownType));
    }
}

#[test]
fn every_event_is_described() {
    let described: BTreeSet<_> = EVENTS.iter().map(|event| event.kind).collect();
    assert_eq!(described.len(), EVENTS.len(), "each once");
    let known: BTreeSet<_> = kind::ALL.iter().copied().collect();
    assert_eq!(described, known);
    let described: Vec<_> = OCCURRENCES.iter().map(|told| told.kind).collect();
    assert_eq!(described, [kind::CHANNEL, kind::PUSHER].concat());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut waiting = vec![&document];
    let mut found = 0;
    while let Some(value) = waiting.pop() {
        if let Some(path) = value["$ref"].as_str() {
            found += 1;
            assert!(document.pointer(&path[1..]).is_some(), "{path}");
        }
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => waiting.extend(fields.values()),
            _ => {}
        }
    }
    assert!(found > 50);
}
