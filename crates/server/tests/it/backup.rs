//! `fanfare backup`, and starting again from what it made.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use fanfare_store::testing::{Hold, TestDatabase};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Client, Process, Receiver, Run, eventually, soon};

/// Clients that add games while a backup is made.
const CLIENTS: usize = 4;
/// Games that are there before it begins, at least.
const GAMES_BEFORE: usize = 200;

fn start(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .arg("backup")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs")
}

async fn run(folder: &Path, arguments: &[&str]) -> Run {
    soon("the end of a backup", start(folder, arguments).wait_with_output()).await.expect("it ran").into()
}

/// A data folder in which a server has been.
async fn used() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    Process::start(&folder.path().join("data"), &[]).await.kill().await;
    folder
}

pub(crate) async fn titles(host: &Client) -> BTreeSet<String> {
    let games = host.get("/api/games").await.expect(200);
    let games = games.as_array().expect("an array");
    games.iter().map(|game| game["title"].as_str().expect("a title").to_owned()).collect()
}

pub(crate) fn game(title: &str) -> serde_json::Value {
    json!({"pack_name": "Backups", "title": title, "min_players": 1, "max_players": 8})
}

/// What is left in the folder, the data folder apart.
fn left(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("readable").map(|file| file.expect("a file").file_name());
    names.map(|name| name.into_string().expect("UTF-8")).filter(|name| name != "data").collect()
}

#[tokio::test]
async fn what_was_accepted_before_a_backup_is_there_after_a_restore_and_is_delivered() {
    let folder = tempfile::tempdir().expect("a folder");
    let schedule = vec!["500"; 50].join(",");
    let envs = [("FANFARE_DELIVERY_RETRY_SCHEDULE_MS", schedule.as_str())];
    let server = Process::start(&folder.path().join("data"), &envs).await;
    let host = server.host().await;
    let mut receiver = Receiver::start().await;
    let addr = receiver.addr();
    receiver.register(&host, &["session.started"]).await;
    receiver.will_answer(&[500]);
    host.post("/api/sessions", json!({"notes": "the night"})).await.expect(201);
    let first = receiver.next().await;
    drop(receiver);

    let (accepted, stop) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(AtomicBool::new(false)));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (host, accepted, stop) = (host.clone(), accepted.clone(), stop.clone());
        clients.spawn(async move {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let title = format!("Client {client} Game {number}");
                host.post("/api/games", game(&title)).await.expect(201);
                accepted.lock().expect("no panic").insert(title);
                number += 1;
            }
        });
    }
    let count = || accepted.lock().expect("no panic").len();
    eventually("some games", async || (count() >= GAMES_BEFORE).then_some(())).await;
    let before = accepted.lock().expect("no panic").clone();
    let made = run(folder.path(), &["night.db"]).await;
    let after = count();
    eventually("more games", async || (count() > after).then_some(())).await;
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let copy = fs::metadata(folder.path().join("night.db")).expect("there");
    made.is(0, &format!("night.db: {} bytes written and checked\n", copy.len()));
    assert_eq!(copy.permissions().mode() & 0o777, 0o600);
    server.kill().await;

    let restored = folder.path().join("restored");
    fs::create_dir(&restored).expect("a folder");
    fs::copy(folder.path().join("night.db"), restored.join("fanfare.db")).expect("copied");
    let mut receiver = Receiver::start_on(addr).await;
    let server = Process::start(&restored, &envs).await;
    let again = receiver.next().await;
    assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(again.body, first.body);
    let stranger = Client::stranger(server.addr());
    stranger.with_token(host.token()).get("/api/webhooks").await.expect(403);
    let host = server.host().await;
    let titles = titles(&host).await;
    assert!(titles.is_superset(&before), "{:?}", before.difference(&titles));
    let ours = titles.iter().filter(|title| title.starts_with("Client")).cloned().collect::<BTreeSet<_>>();
    assert!(ours.is_subset(&accepted.lock().expect("no panic")), "nothing that nobody was promised");
    assert_eq!(host.get("/api/sessions/active").await.expect(200)["notes"], "the night");
    host.post("/api/games", game("And on it goes")).await.expect(201);
}

