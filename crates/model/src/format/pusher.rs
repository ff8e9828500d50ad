//! The bodies of Pusher's webhooks, as its public documentation states them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::to_json;
use crate::{
    event::{Event, kind},
    javascript,
};

/// What `data` of channel events holds of interest here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are called so in the event")]
struct Data {
    channel: String,
    user_id: Option<String>,
    event: Option<String>,
    data: Option<Box<RawValue>>,
    socket_id: Option<String>,
}

#[derive(Serialize)]
struct Body<'a, E> {
    time_ms: i64,
    events: [Named<'a, E>; 1],
}

#[derive(Serialize)]
struct Named<'a, E> {
    name: &'a str,
    #[serde(flatten)]
    event: E,
}

#[derive(Serialize)]
struct OfChannel {
    channel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

/// An event that Pusher's webhooks do not have.
#[derive(Serialize)]
struct Other<'a> {
    data: &'a RawValue,
}

/// `{"time_ms","events":[{"name","channel",…}]}` with one event; any that Pusher's webhooks do not have is
/// told as `{"name","data"}`.
pub(super) fn body(event: &Event) -> String {
    let data = javascript::well_formed(&event.data);
    let name = &*event.kind;
    let is_pushers = name == kind::CLIENT_EVENT || kind::PUSHER.contains(&name);
    // Somebody may fire an event of such a name with any data.
    let read = is_pushers.then(|| serde_json::from_str::<Data>(&data).ok()).flatten();
    if let Some(Data { channel, user_id, event: client_event, data, socket_id }) = read {
        let data = data.map(|data| text(&data));
        let told = OfChannel { channel, event: client_event, data, socket_id, user_id };
        to_json(&Body { time_ms: event.at.as_millis(), events: [Named { name, event: told }] })
    } else {
        let data = serde_json::from_str(&data).expect("an event's data is JSON");
        let events = [Named { name, event: Other { data } }];
        to_json(&Body { time_ms: event.at.as_millis(), events })
    }
}

/// Data as Pusher carries it: a text as it is, anything else as JSON.
fn text(data: &RawValue) -> String {
    serde_json::from_str(data.get()).unwrap_or_else(|_| data.get().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::format::tests::event;

    fn said(kind: &str, data: &Value) -> String {
        let body = body(&event(kind, data));
        let event = body.strip_prefix(r#"{"time_ms":1773606600000,"events":["#);
        event.and_then(|rest| rest.strip_suffix("]}")).expect("one event").to_owned()
    }

    #[test]
    fn each_event_is_told_as_pusher_tells_it() {
        for (kind, data, expected) in [
            ("channel_occupied", json!({"channel": "a"}), r#"{"name":"channel_occupied","channel":"a"}"#),
            ("channel_vacated", json!({"channel": "a"}), r#"{"name":"channel_vacated","channel":"a"}"#),
            (
                "member_added",
                json!({"channel": "presence-a", "userId": "7"}),
                r#"{"name":"member_added","channel":"presence-a","user_id":"7"}"#,
            ),
            (
                "member_removed",
                json!({"channel": "presence-a", "userId": "7"}),
                r#"{"name":"member_removed","channel":"presence-a","user_id":"7"}"#,
            ),
            ("cache_miss", json!({"channel": "cache-a"}), r#"{"name":"cache_miss","channel":"cache-a"}"#),
            (
                "client_event",
                json!({"socketId": "1.2", "channel": "private-a", "event": "client-x", "data": {"b": 1, "a": [2]},
                    "userId": "7"}),
                r#"{"name":"client_event","channel":"private-a","event":"client-x","data":"{\"b\":1,\"a\":[2]}","socket_id":"1.2","user_id":"7"}"#,
            ),
            (
                "client_event",
                json!({"socketId": "1.2", "channel": "private-a", "event": "client-x", "data": "a \"b\""}),
                r#"{"name":"client_event","channel":"private-a","event":"client-x","data":"a \"b\"","socket_id":"1.2"}"#,
            ),
            (
                "client_event",
                json!({"socketId": "1.2", "channel": "private-a", "event": "client-x"}),
                r#"{"name":"client_event","channel":"private-a","event":"client-x","socket_id":"1.2"}"#,
            ),
        ] {
            assert_eq!(said(kind, &data), expected);
        }
    }

    #[test]
    fn what_pusher_does_not_have_is_told_all_the_same() {
        let data = json!({"channel": "a", "event": "e", "data": 1});
        assert_eq!(
            said("broadcast", &data),
            r#"{"name":"broadcast","data":{"channel":"a","event":"e","data":1}}"#
        );
        assert_eq!(said("member_added", &json!({"who": 1})), r#"{"name":"member_added","data":{"who":1}}"#);
        assert_eq!(
            said("channel_occupied", &json!({"channel": 5})),
            r#"{"name":"channel_occupied","data":{"channel":5}}"#
        );
    }
}
