//! The service that is asked over HTTP: what it is told, what its answers mean, and how it may fail. It is
//! real, on loopback; the clock is the test's.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
};

use super::*;

/// How long a test waits for what must happen, in milliseconds.
const SOON_MS: u64 = 10_000;
/// What the service has for those who should never be let in again, in milliseconds.
const TIMEOUT_MS: u64 = 50;

/// A service with a desk that asks it.
struct Service {
    desk: Desk,
    requests: mpsc::UnboundedReceiver<Value>,
    book: Book,
}

#[derive(Clone)]
struct Book {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    /// An answer takes a permit.
    gate: Arc<Semaphore>,
    told: mpsc::UnboundedSender<Value>,
}

impl Service {
    async fn start(configure: impl FnOnce(&mut Channels)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let (told, requests) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let book = Book { answers: Arc::default(), gate, told };
        let router = Router::new().fallback(answer).with_state(book.clone());
        let desk = Desk::new(|channels| {
            channels.authorizer_url = Some(crate::config::Secret(format!("http://fan:pw@{addr}/ask?a=b")));
            channels.authorizer_timeout_ms = TIMEOUT_MS;
            configure(channels);
        });
        desk.tasks.spawn("service", async move { axum::serve(listener, router).await.expect("serves") });
        Self { desk, requests, book }
    }

    /// The next answers; `200 {}` when there are no more.
    fn will_say(&self, answers: &[(u16, &str)]) {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned()));
        self.book.answers.lock().expect("no panic").extend(answers);
    }

    /// From now on nothing is answered until [`Service::open`].
    fn shut(&self) {
        self.book.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn open(&self, answers: usize) {
        self.book.gate.add_permits(answers);
    }

    async fn ask(&self, channel: &str, claims: Option<&Claims>) -> String {
        let channel = named(channel);
        shown(&self.desk.auth.authorise(self.desk.access(&channel, claims)).await)
    }

    async fn next(&mut self) -> Value {
        let next = Clock::real().timeout(SOON_MS, self.requests.recv()).await.ok();
        next.expect("it is asked soon").expect("it runs")
    }

    fn asked(&mut self) -> usize {
        std::iter::from_fn(|| self.requests.try_recv().ok()).count()
    }
}

async fn answer(
    State(book): State<Book>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let head = json!([method.as_str(), header(header::CONTENT_TYPE), header(header::AUTHORIZATION)]);
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    book.told.send(json!({"head": head, "body": body})).ok();
    book.gate.acquire().await.expect("never closed").forget();
    let said = book.answers.lock().expect("no panic").pop_front();
    let (status, body) = said.unwrap_or((200, "{}".to_owned()));
    // A redirect leads to a yes.
    let headers = [(header::LOCATION, "/yes")];
    (StatusCode::from_u16(status).expect("a status"), headers, body)
}

