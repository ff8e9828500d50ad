//! `fanfare import` and `fanfare export` against a running server.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, process::Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Machine, Process, soon};

fn write(machine: &Machine, name: &str, text: impl AsRef<[u8]>) {
    std::fs::write(machine.folder.path().join(name), text).expect("written");
}

fn read(machine: &Machine, name: &str) -> String {
    std::fs::read_to_string(machine.folder.path().join(name)).expect("UTF-8")
}

async fn games(machine: &Machine) -> Vec<Value> {
    let games = machine.server.host().await.get("/api/games").await.expect(200);
    games.as_array().expect("a list").clone()
}

/// A session in which one game is on; the game's id.
async fn begin(machine: &Machine) -> Value {
    let host = machine.server.host().await;
    let session = host.post("/api/sessions", json!({})).await.expect(201);
    assert_eq!(session["id"], 1);
    let game = games(machine).await[0]["id"].clone();
    host.post("/api/sessions/1/games", json!({ "game_id": game })).await.expect(201);
    game
}

#[tokio::test]
async fn the_library_goes_out_and_comes_back() {
    let machine = Machine::start().await;
    let exported = machine.run(&["export"]).await;
    exported.is(0, "");
    assert_eq!(exported.output.lines().count(), 64, "a head and 63 games");

    let run = machine.run(&["export", "--out", "games.csv"]).await;
    assert_eq!((run.code, run.output.as_str()), (Some(0), ""), "{run:?}");
    assert_eq!(read(&machine, "games.csv"), exported.output);

    // What stands there is replaced at once or not at all: a link stays one, a pipe is written to.
    let at = |name: &str| machine.folder.path().join(name);
    std::os::unix::fs::symlink("games.csv", at("link.csv")).expect("a link");
    std::fs::set_permissions(at("games.csv"), Permissions::from_mode(0o640)).expect("it is ours");
    write(&machine, "games.csv", "old");
    let run = machine.run(&["export", "--out", "link.csv"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(read(&machine, "games.csv"), exported.output);
    assert!(at("link.csv").is_symlink());
    assert_eq!(at("games.csv").metadata().expect("it is there").permissions().mode() & 0o777, 0o640);
    let run = machine.run(&["export", "--out", "/dev/stdout"]).await;
    assert_eq!((run.code, &run.output), (Some(0), &exported.output), "{:?}", run.errors);
    let run = machine.run(&["export", "--out", "no/such/folder.csv"]).await;
    assert!(run.code == Some(1) && run.errors.contains("cannot write no/such/folder.csv: "), "{run:?}");
    let left: Vec<_> =
        std::fs::read_dir(at(".")).expect("a folder").map(|entry| entry.expect("read").file_name()).collect();
    assert_eq!(left.len(), 3, "the data, the file and the link: {left:?}");

    let before = games(&machine).await;
    let run = machine.run(&["import", "games.csv"]).await;
    run.is(0, "games.csv: 0 games imported, 63 skipped\n");
    assert_eq!(games(&machine).await, before);
}

#[tokio::test]
async fn a_file_with_refused_lines_is_imported_in_part_or_not_at_all() {
    let machine = Machine::start().await;
    let csv = "pack_name,title,min_players,max_players\nMine,One,1,2\nMine,Two,none,2\nMine,Three,1,2\n";
    write(&machine, "new.csv", csv);

    let run = machine.run(&["import", "new.csv"]).await;
    assert_eq!((run.code, run.output.as_str()), (Some(1), ""), "{run:?}");
    let lines: Vec<_> = run.errors.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("line 3: "), "{run:?}");
    assert_eq!(
        lines[1],
        "fanfare: new.csv: lines are refused, so nothing was imported; --partial imports the others"
    );
    assert_eq!(games(&machine).await.len(), 63);

    let run = machine.run_with(&["import", "-", "--partial"], &[], csv).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.errors.ends_with("\nstandard input: 2 games imported, 0 skipped, 1 refused\n"), "{run:?}");
    assert_eq!(games(&machine).await.len(), 65);

    let many = format!("{csv}{}", "Mine,Bad,none,2\n".repeat(150));
    let run = machine.run_with(&["import", "-", "--partial"], &[], &many).await;
    assert_eq!((run.code, run.errors.matches("\nline ").count()), (Some(0), 99), "{run:?}");
    let end = "\nand 51 more lines\nstandard input: 0 games imported, 2 skipped, 151 refused\n";
    assert!(run.errors.ends_with(end), "{run:?}");
    let bad = "pack_name,title,min_players,max_players\nMine,Two,none,2\n";
    let run = machine.run_with(&["import", "-", "--partial"], &[], bad).await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.errors.ends_with("\nfanfare: standard input: 0 games imported, 0 skipped, 1 refused\n"),
        "{run:?}"
    );

    write(&machine, "only.csv", "pack_name,title,min_players,max_players\nMine,Four,1,2\n");
    machine
        .run(&["import", "only.csv", "--mode", "replace"])
        .await
        .is(0, "only.csv: 1 games imported, 0 skipped\n");
    assert_eq!(games(&machine).await.len(), 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_counted() {
    let machine = Machine::start().await;
    begin(&machine).await;
    let message = |more: &str| {
        format!(r#"{{"username":"ann","message":"thisgame++{more}","timestamp":"2999-01-01T00:00:00Z"}}"#)
    };
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let log = [message(r"\ud83d"), message(r#"","more":1e400,"x":""#), deep, message("")].join(",");
    write(&machine, "log.json", format!("[{log}]"));
    machine.run(&["import", "--chat", "log.json", "--session", "1"]).await.is(
        0,
        "log.json: 4 messages, 1 votes found: 1 recorded, 0 duplicates, 0 outside of any game, 3 invalid\n",
    );
}

#[tokio::test]
async fn a_chat_log_is_imported_once_however_often_it_is_sent() {
    let machine = Machine::start().await;
    let game = begin(&machine).await;
    let vote = |name: &str, message: &str| json!({"username": name, "message": message, "timestamp": "2999-01-01T00:00:00Z"});
    let log = json!([
        vote("ann", "thisgame++"),
        vote("bob", "hello"),
        vote("cy", "thisgame--"),
        vote("ann", "thisgame++")
    ]);
    write(&machine, "log.json", log.to_string());
    let import = ["import", "--chat", "log.json", "--session", "1"];
    machine.run(&import).await.is(
        0,
        "log.json: 4 messages, 3 votes found: 2 recorded, 1 duplicates, 0 outside of any game, 0 invalid\n",
    );
    machine.run(&import).await.is(
        0,
        "log.json: 4 messages, 3 votes found: 0 recorded, 3 duplicates, 0 outside of any game, 0 invalid\n",
    );
    let row = machine.server.host().await.get(&format!("/api/games/{game}")).await.expect(200);
    assert_eq!((&row["upvotes"], &row["downvotes"]), (&json!(1), &json!(1)));

    let json = machine.run(&["export", "--session", "1", "--format", "json"]).await;
    json.is(0, "");
    serde_json::from_str::<Value>(&json.output).expect("JSON");
    let text = machine.run(&["export", "--session", "1"]).await;
    text.is(0, "");
    assert!(serde_json::from_str::<Value>(&text.output).is_err() && !text.output.is_empty(), "{text:?}");
}

#[tokio::test]
async fn a_session_that_is_not_there_is_1() {
    let machine = Machine::start().await;
    write(&machine, "log.json", "[]");
    let expected = format!("fanfare: http://{} answers: Session not found\n", machine.server.addr());
    machine.run(&["import", "--chat", "log.json", "--session", "9"]).await.is(1, &expected);
    machine.run(&["export", "--session", "9"]).await.is(1, &expected);
}

#[tokio::test]
async fn whoever_asks_must_be_somebody() {
    let machine = Machine::start().await;
    let url = format!("http://{}", machine.server.addr());
    for (environment, expected) in [
        (("FANFARE_ADMIN_KEY", "wrong"), format!("{url} refuses the admin key: Invalid admin key")),
        (("FANFARE_TOKEN", "wrong"), format!("{url} refuses the token: Invalid or expired token")),
        (
            ("FANFARE_JWT_SECRET", "another secret, as long as it is to be"),
            format!(
                "{url} refuses the secret of the data folder data: it runs on another one, or signs with \
                 another secret"
            ),
        ),
    ] {
        let run = machine.run_with(&["export"], &[environment], "").await;
        run.is(64, &format!("fanfare: {expected}\n"));
        assert_eq!(run.output, "");
    }
    let run = machine.run_with(&["export"], &[("FANFARE_ADMIN_KEY", Process::ADMIN_KEY)], "").await;
    run.is(0, "");
}

#[tokio::test]
async fn what_cannot_be_read_is_said_before_anybody_is_asked() {
    let machine = Machine::start().await;
    let nobody = [("FANFARE_SERVER", "http://127.0.0.1:9")];
    write(&machine, "latin1.csv", b"a\nna\xefve");
    write(&machine, "large.csv", "x".repeat(10 << 20));
    write(&machine, "log.json", "{}");
    for (arguments, code, expected) in [
        (&["import", "none.csv"][..], 64, "cannot read none.csv: there is no such file"),
        (&["import", "data"], 64, "cannot read data: it is a folder"),
        (&["import", "latin1.csv"], 1, "latin1.csv is not UTF-8: look at line 2, and save it as UTF-8"),
        (&["import", "large.csv"], 1, "large.csv is too large: at most 10 MiB can be imported"),
        (
            &["import", "--chat", "log.json", "--session", "1"],
            1,
            "log.json is no chat log, a JSON array of messages: missing field `chatData` at line 1 column 2",
        ),
    ] {
        let run = machine.run_with(arguments, &nobody, "").await;
        run.is(code, &format!("fanfare: {expected}\n"));
    }
    let run = machine.run_with(&["export"], &nobody, "").await;
    run.is(1, "fanfare: no server runs at http://127.0.0.1:9; `fanfare serve` starts one\n");
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_64() {
    let machine = Machine::start().await;
    for arguments in [
        &["import"][..],
        &["import", "a.csv", "--chat", "b.json", "--session", "1"],
        &["import", "--chat", "b.json"],
        &["import", "--chat", "b.json", "--session", "0"],
        &["import", "--chat", "b.json", "--session", "1", "--partial"],
        &["import", "--chat", "b.json", "--session", "1", "--mode", "append"],
        &["import", "a.csv", "--session", "1"],
        &["import", "a.csv", "--mode", "merge"],
        &["export", "--format", "json"],
        &["export", "--session", "1", "--format", "xml"],
        &["export", "--server", "nowhere"],
    ] {
        let run = machine.run(arguments).await;
        assert_eq!((run.code, run.output.as_str()), (Some(64), ""), "{arguments:?}: {run:?}");
        assert_eq!(run.errors.lines().count(), 1, "{arguments:?}: {run:?}");
    }
}

#[tokio::test]
async fn ctrl_c_ends_it_with_130() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("bound"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(["export", "--server", &url, "--token", "T"])
        .env_clear()
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs");
    let (_connection, _) = soon("the question", silent.accept()).await.expect("a connection");
    let pid = child.id().expect("running").to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().await.expect("kill runs").success());
    assert_eq!(soon("its end", child.wait()).await.expect("waited").code(), Some(130));
}
