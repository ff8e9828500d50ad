//! The way to a running server: where it is, who asks, and one request after the other. What is
//! asked, and what its answer means, belongs to the verbs.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    ffi::OsString,
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, SizeHint};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_rustls::rustls::{ClientConfig, crypto::ring};
use url::{Host, Url};

use super::{Failure, print, progress::Progress, reach};
use crate::{
    auth,
    config::{Loaded, Origin, without_password},
    data_folder,
    timers::Clock,
};

const SERVER_VARIABLE: &str = "FANFARE_SERVER";
const TOKEN_VARIABLE: &str = "FANFARE_TOKEN";
/// What helps where nothing on this machine vouches for whoever asks.
const HELP: &str = "give the admin key (FANFARE_ADMIN_KEY) or a token (FANFARE_TOKEN)";

/// How long the server may take to accept a connection, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 10_000;
/// How long a request may take, from its first byte to the last one of its answer, in milliseconds
/// (10 min).
const REQUEST_TIMEOUT_MS: u64 = 600_000;
/// The largest answer that is read, in bytes (256 MiB).
const ANSWER_MAX_BYTES: usize = 256 << 20;
/// Bytes of a request's body that are handed on at a time.
const UPLOAD_STEP_BYTES: usize = 64 << 10;
/// How much of an answer that is no JSON is shown, in characters.
const SHOWN_MAX_CHARS: usize = 200;

/// Where the server is and who asks.
#[derive(clap::Args)]
pub(super) struct ServerArgs {
    /// The running server [env: `FANFARE_SERVER`]
    #[arg(long, global = true, value_name = "URL", help_heading = "Server")]
    #[arg(help = "The running server [env: FANFARE_SERVER] [default: the one that `listen` describes]")]
    server: Option<String>,

    /// An admin token [env: `FANFARE_TOKEN`]
    #[arg(long, global = true, value_name = "TOKEN", help_heading = "Server")]
    #[arg(help = "An admin token [env: FANFARE_TOKEN]; without one the admin key signs in, and without \
                  that the secret in the data folder of a server on this machine")]
    token: Option<String>,
}

/// One signed-in admin at one server.
pub(super) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Upload>,
    clock: Clock,
    /// Its URL without a slash at the end.
    base: String,
    token: String,
    identity: Identity,
}

/// What vouches for whoever asks.
#[derive(Debug)]
enum Identity {
    Token,
    Key,
    LocalSecret(PathBuf),
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    retry_after: Option<String>,
    pub(super) body: Bytes,
}

impl Reply {
    /// The body as JSON of a known shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Prints the body.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let mut text = String::from_utf8_lossy(&self.body).trim_end().to_owned();
        text.push('\n');
        print(&text)
    }

    /// What the server says is wrong, in one line.
    fn complaint(&self) -> String {
        let error = self.json::<Value>().and_then(|body| Some(body.get("error")?.as_str()?.to_owned()));
        let text = error.unwrap_or_else(|| {
            let start = String::from_utf8_lossy(&self.body).chars().take(SHOWN_MAX_CHARS).collect::<String>();
            format!("status {} {start}", self.status)
        });
        one_line(&text)
    }
}

