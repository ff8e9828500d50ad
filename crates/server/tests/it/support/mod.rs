//! The cast of the tests: a real server on a free port with its own database, a host, strangers,
//! bots on sockets and receivers behind webhooks.

mod app;
pub(crate) mod backend;
mod bot;
mod described;
mod http;
mod listener;
mod machine;
mod node;
mod peer;
mod process;
mod receiver;
mod rooms;
mod run;

use std::{future::Future, time::Duration};

pub(crate) use self::{
    app::{Engine, TestApp},
    bot::Bot,
    http::{Client, Reply},
    listener::Listener,
    machine::Machine,
    node::Node,
    peer::Peer,
    process::Process,
    receiver::Receiver,
    rooms::{RoomService, Said, Visit},
    run::Run,
};

/// Fails the test when something that must happen does not; never a measure of speed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits `future`, and fails the test when it never comes.
#[expect(clippy::disallowed_methods, reason = "a guard against hanging tests, outside the server")]
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let output = tokio::time::timeout(PATIENCE, future).await;
    output.unwrap_or_else(|_| panic!("{what} did not happen within {PATIENCE:?}"))
}

/// Asks again until the answer is there; for what the server does behind the scenes and tells
/// nobody of.
#[expect(clippy::disallowed_methods, reason = "a pause between two looks, outside the server")]
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    soon(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}
