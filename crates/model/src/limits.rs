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

/// A session's notes, in bytes: they are in an event that every socket is sent.
pub const NOTES_MAX_BYTES: usize = 10_000;
/// Names and patterns in a webhook's `events`.
pub const WEBHOOK_EVENTS_MAX: usize = 100;
/// One of those, in characters.
pub const WEBHOOK_EVENT_MAX_CHARS: usize = 200;
/// A webhook's name or secret, in characters.
pub const WEBHOOK_TEXT_MAX_CHARS: usize = 1_000;

/// The largest frame a client may send on a socket, in bytes (64 KiB).
pub const SOCKET_FRAME_MAX_BYTES: usize = 64 << 10;
/// Messages that may wait in one socket's mailbox before it counts as too slow.
pub const MAILBOX_MAX_MESSAGES: usize = 1_024;
/// Bytes that may wait in one socket's mailbox before it counts as too slow (1 MiB).
pub const MAILBOX_MAX_BYTES: usize = 1 << 20;
/// Sessions that one socket may be subscribed to.
pub const SUBSCRIPTIONS_MAX_PER_SOCKET: usize = 100;
/// Events read from the log at a time while a socket catches up.
pub const CATCH_UP_PAGE_EVENTS: usize = 500;

/// Commits that may wait for the publisher before the writer waits for it.
pub const COMMITS_MAX_QUEUED: usize = 1_024;
/// Jobs that share one transaction at most.
pub const GROUP_MAX_JOBS: usize = 256;

/// Deliveries of one webhook that are kept in memory; the rest waits in the database.
pub const READY_MAX_PER_WEBHOOK: usize = 1_000;
/// Requests under way at once to one webhook.
pub const IN_FLIGHT_MAX_PER_WEBHOOK: usize = 16;
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

/// The shortest wait between two attempts of a delivery, in milliseconds.
pub const RETRY_DELAY_MIN_MS: i64 = 1;
/// The longest wait between two attempts of a delivery, in milliseconds (7 days).
pub const RETRY_DELAY_MAX_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// Steps that a retry schedule may have.
pub const RETRY_STEPS_MAX: usize = 50;

/// Faulty lines of a catalogue that are told at once; the rest is not read.
pub const CATALOGUE_ERRORS_MAX: usize = 100;
