//! What each event says, in a line for people.

use serde_json::Value;

use crate::{
    event::{Event, kind},
    javascript, json,
};

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Ours, written as it is.
    Plain(String),
    /// Somebody else's.
    Text(String),
    /// Somebody else's, in bold.
    Strong(String),
}

/// One line of a chat; never without something of ours at its start, since a chat may give what a line
/// begins with a meaning.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line(pub(super) Vec<Part>);

impl Line {
    fn plain(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Plain(text.into()));
        self
    }

    fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Text(text.into()));
        self
    }

    fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Strong(text.into()));
        self
    }

    /// Adds what there is to add.
    fn and<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }
}

fn line(start: &str) -> Line {
    Line::default().plain(start)
}

/// What `event` says. One whose data is not what its name promises, which whoever fires events can do,
/// is told like one that nobody knows.
pub(super) fn of(event: &Event) -> Line {
    let data = serde_json::from_str(&javascript::well_formed(&event.data)).unwrap_or(Value::Null);
    let data = Data(&data);
    game_night(&event.kind, data)
        .or_else(|| poll(&event.kind, data))
        .or_else(|| channel(&event.kind, data))
        .unwrap_or_else(|| unknown(event))
}

fn unknown(event: &Event) -> Line {
    let line = line("🔔 ").strong(&event.kind);
    if event.data == "{}" { line } else { line.plain(": ").text(&*event.data) }
}

/// An event's data, read by JSON pointers.
#[derive(Clone, Copy)]
struct Data<'a>(&'a Value);

impl<'a> Data<'a> {
    fn text(self, pointer: &str) -> Option<&'a str> {
        self.0.pointer(pointer)?.as_str()
    }

    fn number(self, pointer: &str) -> Option<i64> {
        json::as_integer(self.0.pointer(pointer)?)
    }

    fn list(self, pointer: &str) -> Option<impl Iterator<Item = Self> + use<'a>> {
        Some(self.0.pointer(pointer)?.as_array()?.iter().map(Data))
    }

    /// A text as it is, anything else as JSON.
    fn any(self, pointer: &str) -> Option<String> {
        match self.0.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }
}

/// `1 vote`, `2 votes`
fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn game_night(name: &str, data: Data<'_>) -> Option<Line> {
    let line = match name {
        kind::SESSION_STARTED => line(&format!("🎉 Session #{} started", data.number("/session/id")?))
            .and(data.text("/session/notes").filter(|notes| !notes.trim().is_empty()), |line, notes| {
                line.plain(": ").text(notes)
            }),
        kind::SESSION_ENDED => {
            let games = counted(data.number("/session/games_played")?, "game", "games");
            line(&format!("🏁 Session #{} ended after {games}", data.number("/session/id")?))
        }
        kind::GAME_ADDED => {
            let (min, max) = (data.number("/game/min_players")?, data.number("/game/max_players")?);
            let session = data.number("/session/id")?;
            line("🎮 ")
                .strong(data.text("/game/title")?)
                .plain(format!(" added to session #{session} ({min}-{max} players)"))
        }
        kind::GAME_STATUS => {
            let (sign, words) = match data.text("/status")? {
                "playing" => ("▶️ ", "is being played"),
                "played" => ("✅ ", "was played"),
                "skipped" => ("⏭️ ", "was skipped"),
                _ => return None,
            };
            let session = data.number("/session_id")?;
            line(sign).strong(data.text("/title")?).plain(format!(" {words} in session #{session}"))
        }
        kind::GAME_REMOVED => {
            let session = data.number("/session_id")?;
            line("🗑️ ").strong(data.text("/title")?).plain(format!(" removed from session #{session}"))
        }
        kind::ROOM_UPDATED => room(data)?,
        kind::PLAYER_COUNT_UPDATED => {
            let session = data.number("/sessionId")?;
            match data.number("/playerCount") {
                Some(players) => {
                    let players = counted(players, "player", "players");
                    line(&format!("👥 {players} in session #{session}"))
                }
                None => line(&format!("👥 Player count unknown in session #{session}")),
            }
        }
        kind::VOTE_RECORDED => vote(data)?,
        kind::WEBHOOK_DISABLED => line("⚠️ Webhook ")
            .strong(data.text("/webhook/name")?)
            .plain(format!(" (#{}) disabled: ", data.number("/webhook/id")?))
            .text(data.text("/reason")?),
        _ => return None,
    };
    Some(line)
}

