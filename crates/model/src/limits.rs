//! Every bound that is not a setting, by name and unit.

/// The largest JSON body of a request, in bytes (1 MiB).
pub const BODY_MAX_BYTES: usize = 1 << 20;
/// The largest body of an import, in bytes (10 MiB).
pub const IMPORT_MAX_BYTES: usize = 10 << 20;
/// An `Idempotency-Key`, in bytes.
pub const IDEMPOTENCY_KEY_MAX_BYTES: usize = 255;
/// How long the answer to a request with an `Idempotency-Key` is kept, in milliseconds (24 h).
pub const IDEMPOTENCY_KEEP_MS: i64 = 24 * 60 * 60 * 1_000;
/// The largest integer that JavaScript holds exactly, 2^53 − 1; no larger one is accepted or sent.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;
/// How long the body of a request may take to arrive, in milliseconds.
pub const BODY_READ_TIMEOUT_MS: u64 = 30_000;

/// The name of somebody who votes, in characters: it is in an event, and part of an index.
pub const USERNAME_MAX_CHARS: usize = 200;
/// Votes of one user count once when they are at most so far apart, in milliseconds.
pub const VOTES_APART_MS: i64 = 1_000;
/// Messages of one chat import.
pub const CHAT_IMPORT_MAX_ITEMS: usize = 50_000;
/// Votes on a page of `GET /api/votes` when it is not told otherwise.
pub const VOTES_PAGE_DEFAULT_ROWS: i64 = 50;
/// Votes on a page of `GET /api/votes` at most.
pub const VOTES_PAGE_MAX_ROWS: i64 = 100;
/// Games that a vote which matches none of them is told of, the newest of the session.
pub const UNMATCHED_GAMES_MAX: usize = 50;
/// A session's notes, in characters: they are in an event that every socket is sent.
pub const NOTES_MAX_CHARS: usize = 10_000;
/// Sessions that `GET /api/sessions` returns at most when it is asked for a page.
pub const SESSIONS_PAGE_MAX_ROWS: usize = 1_000;
/// Votes that the export of a session lists at most; all are counted.
pub const EXPORT_VOTES_MAX: usize = 100_000;
/// Polls that an export lists; the first ones.
pub const EXPORT_POLLS_MAX: usize = 1_000;
/// Polls in the list of a session's polls, the latest ones.
pub const POLLS_LIST_MAX_ROWS: usize = 50;

/// Games that a poll offers at least.
pub const POLL_OPTIONS_MIN: usize = 2;
/// Games that a poll offers when nobody says.
pub const POLL_OPTIONS_DEFAULT: usize = 3;
/// Games that a poll offers at most; each has a letter.
pub const POLL_OPTIONS_MAX: usize = 10;
/// How long a poll is open at least, in seconds.
pub const POLL_OPEN_MIN_S: i64 = 10;
/// How long a poll is open at most, in seconds.
pub const POLL_OPEN_MAX_S: i64 = 300;
/// How long a poll is open when nobody says, in seconds.
pub const POLL_OPEN_DEFAULT_S: i64 = 60;
/// The shortest time between two `poll.updated` of a poll, in milliseconds.
pub const POLL_UPDATE_MIN_MS: i64 = 1_000;
/// Names and patterns in a webhook's `events`.
pub const WEBHOOK_EVENTS_MAX: usize = 100;
/// One of those, in characters.
pub const WEBHOOK_EVENT_MAX_CHARS: usize = 200;
/// A webhook's name or secret, in characters.
pub const WEBHOOK_TEXT_MAX_CHARS: usize = 1_000;
/// Headers that a webhook adds to its requests.
pub const WEBHOOK_HEADERS_MAX: usize = 32;
/// The name of one of those, in characters.
pub const WEBHOOK_HEADER_NAME_MAX_CHARS: usize = 100;
/// The value of one of those, in characters.
pub const WEBHOOK_HEADER_VALUE_MAX_CHARS: usize = 1_000;
/// Replaced secrets of a webhook that still sign; past that the oldest ends early.
pub const OLD_SECRETS_MAX: usize = 8;

/// The largest frame a client may send on a socket, in bytes (64 KiB).
pub const SOCKET_FRAME_MAX_BYTES: usize = 64 << 10;
/// Messages that may wait in the mailbox of one socket or event stream before it counts as too slow.
pub const MAILBOX_MAX_MESSAGES: usize = 1_024;
/// Bytes that may wait in the mailbox of one socket or event stream before it counts as too slow (1 MiB).
pub const MAILBOX_MAX_BYTES: usize = 1 << 20;
/// Sessions that one socket may be subscribed to.
pub const SUBSCRIPTIONS_MAX_PER_SOCKET: usize = 100;
/// Events read from the log at a time while a socket or an event stream catches up.
pub const CATCH_UP_PAGE_EVENTS: usize = 500;

/// Commits that may wait for the publisher before the writer waits for it.
pub const COMMITS_MAX_QUEUED: usize = 1_024;
/// Jobs that share one transaction at most.
pub const GROUP_MAX_JOBS: usize = 256;

