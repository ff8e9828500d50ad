//! A bot on the socket that follows every session it hears of. When the server goes away it comes back,
//! and goes on after the last position that it has heard.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

use crate::{
    client::Client,
    history::Followed,
    time::{pause, within},
};

/// How long the bot may take in the end to hear of everything, in milliseconds.
const CATCH_UP_MAX_MS: u64 = 30_000;
/// Between two looks at what it knows, in milliseconds.
const LOOK_MS: u64 = 5;

/// A socket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens one and signs in on it; the answer to that comes first.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) async fn open(addr: SocketAddr, token: &str) -> Result<Self, String> {
        let uri = format!("ws://{addr}/api/sessions/live").parse().map_err(|_| "a URI")?;
        let (socket, _) = ClientBuilder::from_uri(uri).connect().await.map_err(|error| error.to_string())?;
        let mut socket = Self(socket);
        socket.say(&json!({"type": "auth", "token": token})).await?;
        Ok(socket)
    }

    /// Asks for everything of a session after a position.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) async fn follow(&mut self, session: i64, after: usize) -> Result<(), String> {
        self.say(&json!({"type": "subscribe", "sessionId": session, "after": after})).await
    }

    async fn say(&mut self, message: &Value) -> Result<(), String> {
        let sent = self.0.send(Message::text(message.to_string())).await;
        sent.map_err(|error| error.to_string())
    }

    /// The next message, and as it came.
    ///
    /// # Errors
    /// The connection's, of which its end is one.
    pub(crate) async fn hear(&mut self) -> Result<(Value, String), String> {
        loop {
            let frame = self.0.next().await.ok_or("the socket was closed")?;
            let frame = frame.map_err(|error| error.to_string())?;
            if let Some(text) = frame.as_text() {
                let message = serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?;
                return Ok((message, text.to_owned()));
            }
        }
    }
}

/// Sessions that it follows at most, the newest: fewer than the server allows one socket.
const FOLLOWED_MAX: usize = 50;

/// What was heard of each session, and which of them it follows.
#[derive(Default)]
struct Notes {
    heard: BTreeMap<i64, Vec<String>>,
    followed: BTreeSet<i64>,
}

type Shared = Arc<Mutex<Notes>>;

/// The bot; it ends when this is dropped.
pub(crate) struct Bot {
    notes: Shared,
    _task: JoinSet<()>,
}

impl Bot {
    pub(crate) fn start(client: Client) -> Self {
        let notes = Shared::default();
        let mut task = JoinSet::new();
        task.spawn(Follower { client, notes: notes.clone() }.run());
        Self { notes, _task: task }
    }

    /// What it has heard in the end: once it knows all of what it follows, up to these positions, or
    /// after a while.
    pub(crate) async fn heard(&self, last: &BTreeMap<i64, i64>) -> Vec<Followed> {
        let complete = async {
            loop {
                let heard = self.look();
                let is_behind = |followed: &Followed| {
                    let last = last.get(&followed.session).copied().unwrap_or_default();
                    followed.to_the_end && i64::try_from(followed.frames.len()).unwrap_or(i64::MAX) < last
                };
                if !heard.iter().any(is_behind) {
                    return heard;
                }
                pause(LOOK_MS).await;
            }
        };
        within(CATCH_UP_MAX_MS, complete).await.unwrap_or_else(|| self.look())
    }

    fn look(&self) -> Vec<Followed> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let all = notes.heard.iter().map(|(session, frames)| Followed {
            session: *session,
            frames: frames.clone(),
            to_the_end: notes.followed.contains(session),
        });
        all.collect()
    }
}

struct Follower {
    client: Client,
    notes: Shared,
}

impl Follower {
    async fn run(mut self) {
        loop {
            let addr = self.client.server().await;
            // However it ends: the server went away.
            let _ = self.listen(addr).await;
            tokio::task::yield_now().await;
        }
    }

    async fn listen(&mut self, addr: SocketAddr) -> Result<(), String> {
        let mut socket = Socket::open(addr, self.client.token()).await?;
        // From here on it hears of new sessions; of one that began before, only by asking.
        socket.hear().await?;
        let active = self.client.get("/api/sessions/active").await?;
        for (session, position) in self.follows(active["id"].as_i64()) {
            socket.follow(session, position).await?;
        }
        loop {
            let (message, text) = socket.hear().await?;
            if message["seq"].is_null() {
                if message["type"] != "subscribed" {
                    self.client.ledger().odd(format!("the bot was told: {text}"));
                }
                continue;
            }
            let data = &message["data"];
            let ids = [&data["session"]["id"], &data["session_id"], &data["sessionId"]];
            let Some(session) = ids.iter().find_map(|id| id.as_i64()) else {
                self.client.ledger().odd(format!("the bot cannot tell whose this is: {text}"));
                continue;
            };
            if self.note(session, text, message["type"] == "session.started") {
                socket.follow(session, 1).await?;
            }
        }
    }

    /// What it follows now, each session after its last position.
    fn follows(&self, active: Option<i64>) -> Vec<(i64, usize)> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.followed.extend(active);
        while notes.followed.len() > FOLLOWED_MAX {
            notes.followed.pop_first();
        }
        let position = |session: &i64| (*session, notes.heard.get(session).map_or(0, Vec::len));
        notes.followed.iter().map(position).collect()
    }

    /// Keeps a frame; whether it is of a session that is new and to be followed from now on.
    fn note(&self, session: i64, text: String, is_start: bool) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = notes.followed.insert(session);
        if is_new && !is_start {
            self.client.ledger().odd(format!("the bot does not follow {session}, and was told: {text}"));
        }
        let heard = notes.heard.entry(session).or_default();
        // Everybody is told of a start: also who is about to ask for all of it from the beginning.
        if !is_start || heard.is_empty() {
            heard.push(text);
        }
        is_new
    }
}
