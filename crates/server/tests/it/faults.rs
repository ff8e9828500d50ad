//! A machine at fault: a full disk, one that refuses, somebody else's lock, a clock that is set anew.
//! What was accepted is kept, what cannot be kept is refused, `/readyz` says why, and when it is over
//! the server goes on by itself.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    path::Path,
    process::Stdio,
    time::Duration,
};

use fanfare::timers::Clock;
use fanfare_model::Timestamp;
use fanfare_store::testing::Hold;
use rlimit::{INFINITY, Resource};
use serde_json::json;
use tokio::process::Command;

use crate::{
    backup::{game, titles},
    support::{Bot, Client, Engine, Process, Receiver, Run, TestApp, eventually},
};

/// The size of the disk that is filled; room for the database, its log and little else.
const DISK_BYTES: u32 = 8 << 20;
/// Requests before one must be refused.
const REQUESTS_MAX: usize = 2_000;
/// A write of a file beyond a limit fails instead of ending the process.
const SURVIVE_LIMITS: &str = "trap '' XFSZ; exec \"$@\"";

/// Adds games until one is refused; remembers the accepted ones and returns the refused one.
async fn add_until_refused(host: &Client, accepted: &mut BTreeSet<String>) -> String {
    for _ in 0..REQUESTS_MAX {
        let title = format!("Game {}", accepted.len());
        let reply = host.post("/api/games", game(&title)).await;
        if reply.status == 503 {
            let body = json!({"error": "Something went wrong!", "message": "The database is unavailable"});
            assert_eq!(reply.json(), body);
            return title;
        }
        reply.expect(201);
        accepted.insert(title);
    }
    panic!("nothing was refused");
}