/// Deliveries of one webhook that are kept in memory; the rest waits in the database.
pub const READY_MAX_PER_WEBHOOK: usize = 1_000;
/// Deliveries in memory, waiting, of all webhooks together.
pub const READY_MAX_TOTAL: usize = 50_000;
/// Requests under way at once to one webhook that does not say how many.
pub const IN_FLIGHT_MAX_PER_WEBHOOK: usize = 16;
/// Requests under way at once that a webhook can ask for.
pub const IN_FLIGHT_LIMIT_PER_WEBHOOK: u32 = 64;
/// Requests a second that a webhook can be limited to.
pub const RATE_LIMIT_MAX: u32 = 10_000;
/// The shortest time that one attempt can be given, in milliseconds.
pub const DELIVERY_TIMEOUT_MIN_MS: i64 = 10;
/// The longest time that one attempt can be given, in milliseconds (5 min).
pub const DELIVERY_TIMEOUT_MAX_MS: i64 = 300_000;
/// Sessions of one webhook that are followed in memory at once, for their order.
pub const ORDER_KEYS_MAX_PER_WEBHOOK: usize = 1_000;
/// Failures in a row after which a webhook is left alone for a while.
pub const BREAKER_FAILURES: u32 = 5;
/// How long it is left alone the first time, in milliseconds; each time that follows twice as long.
pub const BREAKER_OPEN_MIN_MS: i64 = 30_000;
/// How long it is left alone at most, in milliseconds (15 min).
pub const BREAKER_OPEN_MAX_MS: i64 = 15 * 60 * 1_000;
/// Failures that are further apart, in milliseconds (48 h), are not one long row of them: nothing was sent
/// meanwhile, since the longest wait of the default schedule is shorter.
pub const FAILING_GAP_MS: i64 = 48 * 60 * 60 * 1_000;
/// A webhook that has had nothing but failures for so long is disabled, in milliseconds (5 days).
pub const FAILING_DISABLE_MS: i64 = 5 * 24 * 60 * 60 * 1_000;
/// Requests under way at once to all webhooks together.
pub const IN_FLIGHT_MAX_TOTAL: usize = 1_024;
/// Bytes of a receiver's response that are read at most (16 KiB).
pub const RESPONSE_READ_MAX_BYTES: usize = 16 << 10;
/// Bytes of a receiver's response that are kept in the log (4 KiB).
pub const RESPONSE_KEEP_MAX_BYTES: usize = 4 << 10;
/// Outcomes that may wait for the database before senders wait for it.
pub const OUTCOMES_MAX_QUEUED: usize = 4_096;
/// Rows that a background clean-up removes or changes in one job.
pub const CLEAN_UP_BATCH_ROWS: usize = 1_000;

/// Log rows that `GET /api/webhooks/{id}/logs` returns when it is not told otherwise.
pub const LOGS_DEFAULT_ROWS: usize = 50;
/// Log rows that `GET /api/webhooks/{id}/logs` returns at most.
pub const LOGS_MAX_ROWS: usize = 500;

/// Addresses whose failed logins are remembered at once.
pub const LOGIN_ADDRESSES_MAX: usize = 10_000;
/// Addresses whose requests are counted at once.
pub const RATE_ADDRESSES_MAX: usize = 10_000;

/// The shortest wait between two attempts of a delivery, in milliseconds.
pub const RETRY_DELAY_MIN_MS: i64 = 1;
/// The longest wait between two attempts of a delivery, in milliseconds (7 days).
pub const RETRY_DELAY_MAX_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// Steps that a retry schedule may have.
pub const RETRY_STEPS_MAX: usize = 50;

/// Faulty lines of a catalogue that are told at once; the rest is not read.
pub const CATALOGUE_ERRORS_MAX: usize = 100;
/// Columns of a catalogue, those that are ignored counted.
pub const CATALOGUE_COLUMNS_MAX: usize = 100;

/// Games that are played in one session at most, skipped ones included: all of them are listed and
/// exported at once.
pub const SESSION_GAMES_MAX: i64 = 10_000;
/// Games that the library holds at most: all of them are answered, exported and drawn from at once.
pub const LIBRARY_MAX_GAMES: usize = 10_000;
/// A game's title, pack or kind, in Unicode code points, as JSON Schema counts.
pub const GAME_TEXT_MAX_CHARS: usize = 200;

/// Games that are picked at once at most.
pub const PICK_MAX_GAMES: i64 = 100;
/// Games that a pick can leave out by their ids.
pub const PICK_EXCLUDED_MAX_GAMES: usize = 1_000;
/// Packs that a pick can be limited to.
pub const PICK_PACKS_MAX: usize = 100;
/// The most that votes can be made to count in a pick.
pub const PICK_POPULARITY_WEIGHT_MAX: i64 = 10;
/// A session's games that a pick holds back when not all of them are to be.
pub const PICK_JUST_PLAYED_GAMES: usize = 2;

