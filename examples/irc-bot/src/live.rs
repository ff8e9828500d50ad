//! The game socket: follows the session that is on and says which game comes next. After a lost
//! connection it asks for what came meanwhile.

use futures_util::{SinkExt, StreamExt};
use http::Uri;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use tokio_websockets::{ClientBuilder, Message};

use crate::{
    fanfare::Fanfare,
    net, say,
    settings::Settings,
    wait::{Backoff, pause, within},
};

/// Nothing heard for so long: a ping is sent, and the connection given up when that changes nothing.
const SILENCE_MS: u64 = 30_000;
/// How long the upgrade may take, in milliseconds.
const UPGRADE_TIMEOUT_MS: u64 = 15_000;
/// Asking for what comes after the end: the answer, `resync`, says where the session stands.
const FROM_NOW_ON: i64 = (1 << 53) - 1;

/// Which session is followed, and what was heard of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    session: Option<i64>,
    last_seq: i64,
}

/// What is to be done after a message.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    Nothing,
    Announce(String),
    FindSession,
    Subscribe,
    Log(String),
    Leave(String),
}

/// Follows the game nights.
pub(crate) async fn follow(settings: &Settings, lines: &Sender<String>) {
    let mut server = Fanfare::new(settings);
    let mut place = Place::default();
    let mut backoff = Backoff::default();
    loop {
        let ended: Result<(), String> = listen(settings, &mut server, &mut place, lines, &mut backoff).await;
        eprintln!("game socket: {}", ended.err().unwrap_or_default());
        backoff.pause().await;
    }
}

async fn listen(
    settings: &Settings,
    server: &mut Fanfare,
    place: &mut Place,
    lines: &Sender<String>,
    backoff: &mut Backoff,
) -> Result<(), String> {
    let token = server.token().await?;
    let (uri, host, port, tls) = address(&settings.fanfare)?;
    let stream = net::open(&host, port, tls).await?;
    let client = ClientBuilder::from_uri(uri);
    let upgrade = client.connect_on(stream);
    let (mut socket, _) = within(UPGRADE_TIMEOUT_MS, upgrade).await?.map_err(|error| error.to_string())?;
    let (mut queue, mut silent) = (vec![json!({"type": "auth", "token": token})], false);
    let mut subscribed = None;
    loop {
        for message in queue.drain(..) {
            let frame = Message::text(message.to_string());
            socket.send(frame).await.map_err(|error| error.to_string())?;
        }
        let message = tokio::select! {
            frame = socket.next() => frame,
            () = pause(SILENCE_MS) => {
                if silent {
                    return Err("the server does not answer".into());
                }
                silent = true;
                queue.push(json!({"type": "ping"}));
                continue;
            }
        };
        silent = false;
        let frame = message.ok_or("hung up")?.map_err(|error| error.to_string())?;
        if let Some((code, _)) = frame.as_close() {
            return Err(format!("closed with {}", u16::from(code)));
        }
        let Some(Ok(message)) = frame.as_text().map(serde_json::from_str) else { continue };
        match place.hear(&message) {
            Deed::Nothing => {}
            Deed::Announce(title) => say(lines, format!("🎮 Coming up next: {title}!")),
            Deed::Log(text) => eprintln!("game socket: {text}"),
            Deed::Leave(why) => {
                server.forget_token();
                return Err(why);
            }
            Deed::FindSession => {
                backoff.reset();
                let active = server.get("/api/sessions/active").await?;
                place.resume(active.body["id"].as_i64());
                queue.extend(place.subscribe(&mut subscribed));
            }
            Deed::Subscribe => queue.extend(place.subscribe(&mut subscribed)),
        }
    }
}

