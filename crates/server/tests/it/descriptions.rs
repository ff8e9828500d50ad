//! What describes the API: the files, what the server serves, and the page that shows it.

use std::{io::Read, path::Path, process::Command};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::Value;

use crate::support::TestApp;

/// What `fanfare openapi` prints.
fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .arg("openapi")
        .args(arguments)
        .env_clear()
        .output()
        .expect("the program runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[tokio::test]
async fn the_files_are_what_is_printed_and_what_is_served() {
    let app = TestApp::spawn().await;
    for (file, arguments) in [("openapi.json", &[][..]), ("asyncapi.json", &["--asyncapi"])] {
        let text = printed(arguments);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
            std::fs::write(&path, &text).expect("written");
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(known == text, "{file} changed; if that is meant, run again with UPDATE_SNAPSHOTS=1");
        let reply = app.stranger().get(&format!("/{file}")).await;
        assert_eq!(reply.headers["content-type"], "application/json");
        let printed: Value = serde_json::from_str(&text).expect("JSON");
        assert!(reply.expect(200) == printed, "{file}");
    }
}

/// Fetches a file of the page as a browser does.
async fn fetch(app: &TestApp, path: &str) -> (String, String) {
    let request = Request::get(format!("http://{}{path}", app.addr())).header("accept-encoding", "gzip");
    let request = request.body(Full::<Bytes>::default()).expect("a request");
    let response = app.stranger().send_raw(request).await;
    assert_eq!(response.status(), 200, "{path}");
    let media_type = response.headers()["content-type"].to_str().expect("text").to_owned();
    let compressed = response.headers().get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    let mut text = String::new();
    if compressed {
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
    } else {
        text.push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
    }
    (media_type, text)
}

/// What stands between `start` and the next of `ends`, everywhere in `text`.
fn between<'a>(text: &'a str, start: &str, ends: &[char]) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(ends).next()).collect()
}

#[tokio::test]
async fn the_page_needs_no_other_host() {
    let app = TestApp::spawn().await;
    let (media_type, page) = fetch(&app, "/docs").await;
    assert_eq!(media_type, "text/html; charset=utf-8");
    let links = [between(&page, "src=\"", &['"']), between(&page, "href=\"", &['"'])].concat();
    assert_eq!(
        links,
        ["docs/swagger-ui-bundle.js", "docs/start.js", "data:,", "docs/swagger-ui.css", "openapi.json"]
    );
    for (file, expected) in [
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("start.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
    ] {
        let (media_type, text) = fetch(&app, &format!("/docs/{file}")).await;
        assert_eq!(media_type, expected);
        assert!(text.len() > 100, "{file}");
        if file == "swagger-ui.css" {
            assert!(!text.contains("@import"));
            for target in between(&text, "url(", &[')']) {
                assert!(target.trim_start_matches(['"', '\'']).starts_with("data:"), "{target}");
            }
        }
    }
    let reply = app.stranger().get("/docs").await;
    let policy = reply.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
    app.stranger().get("/docs/passwords.txt").await.expect(404);
    assert_eq!(app.stranger().get("/docs/").await.headers["location"], "../docs");
}
