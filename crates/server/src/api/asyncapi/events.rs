//! Every event: when it happens, what its `data` is, and an example from the builder of the real one.

use fanfare_model::{
    breaker::GivenUp,
    event::{self, kind},
    session::CountStatus,
};
use serde_json::{Value, json};

use super::{
    super::samples,
    schemas::{boolean, count, exactly, id, named, or_null, text},
};

/// One event.
pub(super) struct Event {
    pub(super) kind: &'static str,
    /// When it happens.
    pub(super) summary: &'static str,
    pub(super) audience: Audience,
    /// The schema of `data`.
    pub(super) schema: fn() -> Value,
    /// `data` of an example, as the server writes it.
    pub(super) data: fn() -> String,
}

/// Who hears of an event without asking for it by webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Every authenticated socket.
    Everyone,
    /// Sockets that are subscribed to the session.
    Subscribers,
    /// Every authenticated socket; it is no session's event.
    EveryoneBeside,
}

/// Every event of `fanfare_model::event::kind`.
pub(super) const EVENTS: &[Event] = &[
    Event {
        kind: kind::SESSION_STARTED,
        summary: "A session was started.",
        audience: Audience::Everyone,
        schema: session_started,
        data: || event::session_started(&samples::session()),
    },
    Event {
        kind: kind::GAME_ADDED,
        summary: "A game was added to a session, and is being played.",
        audience: Audience::Subscribers,
        schema: game_added,
        data: samples::game_added,
    },
    Event {
        kind: kind::SESSION_ENDED,
        summary: "A session was closed.",
        audience: Audience::Subscribers,
        schema: session_ended,
        data: || event::session_ended(&samples::ended_session()),
    },
    Event {
        kind: kind::GAME_STATUS,
        summary: "A session game's status was set.",
        audience: Audience::Subscribers,
        schema: || named("SessionGameRow"),
        data: || event::session_game(&samples::session_game()),
    },
    Event {
        kind: kind::GAME_REMOVED,
        summary: "A game was taken out of a session; its row as it was.",
        audience: Audience::Subscribers,
        schema: || named("SessionGameRow"),
        data: || event::session_game(&samples::session_game()),
    },
    Event {
        kind: kind::ROOM_UPDATED,
        summary: "A session game's room code was set, or its room was found to have changed.",
        audience: Audience::Subscribers,
        schema: || named("SessionGameRow"),
        data: || event::session_game(&samples::session_game()),
    },
    Event {
        kind: kind::PLAYER_COUNT_UPDATED,
        summary: "A session game's player count was set or found to have changed.",
        audience: Audience::Subscribers,
        schema: player_count_updated,
        data: || event::player_count_updated(&samples::counted()),
    },
    Event {
        kind: kind::VOTE_RECORDED,
        summary: "A live vote was counted.",
        audience: Audience::Subscribers,
        schema: vote_recorded,
        data: || event::vote_recorded(&samples::recorded_vote()),
    },
    Event {
        kind: kind::POLL_STARTED,
        summary: "A poll was opened.",
        audience: Audience::Subscribers,
        schema: || named("PollRow"),
        data: || event::poll(&samples::poll()),
    },
    Event {
        kind: kind::POLL_UPDATED,
        summary: "Votes of a poll were counted; told at most once a second.",
        audience: Audience::Subscribers,
        schema: || named("PollRow"),
        data: || event::poll(&samples::poll()),
    },
    Event {
        kind: kind::POLL_ENDED,
        summary: "A poll was closed, by the host, by time or with its session; or deleted, and then nobody wins.",
        audience: Audience::Subscribers,
        schema: || named("PollRow"),
        data: || event::poll(&samples::ended_poll()),
    },
    Event {
        kind: kind::WEBHOOK_DISABLED,
        summary: "A webhook was disabled by the server: its receiver is gone, or has done nothing but fail for 5 days.",
        audience: Audience::EveryoneBeside,
        schema: webhook_disabled,
        data: || {
            let webhook = samples::webhook();
            event::webhook_disabled(webhook.id, &webhook.name, GivenUp::Gone.reason())
        },
    },
];

fn session_started() -> Value {
    exactly(&[(
        "session",
        exactly(&[
            ("id", id()),
            ("is_active", named("Flag")),
            ("created_at", named("Timestamp")),
            ("notes", or_null(text())),
        ]),
    )])
}

fn game_added() -> Value {
    let session = exactly(&[("id", id()), ("is_active", boolean()), ("games_played", count())]);
    let mut game = exactly(&[
        ("id", id()),
        ("title", text()),
        ("pack_name", text()),
        ("min_players", count()),
        ("max_players", count()),
        ("manually_added", boolean()),
    ]);
    // Only when it is known.
    game["properties"]["room_code"] = json!({"type": "string", "pattern": "^[A-Z]{4}$"});
    exactly(&[("session", session), ("game", game)])
}

fn session_ended() -> Value {
    let session = exactly(&[("id", id()), ("is_active", named("Flag")), ("games_played", count())]);
    exactly(&[("session", session)])
}

fn vote_recorded() -> Value {
    let game = exactly(&[("id", id()), ("title", text()), ("pack_name", text())]);
    let totals =
        [("upvotes", count()), ("downvotes", count()), ("popularity_score", json!({"type": "integer"}))];
    let mut timestamp = text();
    timestamp["description"] = "The vote's own moment, as it was sent".into();
    let cast = [
        ("username", text()),
        ("type", json!({"type": "string", "enum": ["up", "down"]})),
        ("timestamp", timestamp),
    ];
    exactly(&[("sessionId", id()), ("game", game), ("vote", exactly(&cast)), ("totals", exactly(&totals))])
}

fn webhook_disabled() -> Value {
    let webhook = exactly(&[("id", id()), ("name", text())]);
    exactly(&[("webhook", webhook), ("reason", text())])
}

fn player_count_updated() -> Value {
    let mut session_game_id = id();
    session_game_id["description"] = "The `sessionGameId`, not the game's own id".into();
    let statuses: Vec<_> = CountStatus::ALL.into_iter().map(CountStatus::as_str).collect();
    exactly(&[
        ("sessionId", id()),
        ("gameId", session_game_id),
        ("game_id", id()),
        ("playerCount", or_null(count())),
        ("status", json!({"type": "string", "enum": statuses})),
    ])
}
