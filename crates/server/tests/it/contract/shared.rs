//! The refusals that every endpoint of a kind shares, made from the table of endpoints: without a
//! good token, with what is no id, with what is no body. None of them may change anything.

use bytes::Bytes;
use fanfare::{config::Secret, timers::Clock};
use http_body_util::Full;
use hyper::Request;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{
    endpoints::{self, Endpoint, Reads},
    matching::compare,
    runner::look_around,
};
use crate::support::{Client, Engine, Reply, TestApp};

const JWT_SECRET: &str = "the secret of these tests, which is long enough";
/// What is no id of anything.
const NO_IDS: &[&str] = &["0", "-1", "9223372036854775808", "abc", "1e3", "%20", "%ff", "999999"];
/// The limits of the contract, in bytes.
const BODY_MAX_BYTES: usize = 1 << 20;
const IMPORT_MAX_BYTES: usize = 10 << 20;

/// A server with session 1, its row 1 and webhook 1, and the host.
async fn furnished(engine: Engine) -> (TestApp, Client) {
    let secret = Secret(JWT_SECRET.into());
    let app = TestApp::spawn_with(engine, Clock::real(), |config| config.jwt_secret = Some(secret)).await;
    let host = app.host().await;
    let webhook = json!({"name": "a", "url": "http://127.0.0.1:9/", "secret": "s", "events": ["nothing"]});
    assert_eq!(host.post("/api/webhooks", webhook).await.expect(201)["id"], 1);
    assert_eq!(host.post("/api/sessions", json!({})).await.expect(201)["id"], 1);
    let game = json!({"game_id": 1, "room_code": "ABCD"});
    assert_eq!(host.post("/api/sessions/1/games", game).await.expect(201)["id"], 1);
    (app, host)
}

