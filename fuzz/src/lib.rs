//! What is tried on any bytes that a client may send. A test of the workspace runs the corpus through the
//! same functions, so that what was found once stays found.

use fanfare_model::wire::{broadcasting as broadcasting_wire, pusher as pusher_wire};
use serde_json::Value;

/// A message in ts-broadcasting's dialect: it is read without a panic, and what is passed on of it, written
/// again in both dialects, is JSON with the same names.
pub fn broadcasting(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let frame = broadcasting_wire::parse(text);
    if let Some(id) = frame.ack {
        assert_eq!(json(&broadcasting_wire::ack(&id))["event"], "ack");
    }
    match frame.said {
        Ok(broadcasting_wire::ClientMessage::ClientEvent { event, channel, data }) => {
            relayed(&event, &channel, data.as_deref());
        }
        Ok(broadcasting_wire::ClientMessage::Batch(batch)) => {
            let failed: Vec<_> = batch
                .channels
                .into_iter()
                .map(|(channel, data)| (channel, data.unwrap_or_default()))
                .collect();
            let id = batch.message_id.as_deref();
            let result = broadcasting_wire::batch_result(batch.kind, id, &[], &failed, &[]);
            assert_eq!(
                json(&result)["data"]["failed"].as_object().map(serde_json::Map::len),
                Some(failed.len())
            );
        }
        Ok(broadcasting_wire::ClientMessage::Subscribe(subscribe)) => {
            if let Some(data) = subscribe.channel_data {
                raw(&data);
            }
        }
        Ok(_) => {}
        Err(invalid) => {
            let kind = broadcasting_wire::ErrorKind::ValidationError;
            json(&broadcasting_wire::error(kind, &invalid.to_string(), None));
        }
    }
}

/// The same in Pusher's dialect.
pub fn pusher(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match pusher_wire::parse(text) {
        Ok(pusher_wire::ClientMessage::ClientEvent { event, channel, data }) => {
            relayed(&event, &channel, data.as_deref());
        }
        Ok(pusher_wire::ClientMessage::SignIn { user_data, .. }) => {
            json(&pusher_wire::signin_success(&user_data));
        }
        Ok(_) => {}
        Err(invalid) => {
            json(&pusher_wire::error(None, &invalid.to_string()));
        }
    }
}

fn relayed(event: &str, channel: &str, data: Option<&str>) {
    assert!(event.starts_with("client-"));
    raw(&broadcasting_wire::event(channel, event, data, None));
    let message = json(&pusher_wire::event(channel, event, data, None));
    assert_eq!((message["event"].as_str(), message["channel"].as_str()), (Some(event), Some(channel)));
    assert_eq!(message.get("data").and_then(Value::as_str), data);
}

/// A text that every reader takes.
fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the server writes JSON")
}

/// A text that may hold what a client wrote, such as half of a surrogate pair, which JavaScript takes.
fn raw(text: &str) {
    fanfare_model::javascript::normalise(text).expect("what is passed on is JSON");
}
