//! The texts of the refusals that operations have for themselves, as examples of their answers.

mod apps;
mod channels;

use serde_json::{Map, Value, json};

/// What may be wrong with any body.
const BODY: &[&str] = &[
    "Request body is not valid JSON",
    "Request body must be a JSON object",
    "Request body must not contain a lone surrogate",
    "Request body must not contain the character U+0000",
    "Request body broke off",
];
const KEY: &str = "Idempotency-Key must be 1 to 255 printable characters";
const IMPORT_TOO_LARGE: &str = "Request body is larger than 10485760 bytes";

const NO_GAME: &[&str] = &["Game not found"];
const NO_PACK: &[&str] = &["Pack not found"];
const NO_POLL: &[&str] = &["Poll not found"];
const NO_SESSION: &[&str] = &["Session not found"];
const NO_SESSION_GAME: &[&str] = &["Session game not found"];
const NO_WEBHOOK: &[&str] = &["Webhook not found"];
const BIAS: &str = "favor_bias must be -1, 0 or 1";
const ROOM_CODE: &str = "room_code must be four letters";
const TITLE_TAKEN: &str = "A game with this title already exists in this pack";
const LIBRARY_FULL: &str = "The library is full: it holds at most 10000 games";
const NOTES: &[&str] = &["notes must be a string", "notes must not be longer than 10000 characters"];
const NO_GAMES: &str = r#"{"error":"No games match the current filters","emptiedBy":"drawing"}"#;
const VOTE_UNMATCHED: &str = r#"{"error":"Vote timestamp does not match any game in the active session","debug":{"voteTimestamp":"2026-03-15T20:00:00Z","sessionGames":[{"title":"Quiplash 3","played_at":"2026-03-15T20:45:00.000Z"}]}}"#;
const CSV_FAULTY: &str = r#"{"error":"The list is faulty; nothing was imported","imported":0,"skipped":0,"errors":[{"line":3,"error":"min_players is greater than max_players"}]}"#;

/// Wrong fields of a game.
const GAME: &[&str] = &[
    "pack_name must be a string",
    "pack_name must not be empty",
    "pack_name must not be longer than 200 characters",
    "title must be a string",
    "title must not be empty",
    "title must not be longer than 200 characters",
    "min_players must be a whole number from 1",
    "max_players must be a whole number from 1",
    "min_players must not be greater than max_players",
    "length_minutes must be a whole number from 1",
    "has_audience must be a boolean",
    "family_friendly must be a boolean",
    "game_type must be a string",
    "game_type must not be longer than 200 characters",
    "secondary_type must be a string",
    "secondary_type must not be longer than 200 characters",
    "enabled must be a boolean",
    BIAS,
];

/// Wrong options of a pick and of a poll.
const PICK: &[&str] = &[
    "Invalid value for playerCount: expected a positive integer",
    "Invalid value for audienceOverflow: expected true or false",
    "Invalid value for drawing: expected only or exclude",
    "Invalid value for length: expected short or medium or long",
    "Invalid value for maxLength: expected a positive integer",
    "Invalid value for familyFriendly: expected true or false",
    "Invalid value for packs: expected a list of 1 to 100 pack names",
    "Invalid value for excludeGameIds: expected a list of 0 to 1000 game ids",
    "Invalid value for excludePlayed: expected true or false",
    "Invalid value for seed: expected an integer",
    "Invalid value for popularityWeight: expected an integer from 0 to 10",
];

