//! How the dashboard's pages and files are served; what is in them, browsers test.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request};
use serde_json::json;

use crate::support::TestApp;

const PAGES: [&str; 15] = [
    "/",
    "/tv",
    "/pick",
    "/session",
    "/session/3",
    "/library",
    "/history",
    "/history/12",
    "/statistics",
    "/webhooks",
    "/webhooks/1",
    "/live",
    "/connections",
    "/sign-in",
    "/welcome",
];

struct Fetched {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Fetched {
    /// The header's value; empty when it is not there.
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

async fn fetch(app: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Fetched {
    let mut request = Request::builder().method(method).uri(format!("http://{}{path}", app.addr()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::default()).expect("a request");
    let (head, body) = app.stranger().send_raw(request).await.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Fetched { status: head.status.as_u16(), headers: head.headers, body }
}

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Fetched {
    fetch(app, Method::GET, path, headers).await
}

/// The paths that a page names in `src` and `href`.
fn links(page: &str) -> Vec<&str> {
    let after = |mark| page.split(mark).skip(1).filter_map(|rest: &str| rest.split('"').next());
    after("src=\"").chain(after("href=\"")).collect()
}

/// A script of the first page.
async fn script(app: &TestApp) -> String {
    let page = get(app, "/", &[]).await;
    let script = links(page.text()).into_iter().find(|link| {
        link.starts_with("/assets/") && std::path::Path::new(link).extension().is_some_and(|end| end == "js")
    });
    script.expect("the page has a script").to_owned()
}

#[tokio::test]
async fn every_page_is_the_same_file_under_a_strict_policy() {
    let app = TestApp::spawn().await;
    let first = get(&app, "/", &[]).await;
    for path in PAGES {
        let page = get(&app, path, &[]).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.body == first.body, "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
    }
    let overlay = get(&app, "/overlay", &[]).await;
    assert_eq!((overlay.status, overlay.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(overlay.body != first.body, "the overlay is a page of its own");
    assert_eq!(overlay.header("content-security-policy"), first.header("content-security-policy"));
}

#[tokio::test]
async fn pages_have_nothing_that_the_policy_forbids_and_all_that_they_name() {
    let app = TestApp::spawn().await;
    for path in ["/", "/overlay"] {
        let page = get(&app, path, &[]).await;
        let text = page.text();
        assert!(!text.contains("<style") && !text.contains(" style="), "{text}");
        assert_eq!(text.matches("<script").count(), text.matches(" src=\"/assets/").count(), "{text}");
        for link in links(text) {
            let file = get(&app, link, &[]).await;
            assert_eq!(file.status, 200, "{link}");
            let keep = if link.starts_with("/assets/") {
                "public, max-age=31536000, immutable"
            } else {
                "public, max-age=3600"
            };
            assert_eq!(file.header("cache-control"), keep, "{link}");
            assert_eq!(file.header("x-content-type-options"), "nosniff");
            let expected = match link.rsplit('.').next() {
                Some("js") => "text/javascript; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("svg") => "image/svg+xml",
                _ => panic!("{link} is of a kind that nobody thought of"),
            };
            assert_eq!(file.header("content-type"), expected, "{link}");
        }
    }
}

#[tokio::test]
async fn a_file_comes_in_the_encoding_that_the_client_likes_best() {
    let app = TestApp::spawn().await;
    let script = script(&app).await;
    let mut tags = Vec::new();
    let mut sizes = Vec::new();
    for (accepted, expected) in
        [("br, gzip", "br"), ("br;q=0.5, gzip", "gzip"), ("gzip;q=0, br;q=0", ""), ("identity", "")]
    {
        let file = get(&app, &script, &[("accept-encoding", accepted)]).await;
        assert_eq!((file.status, file.header("content-encoding")), (200, expected), "{accepted}");
        assert_eq!(file.header("vary"), "accept-encoding");
        assert_eq!(file.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(file.header("content-length"), file.body.len().to_string());
        tags.push(file.header("etag").to_owned());
        sizes.push(file.body.len());
        if expected == "gzip" {
            let mut text = String::new();
            GzDecoder::new(&file.body[..]).read_to_string(&mut text).expect("gzip");
            assert!(text == get(&app, &script, &[]).await.text());
        }
    }
    assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[2] == tags[3], "{tags:?}");
    // The compressed files have no addresses of their own.
    for suffix in [".br", ".gz"] {
        assert_eq!(get(&app, &format!("{script}{suffix}"), &[]).await.status, 404);
    }
}

#[tokio::test]
async fn who_has_a_file_is_not_sent_it_again() {
    let app = TestApp::spawn().await;
    for path in ["/", "/overlay", "/favicon.svg", &script(&app).await] {
        let first = get(&app, path, &[("accept-encoding", "br")]).await;
        let tag = first.header("etag");
        assert!(tag.len() > 20 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for known in [tag, "*", &format!("\"other\", W/{tag}")] {
            let headers = [("accept-encoding", "br"), ("if-none-match", known)];
            let again = get(&app, path, &headers).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
            // A browser puts these in the place of those that it has.
            for name in ["etag", "cache-control", "vary", "content-security-policy", "x-content-type-options"]
            {
                assert_eq!(again.header(name), first.header(name), "{name} of {path}");
            }
            let head = fetch(&app, Method::HEAD, path, &headers).await;
            assert_eq!(head.status, 304);
        }
        let changed = get(&app, path, &[("accept-encoding", "br"), ("if-none-match", "\"other\"")]).await;
        assert_eq!((changed.status, changed.body), (200, first.body.clone()));
        let plain = get(&app, path, &[("if-none-match", tag)]).await;
        assert_eq!(plain.status, 200, "another encoding is another file");
    }
}

#[tokio::test]
async fn asking_for_the_head_alone_brings_the_same_headers() {
    let app = TestApp::spawn().await;
    for path in ["/", "/overlay", &script(&app).await] {
        let headers = [("accept-encoding", "gzip")];
        let (whole, head) =
            (get(&app, path, &headers).await, fetch(&app, Method::HEAD, path, &headers).await);
        assert_eq!((head.status, head.body.len()), (200, 0));
        for name in ["content-length", "content-encoding", "content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), whole.header(name), "{name} of {path}");
        }
        let put = fetch(&app, Method::PUT, path, &[]).await;
        assert_eq!((put.status, put.header("allow")), (405, "GET,HEAD"), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_as_everywhere() {
    let app = TestApp::spawn().await;
    let unknown = app.stranger().get("/nowhere").await;
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/app/some-key/nothing",
        "/apps/nothing",
        "/docs/nothing",
        "/assets/",
        "/assets/nothing-12345678.js",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
    ] {
        let refused = get(&app, path, &[("accept", "text/html")]).await;
        assert_eq!((refused.status, refused.text()), (404, unknown.text.as_str()), "{path}");
    }
    for path in [
        "/nowhere",
        "/index.html",
        "/overlay.html",
        "/stamp",
        "/tv/",
        "/session/three",
        "/session/3/games",
        "/history/-1",
        "/webhooks/1/deliveries",
    ] {
        let refused = get(&app, path, &[("accept", "application/json, */*")]).await;
        assert_eq!((refused.status, refused.text()), (404, unknown.text.as_str()), "{path}");
        assert_eq!(refused.header("cache-control"), "no-store");
        assert_eq!(refused.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    }
    assert_eq!(fetch(&app, Method::POST, "/nowhere", &[("accept", "text/html")]).await.text(), unknown.text);
    // What was there before it still is.
    assert_eq!(get(&app, "/api/webhooks", &[]).await.status, 401);
    assert_eq!(get(&app, "/app/some-key", &[]).await.status, 426);
    let docs = get(&app, "/docs", &[]).await;
    assert!(docs.header("content-security-policy").contains("'unsafe-inline'"), "a policy of its own");
    let described = app.stranger().get("/openapi.json").await.expect(200);
    assert_eq!(described["paths"].get("/"), None);
    assert_eq!(
        described["paths"].get("/docs").map(|docs| docs["get"]["operationId"].clone()),
        Some(json!("docs"))
    );
}

#[tokio::test]
async fn who_goes_to_an_unknown_address_reads_so_on_a_page() {
    let app = TestApp::spawn().await;
    let first = get(&app, "/", &[]).await;
    let accept = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    for path in ["/nowhere", "/tv/", "/history/abc", "/session/3/games", "/apiary"] {
        let page = get(&app, path, &[accept, ("if-none-match", "*")]).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert!(page.body == first.body, "{path}");
        assert_eq!((page.header("cache-control"), page.header("etag")), ("no-store", ""));
        assert_eq!(page.header("content-security-policy"), first.header("content-security-policy"));
        let head = fetch(&app, Method::HEAD, path, &[accept]).await;
        assert_eq!((head.status, head.body.len()), (404, 0), "{path}");
    }
}
