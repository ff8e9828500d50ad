//! The socket that tells who is in a room. It only listens: it joins in a role that takes no
//! player's place, and says nothing but what keeps the connection alive.

use fanfare_model::room::{Frame, Input};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, header};
use tokio::sync::mpsc;
use tokio_websockets::{Error, Message};
use url::Url;

use super::{News, USER_AGENT, Ways, poll::room_url};
use crate::{
    egress::{Fault, Socket, Upgrade},
    random,
    timers::{Clock, Tick},
};

const SUBPROTOCOL: &str = "ecast-v0";
/// A client that is neither a player nor of the audience.
const ROLE: &str = "shard";
/// How we are called in the room.
const NAME: &str = "Fanfare";
/// The largest message that is taken, in bytes (256 KiB): a welcome may hold a game's whole state.
const MESSAGE_MAX_BYTES: usize = 256 << 10;
/// Silence after which the service is pinged, and after twice of which it is taken for gone, in
/// milliseconds.
const SILENCE_MS: u64 = 30_000;
/// How long saying goodbye may take, in milliseconds.
const GOODBYE_MAX_MS: u64 = 1_000;

/// Where the news goes.
pub(super) struct Tell {
    pub(super) bring: mpsc::Sender<News>,
    pub(super) code: String,
    pub(super) number: u64,
}

impl Tell {
    async fn tell(&self, what: Input) {
        // Nobody is there to hear it when the server stops.
        let _ = self.bring.send(News { code: self.code.clone(), number: self.number, what }).await;
    }
}

/// Listens at `host`, from the moment `not_before` on, until `ended` resolves or the connection is
/// lost.
pub(super) async fn run(
    ways: &Ways,
    host: &str,
    clock: &Clock,
    not_before: Tick,
    tell: Tell,
    ended: impl Future<Output = ()>,
) {
    tokio::pin!(ended);
    let opening = async {
        clock.sleep_until(not_before).await;
        open(ways, host, &tell.code).await
    };
    let opened = tokio::select! {
        biased;
        () = &mut ended => return,
        opened = opening => opened,
    };
    let mut socket = match opened {
        Ok(socket) => socket,
        Err(fault) => {
            tracing::info!(code = tell.code, why = fault.message, "a room's socket did not open");
            return tell.tell(Input::ProbeLost).await;
        }
    };
    tokio::select! {
        biased;
        () = &mut ended => drop(clock.timeout(GOODBYE_MAX_MS, socket.close()).await),
        () = listen(&mut socket, clock, &tell) => tell.tell(Input::ProbeLost).await,
    }
}

async fn open(ways: &Ways, host: &str, code: &str) -> Result<Socket, Fault> {
    let settings = &ways.settings;
    let base = format!("{}://{host}", settings.base_url.scheme());
    // The parser of the host's name took care of that.
    let base = Url::parse(&base).expect("a host makes a URL");
    let mut url = room_url(&base, &[code, "play"]);
    url.query_pairs_mut()
        .append_pair("role", ROLE)
        .append_pair("name", NAME)
        .append_pair("format", "json")
        .append_pair("user-id", &random::hex::<16>());
    let upgrade = Upgrade {
        url: url.to_string(),
        headers: HeaderMap::from_iter([(header::USER_AGENT, USER_AGENT)]),
        subprotocol: SUBPROTOCOL,
        message_max_bytes: MESSAGE_MAX_BYTES,
    };
    ways.egress.upgrade(upgrade, settings.timeout_ms).await
}

/// Passes on what the service says until the connection ends.
async fn listen(socket: &mut Socket, clock: &Clock, tell: &Tell) {
    let mut is_pinged = false;
    loop {
        match clock.timeout(SILENCE_MS, socket.next()).await {
            Ok(Some(Ok(message))) => {
                is_pinged = false;
                match message.as_text().map(Frame::parse) {
                    None | Some(Frame::Other) => {}
                    Some(frame) => tell.tell(Input::Told(frame)).await,
                }
            }
            Ok(Some(Err(error))) => return lost(tell, &error),
            Ok(None) => return,
            Err(_) if is_pinged => return,
            Err(_) => {
                is_pinged = true;
                if let Err(error) = socket.send(Message::ping("")).await {
                    return lost(tell, &error);
                }
            }
        }
    }
}

fn lost(tell: &Tell, error: &Error) {
    tracing::info!(code = tell.code, %error, "a room's socket broke");
}
