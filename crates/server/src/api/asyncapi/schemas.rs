//! A few words in which the schemas of messages are written.

use serde_json::{Map, Value, json};

/// An object with exactly these fields.
pub(super) fn exactly(fields: &[(&str, Value)]) -> Value {
    let mut schema = with(fields);
    schema["additionalProperties"] = json!(false);
    schema
}

/// An object with these fields and maybe others.
pub(super) fn with(fields: &[(&str, Value)]) -> Value {
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<_, _> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "required": names, "properties": properties})
}

pub(super) fn constant(text: &str) -> Value {
    json!({"type": "string", "const": text})
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn boolean() -> Value {
    json!({"type": "boolean"})
}

/// A row's id; 0 stands in tests of webhooks only.
pub(super) fn id() -> Value {
    count()
}

pub(super) fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

pub(super) fn or_null(mut schema: Value) -> Value {
    let kind = schema["type"].take();
    schema["type"] = json!([kind, "null"]);
    schema
}

/// A schema of the document, by name.
pub(super) fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
