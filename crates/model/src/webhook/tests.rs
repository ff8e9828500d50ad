//! Reading and changing webhooks.

use super::*;
use serde_json::{Value, json};

fn error_of(body: &Value) -> Option<String> {
    NewWebhook::parse(body.as_object().expect("an object")).err().map(|error| error.to_string())
}

#[test]
fn a_new_webhook_is_checked_in_the_stated_order() {
    let missing = "Missing required fields: name, url, secret, events";
    let full = json!({"name": "n", "url": "https://example.com", "secret": "s", "events": []});
    assert_eq!(error_of(&full), None);
    let mut largest = full.clone();
    largest["name"] = json!("🎮".repeat(1_000));
    largest["events"] = json!(vec!["é".repeat(200); 100]);
    assert_eq!(error_of(&largest), None);
    for (field, value, expected) in [
        ("name", json!(""), missing),
        ("url", json!(null), missing),
        ("secret", json!(""), missing),
        ("events", json!(null), missing),
        ("events", json!(""), missing),
        ("events", json!("game.added"), "events must be an array"),
        ("events", json!({}), "events must be an array"),
        ("events", json!([1]), "events must be an array of strings"),
        ("url", json!("example.com"), "Invalid URL format"),
        ("url", json!("ftp://example.com"), "Invalid URL format"),
        ("url", json!("http://"), "Invalid URL format"),
        ("url", json!(5), "Invalid URL format"),
        ("name", json!(5), "name must be a non-empty string"),
        ("name", json!("n".repeat(1_001)), "name must not be longer than 1000 characters"),
        ("secret", json!("s".repeat(1_001)), "secret must not be longer than 1000 characters"),
        ("events", json!(vec!["a"; 101]), "events must hold at most 100 names of at most 200 characters"),
        ("events", json!(["a".repeat(201)]), "events must hold at most 100 names of at most 200 characters"),
    ] {
        let mut body = full.clone();
        body[field] = value;
        assert_eq!(error_of(&body).as_deref(), Some(expected), "{field}");
    }
    let both_wrong = json!({"name": "n", "url": "x", "secret": "s", "events": 1});
    assert_eq!(error_of(&both_wrong).as_deref(), Some("events must be an array"));
}

#[test]
fn a_patch_takes_any_subset() {
    let parse =
        |body: Value| WebhookPatch::parse(body.as_object().expect("an object")).map_err(|e| e.to_string());
    assert!(parse(json!({"enabled": 0})).is_ok_and(|patch| patch.enabled == Some(false)));
    for (body, expected) in [
        (json!({}), "No fields to update"),
        (json!({"id": 7}), "No fields to update"),
        (json!({"url": "x"}), "Invalid URL format"),
        (json!({"events": "x"}), "events must be an array"),
        (json!({"url": "x", "events": "x"}), "Invalid URL format"),
        (json!({"enabled": "no"}), "enabled must be a boolean"),
        (json!({"secret": null}), "secret must be a non-empty string"),
    ] {
        assert_eq!(parse(body).err().as_deref(), Some(expected));
    }
}