#[tokio::test]
async fn a_restore_into_the_same_folder_undoes_what_came_later_and_keeps_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Process::start(&data, &[]).await;
    let host = server.host().await;
    host.post("/api/games", game("Early")).await.expect(201);
    assert_eq!(run(folder.path(), &["night.db"]).await.code, Some(0));
    host.post("/api/games", game("Late")).await.expect(201);
    server.kill().await;
    // A log that a crash left behind is part of the other database.
    for name in ["fanfare.db-wal", "fanfare.db-shm"] {
        fs::remove_file(data.join(name)).expect("there");
    }
    fs::copy(folder.path().join("night.db"), data.join("fanfare.db")).expect("copied");
    let server = Process::start(&data, &[]).await;
    let host = Client::stranger(server.addr()).with_token(host.token());
    host.get("/api/webhooks").await.expect(200);
    let titles = titles(&host).await;
    assert!(titles.contains("Early") && !titles.contains("Late"), "{titles:?}");
}

#[tokio::test]
async fn a_file_that_is_there_stays_unless_it_may_be_replaced() {
    let folder = used().await;
    let (path, file) = (folder.path(), folder.path().join("night.db"));
    fs::write(&file, "a letter").expect("written");
    let refused = run(path, &["night.db"]).await;
    assert_eq!(refused.complaint(1), "night.db is there already; --force replaces it");
    assert_eq!(fs::read_to_string(&file).expect("there"), "a letter");

    let made = run(path, &["night.db", "--force"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(fs::read(&file).expect("there").starts_with(b"SQLite format 3\0"));
    assert_eq!(left(path), ["night.db"]);

    for (own, shown) in [("data/fanfare.db", "data/fanfare.db"), ("link.db", "link.db")] {
        if own == "link.db" {
            fs::hard_link(path.join("data/fanfare.db"), path.join(own)).expect("a link");
        }
        let refused = run(path, &[own, "--force"]).await;
        assert_eq!(refused.complaint(1), format!("{shown} belongs to the database itself"));
    }
    let refused = run(path, &["data", "--force"]).await;
    assert_eq!(refused.complaint(1), "data is there already and is no file");
    Process::start(&path.join("data"), &[]).await.host().await;
}

#[tokio::test]
async fn what_cannot_be_backed_up_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let missing = run(path, &["night.db"]).await;
    assert_eq!(missing.complaint(1), "there is no database data/fanfare.db");
    fs::create_dir(path.join("data")).expect("a folder");
    fs::write(path.join("data/fanfare.db"), "a letter".repeat(1_000)).expect("written");
    let other = run(path, &["night.db"]).await;
    assert_eq!(other.complaint(1), "data/fanfare.db is not a Fanfare database");
    let nowhere = run(path, &["no/such/folder/night.db"]).await;
    let complaint = nowhere.complaint(1);
    assert!(complaint.starts_with("cannot write no/such/folder/night.db: No such file"), "{complaint}");
    let postgres = run(path, &["night.db", "--database-url", "postgres://u:hush@127.0.0.1:1/d"]).await;
    let complaint = postgres.complaint(64);
    assert!(complaint.contains("pg_dump") && !complaint.contains("hush"), "{complaint}");
    assert_eq!(left(path), [""; 0]);
}

#[tokio::test]
async fn a_backup_that_is_interrupted_leaves_nothing() {
    let database = TestDatabase::sqlite();
    let fanfare_store::Location::Sqlite(file) = database.location() else { panic!("a file") };
    let data = file.parent().expect("a folder").to_str().expect("UTF-8").to_owned();
    database.open().0.close().await;
    let folder = tempfile::tempdir().expect("a folder");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        // It waits for somebody who keeps it from reading.
        let hold = Hold::everything(file);
        let child = start(folder.path(), &["night.db", "--data", &data]);
        let pid = child.id().expect("running").to_string();
        eventually("a draft", async || (!left(folder.path()).is_empty()).then_some(())).await;
        let killed = Command::new("kill").args(["-s", signal, &pid]).status().await.expect("kill runs");
        assert!(killed.success());
        let ended = soon("its end", child.wait_with_output()).await.expect("it ran");
        Run::from(ended).is(code, "fanfare: interrupted\n");
        assert_eq!(left(folder.path()), [""; 0], "{signal}");
        drop(hold);
    }
    let made = run(folder.path(), &["night.db", "--data", &data]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
}
