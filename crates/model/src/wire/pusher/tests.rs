use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    channel::Member,
    limits::{CHANNEL_EVENT_MAX_CHARS, JSON_DEPTH_MAX},
};

fn member(id: &str, info: Option<&str>) -> Member {
    Member { id: id.into(), info: info.map(str::to_owned) }
}

fn subscribe(channel: &str, auth: Option<&str>, channel_data: Option<&str>) -> ClientMessage {
    let (auth, channel_data) = (auth.map(str::to_owned), channel_data.map(str::to_owned));
    ClientMessage::Subscribe(Subscribe { channel: channel.into(), auth, channel_data })
}

fn client_event(event: &str, channel: &str, data: Option<&str>) -> ClientMessage {
    let data = data.map(str::to_owned);
    ClientMessage::ClientEvent { event: event.into(), channel: channel.into(), data }
}

#[test]
fn every_message_is_understood() {
    let sign_in = ClientMessage::SignIn { auth: "k:s".into(), user_data: r#"{"id":"7"}"#.into() };
    for (text, expected) in [
        (r#"{"event":"pusher:ping","data":{}}"#, ClientMessage::Ping),
        (r#"{"event":"pusher:pong"}"#, ClientMessage::Pong),
        (r#"{"event":"pusher:subscribe","data":{"channel":"a"}}"#, subscribe("a", None, None)),
        (r#"{"event":"pusher:subscribe","data":"{\"channel\":\"a\"}"}"#, subscribe("a", None, None)),
        (
            r#"{"event":"pusher:subscribe","data":{"auth":"k:s","channel_data":"{\"user_id\": 7}","channel":"presence-a"}}"#,
            subscribe("presence-a", Some("k:s"), Some(r#"{"user_id": 7}"#)),
        ),
        (r#"{"event":"pusher:subscribe","data":{"channel":"a","auth":null}}"#, subscribe("a", None, None)),
        (
            r#"{"event":"pusher:subscribe","channel":"b","data":{"channel":"a","channel":"c"}}"#,
            subscribe("c", None, None),
        ),
        (
            r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#,
            ClientMessage::Unsubscribe { channel: "a".into() },
        ),
        (r#"{"event":"pusher:signin","data":{"auth":"k:s","user_data":"{\"id\":\"7\"}"}}"#, sign_in),
        (
            r#"{"event":"client-move","channel":"private-a","data":{"x" :1}}"#,
            client_event("client-move", "private-a", Some(r#"{"x" :1}"#)),
        ),
        (
            r#"{"event":"client-move","channel":"private-a","data":"{\"x\":1}"}"#,
            client_event("client-move", "private-a", Some(r#"{"x":1}"#)),
        ),
        (r#"{"event":"client-a","channel":"a","data":"hi"}"#, client_event("client-a", "a", Some("hi"))),
        (
            r#"{"event":"client-a","channel":"a","data":"\ud800"}"#,
            client_event("client-a", "a", Some(r#""\ud800""#)),
        ),
        (r#"{"event":"client-a","channel":"a"}"#, client_event("client-a", "a", None)),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_message_is_told_why() {
    use Invalid::{
        Auth, Channel, ChannelData, Data, EventName, Json, NoEvent, NotObject, UnknownEvent, UserData,
    };
    let long = json!({"event": format!("client-{}", "x".repeat(CHANNEL_EVENT_MAX_CHARS)), "channel": "a"});
    for (text, expected) in [
        ("", Json),
        (r#"{"event":"pusher:ping"}x"#, Json),
        ("[]", NotObject),
        ("{}", NoEvent),
        (r#"{"event":["pusher:ping"]}"#, NoEvent),
        (r#"{"event":"ping"}"#, UnknownEvent),
        (r#"{"event":"pusher:dance"}"#, UnknownEvent),
        (r#"{"event":"pusher_internal:member_removed","channel":"presence-a"}"#, UnknownEvent),
        (&long.to_string(), EventName),
        (r#"{"event":"client-a\u0000","channel":"a"}"#, EventName),
        (r#"{"event":"pusher:subscribe"}"#, Data),
        (r#"{"event":"pusher:subscribe","channel":"a"}"#, Data),
        (r#"{"event":"pusher:subscribe","data":["a"]}"#, Data),
        (r#"{"event":"pusher:subscribe","data":"a"}"#, Data),
        (r#"{"event":"pusher:subscribe","data":{}}"#, Channel),
        (r#"{"event":"pusher:unsubscribe","data":{"channel":7}}"#, Channel),
        (r#"{"event":"pusher:subscribe","data":{"channel":"a","auth":{}}}"#, Auth),
        (r#"{"event":"pusher:subscribe","data":{"channel":"a","channel_data":{}}}"#, ChannelData),
        (r#"{"event":"pusher:signin","data":{"user_data":"{}"}}"#, Auth),
        (r#"{"event":"pusher:signin","data":{"auth":"k:s"}}"#, UserData),
        (r#"{"event":"pusher:signin","data":{"auth":"k:s","user_data":{"id":"7"}}}"#, UserData),
        (r#"{"event":"client-a","data":{}}"#, Channel),
    ] {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn depth_is_bounded_in_strings_as_well() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let event = |depth| format!(r#"{{"event":"client-a","channel":"a","data":{}}}"#, nested(depth));
    assert!(parse(&event(JSON_DEPTH_MAX - 1)).is_ok());
    assert_eq!(parse(&event(JSON_DEPTH_MAX)), Err(Invalid::TooDeep));
    let inner = format!(r#"{{"channel":"a","x":{}}}"#, nested(JSON_DEPTH_MAX));
    let text = json!({"event": "pusher:subscribe", "data": inner}).to_string();
    assert_eq!(parse(&text), Err(Invalid::TooDeep));
}

#[test]
fn the_servers_texts_are_exact() {
    let (ann, bob) = (member("ann", Some(r#"{"name":"Ann"}"#)), member("7", None));
    let members = [bob.clone(), ann.clone()];
    for (text, expected) in [
        (
            connection_established("1.2", 120),
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":120}"}"#,
        ),
        (ping(), r#"{"event":"pusher:ping","data":"{}"}"#),
        (pong(), r#"{"event":"pusher:pong","data":"{}"}"#),
        (
            subscription_succeeded("a", None),
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"a","data":"{}"}"#,
        ),
        (
            subscription_succeeded("presence-a", Some(&members)),
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"{\"presence\":{\"ids\":[\"7\",\"ann\"],\"hash\":{\"7\":null,\"ann\":{\"name\":\"Ann\"}},\"count\":2}}"}"#,
        ),
        (
            subscription_error("private-a", Refused::Auth, "no"),
            r#"{"event":"pusher:subscription_error","channel":"private-a","data":"{\"type\":\"AuthError\",\"error\":\"no\",\"status\":401}"}"#,
        ),
        (
            subscription_error("a b", Refused::Name, "no"),
            r#"{"event":"pusher:subscription_error","channel":"a b","data":"{\"type\":\"ValidationError\",\"error\":\"no\",\"status\":400}"}"#,
        ),
        (
            signin_success(r#"{"id":"7"}"#),
            r#"{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"7\\\"}\"}"}"#,
        ),
        (
            event("a", "order.paid", Some(r#"{"b" : 1}"#), None),
            r#"{"event":"order.paid","channel":"a","data":"{\"b\" : 1}"}"#,
        ),
        (
            event("presence-a", "client-x", Some("hi"), Some("ann")),
            r#"{"event":"client-x","channel":"presence-a","data":"hi","user_id":"ann"}"#,
        ),
        (event("private-a", "client-x", None, None), r#"{"event":"client-x","channel":"private-a"}"#),
        (
            member_added("presence-a", &ann),
            r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{\"user_id\":\"ann\",\"user_info\":{\"name\":\"Ann\"}}"}"#,
        ),
        (
            member_added("presence-a", &bob),
            r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{\"user_id\":\"7\"}"}"#,
        ),
        (
            member_removed("presence-a", &ann),
            r#"{"event":"pusher_internal:member_removed","channel":"presence-a","data":"{\"user_id\":\"ann\"}"}"#,
        ),
        (
            subscription_count("a", 3),
            r#"{"event":"pusher_internal:subscription_count","channel":"a","data":"{\"subscription_count\":3}"}"#,
        ),
        (cache_miss("cache-a"), r#"{"event":"pusher:cache_miss","channel":"cache-a"}"#),
        (error(Some(4004), "full"), r#"{"event":"pusher:error","data":{"code":4004,"message":"full"}}"#),
        (error(None, "x"), r#"{"event":"pusher:error","data":{"code":null,"message":"x"}}"#),
    ] {
        assert_eq!(text, expected);
    }
}

const VALID: [&str; 4] = [
    r#"{"event":"pusher:subscribe","data":{"auth":"k:s","channel_data":"{\"user_id\":7}","channel":"presence-a"}}"#,
    r#"{"event":"pusher:signin","data":"{\"auth\":\"k:s\",\"user_data\":\"{}\"}"}"#,
    r#"{"event":"client-move","channel":"private-a","data":{"x":[1,{"y":null}]}}"#,
    r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#,
];

proptest! {
    #[test]
    fn any_text_gets_an_answer(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn a_damaged_message_gets_an_answer(
        valid in prop::sample::select(&VALID[..]),
        at: prop::sample::Index,
        removed in 0_usize..8,
        inserted in "[\\[\\]{}\":,.0-9eE+\\-\\\\un\\PC]{0,6}",
    ) {
        let at = at.index(valid.len());
        let end = (at + removed).min(valid.len());
        if let Err(invalid) = parse(&[&valid[..at], &inserted, &valid[end..]].concat()) {
            prop_assert!(!invalid.to_string().is_empty());
        }
    }

    #[test]
    fn what_a_client_serialises_is_read_back(channel: String, auth: String, data: String) {
        let inner = json!({"channel": channel, "auth": auth, "channel_data": data});
        let expected = Ok(subscribe(&channel, Some(&auth), Some(&data)));
        for data in [inner.clone(), json!(inner.to_string())] {
            let text = json!({"event": "pusher:subscribe", "data": data}).to_string();
            prop_assert_eq!(&parse(&text), &expected);
        }
        let text = json!({"event": "client-a", "channel": channel, "data": data}).to_string();
        prop_assert_eq!(parse(&text), Ok(client_event("client-a", &channel, Some(&data))));
    }

    #[test]
    fn what_the_server_says_is_json_around_json(text: String, id in ".{1,20}", info: String) {
        let members = [member(&id, Some(&info))];
        let read = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");
        let inner = |message: &Value| read(message["data"].as_str().expect("a string").to_owned());
        let succeeded = read(subscription_succeeded(&text, Some(&members)));
        prop_assert_eq!(&succeeded["channel"], &json!(text));
        prop_assert_eq!(&inner(&succeeded)["presence"]["ids"], &json!([id]));
        prop_assert!(inner(&succeeded)["presence"]["hash"].get(&id).is_some());
        prop_assert_eq!(&inner(&read(member_added(&text, &members[0])))["user_id"], &json!(id));
        prop_assert_eq!(&inner(&read(member_removed(&text, &members[0])))["user_id"], &json!(id));
        prop_assert_eq!(&inner(&read(signin_success(&text)))["user_data"], &json!(text));
        prop_assert_eq!(&inner(&read(subscription_error(&text, Refused::Server, &text)))["error"], &json!(text));
        let published = read(event(&text, &text, Some(&text), Some(&id)));
        prop_assert_eq!((&published["data"], &published["user_id"]), (&json!(text), &json!(id)));
        prop_assert_eq!(&read(error(None, &text))["data"]["message"], &json!(text));
    }
}
