//! Takes what was heard in the channel to the server, in order. A vote waits while the server is
//! away; only one that the server refuses is given up, and that is told.

use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender};

use crate::{chat::Wish, fanfare::Fanfare, irc::Heard, say, settings::Settings, wait::Backoff};

/// Works through what is heard.
pub(crate) async fn work(settings: &Settings, mut heard: Receiver<Heard>, lines: &Sender<String>) {
    let mut server = Fanfare::new(settings);
    while let Some(heard) = heard.recv().await {
        match heard.wish {
            Wish::Vote { up } => vote(&mut server, &heard, up).await,
            Wish::Votes => match votes(&mut server).await {
                Ok(text) => say(lines, text),
                Err(error) => eprintln!("the votes are not known: {error}"),
            },
        }
    }
}

async fn vote(server: &mut Fanfare, heard: &Heard, up: bool) {
    let word = if up { "up" } else { "down" };
    let body = json!({"username": heard.username, "vote": word, "timestamp": heard.at});
    let mut backoff = Backoff::default();
    loop {
        match server.post("/api/votes/live", &body).await {
            Ok(answer) if answer.is_good() => {
                let title = answer.body["game"]["title"].as_str().unwrap_or_default();
                eprintln!("vote {word} of {} for {title}", heard.username);
                return;
            }
            Ok(answer) if !answer.is_temporary() => {
                eprintln!("vote {word} of {} refused: {}", heard.username, answer.error());
                return;
            }
            Ok(answer) => eprintln!("vote {word} of {} waits: {}", heard.username, answer.error()),
            Err(error) => eprintln!("vote {word} of {} waits: {error}", heard.username),
        }
        backoff.pause().await;
    }
}

/// The answer to `!votes`.
async fn votes(server: &mut Fanfare) -> Result<String, String> {
    let session = good(server, "/api/sessions/active").await?;
    let Some(id) = session["id"].as_i64() else { return Ok("No game night is on.".into()) };
    let games = good(server, &format!("/api/sessions/{id}/games")).await?;
    let mut games = games.as_array().into_iter().flatten();
    let Some(game) = games.find(|game| game["status"] == "playing") else {
        return Ok("No game is on.".into());
    };
    let title = game["title"].as_str().unwrap_or_default();
    let (up, down, score) = (&game["upvotes"], &game["downvotes"], &game["popularity_score"]);
    Ok(format!("{title}: {up} up, {down} down, score {score}"))
}

async fn good(server: &mut Fanfare, path: &str) -> Result<Value, String> {
    let answer = server.get(path).await?;
    if answer.is_good() { Ok(answer.body) } else { Err(answer.error()) }
}
