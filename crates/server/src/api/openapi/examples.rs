//! Examples for whatever has none of its own: rows are written by the code that writes the real ones,
//! everything else is put together from what its schema says.

use serde_json::{Map, Value, json};

use super::super::{
    apps::AppView,
    deliveries::DeliveryView,
    samples,
    views::{GameRow, LogView, SessionRow, WebhookView},
};
use crate::app::Examined;
use fanfare_model::{
    catalogue,
    delivery::{Delivery, DeliveryState},
    event::{PollRow, SessionGameRow},
    export,
};

type Example = fn() -> Value;

/// Schemas of rows, and how the server writes one.
const ROWS: &[(&str, Example)] = &[
    ("GameRow", || row(&GameRow::from(&samples::game()))),
    ("SessionRow", || row(&SessionRow::from(samples::session()))),
    ("SessionGameRow", || row(&SessionGameRow::from(&samples::session_game()))),
    ("PollRow", || row(&PollRow::from(&samples::poll()))),
    ("Webhook", || row(&WebhookView::from(Examined::from(samples::webhook())))),
    ("App", || row(&AppView::from(&samples::application()))),
    ("Delivery", || row(&DeliveryView::from(samples::delivery()))),
    ("WebhookLog", || row(&LogView::from(samples::log_row()))),
];

/// Answers that show more than their schema alone would: operation, pointer to the answer's content,
/// and how the server writes it.
const ANSWERS: &[(&str, &str, Example)] = &[
    ("export_csv", "/200/content/text~1csv", || catalogue::to_csv(&[samples::game()]).into()),
    ("export_session", "/200/content/text~1plain", || export::text(&samples::night(), samples::now()).into()),
    ("export_session", "/200/content/application~1json", || {
        serde_json::from_str(&export::json(&samples::night(), samples::now())).expect("it is JSON")
    }),
    ("close_session", "/200/content/application~1json", || row(&SessionRow::from(samples::ended_session()))),
    ("close_poll", "/200/content/application~1json", || row(&PollRow::from(&samples::ended_poll()))),
    ("set_player_count", "/200/content/application~1json", || {
        row(&SessionGameRow::from(&samples::counted()))
    }),
    ("get_delivery", "/200/content/application~1json", || {
        row(&DeliveryView::with_log(samples::delivery(), vec![samples::failed_attempt()]))
    }),
    ("resend_delivery", "/200/content/application~1json", || {
        row(&DeliveryView::from(samples::resent_delivery()))
    }),
    ("cancel_delivery", "/200/content/application~1json", || {
        let cancelled = Delivery { state: DeliveryState::Cancelled, ..samples::delivery() };
        row(&DeliveryView::from(cancelled))
    }),
    ("create_webhook", "/201/content/application~1json", || webhook("Webhook created successfully")),
    ("create_app", "/201/content/application~1json", || {
        row(&AppView::with_secret(&samples::application(), "App created successfully"))
    }),
    ("update_app", "/200/content/application~1json", || {
        row(&AppView::with_message(&samples::application(), "App updated successfully"))
    }),
    ("rotate_app", "/200/content/application~1json", || {
        row(&AppView::with_secret(&samples::rotated_application(), "App secret replaced successfully"))
    }),
    ("update_webhook", "/200/content/application~1json", || webhook("Webhook updated successfully")),
];

fn webhook(message: &'static str) -> Value {
    row(&WebhookView::with_message(samples::webhook(), message))
}

fn row<T: serde::Serialize>(row: &T) -> Value {
    serde_json::to_value(row).expect("rows have string keys only")
}

/// Gives the schemas of rows their examples.
pub(super) fn put_rows(document: &mut Value) {
    for (name, row) in ROWS {
        if let Some(schema) = document["components"]["schemas"].get_mut(name) {
            schema["examples"] = json!([row()]);
        }
    }
}

/// Gives the answers of the list their examples.
pub(super) fn put_answers(document: &mut Value) {
    for operation in super::shared::operations(document) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        for (_, pointer, example) in ANSWERS.iter().filter(|(of, ..)| *of == id) {
            let media = operation["responses"].pointer_mut(pointer).expect("the answer is described");
            media["example"] = example();
        }
    }
}

/// Gives an example to every request body and to every response that has none.
pub(super) fn complete(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    for operation in super::shared::operations(document) {
        if let Some(content) = operation.pointer_mut("/requestBody/content") {
            each_without(content, |media| example_of(&media["schema"], &schemas));
        }
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            let description = response["description"].clone();
            let Some(content) = response.get_mut("content") else { continue };
            // The description of a refusal is its text.
            each_without(content, |media| match status.as_bytes()[0] {
                b'4' | b'5' => json!({ "error": description }),
                _ => example_of(&media["schema"], &schemas),
            });
        }
    }
}

fn each_without(content: &mut Value, example: impl Fn(&Value) -> Value) {
    for media in content.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if media.get("example").is_none() && media.get("examples").is_none() {
            media["example"] = example(media);
        }
    }
}

/// A value that the schema takes: its own example, or one put together from its parts.
fn example_of(schema: &Value, schemas: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/")) {
        return example_of(&schemas[name], schemas);
    }
    let given = [&schema["examples"][0], &schema["example"], &schema["const"], &schema["enum"][0]];
    if let Some(given) = given.into_iter().find(|value| !value.is_null()) {
        return given.clone();
    }
    let is_null = |schema: &&Value| schema["type"] == "null";
    for choice in ["oneOf", "anyOf"] {
        if let Some(first) = schema[choice].as_array().and_then(|all| all.iter().find(|one| !is_null(one))) {
            return example_of(first, schemas);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(|part| example_of(part, schemas));
        return parts.filter_map(|part| part.as_object().cloned()).flatten().collect::<Map<_, _>>().into();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields
                .map(|(name, field)| (name.clone(), example_of(field, schemas)))
                .collect::<Map<_, _>>()
                .into()
        }
        Some("array") => json!([example_of(&schema["items"], schemas)]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => json!("text"),
    }
}
