//! `fanfare webhook` against a running server.

use serde_json::{Value, json};

use crate::support::{Machine, Receiver, Run};

async fn webhook(machine: &Machine, arguments: &[&str]) -> Run {
    machine.run(&[&["webhook"], arguments].concat()).await
}

/// What is printed by a run that works.
#[track_caller]
fn works(run: Run) -> String {
    assert_eq!(run.code, Some(0), "{run:?}");
    run.output
}

/// The cells of a table's rows, its head left out; cells are apart by two spaces or more.
fn cells(table: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        line.split("  ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
    };
    table.lines().skip(1).map(cells).collect()
}

#[tokio::test]
async fn webhooks_are_added_and_listed() {
    let machine = Machine::start().await;
    let mut receiver = Receiver::start().await;
    let url = receiver.url();
    let run = webhook(&machine, &["add", &url, "--event", "session.started", "--event", "game.*"]).await;
    run.is(0, "webhook 1 was added\nits secret follows; it is not shown again\n");
    let secret = run.output.trim().to_owned();
    assert_eq!(secret.len(), 64, "32 bytes: {secret}");
    let rest = "--secret mysecret123 --name bot --ordering session --method put --format slack";
    let mut arguments =
        vec!["add", "http://127.0.0.1:9/", "--event", "none", "--header", "X-Room: living: room "];
    arguments.extend(rest.split(' '));
    let run = webhook(&machine, &arguments).await;
    run.is(0, "webhook 2 was added\n");
    assert_eq!(run.output, "", "who brings a secret knows it");

    let host = machine.server.host().await;
    let second = host.get("/api/webhooks/2").await.expect(200);
    for (name, expected) in [("name", "bot"), ("ordering", "session"), ("method", "PUT"), ("format", "slack")]
    {
        assert_eq!(second[name], expected);
    }
    assert_eq!(second["headers"], json!({"X-Room": "***"}));
    host.post("/api/sessions", json!({})).await.expect(201);
    let request = receiver.next().await;
    let signature = fanfare_model::signature::brief_header(&secret, &request.body);
    assert_eq!(request.header("x-webhook-signature"), signature, "it is the secret that was printed");

    host.patch("/api/webhooks/2", json!({"enabled": false})).await.expect(200);
    let table = works(webhook(&machine, &["list"]).await);
    assert!(table.starts_with("ID  NAME"), "{table}");
    let expected = [
        ["1", &url, "enabled", "session.started game.*", &url],
        ["2", "bot", "disabled", "none", "http://127.0.0.1:9/"],
    ];
    assert_eq!(cells(&table), expected);
    let listed = works(webhook(&machine, &["list", "--json"]).await);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed, host.get("/api/webhooks").await.expect(200));

    host.post("/api/apps", json!({"name": "Shop", "id": "shop"})).await.expect(201);
    let arguments =
        ["add", "http://127.0.0.1:9/", "--event", "member_added", "--app", "shop", "--format", "pusher"];
    works(webhook(&machine, &arguments).await);
    let third = host.get("/api/webhooks/3").await.expect(200);
    assert_eq!((&third["app"], &third["format"]), (&json!("shop"), &json!("pusher")));
}

#[tokio::test]
async fn a_test_is_awaited_and_the_log_is_read() {
    let machine = Machine::start().await;
    let mut receiver = Receiver::start().await;
    works(webhook(&machine, &["add", &receiver.url(), "--event", "*"]).await);
    let run = webhook(&machine, &["test", "1"]).await;
    run.is(0, "a test is on its way\n");
    let row = cells(&run.output).remove(0);
    assert_eq!((row[1].as_str(), row[2].as_str(), row[4].as_str()), ("game.added", "1", "-"));
    assert_eq!(row[5], "HTTP 200");
    assert_eq!(receiver.next().await.header("x-webhook-event"), "game.added");

    receiver.will_answer(&[503]);
    let run = webhook(&machine, &["test", "1"]).await;
    run.is(1, "a test is on its way\nfanfare: the test of webhook 1 failed: HTTP 503\n");
    let row = cells(&run.output).remove(0);
    assert_eq!(row[5], "HTTP 503");
    assert!(row[4].ends_with('Z'), "it is tried again: {row:?}");

    let log = cells(&works(webhook(&machine, &["logs", "1"]).await));
    assert_eq!(log.iter().map(|row| row[5].as_str()).collect::<Vec<_>>(), ["HTTP 503", "HTTP 200"]);
    let newest = works(webhook(&machine, &["logs", "1", "--limit", "1", "--json"]).await);
    let newest: Value = serde_json::from_str(&newest).expect("JSON");
    assert_eq!((newest.as_array().map(Vec::len), &newest[0]["response_status"]), (Some(1), &json!(503)));
}

