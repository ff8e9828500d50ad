//! The documents say what the server does: every `bash` block with `curl` in it, in `README.md` and
//! `docs/`, is run with the real `curl`, and its output compared with the block behind it.
//!
//! - A page is a story: its blocks run in order, against a fresh server of their own.
//! - `http://localhost:5000` is that server; `$TOKEN` and `$ADMIN_KEY` are set.
//! - `<!-- setup: … -->` names something that happens before the next block; see [`set_up`].
//! - The output stands in the next block, as `json` or as `text`. A `curl` without one is an error.
//! - `json`: the same keys and values. Of ids (`id`, `…_id`, `…Id`), durations (`…_ms`, `…_s`), times and
//!   tokens only the kind must be the same. `…` in a text stands for anything, as the last item of a
//!   list for any more.
//! - `text`: the same lines, blanks at their ends apart. `…` stands for any part of a line, on a
//!   line of its own for any lines.
//!
//! And they are complete: every operation, event and setting stands in a table.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use fanfare_model::{Timestamp, event};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    story::game_named,
    support::{Client, Peer, TestApp, eventually, soon},
};

const ADDRESS: &str = "http://localhost:5000";
const ANYTHING: &str = "…";

/// A part of a page that something is done with.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    SetUp(String),
    /// The line where it begins, from 1, its language and its text.
    Block(usize, String, String),
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("<!-- setup:").and_then(|rest| rest.strip_suffix("-->")) {
            parts.push(Part::SetUp(name.trim().to_owned()));
        } else if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let text = inside.collect::<Vec<_>>().join("\n");
            parts.push(Part::Block(index + 1, language.to_owned(), text));
        }
    }
    parts
}

/// What a page may ask for before a block; a socket stays open until the page ends.
async fn set_up(name: &str, host: &Client) -> Option<Peer> {
    let add = |title: &'static str| async move {
        let game = game_named(host, title).await["id"].clone();
        let session = host.get("/api/sessions/active").await.expect(200)["id"].clone();
        let path = format!("/api/sessions/{session}/games");
        host.post(&path, json!({ "game_id": game })).await.expect(201);
    };
    match name {
        "a session" => {
            host.post("/api/sessions", json!({})).await.expect(201);
        }
        "a session with two games" => {
            host.post("/api/sessions", json!({})).await.expect(201);
            add("Earwax").await;
            add("Quiplash 3").await;
        }
        "a small library" => {
            let csv = "pack_name,title,min_players,max_players,enabled\n\
                       House Games,Charades,4,12,1\nHouse Games,Sketch It,3,8,0\n";
            let body = json!({"csvData": csv, "mode": "replace"});
            host.post("/api/games/import/csv", body).await.expect(200);
        }
        "a vote" => {
            let vote = json!({"username": "Ann", "vote": "up", "timestamp": "2099-01-01T20:30:00Z"});
            host.post("/api/votes/live", vote).await.expect(200);
        }
        "an app" => {
            let body = json!({"name": "Chat", "id": "chat", "key": "chat-key", "secret": "hush"});
            host.post("/api/apps", body).await.expect(201);
        }
        "a socket on a channel" => {
            let app = host.get("/api/apps/chat").await.expect(200);
            let mut peer = Peer::pusher(host.addr(), app["key"].as_str().expect("a key")).await;
            peer.subscribe("orders", None, None).await;
            return Some(peer);
        }
        "a game" => add("Quiplash 3").await,
        "a failed delivery" => {
            host.post("/api/sessions", json!({})).await.expect(201);
            add("Earwax").await;
            none_waits(host).await;
        }
        "the end of all deliveries" => none_waits(host).await,
        unknown => panic!("no setup is called {unknown:?}"),
    }
    None
}

/// Waits until nothing is to be sent to webhook 1.
async fn none_waits(host: &Client) {
    eventually("the end of all deliveries", || async {
        let pending = host.get("/api/webhooks/1/deliveries").await.expect(200);
        (pending == json!([])).then_some(())
    })
    .await;
}

/// What the block prints.
async fn output(script: &str, host: &Client, folder: &Path) -> Result<String, String> {
    let script = script.replace(ADDRESS, &format!("http://{}", host.addr()));
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder)
        .env_remove("http_proxy")
        .env("HOME", folder)
        .env("TOKEN", host.token())
        .env("ADMIN_KEY", TestApp::ADMIN_KEY)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = soon("the end of a block", bash.output()).await.map_err(|error| error.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    if output.status.success() { Ok(text) } else { Err(format!("{}: {errors}{text}", output.status)) }
}