impl Client {
    /// Finds out where the server is and who asks; asks the server only where the admin key has to
    /// be traded for a token.
    pub(super) async fn sign_in(
        args: &ServerArgs,
        loaded: &Loaded,
        environment: &BTreeMap<String, OsString>,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let variable = |name: &str| match environment.get(name) {
            None => Ok(None),
            Some(value) => value
                .to_str()
                .map(|text| Some(text.to_owned()))
                .ok_or_else(|| Failure::Setting(format!("environment {name} is not UTF-8"))),
        };
        let named = args.server.clone().map(|url| ("flag --server".to_owned(), url));
        let named = match named {
            Some(named) => Some(named),
            None => variable(SERVER_VARIABLE)?.map(|url| (format!("environment {SERVER_VARIABLE}"), url)),
        };
        let base = match &named {
            Some((origin, url)) => {
                let shown = without_password(url);
                parse(url).map_err(|why| Failure::Setting(format!("{origin} is {shown:?}: {why}")))?
            }
            None => local(loaded)?,
        };
        let token = match &args.token {
            Some(token) => Some(token.clone()),
            None => variable(TOKEN_VARIABLE)?,
        };
        let http = connector();
        let is_here = is_loopback(&base) || local(loaded).is_ok_and(|local| local == base);
        let base = base.as_str().trim_end_matches('/').to_owned();
        let mut client = Self { http, clock, base, token: String::new(), identity: Identity::Token };
        if let Some(token) = token {
            client.token = token;
        } else if let Some(key) = &loaded.config.admin_key {
            if let (false, origin @ Origin::File { .. }) = (is_here, loaded.origin("admin_key")) {
                return Err(Failure::Setting(format!(
                    "{} is another machine, which the admin key of {origin} is not sent to: {HELP}",
                    client.base
                )));
            }
            client.identity = Identity::Key;
            client.token = client.login(&key.0).await?;
        } else {
            client.sign_by_secret(loaded, is_here)?;
        }
        Ok(client)
    }

    async fn login(&self, key: &str) -> Result<String, Failure> {
        let body = json!({ "key": key }).to_string();
        let reply = self.post("/api/auth/login", body.into(), &Progress::hidden()).await?;
        let token = reply.json::<Value>().and_then(|body| Some(body.get("token")?.as_str()?.to_owned()));
        match token {
            Some(token) if reply.status.is_success() => Ok(token),
            _ => Err(self.refusal(&reply)),
        }
    }

    /// Signs a token of its own, which only a server of this machine is shown: anybody else could use
    /// it here.
    fn sign_by_secret(&mut self, loaded: &Loaded, is_here: bool) -> Result<(), Failure> {
        let folder = &loaded.config.data;
        if !is_here {
            return Err(Failure::Setting(format!("{} is another machine: {HELP}", self.base)));
        }
        let secret = match &loaded.config.jwt_secret {
            Some(secret) => secret.clone(),
            None => data_folder::find_jwt_secret(folder)
                .map_err(|error| Failure::Environment(format!("{error}; {HELP}")))?
                .ok_or_else(|| {
                    let folder = folder.display();
                    Failure::Setting(format!("no server has run in the data folder {folder}: {HELP}"))
                })?,
        };
        self.token = auth::short_token(secret.0.as_bytes(), self.clock.now());
        self.identity = Identity::LocalSecret(folder.clone());
        Ok(())
    }