#[tokio::test]
async fn it_is_told_who_wants_what() {
    let mut service = Service::start(|_| {}).await;
    let head = json!(["POST", "application/json", "Basic ZmFuOnB3"]);
    let channel = named("private-a");
    let ann = claims(json!({"sub": "ann", "iat": 1}));
    let access =
        AccessRequest { channel_data: Some(r#"{"a":1}"#), ..service.desk.access(&channel, Some(&ann)) };
    let access = AccessRequest { protocol: Protocol::Broadcasting, ..access };
    assert_eq!(shown(&service.desk.auth.authorise(access).await), "yes");
    let uuid = "00000000-0000-0001-0000-000000000002";
    let body = json!({
        "app": "app", "socket_id": uuid, "channel": "private-a",
        "channel_data": "{\"a\":1}", "claims": {"sub": "ann", "iat": 1},
    });
    assert_eq!(service.next().await, json!({"head": head, "body": body}));

    assert_eq!(service.ask("private-a", None).await, "yes");
    let body = json!({"app": "app", "socket_id": "1.2", "channel": "private-a"});
    assert_eq!(service.next().await["body"], body);
    // Nobody asks where the answer is known.
    for channel in ["news", "#server-to-user-ann"] {
        service.ask(channel, None).await;
    }
    assert_eq!(service.asked(), 0);
}

#[tokio::test]
async fn its_answers_are_verdicts() {
    let service = Service::start(|channels| channels.authorizer_cache_ms = 0).await;
    let ann = claims(json!({"sub": "ann"}));
    let (refused, failed) = ("401 Unauthorized", "500 Authorization failed");
    let huge = format!(r#"{{"member":{{"id":"x"}},"more":"{}"}}"#, "x".repeat(1 << 20));
    for (status, body, channel, expected) in [
        (200, "", "private-a", "yes"),
        (204, "", "private-a", "yes"),
        (201, "{}", "private-a", "yes"),
        (200, r#"{"member":{"id":7,"info":{"a": 1}}}"#, "presence-a", r#"7 {"a":1}"#),
        (200, r#"{"member":{"id":7}}"#, "private-a", "yes"),
        (200, "{}", "presence-a", "ann -"),
        (401, "", "private-a", refused),
        (403, r#"{"member":{"id":7}}"#, "presence-a", refused),
        (500, "", "private-a", failed),
        (400, "", "private-a", failed),
        (404, "", "private-a", failed),
        (302, "", "private-a", failed),
        (200, "yes", "private-a", failed),
        (200, "true", "private-a", failed),
        (200, r#"{"member":{"id":""}}"#, "presence-a", failed),
        (200, &huge, "presence-a", failed),
    ] {
        service.will_say(&[(status, body)]);
        let said = service.ask(channel, Some(&ann)).await;
        assert_eq!(said, expected, "{status} {} on {channel}", &body[..body.len().min(40)]);
    }
    // A member that nobody names is none.
    assert_eq!(service.ask("presence-a", None).await, refused);
}

#[tokio::test]
async fn who_cannot_be_reached_has_not_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    drop(listener);
    for url in [url, "http://10.1.2.3/".to_owned()] {
        let desk = Desk::new(|channels| channels.authorizer_url = Some(crate::config::Secret(url)));
        let channel = named("private-a");
        let verdict = desk.auth.authorise(desk.access(&channel, None)).await;
        assert_eq!(shown(&verdict), "500 Authorization failed");
    }
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody_for_longer_than_its_time() {
    let mut service = Service::start(|channels| channels.authorizer_max_in_flight = 1).await;
    service.shut();
    let clock = service.desk.clock.clone();
    let auth = &service.desk.auth;
    let (first, second) = (named("private-a"), named("private-b"));
    let asked = async {
        let (first, second) = (service.desk.access(&first, None), service.desk.access(&second, None));
        tokio::join!(auth.authorise(first), auth.authorise(second))
    };
    let advance = async {
        Clock::real().timeout(SOON_MS, service.requests.recv()).await.expect("it is asked");
        clock.advance(Duration::from_millis(TIMEOUT_MS));
    };
    let ((first, second), ()) = tokio::join!(asked, advance);
    assert_eq!([shown(&first), shown(&second)], ["500 Authorization failed"; 2]);
    assert_eq!(service.asked(), 0, "the second one's turn never came");
    // A failure is not remembered.
    service.open(Semaphore::MAX_PERMITS);
    assert_eq!(service.ask("private-a", None).await, "yes");
}

#[tokio::test]
async fn no_more_are_under_way_than_may_be() {
    let mut service = Service::start(|channels| channels.authorizer_max_in_flight = 2).await;
    service.shut();
    let channels: Vec<_> = (0..5).map(|number| named(&format!("private-{number}"))).collect();
    let Service { desk, requests, book } = &mut service;
    let ask = |channel| desk.auth.authorise(desk.access(channel, None));
    let asking = futures_util::future::join_all(channels.iter().map(ask));
    let answering = async {
        for turn in 0..5 {
            // The first two come at once; each that follows, when one was answered.
            let come = if turn == 0 { 2 } else { usize::from(turn < 4) };
            for _ in 0..come {
                Clock::real().timeout(SOON_MS, requests.recv()).await.expect("it is asked");
            }
            assert!(requests.try_recv().is_err(), "too many under way");
            book.gate.add_permits(1);
        }
    };
    let (verdicts, ()) = tokio::join!(asking, answering);
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}

#[tokio::test]
async fn an_answer_counts_for_a_while_for_whoever_says_the_same() {
    let mut service = Service::start(|channels| channels.authorizer_cache_ms = 1_000).await;
    let (ann, bob) = (claims(json!({"sub": "ann"})), claims(json!({"sub": "bob"})));
    let elsewhere = SocketId(9 << 64 | 9);
    let channel = named("private-a");
    service.will_say(&[(403, ""), (200, ""), (500, ""), (200, "")]);
    for (what, said, socket, after_ms, expected, asked) in [
        ("ann", Some(&ann), SOCKET, 0, "401 Unauthorized", 1),
        ("ann again", Some(&ann), SOCKET, 999, "401 Unauthorized", 0),
        ("ann on another socket", Some(&ann), elsewhere, 0, "401 Unauthorized", 0),
        ("ann when it is over", Some(&ann), SOCKET, 1, "yes", 1),
        ("bob, and it fails", Some(&bob), SOCKET, 0, "500 Authorization failed", 1),
        ("bob again", Some(&bob), SOCKET, 0, "yes", 1),
        ("nobody", None, SOCKET, 0, "yes", 1),
        ("nobody again", None, SOCKET, 0, "yes", 0),
        ("nobody on another socket", None, elsewhere, 0, "yes", 1),
    ] {
        service.desk.clock.advance(Duration::from_millis(after_ms));
        let access = AccessRequest { socket, ..service.desk.access(&channel, said) };
        assert_eq!(shown(&service.desk.auth.authorise(access).await), expected, "{what}");
        assert_eq!(service.asked(), asked, "{what}");
    }
    let other = Application { id: "other".into(), ..application() };
    let access = AccessRequest { application: &other, ..service.desk.access(&channel, Some(&ann)) };
    assert!(service.desk.auth.authorise(access).await.is_ok());
    assert_eq!(service.asked(), 1, "another app");
    let access = AccessRequest { channel_data: Some("{}"), ..service.desk.access(&channel, Some(&ann)) };
    assert!(service.desk.auth.authorise(access).await.is_ok());
    assert_eq!(service.asked(), 1, "other data");
}

#[tokio::test]
async fn the_same_question_is_asked_once_at_a_time() {
    let mut service = Service::start(|channels| channels.authorizer_cache_ms = 0).await;
    service.shut();
    let ann = claims(json!({"sub": "ann"}));
    let channel = named("private-a");
    let Service { desk, requests, book } = &mut service;
    let ask = |_| Box::pin(desk.auth.authorise(desk.access(&channel, Some(&ann))));
    let mut asking: Vec<_> = (0..8).map(ask).collect();
    let mut first = asking.remove(0);
    // The one whose request it is goes away while it is under way; the others still hear.
    tokio::select! {
        biased;
        _ = &mut first => panic!("the gate is shut"),
        request = requests.recv() => assert!(request.is_some()),
    }
    let others = async {
        let others = futures_util::future::join_all(asking);
        tokio::pin!(others);
        assert!(futures_util::poll!(&mut others).is_pending());
        drop(first);
        book.gate.add_permits(1);
        others.await
    };
    let verdicts = others.await;
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    assert!(requests.try_recv().is_err(), "it was asked again");
    // Without a memory the next one asks anew.
    book.gate.add_permits(1);
    assert!(desk.auth.authorise(desk.access(&channel, Some(&ann))).await.is_ok());
    assert!(requests.try_recv().is_ok());
}
