//! An IRC bot for a Fanfare game night: turns `thisgame++` and `thisgame--` into votes, says which
//! game comes next and answers `!votes`. README.md says how to run it.
//!
//! Three loops that never end, each with one job: `irc` keeps a connection to the channel, `live`
//! keeps one to the game socket, `desk` takes what was heard in the channel to the HTTP API.

mod chat;
mod desk;
mod fanfare;
mod irc;
mod live;
mod net;
mod settings;
mod wait;

use std::process::ExitCode;

use tokio::sync::mpsc;

/// Lines that may wait to be said in the channel.
const LINES_MAX: usize = 50;
/// Messages that may wait to be taken to the server: a whole night's, should it be away so long.
const HEARD_MAX: usize = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match settings::Settings::from_env(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}; README.md says more");
            return ExitCode::from(64);
        }
    };
    let (say, lines) = mpsc::channel(LINES_MAX);
    let (hear, heard) = mpsc::channel(HEARD_MAX);
    tokio::select! {
        () = irc::stay(&settings, lines, &hear) => {}
        () = live::follow(&settings, &say) => {}
        () = desk::work(&settings, heard, &say) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    ExitCode::SUCCESS
}

/// Says something in the channel; tells the log when it cannot.
fn say(lines: &mpsc::Sender<String>, text: String) {
    if let Err(error) = lines.try_send(text) {
        eprintln!("not said, too much is waiting: {}", error.into_inner());
    }
}
