//! What the world sees in the end: through the API, and on a socket that resumes every session from its
//! beginning.

use std::net::SocketAddr;

use fanfare_store::testing::Trail;
use serde_json::Value;

use crate::{
    bot::Socket,
    client::Client,
    history::{Shown, last_positions},
    time::within,
};

/// How long the next frame of a socket may take, in milliseconds.
const FRAME_MAX_MS: u64 = 30_000;

/// Looks at everything; `trail` says up to which position a session's events go.
///
/// # Errors
/// What was answered instead.
pub(crate) async fn look(host: &mut Client, trail: &Trail, addr: SocketAddr) -> Result<Shown, String> {
    let list = |value: Value| match value {
        Value::Array(list) => Ok(list),
        other => Err(format!("not a list: {other}")),
    };
    let library = list(host.get("/api/games").await?)?;
    let mut sessions = Vec::new();
    for session in list(host.get("/api/sessions").await?)? {
        let games = list(host.get(&format!("/api/sessions/{}/games", session["id"])).await?)?;
        sessions.push((session, games));
    }
    let mut streams = Vec::new();
    for (session, last) in last_positions(trail) {
        streams.push((session, resume(addr, host.token(), session, last).await?));
    }
    Ok(Shown { sessions, library, streams })
}

/// Every frame of a session up to the one at `last`.
async fn resume(addr: SocketAddr, token: &str, session: i64, last: i64) -> Result<Vec<String>, String> {
    let mut socket = Socket::open(addr, token).await?;
    socket.follow(session, 0).await?;
    let mut frames = Vec::new();
    loop {
        let heard = within(FRAME_MAX_MS, socket.hear()).await;
        let (message, text) =
            heard.ok_or_else(|| format!("session {session} is not told up to {last}"))??;
        match message["seq"].as_i64() {
            Some(seq) => {
                frames.push(text);
                if seq >= last {
                    return Ok(frames);
                }
            }
            None if message["type"] == "auth_success" || message["type"] == "subscribed" => {}
            None => return Err(format!("session {session} is not told from its beginning: {text}")),
        }
    }
}