async fn faults_of(path: &Path) -> Vec<String> {
    let page = fs::read_to_string(path).expect("UTF-8");
    let parts = parts(&page);
    let is_run = |part: &Part| matches!(part, Part::Block(_, language, text) if language == "bash" && text.contains("curl"));
    if !parts.iter().any(is_run) {
        return Vec::new();
    }
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (mut faults, mut peers) = (Vec::new(), Vec::new());
    for (index, part) in parts.iter().enumerate() {
        let (line, script) = match part {
            Part::SetUp(name) => {
                peers.extend(set_up(name, &host).await);
                continue;
            }
            Part::Block(line, _, script) if is_run(part) => (line, script),
            Part::Block(..) => continue,
        };
        let expected = parts[index + 1..].iter().find(|part| matches!(part, Part::Block(..)));
        let printed = output(script, &host, folder.path()).await;
        let fault = match (printed, expected) {
            (Err(error), _) => Some(error),
            (Ok(actual), Some(Part::Block(_, language, expected))) if language == "json" => {
                json_differs(expected, &actual)
            }
            (Ok(actual), Some(Part::Block(_, language, expected))) if language == "text" => {
                text_differs(expected, &actual)
            }
            (Ok(actual), _) => Some(format!("no output block follows; it printed {actual}")),
        };
        faults.extend(fault.map(|fault| format!("{}:{line}: {fault}", path.display())));
    }
    faults
}

fn json_differs(expected: &str, actual: &str) -> Option<String> {
    let read = |text: &str| serde_json::from_str(text).map_err(|error| format!("{error} in {text}"));
    let compared = read(expected).and_then(|expected| same(&expected, &read(actual)?, "", ""));
    compared.err().map(|fault| format!("{fault}\n  printed: {actual}"))
}

fn same(expected: &Value, actual: &Value, key: &str, at: &str) -> Result<(), String> {
    match (expected, actual) {
        (Value::Object(a), Value::Object(b)) => {
            let (names, others): (Vec<_>, Vec<_>) = (a.keys().collect(), b.keys().collect());
            if names != others {
                return Err(format!("at {at:?}: keys {names:?} expected, got {others:?}"));
            }
            a.iter().try_for_each(|(name, value)| same(value, &b[name], name, &format!("{at}/{name}")))
        }
        (Value::Array(a), Value::Array(b)) => {
            let open = a.last().is_some_and(|last| last == ANYTHING);
            let known = if open { &a[..a.len() - 1] } else { a };
            if b.len() < known.len() || b.len() > known.len() && !open {
                return Err(format!("at {at:?}: {} items expected, got {}", known.len(), b.len()));
            }
            let mut pairs = known.iter().zip(b).enumerate();
            pairs.try_for_each(|(index, (a, b))| same(a, b, key, &format!("{at}/{index}")))
        }
        (Value::String(a), Value::String(b)) => {
            let is_same = a == b || is_like(a, b) || is_time(a) && is_time(b) || key == "token";
            if is_same { Ok(()) } else { Err(format!("at {at:?}: {a:?} expected, got {b:?}")) }
        }
        (Value::Number(_), Value::Number(_)) if is_id(key) || is_duration(key) => Ok(()),
        (a, b) if a == b => Ok(()),
        (a, b) => Err(format!("at {at:?}: {a} expected, got {b}")),
    }
}

fn is_id(key: &str) -> bool {
    key == "id" || key.ends_with("_id") || key.ends_with("Id")
}

fn is_duration(key: &str) -> bool {
    key.ends_with("_ms") || key.ends_with("_s")
}

fn is_time(text: &str) -> bool {
    Timestamp::parse(text).is_ok()
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split(ANYTHING);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

fn text_differs(expected: &str, actual: &str) -> Option<String> {
    let lines =
        |text: &str| text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let is_same = same_lines(&lines(expected), &lines(actual));
    (!is_same).then(|| format!("expected\n{expected}\nprinted\n{actual}"))
}

fn same_lines(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((line, rest)) if line == ANYTHING => {
            (0..=actual.len()).any(|skipped| same_lines(rest, &actual[skipped..]))
        }
        Some((line, rest)) => actual
            .split_first()
            .is_some_and(|(first, others)| is_like(line, first) && same_lines(rest, others)),
    }
}

/// `README.md`, and every page under `docs`.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

