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

/// The same object, which may have these fields as well.
pub(super) fn and_maybe(mut schema: Value, fields: &[(&str, Value)]) -> Value {
    for (name, field) in fields {
        schema["properties"][*name] = field.clone();
    }
    schema
}

/// One of these texts.
pub(super) fn one_of(texts: &[&str]) -> Value {
    json!({"type": "string", "enum": texts})
}

pub(super) fn list_of(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

/// An object whose keys are no names of ours.
pub(super) fn map_of(values: &Value) -> Value {
    json!({"type": "object", "additionalProperties": values})
}

/// A string that holds the JSON of that.
pub(super) fn string_of(schema: &Value) -> Value {
    json!({"type": "string", "contentMediaType": "application/json", "contentSchema": schema})
}

/// The same with a sentence about it.
pub(super) fn about(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
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
