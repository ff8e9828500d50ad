//! What happened, and the exact bytes in which it is told.
//!
//! `data` is serialised once, when the event is made; every envelope is written around those
//! bytes. All names and values here re-serialise in JavaScript to the same bytes: no floats, no
//! integer-like keys, fields in a fixed order.

mod polls;
mod public;
mod votes;
mod webhooks;

use serde::Serialize;

pub use self::{
    polls::{PollRow, poll, poll_deleted},
    votes::vote_recorded,
    webhooks::{WEBHOOKS_TOPIC, webhook_disabled},
};
use crate::{
    Timestamp,
    game::Game,
    json::Flag,
    session::{CountStatus, PlayStatus, Session, SessionGame},
};

/// The name of an event, as it stands on every wire.
pub mod kind {
    /// A session was started.
    pub const SESSION_STARTED: &str = "session.started";
    /// A session was closed.
    pub const SESSION_ENDED: &str = "session.ended";
    /// A game was added to a session.
    pub const GAME_ADDED: &str = "game.added";
    /// A session game's status was set.
    pub const GAME_STATUS: &str = "game.status";
    /// A session game's player count was set.
    pub const PLAYER_COUNT_UPDATED: &str = "player-count.updated";
    /// A live vote was counted.
    pub const VOTE_RECORDED: &str = "vote.recorded";
    /// A game was taken out of a session.
    pub const GAME_REMOVED: &str = "game.removed";
    /// A session game's room code was set, or its room was found to have changed.
    pub const ROOM_UPDATED: &str = "room.updated";
    /// A poll was opened.
    pub const POLL_STARTED: &str = "poll.started";
    /// Votes of a poll were counted; at most one a second.
    pub const POLL_UPDATED: &str = "poll.updated";
    /// A poll was closed.
    pub const POLL_ENDED: &str = "poll.ended";

    /// A webhook was disabled by the server.
    pub const WEBHOOK_DISABLED: &str = "webhook.disabled";

    /// Every one of them.
    pub const ALL: &[&str] = &[
        SESSION_STARTED,
        SESSION_ENDED,
        GAME_ADDED,
        GAME_STATUS,
        PLAYER_COUNT_UPDATED,
        VOTE_RECORDED,
        GAME_REMOVED,
        ROOM_UPDATED,
        POLL_STARTED,
        POLL_UPDATED,
        POLL_ENDED,
        WEBHOOK_DISABLED,
    ];

    /// A client connected.
    pub const CONNECTION: &str = "connection";
    /// A client's connection ended.
    pub const DISCONNECTION: &str = "disconnection";
    /// A client subscribed to a channel.
    pub const SUBSCRIBE: &str = "subscribe";
    /// A client unsubscribed from a channel.
    pub const UNSUBSCRIBE: &str = "unsubscribe";
    /// Something was published to a channel.
    pub const BROADCAST: &str = "broadcast";
    /// Somebody became a member of a presence channel.
    pub const PRESENCE_JOIN: &str = "presence_join";
    /// Somebody is no longer a member of a presence channel.
    pub const PRESENCE_LEAVE: &str = "presence_leave";
    /// A client sent something to a channel's other subscribers.
    pub const CLIENT_EVENT: &str = "client_event";

    /// The events of channels and of those who are connected to them.
    pub const CHANNEL: &[&str] = &[
        CONNECTION,
        DISCONNECTION,
        SUBSCRIBE,
        UNSUBSCRIBE,
        BROADCAST,
        PRESENCE_JOIN,
        PRESENCE_LEAVE,
        CLIENT_EVENT,
    ];

    /// A channel got its first subscriber.
    pub const CHANNEL_OCCUPIED: &str = "channel_occupied";
    /// A channel lost its last subscriber, and got no other for a while.
    pub const CHANNEL_VACATED: &str = "channel_vacated";
    /// [`PRESENCE_JOIN`] of somebody who had not just left.
    pub const MEMBER_ADDED: &str = "member_added";
    /// [`PRESENCE_LEAVE`] of somebody who did not come back for a while.
    pub const MEMBER_REMOVED: &str = "member_removed";
    /// A client subscribed to a cache channel that had no event.
    pub const CACHE_MISS: &str = "cache_miss";

    /// The events of channels that Pusher's webhooks have and [`CHANNEL`] has not.
    pub const PUSHER: &[&str] =
        &[CHANNEL_OCCUPIED, CHANNEL_VACATED, MEMBER_ADDED, MEMBER_REMOVED, CACHE_MISS];

    /// Whether an event of this name is one of channels. A webhook is told its moment in milliseconds
    /// since the epoch, where all others are told it as text.
    pub fn is_of_channels(kind: &str) -> bool {
        CHANNEL.contains(&kind) || PUSHER.contains(&kind)
    }
}

