//! `fanfare app` against a running server.

use serde_json::{Value, json};

use crate::support::{Machine, Run};

async fn app(machine: &Machine, arguments: &[&str]) -> Run {
    machine.run(&[&["app"], arguments].concat()).await
}

#[tokio::test]
async fn an_app_is_made_listed_and_deleted() {
    let machine = Machine::start().await;
    let limits = "--connections-max 5 --data-max-bytes 1000 --no-client-events --subscription-counts";
    let mut arguments = vec!["create", "Chat rooms", "--id", "chat", "--key", "chat-key"];
    arguments.extend(limits.split(' '));
    let run = app(&machine, &arguments).await;
    run.is(0, "app chat was made; its id, key and secret follow, and the secret is not shown again\n");
    let parts: Vec<&str> = run.output.trim_end().split(':').collect();
    assert_eq!((&parts[..2], parts[2].len()), (&["chat", "chat-key"][..], 64), "{}", run.output);

    let host = machine.server.host().await;
    let made = host.get("/api/apps/chat").await.expect(200);
    let (counts, events) = (&made["subscription_counts"], &made["client_events"]);
    assert_eq!((&made["connections_max"], counts, events), (&json!(5), &json!(true), &json!(false)));
    let run = app(&machine, &["list"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines: Vec<&str> = run.output.lines().collect();
    assert!(lines[0].starts_with("ID ") && lines[1].contains("  default  default     -"), "{}", run.output);
    let limits = "connections_max=5 data_max_bytes=1000 client_events=false subscription_counts=true";
    assert!(lines[2].starts_with("chat ") && lines[2].ends_with(&format!("-        Chat rooms  {limits}")));
    let run = app(&machine, &["list", "--json"]).await;
    let listed: Value = serde_json::from_str(&run.output).expect("JSON");
    assert_eq!(listed, host.get("/api/apps").await.expect(200));

    app(&machine, &["delete", "chat"]).await.is(0, "app chat was deleted\n");
    host.get("/api/apps/chat").await.expect(404);
}

#[tokio::test]
async fn a_new_secret_is_printed_once() {
    let machine = Machine::start().await;
    let made = app(&machine, &["create", "Chat", "--id", "chat", "--secret", "hush"]).await;
    assert!(made.output.ends_with(":hush\n"), "{made:?}");
    let run = app(&machine, &["rotate", "chat"]).await;
    assert_eq!((run.code, run.output.trim().len()), (Some(0), 64), "{run:?}");
    let (before, until) = run.errors.trim_end().split_once(" until ").expect("a time");
    let expected =
        "the new secret of app chat follows, which is not shown again; the old one is taken beside it";
    assert_eq!(before, expected);
    assert!(fanfare_model::Timestamp::parse(until).is_ok(), "{until}");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_in_a_line() {
    let machine = Machine::start().await;
    let base = format!("http://{}", machine.server.addr());
    for verb in ["rotate", "delete"] {
        let run = app(&machine, &[verb, "7"]).await;
        assert_eq!(run.complaint(1), format!("{base} answers: App not found"), "{verb}");
    }
    let default = machine.server.host().await.get("/api/apps").await.expect(200)[0]["id"].clone();
    let run = app(&machine, &["delete", default.as_str().expect("a text")]).await;
    assert_eq!(run.complaint(1), format!("{base} answers: The default app cannot be deleted"));
    let run = app(&machine, &["create", "a", "--key", "a:b"]).await;
    let expected = format!("{base} answers: key must be 1 to 64 of the characters A-Z a-z 0-9 _ -");
    assert_eq!(run.complaint(1), expected);
    for arguments in [&["create"][..], &["delete", "a/b"], &["create", "a", "--members-max", "-1"], &[]] {
        app(&machine, arguments).await.complaint(64);
    }
}