#[tokio::test]
async fn what_was_missed_is_counted_and_sent() {
    let machine = Machine::start().await;
    let mut receiver = Receiver::start().await;
    let host = machine.server.host().await;
    host.post("/api/sessions", json!({})).await.expect(201);
    works(webhook(&machine, &["add", &receiver.url(), "--event", "session.*"]).await);
    let run = webhook(&machine, &["replay", "1", "missed", "--dry-run"]).await;
    run.is(0, "deliveries that would be sent again:\n");
    assert_eq!(run.output, "1\n");
    let early =
        ["replay", "1", "missed", "--until", "2026-01-01T00:00:00Z", "--since", "2025-01-01T00:00:00Z"];
    assert_eq!(works(webhook(&machine, &early).await), "0\n");
    assert!(receiver.is_quiet());
    let run = webhook(&machine, &["replay", "1", "missed"]).await;
    run.is(0, "deliveries that are sent again:\n");
    assert_eq!(run.output, "1\n");
    assert_eq!(receiver.next().await.header("x-webhook-event"), "session.started");
    for which in ["failed", "held"] {
        assert_eq!(works(webhook(&machine, &["replay", "1", which]).await), "0\n");
    }
}

#[tokio::test]
async fn a_new_secret_is_printed_once_and_the_old_one_signs_beside_it() {
    let machine = Machine::start().await;
    let mut receiver = Receiver::start().await;
    works(webhook(&machine, &["add", &receiver.url(), "--event", "*", "--secret", "old"]).await);
    let run = webhook(&machine, &["rotate", "1"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let (before, until) = run.errors.trim_end().split_once(" until ").expect("a time");
    assert_eq!(
        before,
        "the new secret of webhook 1 follows, which is not shown again; the old one signs beside it"
    );
    assert!(fanfare_model::Timestamp::parse(until).is_ok(), "{until}");
    let secret = run.output.trim();
    assert_eq!(secret.len(), 64);
    machine.server.host().await.post("/api/sessions", json!({})).await.expect(201);
    let request = receiver.next().await;
    let signature = fanfare_model::signature::brief_header(secret, &request.body);
    assert_eq!(request.header("x-webhook-signature"), signature);
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2, "both sign");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_in_a_line() {
    let machine = Machine::start().await;
    let base = format!("http://{}", machine.server.addr());
    for verb in ["test", "logs", "rotate"] {
        let run = webhook(&machine, &[verb, "7"]).await;
        assert_eq!(run.complaint(1), format!("{base} answers: Webhook not found"), "{verb}");
    }
    let run = webhook(&machine, &["replay", "7", "failed"]).await;
    assert_eq!(run.complaint(1), format!("{base} answers: Webhook not found"));
    let run = webhook(&machine, &["add", "nowhere", "--event", "*"]).await;
    assert_eq!(run.complaint(1), format!("{base} answers: Invalid URL format"));
    let run = webhook(&machine, &["add", "http://a/", "--event", "*", "--header", "Host: b"]).await;
    assert_eq!(run.complaint(1), format!("{base} answers: headers: Host is set by the server"));
    for arguments in [
        &["add", "http://a/"][..],
        &["add", "http://a/", "--event", "*", "--header", "no colon"],
        &["add", "http://a/", "--event", "*", "--ordering", "lifo"],
        &["add", "http://a/", "--event", "*", "--method", "GET"],
        &["logs", "1", "--limit", "501"],
        &["logs", "0"],
        &["replay", "1", "all"],
        &["replay", "1", "held", "--since", "yesterday"],
        &[],
    ] {
        webhook(&machine, arguments).await.complaint(64);
    }
}
