//! Imports that take several transactions, as the world sees them: all at once, whatever happens
//! meanwhile.

use fanfare_model::{Timestamp, limits::CHAT_IMPORT_BATCH_ROWS};
use fanfare_store::{Tx, imports, testing};
use futures_util::future::{join, join_all};
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use super::{Night, moment, totals, vote};
use crate::{
    story::game_named,
    support::{Client, Engine, Process, eventually},
};

/// Messages that take a few transactions.
const MESSAGES: usize = 3 * CHAT_IMPORT_BATCH_ROWS + 5;

/// A log in which each of so many users votes once, at a second of his own.
fn log(users: std::ops::Range<usize>) -> Value {
    let message = |n: usize| {
        let ms = i64::try_from(n).expect("small") * 1_000;
        json!({"username": format!("user {n}"), "message": "thisgame++", "timestamp": moment(ms)})
    };
    json!({"chatData": users.map(message).collect::<Vec<_>>()})
}

/// How many votes everybody sees.
async fn seen(client: &Client, query: &str) -> i64 {
    let page = client.get(&format!("/api/votes?limit=1{query}")).await.expect(200);
    page["pagination"]["total"].as_i64().expect("a number")
}

#[tokio::test]
async fn live_votes_count_once_beside_an_import_on_sqlite() {
    live_votes_beside_an_import(Engine::Sqlite).await;
}

#[tokio::test]
async fn live_votes_count_once_beside_an_import_on_postgres() {
    live_votes_beside_an_import(Engine::Postgres).await;
}

/// While a log is imported, some of its votes come live as well, and some of others.
async fn live_votes_beside_an_import(engine: Engine) {
    const LIVE: usize = 120;
    let night = Night::begin(engine).await;
    let game = night.play("Earwax").await;
    let live = async {
        let mut heard = 0;
        for n in 0..LIVE {
            let ms = i64::try_from(n * 20 * 1_000).expect("small");
            let name = if n % 2 == 0 { format!("USER {}", n * 20) } else { format!("somebody {n}") };
            let reply = night.host.post("/api/votes/live", vote(&name, "down", ms)).await;
            assert!(reply.status == 200 || reply.status == 409, "{}", reply.status);
            heard += i64::from(reply.status == 200);
            // What is imported is seen as a whole or not at all.
            let imported = seen(&night.host, "&vote_type=up").await;
            assert!(imported == 0 || imported > i64::try_from(MESSAGES - LIVE).expect("small"), "{imported}");
        }
        heard
    };
    let (imported, live) = join(night.import(log(0..MESSAGES)), live).await;
    let recorded = imported["votesRecorded"].as_i64().expect("a number");
    let duplicates = imported["duplicatesSkipped"].as_i64().expect("a number");
    assert_eq!(recorded + duplicates, i64::try_from(MESSAGES).expect("small"));
    // Each of its votes counts once: live, or imported.
    let others = i64::try_from(LIVE / 2).expect("small");
    assert_eq!(recorded + live, i64::try_from(MESSAGES).expect("small") + others);
    assert_eq!(totals(&night.host, &game).await, (recorded, live, recorded - live));
    assert_eq!(seen(&night.host, "").await, recorded + live);
    let again = night.import(log(0..MESSAGES)).await;
    assert_eq!((&again["votesRecorded"], &again["gamesUpdated"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn imports_into_one_session_take_turns() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let night = Night::begin(engine).await;
        let game = night.play("Earwax").await;
        let half = MESSAGES / 2;
        let (first, second) =
            join(night.import(log(0..MESSAGES)), night.import(log(half..MESSAGES + half))).await;
        let number = |import: &Value, name: &str| import[name].as_u64().expect("a number");
        let sum = |name| number(&first, name) + number(&second, name);
        let all = (MESSAGES + half) as u64;
        assert_eq!((sum("votesRecorded"), sum("duplicatesSkipped")), (all, (MESSAGES - half) as u64));
        let all = i64::try_from(all).expect("small");
        assert_eq!(totals(&night.host, &game).await, (all, 0, all));
        assert_eq!(seen(&night.host, &format!("&game_id={game}")).await, all);
    }
}

#[tokio::test]
async fn an_import_under_a_key_is_done_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let night = Night::begin(engine).await;
        let game = night.play("Earwax").await;
        let keyed = |body: Value| {
            let path = format!("/api/sessions/{}/chat-import", night.session);
            let request = Request::post(format!("http://{}{path}", night.host.addr()))
                .header("authorization", format!("Bearer {}", night.host.token()))
                .header("content-type", "application/json")
                .header("idempotency-key", "log");
            night.host.raw(request.body(Full::from(body.to_string())).expect("a request"))
        };
        let replies = join_all((0..3).map(|_| keyed(log(0..MESSAGES)))).await;
        assert!(replies.iter().all(|reply| reply.expect(200) == replies[0].json()));
        let repeated = replies.iter().filter(|reply| reply.headers.contains_key("idempotency-replayed"));
        assert_eq!(repeated.count(), 2);
        assert_eq!(replies[0].json()["votesRecorded"], json!(MESSAGES));
        keyed(log(0..1)).await.expect(422);
        let all = i64::try_from(MESSAGES).expect("small");
        assert_eq!(totals(&night.host, &game).await, (all, 0, all));
    }
}

