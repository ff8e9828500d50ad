//! The texts of the refusals that have to do with apps and with what their backends ask.

use super::Texts;

/// Wrong fields of an app.
const APP: &[&str] = &[
    "name must be a non-empty string of at most 200 characters",
    "connections_max must be a whole number from 1 to 10000000, or null",
    "channels_max_per_connection must be a whole number from 1 to 100000, or null",
    "members_max must be a whole number from 1 to 100000, or null",
    "messages_per_second must be a whole number from 1 to 100000, or null",
    "client_events_per_second must be a whole number from 1 to 100000, or null",
    "data_max_bytes must be a whole number from 1 to 262144, or null",
    "client_events must be a boolean",
    "subscription_counts must be a boolean",
];
const NEW_APP: &[&str] = &[
    "Missing required fields: name",
    "id must be 1 to 64 of the characters A-Z a-z 0-9 _ -",
    "key must be 1 to 64 of the characters A-Z a-z 0-9 _ -",
    "secret must be 1 to 128 printable ASCII characters without colons",
];
const CHANGED_APP: &[&str] =
    &["No fields to update", "id cannot be changed", "key cannot be changed", "secret cannot be changed"];
const APP_TAKEN: &[&str] = &[
    "An app with this id exists already",
    "An app with this key exists already",
    "There are 1000 apps already",
];
const NO_APP: &[&str] = &["App not found"];

const UNSIGNED: &[&str] = &[
    "auth_signature is wrong: it must be the HMAC-SHA256 of the request under the app's secret, in hexadecimal",
    "The query lacks auth_signature: requests are signed with the app's key and secret",
    "The query lacks auth_key: requests are signed with the app's key and secret",
    "The query has auth_key more than once",
    "The query has more than 32 parameters",
    "auth_key is not the key of this app",
    "auth_version must be 1.0",
    "auth_timestamp must be a whole number of seconds since 1970",
    "auth_timestamp is more than 600 seconds away from the server's clock, which says 1773607500",
];
const WRONG_BODY: &[&str] = &["body_md5 is not the MD5 of the body"];
const INFO: &str = "info must be user_count or subscription_count, or both with a comma between them";
const LIMIT: &str = "Invalid value for limit: expected an integer from 1 to 500";
const CHANNEL: &str = "\"a room\" is no channel: Channel names consist of A-Z, a-z, 0-9 and _-=@,.;:";

/// Wrong fields of an event.
const EVENT: &[&str] = &[
    "Request body describes no event: invalid type: integer `5`, expected a string at line 1 column 9",
    "name must be a string of 1 to 200 characters",
    "data is required: a string, usually of JSON",
    "name and data must not contain the character U+0000",
    "channels must name 1 to 100 channels",
    CHANNEL,
    "socket_id is no socket's id",
    INFO,
    "The channels of sessions are the server's own",
];
const TOO_LARGE: &[&str] =
    &["data must not be longer than 10240 bytes", "Request body is larger than 183664 bytes"];

const BATCH_TOO_LARGE: &[&str] =
    &["data must not be longer than 10240 bytes", "Request body is larger than 1836640 bytes"];
const BATCH: &[&str] = &["batch must hold at most 10 events", "An event of a batch names one channel"];

/// As the table of all operations.
pub(super) const TEXTS: &[Texts] = &[
    ("get_app", "404", &[NO_APP]),
    ("create_app", "400", &[NEW_APP, APP]),
    ("create_app", "409", &[APP_TAKEN]),
    ("update_app", "400", &[CHANGED_APP, APP]),
    ("update_app", "404", &[NO_APP]),
    ("rotate_app", "404", &[NO_APP]),
    ("rotate_app", "409", &[&["The secret of this app stands in the configuration, as app"]]),
    ("delete_app", "404", &[NO_APP]),
    ("delete_app", "409", &[&["The default app cannot be deleted"]]),
    ("list_app_channels", "400", &[&[LIMIT]]),
    ("list_app_channels", "404", &[NO_APP]),
    ("list_channel_members", "400", &[&["Only presence channels have members", CHANNEL, LIMIT]]),
    ("list_channel_members", "404", &[NO_APP]),
    ("list_connections", "400", &[&[LIMIT]]),
    ("list_connections", "404", &[NO_APP]),
    ("close_connection", "404", &[NO_APP, &["Connection not found"]]),
    ("publish_event", "400", &[EVENT]),
    ("publish_event", "401", &[UNSIGNED, WRONG_BODY]),
    ("publish_event", "404", &[NO_APP]),
    ("publish_event", "413", &[TOO_LARGE]),
    ("publish_batch", "400", &[BATCH, EVENT]),
    ("publish_batch", "401", &[UNSIGNED, WRONG_BODY]),
    ("publish_batch", "404", &[NO_APP]),
    ("publish_batch", "413", &[BATCH_TOO_LARGE]),
    ("list_channels", "400", &[&["user_count needs a filter_by_prefix that begins with presence-", INFO]]),
    ("list_channels", "401", &[UNSIGNED]),
    ("list_channels", "404", &[NO_APP]),
    (
        "get_channel",
        "400",
        &[&["user_count is for presence channels alone", "cache is for cache channels alone", INFO, CHANNEL]],
    ),
    ("get_channel", "401", &[UNSIGNED]),
    ("get_channel", "404", &[NO_APP]),
    ("list_channel_users", "400", &[&["Only presence channels have users", CHANNEL]]),
    ("list_channel_users", "401", &[UNSIGNED]),
    ("list_channel_users", "404", &[NO_APP]),
    ("terminate_user_connections", "401", &[UNSIGNED, WRONG_BODY]),
    ("terminate_user_connections", "404", &[NO_APP]),
    ("terminate_user_connections", "413", &[&["Request body is larger than 183664 bytes"]]),
];
