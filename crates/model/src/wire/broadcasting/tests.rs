use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    channel::Member,
    limits::{BATCH_MAX_CHANNELS, CHANNEL_EVENT_MAX_CHARS, JSON_DEPTH_MAX, MESSAGE_ID_MAX_BYTES},
};

fn member(id: &str, info: Option<&str>) -> Member {
    Member { id: id.into(), info: info.map(str::to_owned) }
}

fn subscribe(
    channel: &str,
    data: Option<&str>,
    auth: Option<&str>,
    resume: Option<(u64, &str)>,
) -> ClientMessage {
    ClientMessage::Subscribe(Subscribe {
        channel: channel.into(),
        channel_data: data.map(str::to_owned),
        auth: auth.map(str::to_owned),
        resume: resume.map(|(offset, epoch)| Resume { offset, epoch: epoch.into() }),
    })
}

fn batch(kind: BatchKind, channels: &[(&str, Option<&str>)], message_id: Option<&str>) -> ClientMessage {
    let channels =
        channels.iter().map(|(name, data)| ((*name).to_owned(), data.map(str::to_owned))).collect();
    ClientMessage::Batch(Batch { kind, channels, message_id: message_id.map(str::to_owned) })
}

fn client_event(event: &str, channel: &str, data: Option<&str>) -> ClientMessage {
    let data = data.map(str::to_owned);
    ClientMessage::ClientEvent { event: event.into(), channel: channel.into(), data }
}

