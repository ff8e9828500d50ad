//! Somebody who asks the server, and asks again when it has gone away meanwhile.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::{
    deeds::{Deed, Verdict},
    history::{Asked, Fate},
    http::{Message, Wire, request},
    lots::Lots,
    program::ADMIN_KEY,
    time::{Clock, pause, within},
};

/// How long one answer may take, in milliseconds.
const ANSWER_MAX_MS: u64 = 30_000;
/// One request in so many that got no answer is not asked again.
const GIVES_UP_ONE_IN: u64 = 6;
/// Before a database that was away is asked again, in milliseconds.
const AWAY_MS: u64 = 20;

/// What all clients of a run have in common.
pub(crate) struct Ledger {
    clock: Clock,
    /// Where the server is; `None` while it is not.
    server: watch::Receiver<Option<SocketAddr>>,
    numbers: AtomicU64,
    kept: Mutex<Kept>,
    /// Rung when a request has been sent.
    sent: Notify,
}

/// What clients have to say in the end.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) asked: Vec<Asked>,
    pub(crate) odd: Vec<String>,
}

/// One client: one connection, one request at a time.
pub(crate) struct Client {
    ledger: Arc<Ledger>,
    token: String,
    wire: Option<(SocketAddr, Wire)>,
}

impl Ledger {
    pub(crate) fn new(clock: Clock, server: watch::Receiver<Option<SocketAddr>>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            server,
            numbers: AtomicU64::new(1),
            kept: Mutex::default(),
            sent: Notify::new(),
        })
    }

    /// Resolves when the next request has been sent.
    pub(crate) async fn sent(&self) {
        self.sent.notified().await;
    }

    pub(crate) fn take(&self) -> Kept {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, asked: Asked) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).asked.push(asked);
    }

    /// Something that must not happen.
    pub(crate) fn odd(&self, what: String) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).odd.push(what);
    }
}

impl Client {
    pub(crate) fn new(ledger: &Arc<Ledger>, token: &str) -> Self {
        Self { ledger: ledger.clone(), token: token.to_owned(), wire: None }
    }

    /// Signs in, as the host.
    ///
    /// # Errors
    /// What was answered instead of a token.
    pub(crate) async fn sign_in(ledger: &Arc<Ledger>) -> Result<Self, String> {
        let mut stranger = Self::new(ledger, "");
        let body = json!({ "key": ADMIN_KEY });
        let answer = stranger.ask("POST", "/api/auth/login", "sign-in", &body).await?;
        let token = answer["token"].as_str().ok_or("there is no token in the answer")?;
        Ok(Self::new(ledger, token))
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Something that must be answered with a 2xx by a server that nobody kills; the JSON of the answer.
    ///
    /// # Errors
    /// What happened instead.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.once(&request(method, path, &self.token, key, &text)).await;
        let answer = answer.ok_or_else(|| format!("{method} {path} was not answered"))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status() {
            200..=299 => Ok(serde_json::from_str(&text).unwrap_or(Value::String(text))),
            status => Err(format!("{method} {path}: {status} {text}")),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Value, String> {
        self.ask("GET", path, "", &Value::Null).await
    }

    /// Asks until there is an answer, always the same under the same key, or gives up by lot; what came
    /// of it is kept, and returned.
    pub(crate) async fn act(&mut self, deed: Deed, lots: &mut Lots) -> Fate {
        let ledger = self.ledger.clone();
        let number = ledger.numbers.fetch_add(1, Ordering::Relaxed);
        let (method, path, body) = deed.request(number);
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let text = request(method, &path, &self.token, &format!("crash {number}"), &text);
        self.server().await;
        let at = ledger.clock.now();
        let mut tries = 1;
        let fate = loop {
            let Some(answer) = self.once(&text).await else {
                if lots.one_in(GIVES_UP_ONE_IN) {
                    break Fate::Unknown;
                }
                tries += 1;
                continue;
            };
            match deed.judge(&answer, tries > 1) {
                Verdict::Final(fate) => break fate,
                Verdict::Again => {
                    tries += 1;
                    pause(AWAY_MS).await;
                }
                Verdict::Odd => {
                    let body = String::from_utf8_lossy(&answer.body).into_owned();
                    ledger.odd(format!("{deed:?} {number} was answered: {} {body}", answer.start));
                    break Fate::Unknown;
                }
            }
        };
        let until = ledger.clock.now();
        ledger.keep(Asked { number, deed, at, until, tries, fate: fate.clone() });
        fate
    }

    /// Waits for a server, asks it once; `None` when it did not answer.
    async fn once(&mut self, text: &str) -> Option<Message> {
        let addr = self.server().await;
        let mut wire = match self.wire.take() {
            Some((known, wire)) if known == addr => wire,
            _ => Wire::connect(addr).await.ok()?,
        };
        let exchange = async {
            wire.write(text).await?;
            self.ledger.sent.notify_waiters();
            wire.read().await
        };
        let Some(answer) = within(ANSWER_MAX_MS, exchange).await else {
            let line = text.lines().next().unwrap_or_default();
            self.ledger.odd(format!("{line}: no answer for {ANSWER_MAX_MS} ms"));
            return None;
        };
        let answer = answer.ok()?;
        if !answer.header("connection").eq_ignore_ascii_case("close") {
            self.wire = Some((addr, wire));
        }
        Some(answer)
    }

    /// Where the server is, once there is one.
    pub(crate) async fn server(&self) -> SocketAddr {
        let mut server = self.ledger.server.clone();
        let found = server.wait_for(Option::is_some).await;
        found.expect("the run outlasts its clients").expect("there is one")
    }
}
