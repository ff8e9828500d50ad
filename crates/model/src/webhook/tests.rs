//! Reading and changing webhooks.

use super::*;
use crate::retry::RetrySchedule;
use serde_json::{Value, json};

const OVERLAP_MS: i64 = 1_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn header(name: &str, value: &str) -> Header {
    Header::new(name, value).expect("a header")
}

fn bot() -> Webhook {
    Webhook {
        id: 7,
        name: "bot".into(),
        url: "https://example.com/".into(),
        secret: "first".into(),
        old_secrets: Vec::new(),
        events: vec!["*".into()],
        enabled: true,
        disabled_reason: None,
        origin: Origin::Api,
        app: String::new(),
        options: WebhookOptions::default(),
        created_at: at(1),
    }
}

fn rotated(webhook: Webhook, secret: &str, now: i64) -> Webhook {
    let patch = WebhookPatch { secret: Some(secret.into()), ..WebhookPatch::default() };
    patch.applied_to(webhook, at(now), OVERLAP_MS).expect("a good change")
}

fn signing(webhook: &Webhook, now: i64) -> Vec<&str> {
    webhook.secrets_at(at(now)).collect()
}

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

#[test]
fn an_application_is_named_by_its_id() {
    let full = json!({"name": "n", "url": "https://example.com", "secret": "s", "events": []});
    let longest = "x".repeat(APP_WORD_MAX_CHARS);
    for (app, expected) in [
        (json!("Shop_1-a"), Ok("Shop_1-a")),
        (json!(longest), Ok(&*longest)),
        (json!(null), Ok("")),
        (json!(""), Err(())),
        (json!(format!("{longest}x")), Err(())),
        (json!("a b"), Err(())),
        (json!("é"), Err(())),
        (json!(7), Err(())),
    ] {
        let mut body = full.clone();
        body["app"] = app.clone();
        let body = body.as_object().expect("an object");
        let refused = "app must be the id of an application, or null".to_owned();
        let expected = expected.map(str::to_owned).map_err(|()| refused);
        let made = NewWebhook::parse(body).map(|new| new.app).map_err(|error| error.to_string());
        assert_eq!(made, expected, "{app}");
        let patched = WebhookPatch::parse(body).map(|patch| patch.applied_to(bot(), at(2), OVERLAP_MS));
        let patched = patched.map(|webhook| webhook.expect("a good change").app);
        assert_eq!(patched.map_err(|error| error.to_string()), expected, "{app}");
    }
    let made = NewWebhook::parse(full.as_object().expect("an object")).expect("a webhook");
    assert_eq!(made.app, "");
}

#[test]
fn a_secret_that_is_replaced_signs_beside_the_new_one_for_a_while() {
    let webhook = rotated(bot(), "second", 100);
    assert_eq!(signing(&webhook, 100), ["second", "first"]);
    assert_eq!(signing(&webhook, 1_099), ["second", "first"]);
    assert_eq!(signing(&webhook, 1_100), ["second"], "the end of the overlap is outside of it");
    let webhook = rotated(webhook, "third", 600);
    assert_eq!(signing(&webhook, 1_099), ["third", "second", "first"], "newest first");
    assert_eq!(signing(&webhook, 1_100), ["third", "second"], "each has a time of its own");
    let webhook = rotated(webhook, "fourth", 1_100);
    assert_eq!(webhook.old_secrets.len(), 2, "what is over is not kept");
    let at_once = WebhookPatch { secret: Some("fifth".into()), ..WebhookPatch::default() };
    let webhook = at_once.applied_to(webhook, at(1_200), 0).expect("a good change");
    assert_eq!(signing(&webhook, 1_200), ["fifth", "third", "second"], "without an overlap it ends at once");
}

#[test]
fn the_same_secret_again_changes_nothing() {
    let webhook = rotated(bot(), "second", 100);
    assert!(rotated(webhook.clone(), "second", 200) == webhook);
}

#[test]
fn a_secret_that_comes_back_is_the_current_one_alone() {
    let webhook = rotated(rotated(bot(), "second", 100), "first", 200);
    assert_eq!(signing(&webhook, 300), ["first", "second"]);
    assert_eq!(signing(&webhook, 1_200), ["first"], "its old end does not end it");
}

#[test]
fn a_hundred_rotations_keep_a_few() {
    let mut webhook = bot();
    for number in 0..100 {
        webhook = rotated(webhook, &format!("s{number}"), 100);
    }
    let expected: Vec<String> = (91..100).rev().map(|number| format!("s{number}")).collect();
    assert_eq!(signing(&webhook, 100), expected, "the current one and {OLD_SECRETS_MAX} more");
    assert_eq!(signing(&webhook, 1_100), ["s99"]);
}

#[test]
fn without_a_secret_nothing_signs() {
    let unsigned = Webhook { secret: String::new(), ..bot() };
    assert_eq!(signing(&unsigned, 1), Vec::<&str>::new());
    let webhook = rotated(unsigned, "first", 100);
    assert_eq!(signing(&webhook, 100), ["first"], "no empty secret signs beside it");
    let webhook = rotated(webhook, "", 200);
    assert_eq!(signing(&webhook, 200), Vec::<&str>::new(), "nor an old one alone");
}

#[test]
fn one_that_is_enabled_starts_without_a_reason() {
    let given_up = Webhook { enabled: false, disabled_reason: Some("gone".into()), ..bot() };
    let patched = |patch: WebhookPatch| patch.applied_to(given_up.clone(), at(1), OVERLAP_MS).expect("good");
    let renamed = patched(WebhookPatch { name: Some("n".into()), ..WebhookPatch::default() });
    assert_eq!((renamed.enabled, renamed.disabled_reason.as_deref()), (false, Some("gone")));
    let again = patched(WebhookPatch { enabled: Some(false), ..WebhookPatch::default() });
    assert!(again == given_up, "it is disabled already");
    let enabled = patched(WebhookPatch { enabled: Some(true), ..WebhookPatch::default() });
    assert_eq!((enabled.enabled, enabled.disabled_reason), (true, None));
}

