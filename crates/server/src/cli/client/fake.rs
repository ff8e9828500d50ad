//! A server that keeps what it is asked and answers what the test says.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Client, ServerArgs};
use crate::{
    cli::Failure,
    config::{Inputs, load},
    timers::Clock,
};

/// A running one; it ends with the test's runtime.
pub(in crate::cli) struct Fake {
    pub(in crate::cli) addr: SocketAddr,
    book: Book,
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) struct Asked {
    /// `POST /path?query`
    pub(in crate::cli) what: String,
    pub(in crate::cli) authorization: String,
    pub(in crate::cli) body: Value,
}

#[derive(Clone, Default)]
struct Book {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Fake {
    /// One that gives these answers in turn.
    #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
    pub(in crate::cli) async fn start(answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let book = Book { answers: Arc::new(Mutex::new(answers)), ..Book::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let router = Router::new().fallback(take).with_state(book.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { addr, book }
    }

    pub(in crate::cli) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it was asked so far.
    pub(in crate::cli) fn asked(&self) -> Vec<Asked> {
        self.book.asked.lock().expect("no panic").clone()
    }

    /// Somebody with a token.
    pub(in crate::cli) async fn client(&self) -> Client {
        let args = ServerArgs { server: Some(self.url()), token: Some("T".to_owned()) };
        sign_in(args, &[]).await.expect("nobody has to be asked")
    }
}

/// Signs in as the program would with these variables.
pub(in crate::cli) async fn sign_in(
    args: ServerArgs,
    environment: &[(&str, &str)],
) -> Result<Client, Failure> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let inputs = Inputs { environment, ..Inputs::default() };
    let loaded = load(&inputs).expect("a good configuration");
    Client::sign_in(&args, &loaded, &inputs.environment, Clock::real()).await
}

async fn take(State(book): State<Book>, request: Request) -> (StatusCode, String) {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let bytes = body.collect().await.expect("a whole body").to_bytes();
    book.asked.lock().expect("no panic").push(Asked {
        what: format!("{} {}", parts.method, parts.uri),
        authorization: header("authorization").unwrap_or_default(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    });
    let answer = book.answers.lock().expect("no panic").pop_front();
    let (status, body) = answer.unwrap_or_else(|| (500, "nothing more to say".to_owned()));
    (StatusCode::from_u16(status).expect("a status"), body)
}
