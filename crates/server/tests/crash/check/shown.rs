//! What the API and a socket show is what the events add up to.

use std::collections::{BTreeMap, HashMap};

use fanfare_model::event::Event;
use serde_json::Value;

use super::{Finding, Index, Rule, name};
use crate::history::session_of;

pub(super) fn check(index: &Index<'_>) -> Vec<Finding> {
    let mut events: Vec<&Event> = index.history.trail.events.iter().collect();
    events.retain(|event| event.topic.is_some());
    events.sort_by_key(|event| (session_of(event), event.seq));
    let mut findings = streams(index, &events);
    let (model, contradictions) = Model::of(&events);
    findings.extend(contradictions.into_iter().map(|what| Finding::new(Rule::State, what)));
    findings.extend(model.compare(index).into_iter().map(|what| Finding::new(Rule::State, what)));
    findings
}

/// Positions count from 1 without a hole, and a socket is told all of it once, in order, to the letter.
fn streams(index: &Index<'_>, events: &[&Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sessions: BTreeMap<i64, Vec<&Event>> = BTreeMap::new();
    for event in events {
        match session_of(event) {
            Some(session) => sessions.entry(session).or_default().push(event),
            None => findings.push(Finding::new(Rule::Strange, format!("no session: {}", name(event)))),
        }
    }
    let mut told: HashMap<i64, &Vec<String>> = HashMap::new();
    for (session, frames) in &index.history.shown.streams {
        told.insert(*session, frames);
    }
    for followed in &index.history.followed {
        let events = sessions.get(&followed.session).map_or(&[][..], Vec::as_slice);
        let frames = &followed.frames;
        let matching = right(events, frames);
        if matching != frames.len() || (followed.to_the_end && matching != events.len()) {
            let what = format!(
                "session {}: of {} events the bot heard {}, and the first {matching} are right",
                followed.session,
                events.len(),
                frames.len()
            );
            findings.push(Finding::new(Rule::Gap, what));
        }
    }
    for (session, events) in sessions {
        if let Some((wanted, event)) = (1..).zip(&events).find(|(wanted, event)| event.seq != *wanted) {
            let what = format!("session {session}: {wanted} is missing before {}", name(event));
            findings.push(Finding::new(Rule::Gap, what));
        }
        let frames = told.get(&session).map_or(&[][..], |frames| frames.as_slice());
        let matching = right(&events, frames);
        if matching != events.len() || matching != frames.len() {
            let what = format!(
                "session {session}: of {} events a socket is told {}, and the first {matching} are right",
                events.len(),
                frames.len()
            );
            findings.push(Finding::new(Rule::Gap, what));
        }
    }
    findings
}

/// How many of the first frames are those of the first events, to the letter.
fn right(events: &[&Event], frames: &[String]) -> usize {
    events.iter().zip(frames).take_while(|(event, frame)| event.socket_frame() == **frame).count()
}

/// What the events add up to.
#[derive(Default)]
struct Model {
    sessions: BTreeMap<i64, Night>,
    /// Up and down votes, and how often each game was played, by the game's id.
    games: BTreeMap<i64, [i64; 3]>,
}

#[derive(Default)]
struct Night {
    notes: Value,
    is_closed: bool,
    /// Games that were put on, by the room code they had then.
    added: BTreeMap<String, Value>,
    /// What is known of a game's row by its id, beside the game itself.
    rows: BTreeMap<i64, Row>,
    removed: i64,
}

#[derive(Default, Clone)]
struct Row {
    status: Option<Value>,
    room_code: Option<Value>,
    player_count: Option<Value>,
    is_removed: bool,
}