#[tokio::test]
async fn every_example_does_what_its_page_says() {
    let mut faults = Vec::new();
    for page in pages() {
        faults.extend(faults_of(&page).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// The method and the path in a row of a table, `| GET | `/api/games/{id}` | …`.
fn operation(line: &str) -> Option<(String, String)> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let (method, path) = (cells.next()?, cells.next()?);
    let path = path.strip_prefix('`')?.strip_suffix('`')?;
    (path.starts_with('/') && method.bytes().all(|byte| byte.is_ascii_uppercase()))
        .then(|| (method.to_owned(), without_names(path)))
}

/// The path with all parameters called alike.
fn without_names(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_operation_stands_in_a_table_and_no_other_does() {
    let app = TestApp::spawn().await;
    let description = app.stranger().get("/openapi.json").await.expect(200);
    let paths = description["paths"].as_object().expect("paths");
    let served: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an object").keys();
            methods
                .filter(|key| *key != "parameters")
                .map(move |method| (method.to_uppercase(), without_names(path)))
        })
        .collect();
    let texts = pages().into_iter().map(|page| fs::read_to_string(page).expect("UTF-8"));
    let documented: BTreeSet<_> =
        texts.flat_map(|text| text.lines().filter_map(operation).collect::<Vec<_>>()).collect();
    assert!(served.len() > 50, "{}", served.len());
    assert_eq!(documented, served);
}

/// The names in the first cells of tables, without their backquotes.
fn first_cells(text: &str) -> BTreeSet<&str> {
    let cells = text.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    cells.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`')).collect()
}

fn page_text(name: &str) -> String {
    let path = pages().into_iter().find(|path| path.ends_with(name)).expect("a page");
    fs::read_to_string(path).expect("UTF-8")
}

#[test]
fn every_event_stands_in_the_table_of_events() {
    let text = page_text("docs/websocket.md");
    let documented = first_cells(&text);
    for kind in event::kind::ALL {
        assert!(documented.contains(kind), "{kind}");
    }
}

#[test]
fn every_setting_stands_in_a_table() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(["config", "print"])
        .env_clear()
        .output()
        .expect("the program runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let text = page_text("docs/running.md") + &page_text("docs/rooms.md");
    let documented = first_cells(&text);
    let (mut table, mut settings) = ("", 0);
    for line in printed.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = name;
        }
        let unset = || line.strip_prefix("# ")?.split_once(" is not set").map(|(name, _)| name);
        let Some(name) = line.split_once(" = ").map(|(name, _)| name).or_else(unset) else { continue };
        let name = if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
        assert!(documented.contains(name.as_str()), "{name}");
        settings += 1;
    }
    assert!(settings > 20, "{printed}");
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).expect("UTF-8");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let folder = page.parent().expect("a folder");
            let target = if file.is_empty() { page.clone() } else { folder.join(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            if !place.is_empty() {
                let text = fs::read_to_string(target).expect("UTF-8");
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|line| anchor(line) == place), "{}: {link}", page.display());
            }
        }
    }
}

#[test]
fn blocks_and_setups_are_found_in_order() {
    let page = "# A\n<!-- setup: a session -->\n```bash\ncurl x\n```\ntext\n\n```json\n{}\n```\n";
    let expected = [
        Part::SetUp("a session".into()),
        Part::Block(3, "bash".into(), "curl x".into()),
        Part::Block(8, "json".into(), "{}".into()),
    ];
    assert_eq!(parts(page), expected);
}

#[test]
fn outputs_are_compared_by_the_rules() {
    for (expected, actual, is_same) in [
        (r#"{"id":1}"#, r#"{"id":7}"#, true),
        (r#"{"session_id":1,"sessionId":2}"#, r#"{"session_id":3,"sessionId":4}"#, true),
        (r#"{"id":1}"#, r#"{"id":"1"}"#, false),
        (r#"{"n":1}"#, r#"{"n":2}"#, false),
        (r#"{"duration_ms":1}"#, r#"{"duration_ms":2}"#, true),
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
        (r#"{"a":null}"#, r#"{"a":0}"#, false),
        (r#"{"at":"2026-03-15T20:30:00.000Z"}"#, r#"{"at":"2027-01-01T00:00:00.000Z"}"#, true),
        (r#"{"at":"2026-03-15T20:30:00.000Z"}"#, r#"{"at":"now"}"#, false),
        (r#"{"token":"eyJ…"}"#, r#"{"token":"abc"}"#, true),
        (r#"["a","…"]"#, r#"["a","b","c"]"#, true),
        (r#"["a","…"]"#, r#"["a"]"#, true),
        (r#"["a"]"#, r#"["a","b"]"#, false),
        (r#""a…c""#, r#""abc""#, true),
        (r#""a…c""#, r#""abcd""#, false),
        ("{}", "not JSON", false),
    ] {
        assert_eq!(json_differs(expected, actual).is_none(), is_same, "{expected} and {actual}");
    }
    for (expected, actual, is_same) in [
        ("a\nb", "a \nb\n", true),
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…\nd", "a\nb\nc", false),
        ("HTTP/1.1 …", "HTTP/1.1 200 OK", true),
        ("a", "b", false),
    ] {
        assert_eq!(text_differs(expected, actual).is_none(), is_same, "{expected} and {actual}");
    }
}