/// Games in each ranking of the statistics.
pub const STATISTICS_TOP_GAMES: usize = 10;
/// Sessions that the statistics tell of one by one, and games never played that they name.
pub const STATISTICS_MAX_ROWS: usize = 50;

/// Arrays and objects in each other in data that somebody sends: readers that are in use take about 127,
/// and the envelopes around it need a few.
pub const JSON_DEPTH_MAX: usize = 100;

/// The longest that a receiver's `Retry-After` holds deliveries back, in milliseconds (24 h).
pub const RETRY_AFTER_MAX_MS: i64 = 24 * 60 * 60 * 1_000;
/// Votes that an import of a chat log writes in one job: all of them become visible in the last one.
pub const CHAT_IMPORT_BATCH_ROWS: usize = 1_000;
/// Times that an import looks again at what changed in its session while it was written, in jobs of that
/// size; after those it takes all that is left into its last job.
pub const CHAT_IMPORT_MAX_ROUNDS: usize = 8;

/// A webhook's template, in bytes (8 KiB).
pub const TEMPLATE_MAX_BYTES: usize = 8 << 10;
/// Words and signs in one tag of a template, `{{ … }}` or `{% … %}`.
pub const TEMPLATE_TAG_MAX_TOKENS: usize = 200;
/// Tags of a template that stand in each other.
pub const TEMPLATE_DEPTH_MAX: usize = 50;
/// An event's data that a template is given, in bytes (64 KiB).
pub const TEMPLATE_DATA_MAX_BYTES: usize = 64 << 10;
/// Steps that a template may take for one event; each 64 bytes that it writes or joins count as one, too.
pub const TEMPLATE_FUEL: u64 = 10_000;
/// What a template may write, in bytes (256 KiB).
pub const TEMPLATE_OUTPUT_MAX_BYTES: usize = 256 << 10;
/// An event's data in a preview, in bytes (64 KiB).
pub const PREVIEW_DATA_MAX_BYTES: usize = 64 << 10;
/// An application's secret, in characters.
pub const APP_SECRET_MAX_CHARS: usize = 128;
/// An application's name, in characters.
pub const APP_NAME_MAX_CHARS: usize = 200;
/// Applications of one server: all of them are kept in memory.
pub const APPS_MAX: usize = 1_000;
/// Connections that an application can be limited to.
pub const APP_CONNECTIONS_LIMIT: u32 = 10_000_000;
/// Channels that one connection can be allowed, by the configuration or for one application.
pub const CHANNELS_LIMIT_PER_CONNECTION: u32 = 100_000;
/// Members that a presence channel can be allowed, by the configuration or for one application.
pub const MEMBERS_LIMIT: u32 = 100_000;
/// Messages or client events a second that one connection can be allowed, by the configuration or for one
/// application.
pub const SOCKET_RATE_LIMIT: u32 = 100_000;
/// The data of one event, or the message of a client, that can be allowed, by the configuration or for one
/// application, in bytes (256 KiB): written as a JSON string in JSON, it still fits into a mailbox.
pub const EVENT_DATA_LIMIT_BYTES: u32 = 256 << 10;

/// How far the clock of somebody who signs a request may be from the server's, in seconds.
pub const SIGNED_REQUEST_AGE_MAX_S: u64 = 600;
/// Parameters in the query of a signed request.
pub const SIGNED_PARAMETERS_MAX: usize = 32;

/// Channels, members or connections that a host is shown when he does not say how many.
pub const CHANNELS_SHOWN_DEFAULT_ROWS: usize = 100;
/// Channels, members or connections that a host is shown at most.
pub const CHANNELS_SHOWN_MAX_ROWS: usize = 500;
/// A channel's name, in characters.
pub const CHANNEL_NAME_MAX_CHARS: usize = 200;
/// A user's id on a presence channel, in characters.
pub const MEMBER_ID_MAX_CHARS: usize = 128;
/// What is told of a user on a presence channel, in bytes (1 KiB, as Pusher has it).
pub const MEMBER_INFO_MAX_BYTES: usize = 1 << 10;
/// The name of an event on a channel, in characters.
pub const CHANNEL_EVENT_MAX_CHARS: usize = 200;
/// What is kept of a channel's messages at most, in bytes (4 MiB), however many the configuration allows.
pub const HISTORY_MAX_BYTES: usize = 4 << 20;
/// How long the last event of a cache channel is kept, in milliseconds (30 min, as Pusher has it).
pub const CACHE_KEEP_MS: u64 = 30 * 60 * 1_000;
/// Channels that one message of a client's can name.
pub const BATCH_MAX_CHANNELS: usize = 50;
/// A `messageId` that a client wants back, in bytes of its JSON.
pub const MESSAGE_ID_MAX_BYTES: usize = 255;

/// An application's id or key, in characters.
pub const APP_WORD_MAX_CHARS: usize = 64;
/// Channels that one event is published to over HTTP.
pub const EVENT_MAX_CHANNELS: usize = 100;
/// Events of one batch that is published over HTTP.
pub const BATCH_MAX_EVENTS: usize = 10;