/// Takes a server through a fault: `begin` and `end` make it and mend it, `says` is what `/readyz` has
/// to say meanwhile. Returns the titles of all games that were accepted.
async fn ordeal(
    server: &Process,
    mut begin: impl FnMut(),
    mut end: impl FnMut(),
    says: &str,
) -> BTreeSet<String> {
    let (host, stranger) = (server.host().await, Client::stranger(server.addr()));
    let mut receiver = Receiver::start().await;
    receiver.register(&host, &["session.started", "session.ended"]).await;
    let mut bot = Bot::connect(server.addr()).await;
    bot.sign_in(host.token()).await;
    let mut accepted = BTreeSet::new();
    for round in 0..2 {
        begin();
        let refused = add_until_refused(&host, &mut accepted).await;
        eventually("a server that is not ready", async || {
            let reply = stranger.get("/readyz").await;
            if reply.status == 200 {
                // A little may still have fitted; what came last counts.
                host.post("/api/games", game(&refused)).await;
            }
            (reply.status == 503 && reply.json() == json!({ "error": says })).then_some(())
        })
        .await;
        let meanwhile = titles(&stranger).await;
        assert!(meanwhile.is_superset(&accepted), "all that was accepted can be read");
        if meanwhile.contains(&refused) {
            accepted.insert(refused);
        }
        bot.hears_nothing().await;

        end();
        eventually("a server that is ready", async || {
            (stranger.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        let title = format!("After {round}");
        host.post("/api/games", game(&title)).await.expect(201);
        accepted.insert(title);
        let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
        assert_eq!(bot.hear().await["type"], "session.started");
        assert_eq!(receiver.next().await.json()["event"], "session.started");
        host.post(&format!("/api/sessions/{session}/close"), json!({})).await.expect(200);
        assert_eq!(receiver.next().await.json()["event"], "session.ended");
    }
    accepted
}

/// Starts a server on this folder and compares what is there with what was accepted.
async fn nothing_else_is_kept(data: &Path, accepted: &BTreeSet<String>) {
    let server = Process::start(data, &[]).await;
    let kept = titles(&server.host().await).await;
    let ours = |title: &String| title.starts_with("Game ") || title.starts_with("After ");
    assert_eq!(kept.into_iter().filter(ours).collect::<BTreeSet<_>>(), *accepted);
}

/// A script that runs a program with a small disk of its own at `$DISK`, gone when the program ends;
/// none where the system does not let us.
async fn with_a_small_disk(disk: &Path) -> Option<String> {
    let mount = format!("mount -t tmpfs -o size={DISK_BYTES} tmpfs '{}'", disk.display());
    let script =
        format!("exec unshare --map-root-user --mount sh -c \"{mount} && exec \\\"\\$@\\\"\" sh \"$@\"");
    let mut tried = Command::new("sh");
    tried.args(["-c", &script, "sh", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    tried.status().await.is_ok_and(|status| status.success()).then_some(script)
}

#[tokio::test]
async fn a_full_disk_refuses_what_it_cannot_keep_until_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let Some(script) = with_a_small_disk(&disk).await else {
        // Where no disk can be mounted, one that refuses has to do: see the next test.
        return refusing_disk().await;
    };
    let data = disk.join("data");
    let server = Process::start_in(&script, &data).await;
    let filler = server.sees(&disk.join("filler"));
    let fill = || {
        let mut file = File::create(&filler).expect("a file");
        for size in [64 << 10, 4 << 10, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    };
    let accepted =
        ordeal(&server, fill, || fs::remove_file(&filler).expect("there"), "The disk is full").await;
    // The disk is gone with the process: what it holds is saved from a standstill, as a crash leaves it.
    let saved = folder.path().join("saved");
    fs::create_dir(&saved).expect("a folder");
    server.signal("STOP").await;
    for name in ["fanfare.db", "fanfare.db-wal"] {
        fs::copy(server.sees(&data.join(name)), saved.join(name)).expect("copied");
    }
    server.kill().await;
    nothing_else_is_kept(&saved, &accepted).await;
}

#[tokio::test]
async fn a_disk_that_refuses_is_outlasted() {
    refusing_disk().await;
}

/// Every write to a file fails, as on a disk that is broken or was made read-only.
async fn refusing_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start_in(SURVIVE_LIMITS, folder.path()).await;
    let pid = i32::try_from(server.id()).expect("a process id");
    let allow =
        |bytes| rlimit::prlimit(pid, Resource::FSIZE, Some((bytes, INFINITY)), None).expect("allowed");
    let says = "The database cannot be written";
    let accepted = ordeal(&server, || allow(0), || allow(INFINITY), says).await;
    server.kill().await;
    nothing_else_is_kept(folder.path(), &accepted).await;
}

#[tokio::test]
async fn somebody_elses_lock_is_outlasted() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(folder.path(), &[]).await;
    let file = folder.path().join("fanfare.db");
    let hold = std::cell::RefCell::new(None);
    let accepted = ordeal(
        &server,
        || *hold.borrow_mut() = Some(Hold::writing(&file)),
        || *hold.borrow_mut() = None,
        "Another process keeps the database locked",
    )
    .await;
    server.kill().await;
    nothing_else_is_kept(folder.path(), &accepted).await;
}

#[tokio::test]
async fn nothing_is_accepted_into_a_file_that_is_not_in_its_place() {
    for name in ["fanfare.db", "fanfare.db-wal"] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Process::start(folder.path(), &[]).await;
        let (file, aside) = (folder.path().join(name), folder.path().join("aside"));
        let accepted = ordeal(
            &server,
            || fs::rename(&file, &aside).expect("renamed"),
            || fs::rename(&aside, &file).expect("renamed"),
            "The database was moved or replaced",
        )
        .await;
        server.kill().await;
        nothing_else_is_kept(folder.path(), &accepted).await;
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_one_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(["--listen", "127.0.0.1:0", "--data", "/sys"])
        .env_clear()
        .output()
        .await
        .expect("the program runs");
    let run = Run::from(output);
    let complaint = run.complaint(1);
    assert!(complaint.starts_with("cannot use /sys/fanfare.lock: "), "{complaint}");
}

#[tokio::test]
async fn who_asks_often_whether_it_is_ready_seldom_writes() {
    const ROUNDS: u64 = 4;
    const HOUSEKEEPING: u64 = 3;
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let app = TestApp::spawn_with(engine, clock.clone(), |_| {}).await;
        let commits = async || {
            let metrics = app.host().await.get("/metrics").await.text;
            let count = metrics.lines().find_map(|line| line.strip_prefix("fanfare_commit_jobs_count "));
            count.expect("the figure").parse::<u64>().expect("a number")
        };
        let before = commits().await;
        for passes_ms in (0..ROUNDS).flat_map(|_| [9_999, 1]) {
            clock.advance(Duration::from_millis(passes_ms));
            let stranger = app.stranger();
            let asked = futures_util::future::join_all((0..5).map(|_| stranger.get("/readyz"))).await;
            for reply in asked {
                reply.expect(200);
            }
        }
        let written = commits().await - before;
        // The first commits of housekeeping may come late, and are as good as an attempt.
        assert!((ROUNDS..=ROUNDS + HOUSEKEEPING).contains(&written), "{written} times on {engine:?}");
    }
}

#[tokio::test]
async fn an_idle_server_notices_that_it_cannot_write() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let app = TestApp::spawn_with(Engine::Sqlite, clock.clone(), |_| {}).await;
    let hold = Hold::writing(&app.data().join("fanfare.db"));
    app.stranger().get("/readyz").await.expect(200);
    clock.advance(Duration::from_secs(10));
    let locked = json!({"error": "Another process keeps the database locked"});
    assert_eq!(app.stranger().get("/readyz").await.expect(503), locked);
    drop(hold);
    assert_eq!(app.stranger().get("/readyz").await.expect(503), locked, "it does not try all the time");
    clock.advance(Duration::from_secs(1));
    app.stranger().get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_clock_that_is_set_anew_disturbs_nobody() {
    const HOUR_MS: i64 = 3_600_000;
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let app = TestApp::spawn_with(Engine::Sqlite, clock.clone(), |_| {}).await;
    let (host, stranger) = (app.host().await, app.stranger());
    let mut receiver = Receiver::start().await;
    receiver.register(&host, &["game.added"]).await;
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let mut bot = app.bot().await;
    bot.subscribe(&session).await;
    let path = format!("/api/sessions/{session}/games");
    for (number, by_ms) in [0, -HOUR_MS, HOUR_MS, HOUR_MS, -HOUR_MS].into_iter().enumerate() {
        clock.step(by_ms);
        clock.advance(Duration::from_millis(1));
        stranger.get("/readyz").await.expect(200);
        host.post(&path, json!({"game_id": number + 1})).await.expect(201);
        let heard = bot.hear().await;
        assert_eq!((&heard["type"], &heard["seq"]), (&json!("game.added"), &json!(number + 2)), "{by_ms}");
        let delivered = receiver.next().await.json();
        assert_eq!(delivered["event"], "game.added", "{by_ms}");
    }
    let games = host.get(&path).await.expect(200);
    assert_eq!(games.as_array().map(Vec::len), Some(5));
}
