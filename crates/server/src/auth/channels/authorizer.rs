//! A service that is asked over HTTP who may subscribe. Like questions that are under way are one, and
//! an answer counts for a while. It never learns a token, only what a good one says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use fanfare_model::channel::Member;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::{
    AccessRequest, Denial,
    asked::answered_member,
    verdicts::{Digest, Verdict, Verdicts},
};
use crate::{
    config::Channels,
    egress::{Egress, Outgoing, Reply},
    timers::Clock,
};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/json");
const USER_AGENT: HeaderValue = HeaderValue::from_static("Fanfare");

/// Asks the service.
pub(super) struct Authorizer(Arc<Inner>);

struct Inner {
    egress: Egress,
    url: String,
    timeout_ms: u64,
    keep_ms: u64,
    /// How many requests may be under way.
    turns: Semaphore,
    clock: Clock,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Questions under way, each for as long as somebody waits for its answer.
    asking: HashMap<Digest, WeakShared<Asking>>,
    verdicts: Verdicts,
}

/// Ends with `None` when there is no verdict.
type Asking = BoxFuture<'static, Option<Verdict>>;

impl Authorizer {
    /// `None` when the settings name no service.
    pub(super) fn new(settings: &Channels, egress: Egress, clock: Clock) -> Option<Self> {
        let url = settings.authorizer_url.as_ref()?.0.clone();
        let turns = usize::try_from(settings.authorizer_max_in_flight).unwrap_or(Semaphore::MAX_PERMITS);
        Some(Self(Arc::new(Inner {
            egress,
            url,
            timeout_ms: settings.authorizer_timeout_ms,
            keep_ms: settings.authorizer_cache_ms,
            turns: Semaphore::new(turns.min(Semaphore::MAX_PERMITS)),
            clock,
            memory: Mutex::default(),
        })))
    }

    /// The member whom the service names, if it lets the socket in.
    ///
    /// # Errors
    /// [`Denial::Failed`] when it does not answer with a verdict in time.
    pub(super) async fn ask(&self, access: AccessRequest<'_>) -> Result<Option<Option<Member>>, Denial> {
        let verdict = match self.known_or_asked(access) {
            Ok(verdict) => Some(verdict),
            Err(asking) => asking.await,
        };
        match verdict {
            Some(Verdict::Granted(member)) => Ok(Some(member)),
            Some(Verdict::Refused) => Ok(None),
            None => Err(Denial::failed()),
        }
    }

    /// What is known, or the request that will tell: one that is under way, else a new one.
    fn known_or_asked(&self, access: AccessRequest<'_>) -> Result<Verdict, Shared<Asking>> {
        let digest = digest(access);
        let mut memory = self.0.memory();
        if let Some(verdict) = memory.verdicts.get(&digest, self.0.clock.tick()) {
            return Ok(verdict.clone());
        }
        if let Some(asking) = memory.asking.get(&digest).and_then(WeakShared::upgrade) {
            return Err(asking);
        }
        let asking = Inner::ask(self.0.clone(), digest, Bytes::from(question(access))).boxed().shared();
        memory.asking.extend(asking.downgrade().map(|asking| (digest, asking)));
        Err(asking)
    }
}

impl Inner {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks and remembers the verdict. Nobody need wait to the end.
    async fn ask(self: Arc<Self>, digest: Digest, question: Bytes) -> Option<Verdict> {
        let _under_way = UnderWay { inner: &self, digest };
        let answer = async {
            // Closed by nobody.
            let _turn = self.turns.acquire().await.ok();
            self.exchange(question).await
        };
        let late = || Err(format!("it did not answer within {} ms", self.timeout_ms));
        let answer = self.clock.timeout(self.timeout_ms, answer).await.unwrap_or_else(|_| late());
        let verdict = answer.inspect_err(|why| tracing::warn!(why, "the channel authorizer failed")).ok()?;
        if self.keep_ms > 0 {
            let until = self.clock.tick().plus_millis(self.keep_ms);
            self.memory().verdicts.keep(digest, verdict.clone(), until);
        }
        Some(verdict)
    }

    async fn exchange(&self, body: Bytes) -> Result<Verdict, String> {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert(header::USER_AGENT, USER_AGENT);
        let outgoing = Outgoing { method: Method::POST, url: self.url.clone(), headers, body };
        let reply = self.egress.send(outgoing, self.timeout_ms).await;
        let Reply { status, body, .. } = reply.map_err(|fault| fault.to_string())?;
        match status {
            200..=299 => answered_member(&body).map(Verdict::Granted),
            401 | 403 => Ok(Verdict::Refused),
            _ => Err(format!("it answered with status {status}")),
        }
    }
}

/// Takes a question off the list when its answer is there, or nobody waits for it any more. If somebody
/// has just asked the same again, his is off the list as well, and at worst asked once more.
struct UnderWay<'a> {
    inner: &'a Inner,
    digest: Digest,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.inner.memory().asking.remove(&self.digest);
    }
}

/// What the service is asked.
fn question(access: AccessRequest<'_>) -> String {
    let mut question = Map::new();
    question.insert("app".to_owned(), access.application.id.as_str().into());
    question.insert("socket_id".to_owned(), access.protocol.spell(access.socket).into());
    question.insert("channel".to_owned(), access.channel.as_str().into());
    if let Some(data) = access.channel_data {
        question.insert("channel_data".to_owned(), data.into());
    }
    if let Some(claims) = access.claims {
        question.insert("claims".to_owned(), Value::Object(claims.0.clone()));
    }
    Value::Object(question).to_string()
}

/// What makes two questions one: the app, the channel, what the client says, and what its token says; a
/// client without a token is like no other.
fn digest(access: AccessRequest<'_>) -> Digest {
    let who = match access.claims {
        Some(claims) => Value::Object(claims.0.clone()),
        None => access.protocol.spell(access.socket).into(),
    };
    let parts = json!([access.application.id, access.channel.as_str(), access.channel_data, who]);
    Sha256::digest(parts.to_string()).into()
}