#[test]
fn hidden_values_of_headers_are_those_that_are_there() {
    let with = |headers: &[(&str, &str)], webhook: Webhook| {
        let headers = Some(headers.iter().map(|(name, value)| header(name, value)).collect());
        let options = OptionsPatch { headers, ..OptionsPatch::default() };
        WebhookPatch { options, ..WebhookPatch::default() }.applied_to(webhook, at(1), OVERLAP_MS)
    };
    let made = with(&[("X-Key", "hush"), ("X-Old", "o")], bot()).expect("a good change");
    let changed = with(&[("x-key", HIDDEN_VALUE), ("X-New", "n")], made.clone()).expect("a good change");
    assert_eq!(changed.options.headers, [header("x-key", "hush"), header("X-New", "n")], "all of them");
    let unknown = with(&[("X-Else", HIDDEN_VALUE)], made.clone()).err();
    let expected = "headers: *** stands for a value that X-Else does not have";
    assert_eq!(unknown.map(|error| error.to_string()).as_deref(), Some(expected));
    let other = WebhookPatch { name: Some("n".into()), ..WebhookPatch::default() };
    let kept = other.applied_to(made.clone(), at(1), OVERLAP_MS).expect("a good change");
    assert_eq!(kept.options.headers, made.options.headers);
}

#[test]
fn options_are_read_in_both_of_their_terms() {
    let parse = |body: Value| {
        let patch = OptionsPatch::parse(body.as_object().expect("an object")).map_err(|e| e.to_string())?;
        patch.applied_to(WebhookOptions::default()).map_err(|e| e.to_string())
    };
    let waits =
        |body: Value| parse(body).map(|options| options.retry_schedule.map(|s| s.delays_ms().to_vec()));
    let all = json!({
        "method": "PUT", "headers": {"X-A": "b"}, "timeout_ms": 10, "ordering": "session",
        "max_in_flight": 64, "rate_limit": 10_000, "retry_schedule_ms": [1, 604_800_000],
    });
    let expected = WebhookOptions {
        method: Method::Put,
        headers: vec![header("X-A", "b")],
        timeout_ms: Some(10),
        retry_schedule: Some(RetrySchedule::new(vec![1, 604_800_000]).expect("a schedule")),
        ordering: Ordering::Session,
        max_in_flight: Some(64),
        rate_limit: Some(10_000),
        ..WebhookOptions::default()
    };
    assert_eq!(parse(all), Ok(expected));
    assert_eq!(parse(json!({"timeout_ms": null, "rate_limit": null})), Ok(WebhookOptions::default()));
    assert_eq!(waits(json!({"retry_attempts": 2})), Ok(Some(vec![1_000, 2_000])));
    assert_eq!(waits(json!({"retry_delay_ms": 5})), Ok(Some(vec![5, 10, 15])));
    assert_eq!(waits(json!({"retry_attempts": 0, "retry_delay_ms": 5})), Ok(Some(vec![])));
    assert_eq!(waits(json!({"retry_attempts": null})), Ok(None));
    assert_eq!(waits(json!({"retry_schedule_ms": []})), Ok(Some(vec![])));
    for (body, expected) in [
        (json!({"method": "GET"}), "method must be POST or PUT"),
        (json!({"ordering": "lifo"}), "ordering must be none, fifo or session"),
        (json!({"headers": ["X"]}), "headers must be an object of strings"),
        (json!({"headers": {"X": 1}}), "headers must be an object of strings"),
        (json!({"headers": {"X": "a", "x": "b"}}), "headers must hold at most 32 names, each once"),
        (json!({"headers": {"Host": "a"}}), "headers: Host is set by the server"),
        (json!({"timeout_ms": 9}), "timeout_ms must be a whole number from 10 to 300000, or null"),
        (json!({"max_in_flight": 65}), "max_in_flight must be a whole number from 1 to 64, or null"),
        (json!({"rate_limit": 0}), "rate_limit must be a whole number from 1 to 10000, or null"),
        (json!({"retry_attempts": 51}), "retry_attempts must be a whole number from 0 to 50, or null"),
        (
            json!({"retry_attempts": 50, "retry_delay_ms": 604_800_000}),
            "retry_schedule_ms: retry 2 waits 1209600000 ms: a wait is 1 ms to 7 days",
        ),
        (json!({"retry_schedule_ms": 5}), "retry_schedule_ms must be an array of whole numbers, or null"),
        (
            json!({"retry_schedule_ms": [1], "retry_attempts": 1}),
            "retry_schedule_ms cannot stand beside retry_attempts or retry_delay_ms",
        ),
    ] {
        assert_eq!(parse(body).err().as_deref(), Some(expected));
    }
    let headers: serde_json::Map<_, _> = (0..33).map(|n| (format!("x{n}"), json!("v"))).collect();
    assert_eq!(
        parse(json!({"headers": headers})).err().as_deref(),
        Some("headers must hold at most 32 names, each once")
    );
}

#[test]
fn a_change_of_enabled_alone_is_told_from_others() {
    let parse =
        |body: Value| WebhookPatch::parse(body.as_object().expect("an object")).expect("a good change");
    assert!(parse(json!({"enabled": true})).changes_enabled_alone());
    assert!(parse(json!({"enabled": true, "unknown": 1})).changes_enabled_alone());
    assert!(!parse(json!({"enabled": true, "name": "n"})).changes_enabled_alone());
    assert!(!parse(json!({"timeout_ms": null})).changes_enabled_alone());
}
