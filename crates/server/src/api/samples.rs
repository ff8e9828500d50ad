//! One game night as an example: what the API's descriptions show, in the model's own nouns, so that
//! it is written by what writes the real thing.

use fanfare_model::{
    Timestamp,
    application::{AppLimits, Application},
    delivery::{Delivery, DeliveryState, LogRow},
    event,
    export::{Night, NightVote},
    game::Game,
    poll::{Poll, PollGame, PollOption},
    session::{CountStatus, PlayStatus, Session, SessionGame},
    vote::{GameVotes, LiveVote, RecordedVote, SessionVotes, Tally, VoteType},
    webhook::{Origin, Webhook, WebhookOptions},
};
use serde_json::{Map, json};

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

/// A vote for the game, by one of its audience.
pub(super) fn recorded_vote() -> RecordedVote {
    let Game { id, title, pack_name, upvotes, downvotes, .. } = game();
    let body = json!({"username": "TestUser", "vote": "up", "timestamp": "2026-03-15T20:50:00Z"});
    let body: Map<_, _> = body.as_object().cloned().unwrap_or_default();
    RecordedVote {
        session_id: session().id,
        games_played: session().games_played,
        game: GameVotes { id, title, pack_name, upvotes, downvotes },
        vote: LiveVote::parse(&body).expect("a vote"),
    }
}

/// A poll that was opened now, with a few votes.
pub(super) fn poll() -> Poll {
    let option = |game: Game, votes| PollOption { game: PollGame::from(&game), votes };
    let other = Game { id: 12, title: "Champ'd Up".into(), ..game() };
    Poll {
        id: 4,
        session_id: session().id,
        options: vec![option(game(), 3), option(other, 1)],
        created_at: now(),
        closes_at: now().plus_millis(60 * 1_000),
        ended_at: None,
        winner: None,
        told_at: now(),
        has_untold: false,
    }
}

/// The same poll when its time is over.
pub(super) fn ended_poll() -> Poll {
    Poll { ended_at: Some(poll().closes_at), winner: Some(0), ..poll() }
}

/// All of the evening, when it is over.
pub(super) fn night() -> Night {
    let Game { id: game_id, title, pack_name, .. } = game();
    let vote = recorded_vote().vote;
    Night {
        session: ended_session(),
        games: vec![SessionGame { status: PlayStatus::Played, ..session_game() }],
        tallies: vec![SessionVotes { game_id, title, pack_name, votes: Tally { upvotes: 1, downvotes: 0 } }],
        votes: vec![NightVote { game_id, username: vote.username, vote_type: VoteType::Up, at: vote.at }],
        voters: 1,
        polls: vec![ended_poll()],
    }
}

/// The game's row after somebody counted.
pub(super) fn counted() -> SessionGame {
    let (player_count, player_count_check_status) = (Some(6), Some(CountStatus::Manual));
    SessionGame { player_count, player_count_check_status, ..session_game() }
}

pub(super) fn webhook() -> Webhook {
    Webhook {
        app: String::new(),
        id: 5,
        name: "Announcer".into(),
        url: "https://bot.example/hooks/fanfare".into(),
        secret: "a long random text".into(),
        old_secrets: Vec::new(),
        events: vec![event::kind::GAME_ADDED.into(), "session.*".into()],
        enabled: true,
        disabled_reason: None,
        origin: Origin::Api,
        options: WebhookOptions::default(),
        created_at: started(),
    }
}

pub(super) fn application() -> Application {
    Application {
        id: "417290356".into(),
        key: "9f3c1a7be0d24c58a6f1".into(),
        secret: "e6b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
        old_secret: None,
        name: "Chat".into(),
        limits: AppLimits { connections_max: Some(5_000), subscription_counts: true, ..AppLimits::default() },
        is_default: false,
        created_at: started(),
    }
}

/// The same with a new secret.
pub(super) fn rotated_application() -> Application {
    let Application { secret, .. } = application();
    Application { secret: secret.chars().rev().collect(), ..application() }.with_secret(
        secret,
        now(),
        24 * 60 * 60 * 1_000,
    )
}

/// The game's event on its way to the webhook.
pub(super) fn delivery() -> Delivery {
    let LogRow { webhook_id, delivery_id, event_id, event_type, payload, .. } = log_row();
    Delivery {
        id: delivery_id,
        webhook_id,
        event_id,
        event_type,
        event_at: now(),
        payload,
        state: DeliveryState::Failed,
        attempts: 1,
        next_at: None,
    }
}

/// The same when it is to be sent again.
pub(super) fn resent_delivery() -> Delivery {
    Delivery { state: DeliveryState::Pending, next_at: Some(now()), ..delivery() }
}

/// Its only attempt.
pub(super) fn failed_attempt() -> LogRow {
    LogRow {
        response_status: Some(503),
        error_message: Some("HTTP 503".into()),
        error_kind: Some("status".into()),
        response_head: Some("later, please".into()),
        ..log_row()
    }
}

pub(super) fn log_row() -> LogRow {
    LogRow {
        id: 118,
        webhook_id: webhook().id,
        delivery_id: 97,
        event_id: "evt_019ae3f1c2b80d6b8f0a3c5d7e9f1b2a".into(),
        event_type: event::kind::GAME_ADDED.into(),
        payload: game_added(),
        response_status: Some(204),
        error_message: None,
        attempt: 1,
        duration_ms: 12,
        error_kind: None,
        response_head: Some("ok".into()),
        next_retry_at: None,
        created_at: now(),
    }
}