/// The stream of a session's events, in which `seq` counts from 1 without a gap.
pub fn session_topic(session_id: i64) -> String {
    format!("{SESSION_TOPIC_PREFIX}{session_id}")
}

const SESSION_TOPIC_PREFIX: &str = "session:";

/// An event about to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Unique and unguessable: the `id` on sockets and the `webhook-id` of every attempt.
    pub public_id: String,
    /// The stream it belongs to, see [`session_topic`].
    pub topic: String,
    /// One of [`kind`].
    pub kind: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// A JSON object, compact.
    pub data: String,
}

/// An event about to be committed that stands in no stream: webhooks alone hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseEvent {
    /// Unique and unguessable: the `webhook-id` of every attempt.
    pub public_id: String,
    /// One of [`kind`], or any other name.
    pub kind: std::borrow::Cow<'static, str>,
    /// When it happened.
    pub at: Timestamp,
    /// A JSON object as JavaScript writes it.
    pub data: String,
    /// The application whose webhooks hear of it, as [`crate::webhook::Webhook::app`].
    pub app: String,
}

/// A committed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The row's id; says nothing about order.
    pub id: i64,
    /// Unique and unguessable: the `id` on sockets and the `webhook-id` of every attempt.
    pub public_id: String,
    /// The stream it belongs to; `None` for one that no stream carries.
    pub topic: Option<String>,
    /// Its place in the stream, from 1; 0 without a stream.
    pub seq: i64,
    /// Its place among the events of all streams, from 1 without a gap; 0 without a stream.
    pub place: i64,
    /// Its name on every wire.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// A JSON object, compact.
    pub data: String,
}

impl Event {
    /// The text frame of the game socket: `{"type","timestamp","data","seq","id"}`; only a session's
    /// event has a `seq`.
    pub fn socket_frame(&self) -> String {
        socket_frame(self, &self.data)
    }

    /// The session in whose stream it stands.
    pub fn session_id(&self) -> Option<i64> {
        self.topic.as_deref()?.strip_prefix(SESSION_TOPIC_PREFIX)?.parse().ok()
    }

    /// The data of the event on its session's channel: `{"timestamp","seq","data"}`.
    pub fn channel_data(&self) -> String {
        let Self { at, seq, data, .. } = self;
        format!(r#"{{"timestamp":"{at}","seq":{seq},"data":{data}}}"#)
    }

    /// The body of a webhook request, see [`webhook_body`].
    pub fn webhook_body(&self) -> String {
        webhook_body(&self.kind, self.at, &self.data)
    }
}

fn socket_frame(event: &Event, data: &str) -> String {
    let Event { at, seq, .. } = event;
    let (kind, id) = (to_json(&event.kind), to_json(&event.public_id));
    let is_sessions = event.topic.as_deref().is_some_and(|topic| topic.starts_with(SESSION_TOPIC_PREFIX));
    let seq = if is_sessions { format!(r#""seq":{seq},"#) } else { String::new() };
    format!(r#"{{"type":{kind},"timestamp":"{at}","data":{data},{seq}"id":{id}}}"#)
}

/// The body of a webhook request: `{"event","timestamp","data"}`. The timestamp is ISO 8601 text, or
/// milliseconds since the epoch for an event of channels, see [`kind::is_of_channels`].
pub fn webhook_body(kind: &str, at: Timestamp, data: &str) -> String {
    let name = to_json(kind);
    if kind::is_of_channels(kind) {
        format!(r#"{{"event":{name},"timestamp":{},"data":{data}}}"#, at.as_millis())
    } else {
        format!(r#"{{"event":{name},"timestamp":"{at}","data":{data}}}"#)
    }
}

/// `data` of `session.started`.
pub fn session_started(session: &Session) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        session: Started<'a>,
    }
    #[derive(Serialize)]
    struct Started<'a> {
        id: i64,
        is_active: Flag,
        created_at: Timestamp,
        notes: Option<&'a str>,
    }
    let Session { id, is_active, created_at, notes, .. } = session;
    to_json(&Data {
        session: Started {
            id: *id,
            is_active: Flag(*is_active),
            created_at: *created_at,
            notes: notes.as_deref(),
        },
    })
}

/// `data` of `session.ended`.
pub fn session_ended(session: &Session) -> String {
    #[derive(Serialize)]
    struct Data {
        session: Ended,
    }
    #[derive(Serialize)]
    struct Ended {
        id: i64,
        is_active: Flag,
        games_played: i64,
    }
    to_json(&Data {
        session: Ended {
            id: session.id,
            is_active: Flag(session.is_active),
            games_played: session.games_played,
        },
    })
}

/// `data` of `game.added`. `session` already counts the new row; its booleans are real ones here.
pub fn game_added(session: &Session, game: &Game, manually_added: bool, room_code: Option<&str>) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        session: InSession,
        game: Added<'a>,
    }
    #[derive(Serialize)]
    struct InSession {
        id: i64,
        is_active: bool,
        games_played: i64,
    }
    #[derive(Serialize)]
    #[expect(clippy::struct_field_names, reason = "the field is called so on the wire")]
    struct Added<'a> {
        id: i64,
        title: &'a str,
        pack_name: &'a str,
        min_players: i64,
        max_players: i64,
        manually_added: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        room_code: Option<&'a str>,
    }
    to_json(&Data {
        session: InSession {
            id: session.id,
            is_active: session.is_active,
            games_played: session.games_played,
        },
        game: Added {
            id: game.id,
            title: &game.title,
            pack_name: &game.pack_name,
            min_players: game.min_players,
            max_players: game.max_players,
            manually_added,
            room_code,
        },
    })
}