impl Place {
    /// Takes in a message of the server.
    fn hear(&mut self, message: &Value) -> Deed {
        let (kind, data) = (message["type"].as_str().unwrap_or_default(), &message["data"]);
        let ids = [&data["session"]["id"], &data["sessionId"], &data["session_id"]];
        let of = ids.into_iter().find_map(Value::as_i64).or(self.session);
        let seq = message["seq"].as_i64();
        if let (Some(seq), true) = (seq, of == self.session && kind != "resync") {
            if seq <= self.last_seq {
                return Deed::Nothing;
            }
            self.last_seq = seq;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match kind {
            "auth_success" => Deed::FindSession,
            "auth_error" => Deed::Leave(text(&message["message"])),
            "session.started" if of != self.session => {
                *self = Self { session: of, last_seq: seq.unwrap_or(1) };
                Deed::Subscribe
            }
            "game.added" => Deed::Announce(text(&data["game"]["title"])),
            "resync" => {
                let missed = self.last_seq != FROM_NOW_ON;
                self.last_seq = seq.unwrap_or(self.last_seq);
                if missed { Deed::Log("events were missed and are gone".into()) } else { Deed::Nothing }
            }
            "subscribed" => Deed::Log(format!("listening to session {}", message["sessionId"])),
            "error" => Deed::Log(text(&message["message"])),
            _ => Deed::Nothing,
        }
    }

    /// Turns to the active session, if it is a newer one. Games that were added before the bot ever
    /// came are no news; those that it missed meanwhile are.
    fn resume(&mut self, active: Option<i64>) {
        if active > self.session {
            let last_seq = if self.session.is_none() { FROM_NOW_ON } else { 0 };
            *self = Self { session: active, last_seq };
        }
    }

    /// What to send so that this session and no other is followed.
    fn subscribe(&self, subscribed: &mut Option<i64>) -> Vec<Value> {
        if *subscribed == self.session {
            return Vec::new();
        }
        let leave = subscribed.map(|old| json!({"type": "unsubscribe", "sessionId": old}));
        *subscribed = self.session;
        let join = json!({"type": "subscribe", "sessionId": self.session, "after": self.last_seq});
        leave.into_iter().chain([join]).collect()
    }
}

/// The socket's URL, and the host, port and TLS to reach it.
fn address(base: &Uri) -> Result<(Uri, String, u16, bool), String> {
    let tls = base.scheme_str() == Some("https");
    let authority = base.authority().ok_or("no host")?;
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let path = base.path().trim_end_matches('/');
    let scheme = if tls { "wss" } else { "ws" };
    let uri = format!("{scheme}://{authority}{path}/api/sessions/live").parse().map_err(|_| "no URL")?;
    Ok((uri, authority.host().trim_matches(['[', ']']).to_owned(), port, tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(session: i64, seq: i64) -> Value {
        json!({"type": "game.added", "seq": seq, "data": {"session": {"id": session}, "game": {"title": "Earwax"}}})
    }

    fn started(session: i64) -> Value {
        json!({"type": "session.started", "seq": 1, "data": {"session": {"id": session}}})
    }

    #[test]
    fn each_game_is_announced_once() {
        let mut place = Place::default();
        let mut subscribed = None;
        assert_eq!(place.hear(&json!({"type": "auth_success"})), Deed::FindSession);
        place.resume(Some(3));
        let asked = json!({"type": "subscribe", "sessionId": 3, "after": FROM_NOW_ON});
        assert_eq!(place.subscribe(&mut subscribed), [asked]);
        assert_eq!(place.subscribe(&mut subscribed), [Value::Null; 0]);
        assert_eq!(place.hear(&json!({"type": "resync", "sessionId": 3, "seq": 7})), Deed::Nothing);
        assert_eq!(place.hear(&added(3, 7)), Deed::Nothing);
        assert_eq!(place.hear(&added(3, 8)), Deed::Announce("Earwax".into()));
        assert_eq!(place.hear(&added(3, 8)), Deed::Nothing);
        place.resume(Some(3));
        assert_eq!(place, Place { session: Some(3), last_seq: 8 });
    }

    #[test]
    fn a_new_night_is_followed_from_its_start() {
        let mut place = Place { session: Some(3), last_seq: 8 };
        let mut subscribed = Some(3);
        assert_eq!(place.hear(&started(4)), Deed::Subscribe);
        let asked = [
            json!({"type": "unsubscribe", "sessionId": 3}),
            json!({"type": "subscribe", "sessionId": 4, "after": 1}),
        ];
        assert_eq!(place.subscribe(&mut subscribed), asked);
        assert_eq!(place.hear(&started(4)), Deed::Nothing);
        assert_eq!(place.hear(&added(4, 2)), Deed::Announce("Earwax".into()));
        place.resume(Some(5));
        assert_eq!(place, Place { session: Some(5), last_seq: 0 }, "what it missed is news");
        assert_eq!(
            Place::default().hear(&json!({"type": "auth_error", "message": "no"})),
            Deed::Leave("no".into())
        );
    }

    #[test]
    fn the_socket_is_beside_the_api() {
        for (base, expected) in [
            ("http://127.0.0.1:5000", ("ws://127.0.0.1:5000/api/sessions/live", "127.0.0.1", 5000, false)),
            (
                "https://games.example.org/",
                ("wss://games.example.org/api/sessions/live", "games.example.org", 443, true),
            ),
            ("http://[::1]:80/under", ("ws://[::1]:80/under/api/sessions/live", "::1", 80, false)),
        ] {
            let (uri, host, port, tls) = address(&base.parse().expect("a URL")).expect("an address");
            assert_eq!((uri.to_string().as_str(), host.as_str(), port, tls), expected);
        }
    }
}