/// The path with its parameters given in order; those that are left are 1.
fn filled(path: &str, params: &[&str]) -> String {
    let mut params = params.iter();
    let segments = path
        .split('/')
        .map(|segment| if segment.starts_with('{') { params.next().unwrap_or(&"1") } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Sends a request with these headers and no others.
async fn send(
    host: &Client,
    endpoint: &Endpoint,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Reply {
    let uri = format!("http://{}{path}", host.addr());
    let mut request = Request::builder().method(endpoint.method()).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    host.raw(request.body(Full::from(Bytes::from(body))).expect("a request")).await
}

/// Fails with all that went wrong, after a look around.
async fn conclude(host: &Client, before: Vec<Value>, faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    assert_eq!(look_around(host).await, before, "an error changed something");
}

fn judged(request: &str, reply: &Reply, status: u16, error: &str) -> Option<String> {
    let expected = json!({ "error": error });
    let body = serde_json::from_str(&reply.text).unwrap_or(Value::Null);
    let is_right = reply.status == status && compare(&expected, &body).is_ok();
    (!is_right)
        .then(|| format!("{request}: expected {status} {error:?}, got {} {}", reply.status, reply.text))
}

fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("signs")
}

/// What, `Authorization` header, and the refusal; no refusal when the token is good.
type Authorization = (&'static str, Option<String>, Option<(u16, &'static str)>);

fn authorizations() -> Vec<Authorization> {
    let (missing, invalid) = ((401, "Access token required"), (403, "Invalid or expired token"));
    let admin = json!({"role": "admin", "exp": 253_402_300_000_i64});
    let good = signed(Algorithm::HS256, JWT_SECRET, &admin);
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJyb2xlIjoiYWRtaW4ifQ.";
    let wrong_key = signed(Algorithm::HS256, "another secret", &admin);
    let hs512 = signed(Algorithm::HS512, JWT_SECRET, &admin);
    let expired = signed(Algorithm::HS256, JWT_SECRET, &json!({"role": "admin", "exp": 1_000_000_000}));
    let no_role = signed(Algorithm::HS256, JWT_SECRET, &json!({"sub": "7", "exp": 253_402_300_000_i64}));
    vec![
        ("no header", None, Some(missing)),
        ("no token", Some("Bearer ".into()), Some(missing)),
        ("two spaces", Some(format!("Bearer  {good}")), Some(missing)),
        ("alg none", Some(format!("Bearer {unsigned}")), Some(invalid)),
        ("wrong key", Some(format!("Bearer {wrong_key}")), Some(invalid)),
        ("HS512", Some(format!("Bearer {hs512}")), Some(invalid)),
        ("expired", Some(format!("Bearer {expired}")), Some(invalid)),
        ("no admin", Some(format!("Bearer {no_role}")), Some(invalid)),
        ("no JWT", Some("Bearer nonsense".into()), Some(invalid)),
        ("good, another case", Some(format!("bEARER {good}")), None),
    ]
}

#[tokio::test]
async fn without_a_good_token() {
    let (_app, host) = furnished(Engine::Sqlite).await;
    let (before, mut faults) = (look_around(&host).await, Vec::new());
    for endpoint in endpoints::all().iter().filter(|endpoint| endpoint.token) {
        let path = filled(endpoint.path(), &[]);
        for (what, header, refusal) in authorizations() {
            let Some((status, text)) = refusal else { continue };
            let headers: Vec<_> = header.iter().map(|header| ("authorization", header.as_str())).collect();
            let reply = send(&host, endpoint, &path, &headers, Vec::new()).await;
            faults.extend(judged(&format!("{}, {what}", endpoint.route), &reply, status, text));
        }
    }
    conclude(&host, before, faults).await;
}

#[tokio::test]
async fn public_endpoints_ignore_a_bad_token() {
    let (_app, host) = furnished(Engine::Sqlite).await;
    let mut faults = Vec::new();
    for endpoint in endpoints::all() {
        let is_open = !endpoint.token && endpoint.method() == "GET" && endpoint.unknown.is_some();
        for (what, header, _) in authorizations().iter().filter(|_| is_open) {
            let headers: Vec<_> = header.iter().map(|header| ("authorization", header.as_str())).collect();
            let path = filled(endpoint.path(), &["999999"]);
            let reply = send(&host, &endpoint, &path, &headers, Vec::new()).await;
            let text = endpoint.unknown.as_deref().unwrap_or_default();
            faults.extend(judged(&format!("{}, {what}", endpoint.route), &reply, 404, text));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn a_good_token_of_ours_is_taken_from_anywhere() {
    let (_app, host) = furnished(Engine::Sqlite).await;
    for (what, header, refusal) in authorizations() {
        let is_good = host.with_token("").raw(verify(&host, header.as_deref())).await.status == 200;
        assert_eq!(is_good, refusal.is_none(), "{what}");
    }
}

fn verify(host: &Client, header: Option<&str>) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://{}/api/auth/verify", host.addr()));
    let request = header.into_iter().fold(request, |request, value| request.header("authorization", value));
    request.body(Full::default()).expect("a request")
}

#[tokio::test]
async fn with_ids_of_nothing() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (_app, host) = furnished(engine).await;
        let authorization = format!("Bearer {}", host.token());
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let (before, mut faults) = (look_around(&host).await, Vec::new());
        for endpoint in endpoints::all() {
            let Some(text) = &endpoint.unknown else { continue };
            for id in NO_IDS {
                let paths = match endpoint.path().matches('{').count() {
                    1 => vec![filled(endpoint.path(), &[id])],
                    _ => vec![filled(endpoint.path(), &[id, "1"]), filled(endpoint.path(), &["1", id])],
                };
                for path in paths {
                    let body = endpoint.send.as_ref().map(|body| body.to_string().into_bytes());
                    let reply = send(&host, &endpoint, &path, &headers, body.unwrap_or_default()).await;
                    let request = format!("{} {path} on {engine:?}", endpoint.method());
                    faults.extend(judged(&request, &reply, 404, text));
                }
            }
        }
        conclude(&host, before, faults).await;
    }
}

/// What, content type, body, status, text.
type BadBody = (&'static str, &'static str, Vec<u8>, u16, String);

fn bad_bodies(reads: Reads) -> Vec<BadBody> {
    let (json, is_list) = ("application/json", reads == Reads::List);
    let is_small = matches!(reads, Reads::Object | Reads::Fields);
    let max_bytes = if is_small { BODY_MAX_BYTES } else { IMPORT_MAX_BYTES };
    let other_type = match reads {
        Reads::Fields => "Content-Type must be application/json or application/x-www-form-urlencoded",
        _ => "Content-Type must be application/json",
    };
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(max_bytes));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let not_json = || "Request body is not valid JSON".to_owned();
    let not_object = || if is_list { "@string" } else { "Request body must be a JSON object" }.to_owned();
    // Where one bad item is counted and the others are taken, it is no matter of the whole body.
    let by_item = |text: &str| if is_list { "@string" } else { text }.to_owned();
    let mut bodies = vec![
        ("cut off", json, b"{\"a\":".to_vec(), 400, not_json()),
        ("two values", json, b"{} {}".to_vec(), 400, not_json()),
        ("not UTF-8", json, b"{\"a\":\"\xff\"}".to_vec(), 400, not_json()),
        (
            "half a surrogate",
            json,
            b"{\"a\":\"\\ud800\"}".to_vec(),
            400,
            by_item("Request body must not contain a lone surrogate"),
        ),
        ("a form", json, b"a=1&b=2".to_vec(), 400, not_json()),
        ("deep nesting", json, deep.into_bytes(), 400, by_item("Request body is not valid JSON")),
        ("null", json, b"null".to_vec(), 400, not_object()),
        ("a text", json, b"\"a\"".to_vec(), 400, not_object()),
        ("a number", json, b"1".to_vec(), 400, not_object()),
        (
            "NUL",
            json,
            b"{\"a\":\"\\u0000\"}".to_vec(),
            400,
            by_item("Request body must not contain the character U+0000"),
        ),
        ("a text type", "text/plain", b"{}".to_vec(), 415, other_type.to_owned()),
        (
            "too large",
            json,
            large.into_bytes(),
            413,
            format!("Request body is larger than {max_bytes} bytes"),
        ),
    ];
    if reads != Reads::Fields {
        let form = "application/x-www-form-urlencoded";
        bodies.push(("a form type", form, b"a=1".to_vec(), 415, other_type.to_owned()));
    }
    if !is_list {
        bodies.push(("a list", json, b"[]".to_vec(), 400, not_object()));
    }
    bodies
}

#[tokio::test]
async fn with_what_is_no_body() {
    let (_app, host) = furnished(Engine::Sqlite).await;
    let authorization = format!("Bearer {}", host.token());
    let (before, mut faults) = (look_around(&host).await, Vec::new());
    for endpoint in endpoints::all().iter().filter(|endpoint| endpoint.reads != Reads::Nothing) {
        let path = filled(endpoint.path(), &[]);
        for (what, content_type, body, status, text) in bad_bodies(endpoint.reads) {
            let headers = [("authorization", authorization.as_str()), ("content-type", content_type)];
            let reply = send(&host, endpoint, &path, &headers, body).await;
            faults.extend(judged(&format!("{}, {what}", endpoint.route), &reply, status, &text));
        }
    }
    conclude(&host, before, faults).await;
}
