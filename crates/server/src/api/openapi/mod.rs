//! The OpenAPI description: what the annotated handlers say of themselves, and here, in one place,
//! what holds for all of them.

mod examples;
mod refusals;
mod shared;
#[cfg(test)]
mod tests;

use fanfare_model::game::{Drawing, Length};
use serde_json::{Value, json};
use utoipa::{OpenApi as _, openapi::OpenApi};

/// Schemas that stand in parameters only, which handlers name without bringing them along.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Drawing, Length)))]
struct OfParameters;

/// The tags in the order in which they are shown.
const TAGS: &[(&str, &str)] = &[
    ("Health", "Whether the server is well, and its figures."),
    ("Auth", "Trading the admin key for a token."),
    ("Games", "The library."),
    ("Packs", "The packs that games come in."),
    ("Picking", "What to play next."),
    ("Sessions", "Game nights."),
    ("Session games", "The games played in a session, and their rooms."),
    ("Votes", "What the audience thinks of a game."),
    ("Polls", "The audience chooses what comes next."),
    ("Statistics", "What was played and liked."),
    ("Webhooks", "Who is told of what happens, and how it went."),
    ("Apps", "Whose channels are whose."),
    ("Channels", "Broadcasting: sockets on channels, and who publishes to them."),
    ("Events", "Hearing what happens while it happens."),
    ("Descriptions", "What describes this API."),
];

const ABOUT: &str = "\
Game nights: a library of party games, sessions, votes, and everybody who wants to hear of them.

Bodies are JSON in UTF-8, times are ISO 8601 in UTC with milliseconds, ids are positive integers. An id \
that is none is answered like an unknown one. Rows have booleans as `0` and `1`; requests may use those \
or `true` and `false`. Every refusal is `{\"error\": \"…\"}`, some with more keys. Every answer has an \
`x-request-id`, the request's own if it had one.

What needs a token takes it from `POST /api/auth/login`.";

/// The whole document, from what the routers say of their handlers.
pub(super) fn document(parts: impl IntoIterator<Item = OpenApi>) -> Value {
    let mut all = OfParameters::openapi();
    for part in parts {
        all.merge(part);
    }
    let mut document = serde_json::to_value(all).expect("a description has string keys only");
    document["info"] = json!({
        "title": "Fanfare",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "A self-hosted game-night server and event notification system",
        "description": ABOUT,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/", "description": "This server"}]);
    document["tags"] =
        TAGS.iter().map(|(name, description)| json!({"name": name, "description": description})).collect();
    document["components"]["securitySchemes"] = json!({
        "bearerAuth": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token from `POST /api/auth/login`, valid for 24 hours.",
        },
        "appSignature": {
            "type": "apiKey",
            "in": "query",
            "name": "auth_signature",
            "description": "The HMAC-SHA256 of the request under the app's secret, beside `auth_key`, \
                `auth_timestamp`, `auth_version` and the `body_md5` of a POST, as Pusher's server SDKs make it.",
        },
    });
    examples::put_rows(&mut document);
    shared::complete(&mut document);
    examples::put_answers(&mut document);
    examples::complete(&mut document);
    document
}
