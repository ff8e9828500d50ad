use serde_json::{Map, Value, json};

use super::*;
use crate::limits;

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value} is no object") };
    object
}

fn refusal<T: fmt::Debug>(result: Result<T, InvalidApplication>) -> String {
    result.expect_err("it is refused").to_string()
}

#[test]
fn a_new_one_needs_no_more_than_a_name() {
    let new = NewApplication::parse(&object(json!({"name": "chat", "id": null, "else": 1}))).expect("one");
    let limits = AppLimits::default();
    assert!(new == NewApplication { name: "chat".into(), id: None, key: None, secret: None, limits });
    let all = object(json!({
        "name": "n", "id": "a-1_Z", "key": "k", "secret": "p!#~", "connections_max": 1, "members_max": null,
        "data_max_bytes": limits::EVENT_DATA_LIMIT_BYTES, "client_events": false, "subscription_counts": 1,
    }));
    let new = NewApplication::parse(&all).expect("it is one");
    assert_eq!((new.id.as_deref(), new.key.as_deref()), (Some("a-1_Z"), Some("k")));
    assert_eq!(new.secret.as_deref(), Some("p!#~"));
    let expected = AppLimits {
        connections_max: Some(1),
        data_max_bytes: Some(limits::EVENT_DATA_LIMIT_BYTES),
        client_events: false,
        subscription_counts: true,
        ..AppLimits::default()
    };
    assert_eq!(new.limits, expected);
}

#[test]
fn a_bad_one_is_refused_by_the_field() {
    let long = |count: usize| "x".repeat(count);
    let word = "must be 1 to 64 of the characters A-Z a-z 0-9 _ -";
    let secret = "secret must be 1 to 128 printable ASCII characters without colons";
    let name = "name must be a non-empty string of at most 200 characters";
    for (body, expected) in [
        (json!({}), "Missing required fields: name".to_owned()),
        (json!({"name": null}), "Missing required fields: name".to_owned()),
        (json!({"name": ""}), name.to_owned()),
        (json!({"name": 5}), name.to_owned()),
        (json!({"name": long(201)}), name.to_owned()),
        (json!({"name": "n", "id": ""}), format!("id {word}")),
        (json!({"name": "n", "id": "a b"}), format!("id {word}")),
        (json!({"name": "n", "id": long(65)}), format!("id {word}")),
        (json!({"name": "n", "key": "a:b"}), format!("key {word}")),
        (json!({"name": "n", "key": 7}), format!("key {word}")),
        (json!({"name": "n", "secret": ""}), secret.to_owned()),
        (json!({"name": "n", "secret": "a:b"}), secret.to_owned()),
        (json!({"name": "n", "secret": "a\tb"}), secret.to_owned()),
        (json!({"name": "n", "secret": "é"}), secret.to_owned()),
        (json!({"name": "n", "secret": long(129)}), secret.to_owned()),
        (json!({"name": "n", "client_events": "no"}), "client_events must be a boolean".to_owned()),
    ] {
        assert_eq!(refusal(NewApplication::parse(&object(body.clone()))), expected, "{body}");
    }
    for body in [json!({"name": long(200)}), json!({"name": "n", "id": long(64), "secret": long(128)})] {
        assert!(NewApplication::parse(&object(body)).is_ok());
    }
}

#[test]
fn every_limit_has_a_greatest_value() {
    for (name, max) in [
        ("connections_max", limits::APP_CONNECTIONS_LIMIT),
        ("channels_max_per_connection", limits::CHANNELS_LIMIT_PER_CONNECTION),
        ("members_max", limits::MEMBERS_LIMIT),
        ("messages_per_second", limits::SOCKET_RATE_LIMIT),
        ("client_events_per_second", limits::SOCKET_RATE_LIMIT),
        ("data_max_bytes", limits::EVENT_DATA_LIMIT_BYTES),
    ] {
        assert!(FIELDS.contains(&name));
        for value in [json!(0), json!(-1), json!(u64::from(max) + 1), json!(1.5), json!("1")] {
            let body = object(json!({name: value}));
            let expected = format!("{name} must be a whole number from 1 to {max}, or null");
            assert_eq!(refusal(ApplicationPatch::parse(&body)), expected, "{value}");
        }
        for value in [json!(1), json!(max), json!(null)] {
            assert!(ApplicationPatch::parse(&object(json!({name: value}))).is_ok(), "{name}: {value}");
        }
    }
}

fn application() -> Application {
    Application {
        id: "1".into(),
        key: "k".into(),
        secret: "first".into(),
        old_secret: None,
        name: "n".into(),
        limits: AppLimits { members_max: Some(5), client_events: false, ..AppLimits::default() },
        is_default: false,
        created_at: Timestamp::EPOCH,
    }
}

#[test]
fn a_change_leaves_the_rest() {
    let change = |body| ApplicationPatch::parse(&object(body)).map(|patch| patch.applied_to(application()));
    let changed = change(json!({"connections_max": 9})).expect("it is a change");
    let limits = AppLimits { connections_max: Some(9), ..application().limits };
    assert!(changed == Application { limits, ..application() });
    let changed = change(json!({"name": "m", "members_max": null, "client_events": null})).expect("a change");
    assert!(changed == Application { name: "m".into(), limits: AppLimits::default(), ..application() });
    assert_eq!(refusal(change(json!({}))), "No fields to update");
    assert_eq!(refusal(change(json!({"name": "m", "key": "x"}))), "key cannot be changed");
}

#[test]
fn the_old_secret_is_taken_for_a_while() {
    let at = Timestamp::from_millis;
    let secrets = |application: &Application, now_ms| {
        application.secrets_at(at(now_ms)).map(str::to_owned).collect::<Vec<_>>()
    };
    let once = application().with_secret("second".into(), at(1_000), 500);
    assert_eq!(secrets(&once, 1_499), ["second", "first"]);
    assert_eq!(secrets(&once, 1_500), ["second"]);
    let twice = once.with_secret("third".into(), at(1_100), 500);
    assert_eq!(secrets(&twice, 1_200), ["third", "second"]);
    assert!(twice.clone().with_secret("third".into(), at(1_200), 500) == twice, "it is the same");
}

#[test]
fn the_configuration_gives_three_parts() {
    let preset: Preset = "app-1:key_1:s3cret!".parse().expect("three parts");
    assert_eq!((&*preset.id, &*preset.key, &*preset.secret), ("app-1", "key_1", "s3cret!"));
    assert!(!format!("{preset:?}").contains("s3cret") && !format!("{:?}", application()).contains("first"));
    for (text, expected) in [
        ("", "expected ID:KEY:SECRET"),
        ("a:b", "expected ID:KEY:SECRET"),
        ("a:b:c:d", "expected ID:KEY:SECRET"),
        (":b:c", "id must be 1 to 64 of the characters A-Z a-z 0-9 _ -"),
        ("a:b b:c", "key must be 1 to 64 of the characters A-Z a-z 0-9 _ -"),
        ("a:b:", "secret must be 1 to 128 printable ASCII characters without colons"),
    ] {
        assert_eq!(refusal(text.parse::<Preset>()), expected, "{text}");
    }
}
