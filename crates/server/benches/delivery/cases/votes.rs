//! Votes beside long work: nothing holds the writer so long that somebody who votes would notice.

use std::{fmt::Write as _, time::Duration};

use fanfare_model::Timestamp;
use fanfare_store::testing::fill::{self, Filling};
use futures_util::future::join;
use serde_json::{Value, json};

use crate::{
    clock, figures,
    figures::Latencies,
    load::Call,
    shared::{
        connection::{Connection, head},
        program,
    },
    stage::Stage,
};

const CHAT_MESSAGES: usize = 50_000;
const PACE_PER_SECOND: u32 = 100;
const PACE_CONNECTIONS: usize = 16;
const GOAL: &str = "p99 ≤ 250 ms";
/// How old the log is that retention finds, and how long it keeps one.
const OLD_MS: i64 = 10 * 24 * 60 * 60 * 1_000;
const KEEP: (&str, &str) = ("FANFARE_DELIVERY_LOG_KEEP_DAYS", "1");

pub(super) async fn run(name: &str, rows: u64, length: Duration) {
    figures::title(
        name,
        &format!("{PACE_PER_SECOND} live votes a second for {} s, beside long work", length.as_secs()),
    );
    let stage = Stage::set().await;
    stage.register(1..=1, |_| "nothing".to_owned()).await;
    let night = Night::begin(&stage).await;
    print("nothing else", &night.vote(&stage, length).await);
    let (calls, imports) = with_imports(&stage, &night, length).await;
    print(&format!("{imports} imports of {CHAT_MESSAGES} messages"), &calls);

    let filling = Filling { webhooks: 1..=1, rows, age_ms: 0 };
    let stage = stage.restarted(&[], |path| fill::with_history(&path, &filling)).await;
    stage.ask("DELETE /api/webhooks/1", &Value::Null).await;
    let (calls, imports) = with_imports(&stage, &night, length).await;
    let left = stage.stop(|path| fill::log_rows(&path)).await;
    print(&format!("deleting a log, {imports} imports"), &calls);
    figures::line("", &format!("{} of {rows} rows removed meanwhile", rows.saturating_sub(left)), "");

    if !knows_retention().await {
        figures::line("retention", "this server has no delivery.log_keep_days", GOAL);
        return;
    }
    let stage = Stage::set().await;
    stage.register(1..=1, |_| "nothing".to_owned()).await;
    let night = Night::begin(&stage).await;
    let filling = Filling { webhooks: 1..=1, rows, age_ms: OLD_MS };
    let stage = stage.restarted(&[KEEP], |path| fill::with_history(&path, &filling)).await;
    let (calls, imports) = with_imports(&stage, &night, length).await;
    let left = stage.stop(|path| fill::log_rows(&path)).await;
    print(&format!("retention, {imports} imports"), &calls);
    figures::line("", &format!("{} of {rows} rows removed meanwhile", rows.saturating_sub(left)), "");
}

fn print(beside: &str, calls: &[Call]) {
    let mut took = Latencies::default();
    for call in calls {
        took.add(call.sent_ns, call.answered_ns);
    }
    figures::line(beside, &took.shown(), GOAL);
}

/// Whether the server has the setting.
async fn knows_retention() -> bool {
    let folder = program::folder();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(["config", "print", "--data"]).arg(folder.path()).env_clear();
    let output = command.output().await.expect("the program starts");
    String::from_utf8_lossy(&output.stdout).contains("log_keep_days")
}

/// A session with a game on.
struct Night {
    session: i64,
    vote_at: Timestamp,
    begun_ns: u64,
}

impl Night {
    async fn begin(stage: &Stage) -> Self {
        let session = stage.ask("POST /api/sessions", &json!({})).await["id"].as_i64().expect("an id");
        let path = format!("POST /api/sessions/{session}/games");
        let game = stage.ask(&path, &json!({ "game_id": 1 })).await;
        let vote_at = Timestamp::parse(game["played_at"].as_str().expect("a time")).expect("a time");
        Self { session, vote_at, begun_ns: clock::now_ns() }
    }

    /// Votes steadily, each time as somebody else.
    async fn vote(&self, stage: &Stage, length: Duration) -> Vec<Call> {
        let round = clock::now_ns() - self.begun_ns;
        let write = |number: u32, text: &mut String| {
            let body = format!(
                r#"{{"username":"viewer{round}-{number}","vote":"up","timestamp":"{}"}}"#,
                self.vote_at.plus_millis(i64::from(number))
            );
            head(text, "POST /api/votes/live", &stage.token, &body);
        };
        stage.caller.pace(PACE_CONNECTIONS, PACE_PER_SECOND, length, &write).await
    }
}

/// The request that imports a chat in which everybody votes for the first time.
fn import(what: &str, token: &str, round: u64, vote_at: Timestamp) -> String {
    let mut body = String::from("{\"chatData\":[");
    for number in 0..CHAT_MESSAGES {
        let comma = if number > 0 { "," } else { "" };
        let at = vote_at.plus_millis(i64::try_from(number).expect("small"));
        let _ = write!(
            body,
            r#"{comma}{{"username":"chat{round}-{number}","message":"thisgame++","timestamp":"{at}"}}"#
        );
    }
    body.push_str("]}");
    let mut request = String::new();
    head(&mut request, what, token, &body);
    request
}

/// Votes while chats are imported one after the other; the votes, and how many imports there were.
async fn with_imports(stage: &Stage, night: &Night, length: Duration) -> (Vec<Call>, usize) {
    let start_ns = clock::now_ns();
    let what = format!("POST /api/sessions/{}/chat-import", night.session);
    let importing = async {
        let mut connection = Connection::open(stage.program.addr).await;
        let mut imports = 0;
        while clock::seconds(start_ns, clock::now_ns()) < length.as_secs_f64() {
            // Aside, since votes are timed on this thread.
            let (what, token) = (what.clone(), stage.token.clone());
            let (round, vote_at) = (clock::now_ns() - night.begun_ns, night.vote_at);
            let request = tokio::task::spawn_blocking(move || import(&what, &token, round, vote_at));
            connection.request = request.await.expect("it is written");
            let status = connection.exchange().await.expect("the server goes on");
            let text = String::from_utf8_lossy(connection.body());
            assert_eq!(status, 200, "{text}");
            imports += 1;
        }
        imports
    };
    join(night.vote(stage, length), importing).await
}