/// Wrong fields of a webhook.
const WEBHOOK: &[&str] = &[
    "events must be an array",
    "events must be an array of strings",
    "events must hold at most 100 names of at most 200 characters",
    "Invalid URL format",
    "name must be a non-empty string",
    "name must not be longer than 1000 characters",
    "secret must be a non-empty string",
    "secret must not be longer than 1000 characters",
    "app must be the id of an application, or null",
    "app: there is no app with this id",
    "method must be POST or PUT",
    "headers must be an object of strings",
    "headers must hold at most 32 names, each once",
    "headers: \"X Key\" is not a header name of at most 100 characters",
    "headers: Host is set by the server",
    "headers: the value of X-Key must be at most 1000 printable ASCII characters",
    "headers: *** stands for a value that X-Key does not have",
    "timeout_ms must be a whole number from 10 to 300000, or null",
    "retry_schedule_ms must be an array of whole numbers, or null",
    "retry_schedule_ms: a retry schedule has at most 50 steps",
    "retry_schedule_ms: retry 1 waits 0 ms: a wait is 1 ms to 7 days",
    "retry_schedule_ms cannot stand beside retry_attempts or retry_delay_ms",
    "retry_attempts must be a whole number from 0 to 50, or null",
    "retry_delay_ms must be a whole number from 1 to 604800000, or null",
    "ordering must be none, fifo or session",
    "max_in_flight must be a whole number from 1 to 64, or null",
    "rate_limit must be a whole number from 1 to 10000, or null",
];

/// Wrong formats.
const FORMAT: &[&str] = &[
    "format must be one of: json, discord, slack, pusher, template",
    "format template needs a template",
    "template must be a string",
    "template is for the format template alone",
    "template must not be longer than 8192 bytes",
    "template, line 1: there is no filter shout",
];

/// Wrong events of a preview.
const PREVIEW: &[&str] = &[
    "event must be a name of at most 200 characters",
    "data must be an object of at most 65536 bytes",
    "data: JSON nested more than 100 deep",
    "template, line 1: undefined value: `data.nothing` is undefined",
];
const CONFIGURED: &str = "This webhook stands in the configuration file; only enabled can be changed here";
const DISABLED: &str = "The webhook is disabled";
const NO_DELIVERY: &[&str] = &["Webhook not found", "Delivery not found"];
const STOPPING: &[&str] = &[
    "The server is stopping",
    r#"{"error":"Something went wrong!","message":"The database is unavailable"}"#,
];
const DELIVERIES: &[&str] = &[
    "Invalid value for state: expected pending, failed, held or cancelled",
    "Deliveries that were delivered are not listed: see the log, GET /api/webhooks/{id}/logs",
    "Invalid value for limit: expected an integer from 1 to 500",
    "Invalid value for before: expected a positive integer",
];
const REPLAY: &[&str] = &[
    "which must be failed, missed or held",
    "since must be an ISO 8601 time (e.g., 2026-03-15T20:30:00Z)",
    "until must be an ISO 8601 time (e.g., 2026-03-15T20:30:00Z)",
    "since must not be later than until",
    "dry_run must be a boolean",
];

const READINESS: &[&str] = &[
    "The server is stopping",
    "The lock on the database is lost",
    "The delivery of webhooks is stuck",
    "The database does not answer",
    "The disk is full",
    "Another process keeps the database locked",
    "The database was moved or replaced",
    "The database cannot be written",
];
const TOO_MANY: &[&str] = &["Too many requests", "Too many connections from this address"];
const SESSION_ACTIVE: &str = r#"{"error":"An active session already exists. Please close it before creating a new one.","activeSessionId":3}"#;
const GAME_FILTERS: &[&str] = &[
    "Invalid value for enabled: expected true or false",
    "Invalid value for playerCount: expected a positive integer",
    "Invalid value for drawing: expected only or exclude",
    "Invalid value for length: expected short, medium or long",
    "Invalid value for familyFriendly: expected true or false",
];
const VOTE_FILTERS: &[&str] = &[
    "Invalid value for session_id: expected a positive integer",
    "Invalid value for game_id: expected a positive integer",
    "Invalid value for username: expected text without U+0000",
    "Invalid value for vote_type: expected up or down",
    "Invalid value for page: expected a positive integer",
    "Invalid value for limit: expected an integer from 1 to 100",
];
const CSV: &[&str] = &[
    CSV_FAULTY,
    "csvData is required",
    "csvData must be a string",
    "csvData holds no games to replace the library with",
    "mode must be append or replace",
    "Invalid value for partial: expected true or false",
    "Invalid value for dry_run: expected true or false",
];
const VOTE: &[&str] = &[
    "Missing required fields: username, vote, timestamp",
    "username must be a string",
    "username must not be longer than 200 characters",
    "vote must be either \"up\" or \"down\"",
    "Invalid timestamp format. Use ISO 8601 format (e.g., 2025-11-01T20:30:00Z)",
];