/// `data` of `game.status`, `game.removed` and `room.updated`: the session-game row as the API shows it,
/// or showed it before it was removed.
pub fn session_game(row: &SessionGame) -> String {
    to_json(&SessionGameRow::from(row))
}

/// `data` of `player-count.updated`; `gameId` is the `sessionGameId`, `game_id` the game's own.
pub fn player_count_updated(row: &SessionGame) -> String {
    #[derive(Serialize)]
    struct Data {
        #[serde(rename = "sessionId")]
        session_id: i64,
        #[serde(rename = "gameId")]
        session_game_id: i64,
        game_id: i64,
        #[serde(rename = "playerCount")]
        player_count: Option<i64>,
        status: &'static str,
    }
    to_json(&Data {
        session_id: row.session_id,
        session_game_id: row.id,
        game_id: row.game_id,
        player_count: row.player_count,
        status: row.player_count_check_status.map_or("idle", CountStatus::as_str),
    })
}

/// `data` of the dummy `game.added` that tests a webhook.
pub fn test_data() -> String {
    let session = Session {
        id: 0,
        notes: None,
        is_active: true,
        created_at: Timestamp::from_millis(0),
        closed_at: None,
        games_played: 0,
    };
    let game = Game {
        id: 0,
        pack_name: "Test Pack".into(),
        title: "Test Game".into(),
        min_players: 2,
        max_players: 8,
        length_minutes: None,
        has_audience: false,
        family_friendly: true,
        game_type: None,
        secondary_type: None,
        play_count: 0,
        upvotes: 0,
        downvotes: 0,
        enabled: true,
        favor_bias: 0,
        created_at: Timestamp::from_millis(0),
    };
    game_added(&session, &game, false, None)
}

/// A session-game row on the wire, the same in the API and in events: booleans as `0`/`1`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are SessionGame's")]
pub struct SessionGameRow<'a> {
    #[schema(minimum = 1)]
    pub id: i64,
    #[schema(minimum = 1)]
    pub session_id: i64,
    #[schema(minimum = 1)]
    pub game_id: i64,
    pub played_at: Timestamp,
    pub manually_added: Flag,
    #[schema(inline, value_type = PlayStatus)]
    pub status: &'static str,
    #[schema(required, pattern = "^[A-Z]{4}$")]
    pub room_code: Option<&'a str>,
    #[schema(required, minimum = 0)]
    pub player_count: Option<i64>,
    #[schema(required, inline, value_type = Option<CountStatus>)]
    pub player_count_check_status: Option<&'static str>,
    pub title: &'a str,
    pub pack_name: &'a str,
    #[schema(minimum = 1)]
    pub min_players: i64,
    #[schema(minimum = 1)]
    pub max_players: i64,
    #[schema(required)]
    pub game_type: Option<&'a str>,
    #[schema(minimum = 0)]
    pub upvotes: i64,
    #[schema(minimum = 0)]
    pub downvotes: i64,
    pub popularity_score: i64,
}

impl<'a> From<&'a SessionGame> for SessionGameRow<'a> {
    fn from(row: &'a SessionGame) -> Self {
        Self {
            id: row.id,
            session_id: row.session_id,
            game_id: row.game_id,
            played_at: row.played_at,
            manually_added: Flag(row.manually_added),
            status: row.status.as_str(),
            room_code: row.room_code.as_deref(),
            player_count: row.player_count,
            player_count_check_status: row.player_count_check_status.map(CountStatus::as_str),
            title: &row.title,
            pack_name: &row.pack_name,
            min_players: row.min_players,
            max_players: row.max_players,
            game_type: row.game_type.as_deref(),
            upvotes: row.upvotes,
            downvotes: row.downvotes,
            popularity_score: row.upvotes - row.downvotes,
        }
    }
}

fn to_json<T: Serialize + ?Sized>(data: &T) -> String {
    serde_json::to_string(data).expect("only string keys are written")
}

#[cfg(test)]
mod tests;
