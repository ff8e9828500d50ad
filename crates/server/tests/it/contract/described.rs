//! Holds answers against `openapi.json`: the status must be one that the operation describes, and the
//! body what its schema says, without a field that it does not know.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::endpoints::likeness;
use crate::support::Reply;

/// Schemas that say themselves that there may be more.
const OPEN: &[&str] = &["ErrorBody", "TokenClaims"];

/// The description of the API.
pub(super) struct Description {
    document: Value,
    /// By pointer to the schema; made when they are needed.
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Description {
    /// As it stands in the repository, which another test compares with what is served.
    pub(super) fn new() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
        let text = std::fs::read_to_string(path).expect("openapi.json");
        let mut document: Value = serde_json::from_str(&text).expect("JSON");
        let schemas = document["components"]["schemas"].as_object_mut().expect("schemas");
        for (name, schema) in schemas {
            if !OPEN.contains(&name.as_str()) {
                close(schema);
            }
        }
        Self { document, validators: Mutex::default() }
    }

    /// Method and path of every operation, as they stand there.
    pub(super) fn operations(&self) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().expect("paths");
        let methods =
            |item: &Value| item.as_object().expect("operations").keys().cloned().collect::<Vec<_>>();
        let named = |(path, item): (&String, &Value)| {
            methods(item)
                .into_iter()
                .map(|method| format!("{} {path}", method.to_uppercase()))
                .collect::<Vec<_>>()
        };
        paths.iter().flat_map(named).collect()
    }

    /// Says what of an answer is not described. What is no operation is not looked at.
    pub(super) fn judge(&self, method: &str, path: &str, reply: &Reply) -> Result<(), String> {
        let Some(route) = self.route(method, path) else { return Ok(()) };
        let method = method.to_lowercase();
        let operation = &self.document["paths"][route][&method];
        let (response, at) = self.response(operation, route, &method, reply.status.as_str())?;
        let Some(content) = response["content"].as_object() else { return Ok(()) };
        let media_type = media_type(reply);
        if !content.contains_key(&media_type) {
            return Err(format!("{} {route} {}: {media_type} is not described", method, reply.status));
        }
        if media_type != "application/json" {
            return Ok(());
        }
        let body: Value = serde_json::from_str(&reply.text).map_err(|error| error.to_string())?;
        let validator = self.validator(&format!("{at}/content/application~1json/schema"));
        let errors: Vec<_> = validator.iter_errors(&body).take(3).map(|error| error.to_string()).collect();
        if !errors.is_empty() {
            return Err(format!("not as described: {}", errors.join("; ")));
        }
        let text = body["error"].as_str().filter(|_| reply.status.as_u16() >= 400);
        match text {
            Some(text) if !texts(&content["application/json"]).contains(text) => {
                Err(format!("the text {text:?} is not described"))
            }
            _ => Ok(()),
        }
    }

    /// The path of the operation that answers.
    fn route(&self, method: &str, path: &str) -> Option<&str> {
        let (path, method) = (path.split('?').next().unwrap_or_default(), method.to_lowercase());
        let paths = self.document["paths"].as_object().expect("paths").iter();
        let ours = paths.filter(|(_, item)| item.get(&method).is_some());
        let alike = ours.filter_map(|(route, _)| Some((likeness(route, path)?, route)));
        alike.max_by_key(|(same, _)| *same).map(|(_, route)| route.as_str())
    }

    /// What is said of a status, and the pointer to it.
    fn response(
        &self,
        operation: &Value,
        route: &str,
        method: &str,
        status: &str,
    ) -> Result<(&Value, String), String> {
        let response = &operation["responses"][status];
        let at = match response["$ref"].as_str() {
            Some(reference) => reference[1..].to_owned(),
            None => format!("/paths/{}/{method}/responses/{status}", route.replace('/', "~1")),
        };
        match self.document.pointer(&at) {
            Some(response) => Ok((response, at)),
            None => Err(format!("{method} {route}: the status {status} is not described")),
        }
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("nothing panics while it is held");
        let made = validators.entry(pointer.to_owned()).or_insert_with(|| {
            let mut schema = self.document.pointer(pointer).expect("a schema").clone();
            close(&mut schema);
            let whole = json!({"allOf": [schema], "components": self.document["components"]});
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            Arc::new(options.build(&whole).unwrap_or_else(|error| panic!("{pointer}: {error}")))
        });
        made.clone()
    }
}

/// The texts of a refusal.
fn texts(media: &Value) -> BTreeSet<&str> {
    let many = media["examples"].as_object().into_iter().flat_map(Map::values);
    let values = many.map(|example| &example["value"]).chain(media.get("example"));
    values.filter_map(|value| value["error"].as_str()).collect()
}

fn media_type(reply: &Reply) -> String {
    let value = reply.headers.get("content-type").and_then(|value| value.to_str().ok());
    value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_owned()
}

/// Makes objects take no other fields than those they name.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        _ => {}
    }
}
