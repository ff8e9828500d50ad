//! One game night as an example: what the API's descriptions show, in the model's own nouns, so that
//! it is written by what writes the real thing.

use fanfare_model::{
    Timestamp,
    delivery::LogRow,
    event,
    game::Game,
    session::{PlayStatus, Session, SessionGame},
    webhook::Webhook,
};

/// 2026-03-15T20:30:00.000Z, in milliseconds since the epoch.
const STARTED_MS: i64 = 1_773_606_600_000;

/// A quarter of an hour into the night.
pub(super) fn now() -> Timestamp {
    started().plus_millis(15 * 60 * 1_000)
}

fn started() -> Timestamp {
    Timestamp::from_millis(STARTED_MS)
}

pub(super) fn game() -> Game {
    Game {
        id: 42,
        pack_name: "Jackbox Party Pack 7".into(),
        title: "Quiplash 3".into(),
        min_players: 3,
        max_players: 8,
        length_minutes: Some(15),
        has_audience: true,
        family_friendly: true,
        game_type: Some("Writing".into()),
        secondary_type: None,
        play_count: 12,
        upvotes: 31,
        downvotes: 4,
        enabled: true,
        favor_bias: 0,
        created_at: Timestamp::EPOCH,
    }
}

pub(super) fn session() -> Session {
    Session {
        id: 3,
        notes: Some("Friday night".into()),
        is_active: true,
        created_at: started(),
        closed_at: None,
        games_played: 1,
    }
}

pub(super) fn ended_session() -> Session {
    Session { is_active: false, closed_at: Some(now()), ..session() }
}

pub(super) fn session_game() -> SessionGame {
    let Game { id, title, pack_name, min_players, max_players, game_type, upvotes, downvotes, .. } = game();
    SessionGame {
        id: 7,
        session_id: session().id,
        game_id: id,
        played_at: now(),
        manually_added: false,
        status: PlayStatus::Playing,
        room_code: Some("ABCD".into()),
        player_count: None,
        player_count_check_status: None,
        title,
        pack_name,
        min_players,
        max_players,
        game_type,
        upvotes,
        downvotes,
    }
}

/// `data` of a `game.added`.
pub(super) fn game_added() -> String {
    let row = session_game();
    event::game_added(&session(), &game(), row.manually_added, row.room_code.as_deref())
}

pub(super) fn webhook() -> Webhook {
    Webhook {
        id: 5,
        name: "Announcer".into(),
        url: "https://bot.example/hooks/fanfare".into(),
        secret: "a long random text".into(),
        events: vec![event::kind::GAME_ADDED.into(), "session.*".into()],
        enabled: true,
        created_at: started(),
    }
}

pub(super) fn log_row() -> LogRow {
    LogRow {
        id: 118,
        webhook_id: webhook().id,
        event_type: event::kind::GAME_ADDED.into(),
        payload: game_added(),
        response_status: Some(204),
        error_message: None,
        created_at: now(),
    }
}
