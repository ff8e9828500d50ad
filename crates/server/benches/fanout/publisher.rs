//! What publishes over HTTP: one request after another on a connection that stays open, signed the way
//! Pusher's HTTP API wants it where the server speaks that.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::{
    clock,
    message::{EVENT, Stamp},
    plan::Load,
    shared::connection::{Connection, head},
};

/// The app that the server is started with.
pub(crate) const APP: &str = "bench:benchkey:benchsecret";
const APP_ID: &str = "bench";
const KEY: &str = "benchkey";
const SECRET: &[u8] = b"benchsecret";

/// Whose API is called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Api {
    /// Pusher's, which Fanfare has.
    Pusher,
    /// That of the Bun server and of the raw loop.
    Plain,
}

/// A connection that publishes.
pub(crate) struct Publisher {
    api: Api,
    connection: Connection,
    data: String,
    body: String,
}

impl Publisher {
    pub(crate) async fn open(addr: SocketAddr, api: Api) -> Self {
        let connection = Connection::open(addr).await;
        Self { api, connection, data: String::new(), body: String::new() }
    }

    /// Publishes a load; each message once the one before it was answered, and not before it is due.
    pub(crate) async fn publish(&mut self, load: &Load) {
        let start_ns = clock::now_ns();
        for number in 0..load.messages {
            if let Some(per_second) = load.per_second {
                let due = Duration::from_secs(1) * number / per_second;
                let gone = Duration::from_nanos(clock::now_ns().saturating_sub(start_ns));
                clock::pause(due.saturating_sub(gone)).await;
            }
            self.write(load, number);
            let status = self.connection.exchange().await.expect("the server goes on");
            let answer = String::from_utf8_lossy(self.connection.body());
            assert!((200..300).contains(&status), "publishing: {status} {answer}");
        }
    }

    /// Writes the request of one message.
    fn write(&mut self, load: &Load, number: u32) {
        let channel = load.audience.channel(number);
        let sent_us = clock::now_ns() / 1_000;
        self.data.clear();
        Stamp { number, sent_us }.write(&mut self.data, load.data_bytes);
        self.body.clear();
        self.connection.request.clear();
        match self.api {
            Api::Pusher => {
                // As text in JSON: nothing but its quotes needs escaping.
                let data = self.data.replace('"', "\\\"");
                let _ = write!(self.body, r#"{{"name":"{EVENT}","channel":"{channel}","data":"{data}"}}"#);
                let what = signed(&self.body, sent_us / 1_000_000);
                head(&mut self.connection.request, &what, "", &self.body);
            }
            Api::Plain => {
                let data = &self.data;
                let _ = write!(self.body, r#"{{"event":"{EVENT}","channel":"{channel}","data":{data}}}"#);
                head(&mut self.connection.request, "POST /publish", "", &self.body);
            }
        }
    }
}

/// Method and path of a request with that body, signed.
/// <https://pusher.com/docs/channels/library_auth_reference/rest-api/#authentication>
fn signed(body: &str, now_s: u64) -> String {
    let path = format!("/apps/{APP_ID}/events");
    let body_md5 = hex::encode(Md5::digest(body.as_bytes()));
    let query = format!("auth_key={KEY}&auth_timestamp={now_s}&auth_version=1.0&body_md5={body_md5}");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("a key of any length");
    mac.update(format!("POST\n{path}\n{query}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    format!("POST {path}?{query}&auth_signature={signature}")
}
