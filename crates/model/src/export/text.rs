//! The night as people read it. Times are UTC, since nobody knows where the reader lives.

use std::fmt::Write as _;

use super::{Night, Statistics};
use crate::{
    Timestamp,
    poll::{Poll, option_key},
    session::{PlayStatus, SessionGame},
    vote::{SessionVotes, Tally},
};

/// The night as plain text, lines ended by a line feed. What people wrote can add no line to it
/// (notes excepted, whose lines are indented) and no control character.
pub fn text(night: &Night, now: Timestamp) -> String {
    let mut text = String::new();
    head(&mut text, night);
    games(&mut text, night);
    votes(&mut text, night);
    polls(&mut text, &night.polls);
    line(&mut text, format_args!("\nExported {} UTC", minute(now)));
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes everything");
}

fn head(text: &mut String, night: &Night) {
    let session = &night.session;
    line(text, format_args!("GAME NIGHT {}\n", session.id));
    line(text, format_args!("Started: {} UTC", minute(session.created_at)));
    match (session.closed_at, super::duration_ms(session)) {
        (Some(closed_at), Some(ms)) => {
            line(text, format_args!("Closed:  {} UTC, after {}", minute(closed_at), duration(ms)));
        }
        _ => line(text, format_args!("Closed:  still going on")),
    }
    if let Some(notes) = &session.notes {
        line(text, format_args!("Notes:"));
        for notes_line in lines(notes.trim_end()) {
            line(text, format_args!("{}", format!("    {notes_line}").trim_end()));
        }
    }
}

fn games(text: &mut String, night: &Night) {
    line(text, format_args!("\nGAMES\n"));
    if night.games.is_empty() {
        line(text, format_args!("None."));
    }
    for (number, game) in (1..).zip(&night.games) {
        let SessionGame { title, pack_name, played_at, .. } = game;
        let (title, pack_name, time) = (clean(title), clean(pack_name), clock_time(*played_at));
        line(text, format_args!("{number}. {time}  {title} ({pack_name}){}", remarks(game)));
    }
}

/// What is worth saying of a game, each after a comma.
fn remarks(game: &SessionGame) -> String {
    let mut remarks = String::new();
    match game.status {
        PlayStatus::Played => {}
        PlayStatus::Playing => remarks.push_str(", playing"),
        PlayStatus::Skipped => remarks.push_str(", skipped"),
    }
    if game.manually_added {
        remarks.push_str(", chosen by hand");
    }
    if let Some(code) = &game.room_code {
        remarks.push_str(", room ");
        remarks.push_str(&clean(code));
    }
    if let Some(count) = game.player_count {
        remarks.push_str(", ");
        remarks.push_str(&counted(count, "player"));
    }
    remarks
}

fn votes(text: &mut String, night: &Night) {
    line(text, format_args!("\nVOTES\n"));
    let Statistics { votes, voters, .. } = Statistics::of(night);
    if votes == 0 {
        line(text, format_args!("None."));
        return;
    }
    line(text, format_args!("{} by {}:", counted(votes, "vote"), people(voters)));
    for SessionVotes { title, pack_name, votes, .. } in &night.tallies {
        let (title, pack_name, net) = (clean(title), clean(pack_name), votes.net());
        let Tally { upvotes, downvotes } = votes;
        line(text, format_args!("    {title} ({pack_name}): {net:+} ({upvotes} for, {downvotes} against)"));
    }
}

fn polls(text: &mut String, polls: &[Poll]) {
    if polls.is_empty() {
        return;
    }
    line(text, format_args!("\nPOLLS"));
    for poll in polls {
        let outcome = match (poll.is_open(), poll.winner) {
            (true, _) => ", still open",
            (false, None) => ", without a winner",
            (false, Some(_)) => "",
        };
        let time = clock_time(poll.created_at);
        line(text, format_args!("\n{time}  {}{outcome}", counted(poll.total_votes(), "vote")));
        for (position, option) in poll.options.iter().enumerate() {
            let (key, title, pack_name) =
                (option_key(position), clean(&option.game.title), clean(&option.game.pack_name));
            let won = if poll.winner == Some(position) { ", won" } else { "" };
            let votes = counted(option.votes, "vote");
            line(text, format_args!("    {key}. {title} ({pack_name}): {votes}{won}"));
        }
    }
}

fn counted(count: i64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

fn people(count: i64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// `2026-03-15 20:30`
fn minute(at: Timestamp) -> String {
    at.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// `20:30`
fn clock_time(at: Timestamp) -> String {
    at.to_string().chars().skip(11).take(5).collect()
}

/// `2 h 40 min`, begun minutes left out.
fn duration(ms: i64) -> String {
    let minutes = ms / 60_000;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// The text on one line, without what a terminal or an editor would obey.
fn clean(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect()
}

/// The same, line by line, whatever ends a line.
fn lines(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n").split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).map(clean).collect()
}

/// Control characters, line and paragraph separators, and what turns the direction of writing.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