#[test]
fn every_message_is_understood() {
    for (text, expected) in [
        (r#"{"event":"subscribe","channel":"news"}"#, subscribe("news", None, None, None)),
        (r#" {"channel":"é ","event":"subscribe"} "#, subscribe("é ", None, None, None)),
        (
            r#"{"event":"subscribe","channel":"a","channel_data":{"x" :1},"auth":"k:s"}"#,
            subscribe("a", Some(r#"{"x" :1}"#), Some("k:s"), None),
        ),
        (
            r#"{"event":"subscribe","channel":"a","channel_data":"{\"x\":1}"}"#,
            subscribe("a", Some(r#"{"x":1}"#), None, None),
        ),
        (
            r#"{"event":"subscribe","channel":"a","channel_data":"ann"}"#,
            subscribe("a", Some(r#""ann""#), None, None),
        ),
        (
            r#"{"event":"subscribe","channel":"a","offset":7.0,"epoch":"e"}"#,
            subscribe("a", None, None, Some((7, "e"))),
        ),
        (
            r#"{"event":"subscribe","channel":"a","offset":null,"epoch":null,"auth":null}"#,
            subscribe("a", None, None, None),
        ),
        (r#"{"event":"unsubscribe","channel":"a"}"#, ClientMessage::Unsubscribe { channel: "a".into() }),
        (
            r#"{"event":"batch_subscribe","channels":["a","b","a","c"],"channelData":{"b":{"n":1},"c":null,"d":2},"messageId":"m"}"#,
            batch(
                BatchKind::Subscribe,
                &[("a", None), ("b", Some(r#"{"n":1}"#)), ("c", None)],
                Some(r#""m""#),
            ),
        ),
        (r#"{"event":"batch_unsubscribe","channels":[]}"#, batch(BatchKind::Unsubscribe, &[], None)),
        (
            r#"{"event":"client-move","channel":"private-a","data":{"x" : 1e3, "x":2}}"#,
            client_event("client-move", "private-a", Some(r#"{"x" : 1e3, "x":2}"#)),
        ),
        (
            r#"{"event":"client-","channel":"a","data":"\ud800"}"#,
            client_event("client-", "a", Some(r#""\ud800""#)),
        ),
        (r#"{"event":"client-x","channel":"a"}"#, client_event("client-x", "a", None)),
        (
            r#"{"event":"client-x","channel":"private-mine","data":1,"channel":"private-yours"}"#,
            client_event("client-x", "private-yours", Some("1")),
        ),
        (r#"{"event":"ping","extra":[{}]}"#, ClientMessage::Ping),
        (r#"{"\u0065vent":"p\u0069ng"}"#, ClientMessage::Ping),
        (r#"{"event":"heartbeat","timestamp":1}"#, ClientMessage::Heartbeat { channel: None }),
        (
            r#"{"event":"presence_heartbeat","channel":"presence-a"}"#,
            ClientMessage::Heartbeat { channel: Some("presence-a".into()) },
        ),
    ] {
        assert_eq!(parse(text), Frame { ack: None, said: Ok(expected) }, "{text}");
    }
}

#[test]
fn what_is_no_message_is_told_why() {
    use Invalid::{
        Auth, BatchTooLarge, Channel, ChannelData, Channels, EventName, Json, MessageId, NoEvent, NotObject,
        Resume, UnknownEvent,
    };
    let many = json!({"event": "batch_subscribe", "channels": vec!["a"; BATCH_MAX_CHANNELS + 1]}).to_string();
    let long = json!({"event": format!("client-{}", "x".repeat(CHANNEL_EVENT_MAX_CHARS)), "channel": "a"});
    let long_id = json!({"event": "ping", "messageId": "x".repeat(MESSAGE_ID_MAX_BYTES - 1)}).to_string();
    for (text, expected) in [
        ("", Json),
        ("ping", Json),
        (r#"{"event":"ping"}{}"#, Json),
        (r#"["ping"]"#, NotObject),
        ("{}", NoEvent),
        (r#"{"event":null}"#, NoEvent),
        (r#"{"event":7}"#, NoEvent),
        (r#"{"event":"\udc00"}"#, NoEvent),
        (r#"{"event":""}"#, UnknownEvent),
        (r#"{"event":"Subscribe","channel":"a"}"#, UnknownEvent),
        (r#"{"event":"pusher:ping"}"#, UnknownEvent),
        (r#"{"event":"member_removed","channel":"presence-a"}"#, UnknownEvent),
        (r#"{"event":"client-a\u0000","channel":"a"}"#, EventName),
        (&long.to_string(), EventName),
        (r#"{"event":"client-a"}"#, Channel),
        (r#"{"event":"subscribe"}"#, Channel),
        (r#"{"event":"subscribe","channel":["a"]}"#, Channel),
        (r#"{"event":"unsubscribe","channel":7}"#, Channel),
        (r#"{"event":"heartbeat","channel":{}}"#, Channel),
        (r#"{"event":"subscribe","channel":"a","auth":7}"#, Auth),
        (r#"{"event":"subscribe","channel":"a","offset":7}"#, Resume),
        (r#"{"event":"subscribe","channel":"a","epoch":"e"}"#, Resume),
        (r#"{"event":"subscribe","channel":"a","offset":-1,"epoch":"e"}"#, Resume),
        (r#"{"event":"subscribe","channel":"a","offset":"7","epoch":"e"}"#, Resume),
        (r#"{"event":"subscribe","channel":"a","offset":9007199254740992,"epoch":"e"}"#, Resume),
        (r#"{"event":"subscribe","channel":"a","offset":7,"epoch":7}"#, Resume),
        (r#"{"event":"batch_subscribe"}"#, Channels),
        (r#"{"event":"batch_subscribe","channels":"a"}"#, Channels),
        (r#"{"event":"batch_unsubscribe","channels":["a",7]}"#, Channels),
        (r#"{"event":"batch_subscribe","channels":["a"],"channelData":[]}"#, ChannelData),
        (&many, BatchTooLarge),
        (r#"{"event":"ping","messageId":{}}"#, MessageId),
        (r#"{"event":"ping","messageId":true}"#, MessageId),
        (&long_id, MessageId),
        (r#"{"event":"ping","messageId":"\ud800"}"#, MessageId),
        (r#"{"event":"ping","messageId":1e999}"#, MessageId),
    ] {
        assert_eq!(parse(text), Frame { ack: None, said: Err(expected) }, "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let text = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"event":"client-a","channel":"a","data":{open}{close}}}"#)
    };
    assert!(parse(&text(JSON_DEPTH_MAX)).said.is_ok());
    assert_eq!(parse(&text(JSON_DEPTH_MAX + 1)).said, Err(Invalid::TooDeep));
    assert_eq!(parse(&text(1_000_000)).said, Err(Invalid::TooDeep));
}

#[test]
fn what_is_to_be_acknowledged_says_true_and_has_an_id() {
    for (text, expected) in [
        (r#"{"event":"ping","ack":true,"messageId":"a\"b"}"#, Some(r#""a\"b""#)),
        (r#"{"event":"ping","ack":true,"messageId":-7}"#, Some("-7")),
        (r#"{"event":"dance","ack":true,"messageId":"m"}"#, Some(r#""m""#)),
        (r#"{"event":"ping","ack":true}"#, None),
        (r#"{"event":"ping","ack":1,"messageId":"m"}"#, None),
        (r#"{"event":"ping","messageId":"m"}"#, None),
    ] {
        assert_eq!(parse(text).ack.as_deref(), expected, "{text}");
    }
}

#[test]
fn answers_about_channels_are_exact() {
    let (ann, bob) = (member("ann", Some(r#"{"name":"Ann"}"#)), member("7", None));
    let members = [bob.clone(), ann.clone()];
    let failed = [("private-x".to_owned(), "Authorization failed".to_owned())];
    let present = [("presence-a".to_owned(), vec![bob.clone()])];
    for (text, expected) in [
        (
            connection_established("0-1", 120),
            r#"{"event":"connection_established","data":{"socket_id":"0-1","activity_timeout":120}}"#,
        ),
        (
            subscription_succeeded("a", None, None, None),
            r#"{"event":"subscription_succeeded","channel":"a"}"#,
        ),
        (
            subscription_succeeded("a", None, Some((41, "e")), Some(false)),
            r#"{"event":"subscription_succeeded","channel":"a","offset":41,"epoch":"e","recovered":false}"#,
        ),
        (
            subscription_succeeded("presence-a", Some(&members), Some((0, "e")), None),
            r#"{"event":"subscription_succeeded","channel":"presence-a","data":{"presence":{"ids":["7","ann"],"hash":{"7":{"id":"7"},"ann":{"id":"ann","info":{"name":"Ann"}}},"count":2}},"offset":0,"epoch":"e"}"#,
        ),
        (
            subscription_error("private-a", Refused::Auth, "Unauthorized"),
            r#"{"event":"subscription_error","channel":"private-a","data":{"type":"AuthError","error":"Unauthorized","status":401}}"#,
        ),
        (
            subscription_error("a", Refused::Capacity, "full"),
            r#"{"event":"subscription_error","channel":"a","data":{"type":"CapacityError","error":"full","status":429}}"#,
        ),
        (
            subscription_error("a", Refused::Server, "x"),
            r#"{"event":"subscription_error","channel":"a","data":{"type":"ServerError","error":"x","status":500}}"#,
        ),
        (
            batch_result(BatchKind::Subscribe, Some(r#""m""#), &["a".into()], &failed, &[]),
            r#"{"event":"batch_subscribe_result","messageId":"m","data":{"messageId":"m","succeeded":["a"],"failed":{"private-x":"Authorization failed"}}}"#,
        ),
        (
            batch_result(BatchKind::Subscribe, Some("7"), &[], &[], &present),
            r#"{"event":"batch_subscribe_result","messageId":7,"data":{"messageId":7,"succeeded":[],"failed":{},"presence":{"presence-a":{"ids":["7"],"hash":{"7":{"id":"7"}},"count":1}}}}"#,
        ),
        (
            batch_result(BatchKind::Unsubscribe, None, &[], &[], &[]),
            r#"{"event":"batch_unsubscribe_result","data":{"succeeded":[],"failed":{}}}"#,
        ),
    ] {
        assert_eq!(text, expected);
    }
}

#[test]
fn other_texts_of_the_servers_are_exact() {
    let (ann, bob) = (member("ann", Some(r#"{"name":"Ann"}"#)), member("7", None));
    for (text, expected) in [
        (
            event("a", "order.paid", Some(r#"{"b" : 1}"#), None),
            r#"{"event":"order.paid","channel":"a","data":{"b" : 1}}"#,
        ),
        (
            event("a", "e", Some("plain \"text\""), Some((42, "x"))),
            r#"{"event":"e","channel":"a","data":"plain \"text\"","offset":42,"epoch":"x"}"#,
        ),
        (event("private-a", "client-x", None, None), r#"{"event":"client-x","channel":"private-a"}"#),
        (
            member_added("presence-a", &ann),
            r#"{"event":"member_added","channel":"presence-a","data":{"id":"ann","info":{"name":"Ann"}}}"#,
        ),
        (
            member_removed("presence-a", &bob),
            r#"{"event":"member_removed","channel":"presence-a","data":{"id":"7"}}"#,
        ),
        (pong(), r#"{"event":"pong"}"#),
        (ack(r#""m""#), r#"{"event":"ack","messageId":"m"}"#),
        (
            error(ErrorKind::RateLimitExceeded, "Too many messages", Some(1_700_000_000_000)),
            r#"{"event":"error","data":{"type":"RateLimitExceeded","error":"Too many messages","retryAfter":1700000000000}}"#,
        ),
        (
            error(ErrorKind::PayloadTooLarge, "x", None),
            r#"{"event":"error","data":{"type":"PayloadTooLarge","error":"x"}}"#,
        ),
    ] {
        assert_eq!(text, expected);
    }
}

const VALID: [&str; 5] = [
    r#"{"event":"subscribe","channel":"presence-a","channel_data":{"a":[1]},"offset":3,"epoch":"e"}"#,
    r#"{"event":"batch_subscribe","channels":["a","b"],"channelData":{"a":{}},"messageId":"m"}"#,
    r#"{"event":"client-move","channel":"private-a","data":{"x":1},"ack":true,"messageId":"m"}"#,
    r#"{"event":"heartbeat","channel":"presence-a"}"#,
    r#"{"event":"unsubscribe","channel":"a"}"#,
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
        let frame = parse(&[&valid[..at], &inserted, &valid[end..]].concat());
        if let Err(invalid) = &frame.said {
            prop_assert!(!invalid.to_string().is_empty());
        }
        if let Some(id) = frame.ack {
            prop_assert!(serde_json::from_str::<Value>(&ack(&id)).is_ok());
        }
    }

    #[test]
    fn what_a_client_serialises_is_read_back(
        channel: String,
        name in "[ -~é]{0,100}",
        data in prop::option::of(".*"),
        offset in 0..=crate::limits::INTEGER_MAX,
        epoch: String,
    ) {
        let said = |value: Value| parse(&value.to_string()).said;
        let text = json!({"event": "subscribe", "channel": channel, "offset": offset, "epoch": epoch});
        let resume = Some((offset.unsigned_abs(), &*epoch));
        prop_assert_eq!(said(text), Ok(subscribe(&channel, None, None, resume)));
        let event = format!("client-{name}");
        let text = json!({"event": event, "channel": channel, "data": data});
        let data = data.map(|data| json!(data).to_string());
        prop_assert_eq!(said(text), Ok(client_event(&event, &channel, data.as_deref())));
    }

    #[test]
    fn what_the_server_says_is_json(text: String, id in ".{1,20}", info: String, offset: u64) {
        let members = [member(&id, Some(&info))];
        let read = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");
        let succeeded = read(subscription_succeeded(&text, Some(&members), Some((offset, &text)), Some(true)));
        prop_assert_eq!(&succeeded["channel"], &json!(text));
        prop_assert_eq!(&succeeded["offset"], &json!(offset));
        prop_assert_eq!(&succeeded["data"]["presence"]["hash"][&id]["id"], &json!(id));
        let published = read(event(&text, &text, Some(&text), None));
        let data = serde_json::from_str::<Value>(&text).unwrap_or_else(|_| json!(text));
        prop_assert_eq!(&published["data"], &data);
        prop_assert_eq!(&read(error(ErrorKind::BatchError, &text, None))["data"]["error"], &json!(text));
        prop_assert_eq!(&read(subscription_error(&text, Refused::Auth, &text))["data"]["error"], &json!(text));
        let failed = [(text.clone(), id.clone())];
        let result = read(batch_result(BatchKind::Subscribe, Some(&text), &[], &failed, &[]));
        prop_assert_eq!(&result["data"]["failed"][&text], &json!(id));
        for member_text in [member_added(&text, &members[0]), member_removed(&text, &members[0])] {
            prop_assert_eq!(&read(member_text)["data"]["id"], &json!(id));
        }
    }
}