fn room(data: Data<'_>) -> Option<Line> {
    let session = data.number("/session_id")?;
    let line = line("🚪 ").strong(data.text("/title")?).plain(format!(" in session #{session}: "));
    let line = match data.text("/room_code") {
        Some(code) => line.plain("room ").strong(code),
        None => line.plain("no room"),
    };
    let players = data.number("/player_count").map(|players| counted(players, "player", "players"));
    let line = line.and(players, |line, players| line.plain(format!(", {players}")));
    let state = match data.text("/player_count_check_status") {
        Some("lobby") => ", in the lobby",
        Some("locked") => ", under way",
        Some("ended") => ", over",
        Some("failed") => ", not found",
        _ => "",
    };
    Some(line.plain(state))
}

fn vote(data: Data<'_>) -> Option<Line> {
    let (sign, words) = match data.text("/vote/type")? {
        "up" => ("👍 ", " voted for "),
        "down" => ("👎 ", " voted against "),
        _ => return None,
    };
    let (up, down) = (data.number("/totals/upvotes")?, data.number("/totals/downvotes")?);
    let session = data.number("/sessionId")?;
    let line = line(sign).text(data.text("/vote/username")?).plain(words).strong(data.text("/game/title")?);
    Some(line.plain(format!(" in session #{session} ({up} up, {down} down)")))
}

fn poll(name: &str, data: Data<'_>) -> Option<Line> {
    if ![kind::POLL_STARTED, kind::POLL_UPDATED, kind::POLL_ENDED].contains(&name) {
        return None;
    }
    let session = data.number("/session_id")?;
    let votes = counted(data.number("/total_votes")?, "vote", "votes");
    if name == kind::POLL_ENDED {
        return poll_ended(data, session, &votes);
    }
    let is_new = name == kind::POLL_STARTED;
    let start = if is_new {
        format!("🗳️ Poll in session #{session}: ")
    } else {
        format!("📊 Poll in session #{session}, {votes}: ")
    };
    let mut line = line(&start);
    for (position, option) in data.list("/options")?.enumerate() {
        let comma = if position > 0 { ", " } else { "" };
        line = line.plain(comma).strong(option.text("/key")?).plain(" ").text(option.text("/game/title")?);
        if !is_new {
            line = line.plain(format!(" ({})", option.number("/votes")?));
        }
    }
    Some(line)
}

fn poll_ended(data: Data<'_>, session: i64, votes: &str) -> Option<Line> {
    if data.text("/status")? == "deleted" {
        return Some(line(&format!("🗑️ Poll in session #{session} deleted")));
    }
    let Some(title) = data.text("/winner/game/title") else {
        return Some(line(&format!("🗳️ Poll in session #{session} ended without a winner")));
    };
    let won = data.number("/winner/votes")?;
    let line = line("🏆 ").strong(title);
    Some(line.plain(format!(" won the poll in session #{session} with {won} of {votes}")))
}

/// The events of channels; who fires them by hand may leave out anything.
fn channel(name: &str, data: Data<'_>) -> Option<Line> {
    let line = match name {
        "connection" => {
            let user = data.any("/user/id").or_else(|| data.any("/user"));
            line("🔌 ")
                .text(data.text("/socketId")?)
                .plain(" connected")
                .and(user, |line, user| line.plain(" as ").strong(user))
        }
        "disconnection" => line("🔌 ")
            .text(data.text("/socketId")?)
            .plain(" disconnected")
            .and(data.number("/code"), |line, code| line.plain(format!(" ({code})")))
            .and(data.text("/reason").filter(|reason| !reason.is_empty()), |line, reason| {
                line.plain(": ").text(reason)
            }),
        "subscribe" => {
            let line = line("➕ ").text(data.text("/socketId")?).plain(" subscribed to ");
            line.strong(data.text("/channel")?)
        }
        "unsubscribe" => {
            let line = line("➖ ").text(data.text("/socketId")?).plain(" unsubscribed from ");
            line.strong(data.text("/channel")?)
        }
        "broadcast" => message(line("📣 "), data)?,
        "client_event" => {
            let sender = data.text("/socketId");
            message(line("💬 ").and(sender, |line, sender| line.text(sender).plain(" sent ")), data)?
        }
        "presence_join" => line("👋 ").strong(member(data)?).plain(" joined ").strong(data.text("/channel")?),
        "presence_leave" => line("🚶 ").strong(member(data)?).plain(" left ").strong(data.text("/channel")?),
        _ => return None,
    };
    Some(line)
}

fn message(line: Line, data: Data<'_>) -> Option<Line> {
    let line = line.strong(data.text("/event")?).plain(" on ").strong(data.text("/channel")?);
    Some(line.and(data.any("/data"), |line, data| line.plain(": ").text(data)))
}

/// The name that somebody gave, or else the id.
fn member(data: Data<'_>) -> Option<String> {
    let name = data.text("/member/info/name").filter(|name| !name.trim().is_empty());
    name.map(str::to_owned).or_else(|| data.any("/member/id"))
}