/// Operation, status and lists of texts.
type Texts = (&'static str, &'static str, &'static [&'static [&'static str]]);

/// The texts of all operations but those of apps and channels. A text that begins with a brace is a whole body.
const TEXTS: &[Texts] = &[
    ("readiness", "503", &[READINESS]),
    ("login", "400", &[&["Admin key is required"]]),
    ("login", "401", &[&["Invalid admin key"]]),
    ("login", "429", &[&["Too many failed logins. Please try again later."], TOO_MANY]),
    ("list_games", "400", &[GAME_FILTERS]),
    ("get_game", "404", &[NO_GAME]),
    ("create_game", "400", &[&["Missing required fields: pack_name, title, min_players, max_players"], GAME]),
    ("create_game", "409", &[&[TITLE_TAKEN, LIBRARY_FULL]]),
    ("update_game", "400", &[GAME]),
    ("update_game", "404", &[NO_GAME]),
    ("update_game", "409", &[&[TITLE_TAKEN]]),
    ("delete_game", "404", &[NO_GAME]),
    (
        "delete_game",
        "409",
        &[&[
            "Game has been played and cannot be deleted. Disable it instead.",
            "Game is offered by an open poll and cannot be deleted. Disable it instead.",
        ]],
    ),
    ("toggle_game", "404", &[NO_GAME]),
    ("favor_game", "400", &[&[BIAS]]),
    ("favor_game", "404", &[NO_GAME]),
    ("favor_pack", "400", &[&[BIAS]]),
    ("favor_pack", "404", &[NO_PACK]),
    ("toggle_pack", "400", &[&["enabled must be a boolean"]]),
    ("toggle_pack", "404", &[NO_PACK]),
    ("import_csv", "400", &[CSV]),
    ("import_csv", "409", &[&[LIBRARY_FULL]]),
    ("import_csv", "413", &[&[IMPORT_TOO_LARGE]]),
    (
        "pick",
        "400",
        &[
            PICK,
            &[
                "Invalid value for sessionId: expected a positive integer",
                "Invalid value for count: expected an integer from 1 to 100",
            ],
        ],
    ),
    ("pick", "404", &[&[NO_GAMES], NO_SESSION]),
    (
        "list_sessions",
        "400",
        &[&[
            "Invalid value for limit: expected an integer from 1 to 1000",
            "Invalid value for offset: expected a non-negative integer",
        ]],
    ),
    ("get_session", "404", &[NO_SESSION]),
    ("create_session", "400", &[&[SESSION_ACTIVE], NOTES]),
    ("close_session", "400", &[&["Session is already closed"], NOTES]),
    ("close_session", "404", &[NO_SESSION]),
    ("delete_session", "400", &[&["Cannot delete an active session. Please close it before deleting it."]]),
    ("delete_session", "404", &[NO_SESSION]),
    ("export_session", "400", &[&["format must be json or txt"]]),
    ("export_session", "404", &[NO_SESSION]),
    ("list_session_games", "404", &[NO_SESSION]),
    (
        "add_game",
        "400",
        &[&[
            "game_id is required",
            "manually_added must be a boolean",
            ROOM_CODE,
            "Cannot add games to a closed session",
        ]],
    ),
    ("add_game", "404", &[NO_SESSION, NO_GAME]),
    ("add_game", "409", &[&["The session is full: it holds at most 10000 games"]]),
    ("set_game_status", "400", &[&["Invalid status", "Cannot play games in a closed session"]]),
    ("set_game_status", "404", &[NO_SESSION_GAME]),
    ("set_room_code", "400", &[&[ROOM_CODE]]),
    ("set_room_code", "404", &[NO_SESSION_GAME]),
    ("set_player_count", "400", &[&["player_count must be a non-negative integer"]]),
    ("set_player_count", "404", &[NO_SESSION_GAME]),
    ("remove_session_game", "404", &[NO_SESSION_GAME]),
    ("start_player_check", "400", &[&["Room code is required", "Cannot check players in a closed session"]]),
    ("start_player_check", "404", &[NO_SESSION_GAME]),
    (
        "start_player_check",
        "409",
        &[&["100 rooms are being watched already: stop another player check first"]],
    ),
    ("stop_player_check", "404", &[NO_SESSION_GAME]),
    ("record_vote", "400", &[VOTE]),
    (
        "record_vote",
        "404",
        &[&[
            "No active session found",
            "No games have been played in the active session yet",
            VOTE_UNMATCHED,
        ]],
    ),
    ("record_vote", "409", &[&["Duplicate vote detected (within 1 second of previous vote)"]]),
    (
        "import_chat",
        "400",
        &[&[
            "chatData must be an array",
            "chatData must not hold more than 50000 messages",
            "Invalid value for dryRun: expected true or false",
        ]],
    ),
    ("import_chat", "404", &[NO_SESSION]),
    ("import_chat", "413", &[&[IMPORT_TOO_LARGE]]),
    ("list_votes", "400", &[VOTE_FILTERS]),
    ("list_session_votes", "404", &[NO_SESSION]),
    (
        "create_poll",
        "400",
        &[
            &[
                "seconds must be an integer from 10 to 300",
                "count must be an integer from 2 to 10",
                "gameIds must be a list of 2 to 10 different game ids",
                "Cannot open polls in a closed session",
            ],
            PICK,
        ],
    ),
    ("create_poll", "404", &[NO_SESSION, NO_GAME, &[NO_GAMES, "Only one game matches the current filters"]]),
    ("create_poll", "409", &[&[r#"{"error":"The session has an open poll already","pollId":4}"#]]),
    ("list_polls", "404", &[NO_SESSION]),
    ("get_poll", "404", &[NO_POLL]),
    (
        "vote_in_poll",
        "400",
        &[&[
            "Missing required fields: username, option",
            "username must be a string",
            "username must not be longer than 200 characters",
            "option must be the key of an option",
            "option must be one of A to C",
        ]],
    ),
    ("vote_in_poll", "404", &[NO_POLL]),
    ("vote_in_poll", "409", &[&["Poll is closed"]]),
    ("close_poll", "404", &[NO_POLL]),
    ("close_poll", "409", &[&["Poll is closed"]]),
    ("delete_poll", "404", &[NO_POLL]),
    ("get_webhook", "404", &[NO_WEBHOOK]),
    ("create_webhook", "400", &[&["Missing required fields: name, url, secret, events"], WEBHOOK, FORMAT]),
    ("update_webhook", "400", &[&["No fields to update", "enabled must be a boolean"], WEBHOOK, FORMAT]),
    ("update_webhook", "404", &[NO_WEBHOOK]),
    ("update_webhook", "409", &[&[CONFIGURED]]),
    ("delete_webhook", "404", &[NO_WEBHOOK]),
    ("delete_webhook", "409", &[&[CONFIGURED]]),
    ("preview_format", "400", &[FORMAT, PREVIEW]),
    ("preview_webhook", "400", &[PREVIEW]),
    ("preview_webhook", "404", &[NO_WEBHOOK]),
    ("list_deliveries", "400", &[DELIVERIES]),
    ("list_deliveries", "404", &[NO_WEBHOOK]),
    ("get_delivery", "404", &[NO_DELIVERY]),
    (
        "get_delivery_request",
        "400",
        &[&[
            "template, line 1: undefined value: `data.nothing` is undefined",
            "the app of the webhook does not exist",
        ]],
    ),
    ("get_delivery_request", "404", &[NO_DELIVERY]),
    ("resend_delivery", "404", &[NO_DELIVERY]),
    ("resend_delivery", "409", &[&[DISABLED]]),
    ("cancel_delivery", "404", &[NO_DELIVERY]),
    ("cancel_delivery", "409", &[&["The delivery is over"]]),
    ("replay_deliveries", "400", &[REPLAY]),
    ("replay_deliveries", "404", &[NO_WEBHOOK]),
    ("replay_deliveries", "409", &[&[DISABLED]]),
    ("replay_deliveries", "503", &[STOPPING]),
    ("test_webhook", "404", &[NO_WEBHOOK]),
    (
        "fire_event",
        "400",
        &[&[
            "event must be a string of 1 to 200 characters",
            "event must be a name, not a pattern",
            "data must be an object",
            "data must not be nested more than 100 deep",
        ]],
    ),
    ("stream_session_events", "404", &[NO_SESSION]),
    (
        "open_live_socket",
        "400",
        &[&["Sec-WebSocket-Key must be 16 bytes in base64", "This connection cannot be upgraded"]],
    ),
    ("open_live_socket", "426", &[&["WebSocket upgrade required", "WebSocket version 13 required"]]),
];

/// Texts of refusals that operations share, by the name of the shared answer.
pub(super) fn shared(name: &str) -> Vec<&'static str> {
    match name {
        "BadBody" => BODY.iter().copied().chain([KEY]).collect(),
        "TooMany" => TOO_MANY.to_vec(),
        _ => Vec::new(),
    }
}

/// Puts the texts into the answers of an operation that has a body or not, and an `Idempotency-Key`
/// or not.
pub(super) fn put(operation: &mut Value, takes_body: bool, takes_key: bool) {
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    for (_, status, texts) in
        TEXTS.iter().chain(apps::TEXTS).chain(channels::TEXTS).filter(|(of, ..)| *of == id)
    {
        let of_body = if *status == "400" && takes_body { BODY } else { &[] };
        let of_key = if *status == "400" && takes_key { &[KEY][..] } else { &[] };
        let texts: Vec<_> = texts.iter().copied().chain([of_body, of_key]).flatten().copied().collect();
        let response = &mut operation["responses"][status];
        if response.is_null() {
            let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}});
            *response = json!({"description": texts[0], "content": content});
        }
        show(&mut response["content"]["application/json"], &texts);
    }
}

/// Makes the texts the examples of an answer.
pub(super) fn show(media: &mut Value, texts: &[&str]) {
    let body = |text: &str| match serde_json::from_str(text) {
        Ok(body @ Value::Object(_)) => body,
        _ => json!({ "error": text }),
    };
    if let [text] = texts {
        media["example"] = body(text);
        return;
    }
    let example = |text: &&str| {
        let value = body(text);
        (value["error"].as_str().unwrap_or_default().to_owned(), json!({ "value": value }))
    };
    media["examples"] = texts.iter().map(example).collect::<Map<_, _>>().into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::openapi as described;

    #[test]
    fn every_refusal_of_an_operation_has_its_texts() {
        let mut document = described();
        let mut known: Vec<_> = TEXTS
            .iter()
            .chain(apps::TEXTS)
            .chain(channels::TEXTS)
            .map(|(id, status, _)| (*id, *status))
            .collect();
        let mut found = Vec::new();
        for operation in super::super::shared::operations(&mut document) {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            for (status, response) in operation["responses"].as_object().expect("responses") {
                let is_shared = response.get("$ref").is_some() || status == "422";
                if status.as_str() >= "400" && !is_shared {
                    found.push((id.clone(), status.clone()));
                }
            }
        }
        let mut found: Vec<_> = found.iter().map(|(id, status)| (id.as_str(), status.as_str())).collect();
        known.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, known);
    }
}