impl Model {
    /// Also returns where an event contradicts those before it.
    fn of(events: &[&Event]) -> (Self, Vec<String>) {
        let (mut model, mut faults) = (Self::default(), Vec::new());
        for event in events {
            let Some(session) = session_of(event) else { continue };
            let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
            let night = model.sessions.entry(session).or_default();
            let mut expect = |what: &Value, wanted: i64| {
                if what.as_i64() != Some(wanted) {
                    faults.push(format!(
                        "{} says {what} where the events before add up to {wanted}",
                        name(event)
                    ));
                }
            };
            let game = |id: &Value| id.as_i64().unwrap_or_default();
            match event.kind.as_str() {
                "session.started" => night.notes = data["session"]["notes"].clone(),
                "session.ended" => {
                    night.is_closed = true;
                    expect(&data["session"]["games_played"], night.games_played());
                }
                "game.added" => {
                    let code = data["game"]["room_code"].as_str().unwrap_or_default().to_owned();
                    night.added.insert(code, data["game"]["id"].clone());
                    expect(&data["session"]["games_played"], night.games_played());
                    model.games.entry(game(&data["game"]["id"])).or_default()[2] += 1;
                }
                "game.removed" => {
                    night.rows.entry(game(&data["id"])).or_default().is_removed = true;
                    night.removed += 1;
                    model.games.entry(game(&data["game_id"])).or_default()[2] -= 1;
                }
                "game.status" => {
                    night.rows.entry(game(&data["id"])).or_default().status = Some(data["status"].clone());
                }
                "room.updated" => {
                    let row = night.rows.entry(game(&data["id"])).or_default();
                    row.room_code = Some(data["room_code"].clone());
                }
                "player-count.updated" => {
                    let row = night.rows.entry(game(&data["gameId"])).or_default();
                    row.player_count = Some(data["playerCount"].clone());
                }
                "vote.recorded" => {
                    let tally = model.games.entry(game(&data["game"]["id"])).or_default();
                    tally[usize::from(data["vote"]["type"] == "down")] += 1;
                    expect(&data["totals"]["upvotes"], tally[0]);
                    expect(&data["totals"]["downvotes"], tally[1]);
                }
                _ => {}
            }
        }
        (model, faults)
    }

    fn compare(&self, index: &Index<'_>) -> Vec<String> {
        let shown = &index.history.shown;
        let mut faults = Vec::new();
        for game in &shown.library {
            let id = game["id"].as_i64().unwrap_or_default();
            let wanted = self.games.get(&id).copied().unwrap_or_default();
            let found = ["upvotes", "downvotes", "play_count"].map(|field| game[field].as_i64());
            if found != wanted.map(Some) {
                faults.push(format!("game {id} has votes and plays {found:?}, not {wanted:?}"));
            }
        }
        if let Some(id) = self.games.keys().find(|id| !shown.library.iter().any(|game| game["id"] == **id)) {
            faults.push(format!("game {id} is not in the library"));
        }
        let ids: Vec<i64> = shown.sessions.iter().filter_map(|(session, _)| session["id"].as_i64()).collect();
        if ids.len() != self.sessions.len() || !self.sessions.keys().all(|id| ids.contains(id)) {
            faults.push(format!("the sessions are {ids:?}, not {:?}", self.sessions.keys()));
        }
        for (session, rows) in &shown.sessions {
            let id = session["id"].as_i64().unwrap_or_default();
            if let Some(night) = self.sessions.get(&id) {
                faults.extend(
                    night.compare(session, rows).into_iter().map(|what| format!("session {id}: {what}")),
                );
            }
        }
        faults
    }
}

impl Night {
    fn games_played(&self) -> i64 {
        i64::try_from(self.added.len()).unwrap_or(i64::MAX) - self.removed
    }

    fn compare(&self, session: &Value, rows: &[Value]) -> Vec<String> {
        let mut faults = Vec::new();
        let wanted = [self.notes.clone(), i64::from(!self.is_closed).into(), self.games_played().into()];
        let found = ["notes", "is_active", "games_played"].map(|field| session[field].clone());
        if found != wanted {
            faults.push(format!("it shows {found:?}, not {wanted:?}"));
        }
        if i64::try_from(rows.len()) != Ok(self.games_played()) {
            faults.push(format!("it lists {} games, not {}", rows.len(), self.games_played()));
        }
        let playing = rows.iter().filter(|row| row["status"] == "playing").count();
        if playing > usize::from(!self.is_closed) {
            faults.push(format!("{playing} games are playing"));
        }
        for row in rows {
            faults.extend(self.compare_row(row));
        }
        faults
    }

    fn compare_row(&self, row: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let id = row["id"].as_i64().unwrap_or_default();
        let known = self.rows.get(&id).cloned().unwrap_or_default();
        if known.is_removed {
            faults.push(format!("row {id} was removed and is there"));
        }
        let mut expect = |field: &str, wanted: Option<Value>| {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != row[field]) {
                faults.push(format!("row {id}: {field} is {}, not {wanted}", row[field]));
            }
        };
        expect("status", known.status);
        expect("player_count", Some(known.player_count.unwrap_or_default()));
        if let Some(code) = known.room_code {
            expect("room_code", Some(code));
        } else {
            // Still the code by which its event is known.
            let code = row["room_code"].as_str().unwrap_or_default();
            expect("game_id", Some(self.added.get(code).cloned().unwrap_or_default()));
        }
        faults
    }
}