    /// Asks for something.
    pub(super) async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, Upload::default()).await
    }

    /// Sends JSON; each step of it moves `progress`.
    pub(super) async fn post(&self, path: &str, json: Bytes, progress: &Progress) -> Result<Reply, Failure> {
        self.send(Method::POST, path, Upload { rest: json, progress: progress.clone() }).await
    }

    /// Changes something.
    pub(super) async fn patch(&self, path: &str, json: Bytes) -> Result<Reply, Failure> {
        self.send(Method::PATCH, path, Upload { rest: json, progress: Progress::hidden() }).await
    }

    /// Removes something.
    pub(super) async fn delete(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::DELETE, path, Upload::default()).await
    }

    /// The answer that was hoped for, or what the server says instead.
    pub(super) fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, Failure> {
        match reply.json() {
            Some(read) if reply.status.is_success() => Ok(read),
            _ => Err(self.refusal(reply)),
        }
    }

    /// What tells the time and waits.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn send(&self, method: Method, path: &str, upload: Upload) -> Result<Reply, Failure> {
        let uri = format!("{}{path}", self.base);
        let mut request = Request::builder().method(method).uri(uri);
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("fanfare/", env!("CARGO_PKG_VERSION")))
            .body(upload)
            .map_err(|_| Failure::Setting("the token holds characters that no token has".to_owned()))?;
        let exchange = async {
            let (parts, body) =
                self.http.request(request).await.map_err(|error| self.fault(&error))?.into_parts();
            let read = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
            let body = read.map_err(|error| {
                Failure::Environment(format!("the answer of {} broke off: {error}", self.base))
            })?;
            let retry_after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = retry_after.map(str::to_owned);
            Ok(Reply { status: parts.status, retry_after, body: body.to_bytes() })
        };
        self.clock.timeout(REQUEST_TIMEOUT_MS, exchange).await.unwrap_or_else(|_| {
            let seconds = REQUEST_TIMEOUT_MS / 1_000;
            Err(Failure::Environment(format!("{} did not answer within {seconds} s", self.base)))
        })
    }

    fn fault(&self, error: &legacy::Error) -> Failure {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        Failure::Environment(match kind {
            Some(io::ErrorKind::ConnectionRefused) => {
                format!("no server runs at {}; `fanfare serve` starts one", self.base)
            }
            _ if error.is_connect() => format!("cannot reach {}: {cause}", self.base),
            _ => format!("the connection to {} broke: {cause}", self.base),
        })
    }

    /// What an answer means that is not the hoped-for one.
    pub(super) fn refusal(&self, reply: &Reply) -> Failure {
        let base = &self.base;
        let complaint = reply.complaint();
        match (reply.status, &self.identity) {
            (StatusCode::UNAUTHORIZED, Identity::Key) => {
                Failure::Setting(format!("{base} refuses the admin key: {complaint}"))
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Identity::LocalSecret(folder)) => {
                Failure::Setting(format!(
                    "{base} refuses the secret of the data folder {}: it runs on another one, or signs \
                     with another secret",
                    folder.display()
                ))
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Failure::Setting(format!("{base} refuses the token: {complaint}"))
            }
            (StatusCode::TOO_MANY_REQUESTS, _) => {
                let wait =
                    reply.retry_after.as_deref().map(|s| format!("; again in {s} s")).unwrap_or_default();
                Failure::Environment(format!("{base} is asked too often: {complaint}{wait}"))
            }
            _ => Failure::Environment(format!("{base} answers: {complaint}")),
        }
    }
}

/// JSON as a request's body.
pub(super) fn to_bytes(body: &Value) -> Bytes {
    body.to_string().into()
}

/// Text from elsewhere, without what would move the cursor.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

fn connector() -> legacy::Client<HttpsConnector<HttpConnector>, Upload> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(Duration::from_millis(CONNECT_TIMEOUT_MS)));
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_webpki_roots()
        .with_no_client_auth();
    let https =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    legacy::Client::builder(TokioExecutor::new()).build(https)
}

/// The server that the configuration describes.
fn local(loaded: &Loaded) -> Result<Url, Failure> {
    let listen = loaded.config.listen;
    if listen.port() == 0 {
        let origin = loaded.origin("listen");
        return Err(Failure::Setting(format!(
            "{origin}: listen takes any free port, so --server must name the server"
        )));
    }
    parse(&reach::local_url(listen)).map_err(|why| Failure::Setting(format!("listen is {listen}: {why}")))
}

fn parse(text: &str) -> Result<Url, String> {
    let example = "expected a URL such as http://127.0.0.1:5000";
    let url = Url::parse(text).map_err(|_| example.to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(example.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a name or a password does not belong there".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("nothing may follow its path".to_owned());
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A body that goes out in steps and says so.
#[derive(Default)]
struct Upload {
    rest: Bytes,
    progress: Progress,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let step_bytes = self.rest.len().min(UPLOAD_STEP_BYTES);
        let step = self.rest.split_to(step_bytes);
        self.progress.sent(step_bytes);
        if self.rest.is_empty() {
            self.progress.all_sent();
        }
        Poll::Ready(Some(Ok(Frame::data(step))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
pub(super) mod fake;
#[cfg(test)]
mod tests;
