//! A person with curl: sends requests, looks at answers.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, body::Incoming, http::request};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use super::soon;

/// Someone who talks to the API, with or without a token.
#[derive(Clone)]
pub(crate) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    addr: SocketAddr,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// The body, after making sure of the status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }
}

impl Client {
    /// Someone without a token.
    pub(crate) fn stranger(addr: SocketAddr) -> Self {
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
            addr,
            token: None,
            headers: Vec::new(),
        }
    }

    /// The same with a token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same with one more header on every request.
    pub(crate) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut with = self.clone();
        with.headers.push((name.to_owned(), value.to_owned()));
        with
    }

    /// Signs in with the admin key.
    pub(crate) async fn sign_in(&self, key: &str) -> Self {
        let reply = self.post("/api/auth/login", serde_json::json!({ "key": key })).await.expect(200);
        self.with_token(reply["token"].as_str().expect("a token"))
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("signed in")
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Posts under an `Idempotency-Key`.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Reply {
        let request = Request::post(format!("http://{}{path}", self.addr))
            .header("authorization", format!("Bearer {}", self.token()))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        self.raw(request.body(Full::from(body.to_string())).expect("a request")).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = self.request(method, path);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.raw(request.body(Full::from(body)).expect("a request")).await
    }

    /// A request with this client's headers.
    fn request(&self, method: Method, path: &str) -> request::Builder {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.addr));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request
    }

    /// A request for something that does not end: its head, and its body as it comes.
    pub(crate) async fn open(&self, path: &str) -> Response<Incoming> {
        let request = self.request(Method::GET, path).body(Full::default()).expect("a request");
        soon("an answer", self.http.request(request)).await.expect("a connection")
    }

    pub(crate) async fn raw(&self, request: Request<Full<Bytes>>) -> Reply {
        let (parts, body) = self.send_raw(request).await.into_parts();
        let bytes = soon("a whole body", body.collect()).await.expect("a whole body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Reply { status: parts.status, headers: parts.headers, text }
    }

    /// The answer as it comes, for bodies that are no text.
    pub(crate) async fn send_raw(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        soon("an answer", self.http.request(request)).await.expect("a connection")
    }

    /// The head of an answer whose body may have no end.
    pub(crate) async fn head(&self, request: Request<Full<Bytes>>) -> Reply {
        let (parts, _) = soon("a head", self.http.request(request)).await.expect("a connection").into_parts();
        Reply { status: parts.status, headers: parts.headers, text: String::new() }
    }
}
