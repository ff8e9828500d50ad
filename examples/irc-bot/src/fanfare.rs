//! The server's HTTP API, as far as the bot needs it.

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use crate::{settings::Settings, wait::within};

/// How long an answer may take, in milliseconds.
const ANSWER_TIMEOUT_MS: u64 = 15_000;
/// The largest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 4 << 20;

/// A client that signs in when it must.
pub(crate) struct Fanfare {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    key: String,
    token: Option<String>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same request may do better later.
    pub(crate) fn is_temporary(&self) -> bool {
        self.status >= 500 || matches!(self.status, 401 | 403 | 408 | 429)
    }

    /// What the server says of an error.
    pub(crate) fn error(&self) -> String {
        let text = self.body["error"].as_str().unwrap_or("no reason given");
        format!("{} {text}", self.status)
    }
}

impl Fanfare {
    pub(crate) fn new(settings: &Settings) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            base: settings.fanfare.to_string().trim_end_matches('/').to_owned(),
            key: settings.admin_key.clone(),
            token: None,
        }
    }

    /// A token that was good a moment ago, or a new one.
    ///
    /// # Errors
    /// Why the server could not be asked, or what it said.
    pub(crate) async fn token(&mut self) -> Result<String, String> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let answer =
            self.ask(Method::POST, "/api/auth/login", None, Some(&json!({ "key": self.key }))).await?;
        let token = answer.body["token"].as_str().map(str::to_owned);
        let token =
            token.filter(|_| answer.is_good()).ok_or_else(|| format!("not signed in: {}", answer.error()))?;
        self.token = Some(token.clone());
        Ok(token)
    }

    /// Forgets the token: the server does not take it any more.
    pub(crate) fn forget_token(&mut self) {
        self.token = None;
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.ask(Method::GET, path, None, None).await
    }

    /// Sends as the host, and once again with a new token when the old one is over.
    ///
    /// # Errors
    /// Why the server could not be asked.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, String> {
        for _ in 0..2 {
            let token = self.token().await?;
            let answer = self.ask(Method::POST, path, Some(&token), Some(body)).await?;
            if !matches!(answer.status, 401 | 403) {
                return Ok(answer);
            }
            self.forget_token();
        }
        Err("the server takes no token".into())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let uri: Uri = format!("{}{path}", self.base).parse().map_err(|_| "a bad path")?;
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = Full::from(body.map(Value::to_string).unwrap_or_default());
        let request = request.body(body).map_err(|error| error.to_string())?;
        let asking = async {
            let (head, body) = self.http.request(request).await.map_err(|error| reason(&error))?.into_parts();
            let body =
                Limited::new(body, ANSWER_MAX_BYTES).collect().await.map_err(|error| error.to_string())?;
            let body = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
            Ok(Answer { status: head.status.as_u16(), body })
        };
        within(ANSWER_TIMEOUT_MS, asking).await?
    }
}

/// The innermost reason, which says most.
fn reason(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), reason)
}