#[tokio::test]
async fn an_import_goes_on_when_nobody_waits_for_it() {
    let night = Night::begin(Engine::Sqlite).await;
    night.play("Earwax").await;
    let commits = async || {
        let text = night.host.get("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix("fanfare_commit_jobs_count "));
        line.and_then(|count| count.parse::<u64>().ok()).expect("a count")
    };
    let before = commits().await;
    let path = format!("/api/sessions/{}/chat-import", night.session);
    let import = night.host.post(&path, log(0..MESSAGES));
    let has_begun =
        eventually("the first transaction", || async { (commits().await > before).then_some(()) });
    tokio::select! {
        () = has_begun => {}
        () = async { import.await; std::future::pending().await } => {}
    }
    // The connection is gone now.
    let all = i64::try_from(MESSAGES).expect("small");
    eventually("the last transaction", || async { (seen(&night.host, "").await == all).then_some(()) }).await;
}

#[tokio::test]
async fn an_import_that_was_cut_off_is_not_seen_and_can_be_repeated() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut night = Night::begin(engine).await;
        let game = night.play("Earwax").await;
        let game_id = game.as_i64().expect("an id");
        let begin = move |tx: &mut Tx| {
            let open = imports::begin(tx, 1, Timestamp::EPOCH)?;
            let from = Timestamp::from_millis(super::EVENING_MS);
            testing::cast(tx, (1, game_id), "user 0", from, 5, open.id)
        };
        night.app.at_rest(begin).await;
        night.app.restart().await;
        night.host = night.app.host().await;
        assert_eq!((seen(&night.host, "").await, totals(&night.host, &game).await), (0, (0, 0, 0)));
        let imported = night.import(log(0..MESSAGES)).await;
        assert_eq!(imported["votesRecorded"], json!(MESSAGES));
        let all = i64::try_from(MESSAGES).expect("small");
        assert_eq!((seen(&night.host, "").await, totals(&night.host, &game).await), (all, (all, 0, all)));

        night.close().await;
        night.host.delete(&format!("/api/sessions/{}", night.session)).await.expect(200);
        for path in ["", "/games", "/votes", "/export", "/events"] {
            let reply = night.host.get(&format!("/api/sessions/{}{path}", night.session)).await;
            assert_eq!(reply.expect(404), json!({"error": "Session not found"}), "{path}");
        }
        assert_eq!((seen(&night.host, "").await, totals(&night.host, &game).await), (0, (all, 0, all)));
        assert_eq!(night.host.get("/api/stats").await.expect(200)["sessions"], json!({"count": 0}));
        // What the stop has left is removed after the next start.
        let left = |tx: &mut Tx| testing::count_votes(tx);
        for _ in 0..100 {
            if night.app.at_rest(left).await == 0 {
                break;
            }
            night.app.restart().await;
            night.app.host().await.get("/api/stats").await.expect(200);
        }
        assert_eq!(night.app.at_rest(left).await, 0);
        assert_eq!(night.app.at_rest(|tx: &mut Tx| imports::open(tx)).await, []);
    }
}

#[tokio::test]
async fn a_server_killed_during_an_import_shows_all_of_it_or_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Process::start(folder.path(), &[]).await;
    let mut host = server.host().await;
    host.post("/api/sessions", json!({})).await.expect(201);
    let game = game_named(&host, "Earwax").await["id"].clone();
    let added = host.post("/api/sessions/1/games", json!({"game_id": game})).await.expect(201);
    let first = Timestamp::parse(added["played_at"].as_str().expect("a time")).expect("a time");
    let at = |n: usize| first.plus_millis(i64::try_from(n).expect("small") * 1_000).to_string();
    let message =
        |n: usize| json!({"username": format!("user {n}"), "message": "thisgame++", "timestamp": at(n)});
    let log: Vec<_> = (0..MESSAGES).map(message).collect();
    let all = i64::try_from(MESSAGES).expect("small");
    let mut live = 0;
    for (attempt, votes) in [1, 3, 5].into_iter().enumerate() {
        // So many live votes later, wherever the import is then.
        let meanwhile = async {
            for n in 0..votes {
                let body =
                    json!({"username": format!("live {attempt} {n}"), "vote": "down", "timestamp": at(0)});
                host.post("/api/votes/live", body).await.expect(200);
            }
        };
        let import = host.post("/api/sessions/1/chat-import", json!(log));
        tokio::select! {
            biased;
            () = meanwhile => {}
            () = async { import.await; std::future::pending().await } => {}
        }
        live += votes;
        server.kill().await;
        server = Process::start(folder.path(), &[]).await;
        host = server.host().await;
        let (up, down, _) = totals(&host, &game).await;
        assert!(up == 0 || up == all, "{up}");
        assert_eq!((down, seen(&host, "").await), (live, up + live));
    }
    let imported = host.post("/api/sessions/1/chat-import", json!(log)).await.expect(200);
    let (up, ..) = totals(&host, &game).await;
    assert_eq!((up, seen(&host, "").await), (all, all + live));
    let [recorded, duplicates] = ["votesRecorded", "duplicatesSkipped"].map(|name| imported[name].as_i64());
    assert_eq!(recorded.zip(duplicates).map(|(recorded, duplicates)| recorded + duplicates), Some(all));
}
