//! The AsyncAPI description: what is said on the game socket, in event streams, on channels and to webhooks.
//! Every example is written by what writes the real message.

mod broadcasting;
mod deliveries;
mod dialect;
mod events;
mod occurrences;
mod pusher;
mod schemas;
mod socket;
#[cfg(test)]
mod tests;

use fanfare_model::{
    event::{Event as Committed, PollRow, SessionGameRow, WEBHOOKS_TOPIC, kind, session_topic},
    json::Flag,
    wire::sse,
};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use self::{
    broadcasting::BROADCASTING,
    deliveries::{PUSHER_DELIVERY, delivery},
    dialect::{Dialect, Message},
    events::{Audience, EVENTS, Event},
    occurrences::OCCURRENCES,
    pusher::PUSHER,
    schemas::{constant, exactly, named},
    socket::{FROM_CLIENTS, FROM_THE_SERVER, RESYNC_IN_ALL},
};
use super::samples;

/// The wire protocols of channels.
const DIALECTS: [&Dialect; 2] = [&BROADCASTING, &PUSHER];

/// The message of a vote in a public stream.
const PUBLIC_VOTE: &str = "public.vote.recorded";
/// The message for whoever cannot be told what was missed in the stream of all events.
const RESYNC_ALL: &str = "all.resync";

const ABOUT: &str = "\
Everything that happens is an event. Sockets and event streams hear of it at once and in order; webhooks \
are told at least once, each at its own pace.

An event of a session carries `seq`, its place among the session's events, from 1 and without a gap: a \
client that names the last one it has seen is sent what it missed. Every event carries `id`, the \
`webhook-id` of its deliveries.

Channels are another server on the same port: what is published in one of their two protocols is heard in both. \
What happens on them is told to webhooks, too.";

/// The whole document.
pub(super) fn document() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fanfare events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "socket": {
                "host": "localhost:5000",
                "protocol": "ws",
                "description": "The same host and port as the HTTP API",
            },
            "http": {
                "host": "localhost:5000",
                "protocol": "http",
                "description": "The HTTP API, described by /openapi.json",
            },
        },
        "channels": channels(),
        "operations": operations(),
        "components": {
            "messages": messages(),
            "schemas": schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token from POST /api/auth/login; on the socket it is said in `auth`",
                },
            },
        },
    })
}

fn channels() -> Value {
    let socket = FROM_CLIENTS.iter().map(|message| client(message.kind));
    let socket = socket.chain(FROM_THE_SERVER.iter().map(|message| server(message.kind)));
    let shown = |frame: String| frame.replace('\n', "\\n");
    let (message, first) = (shown(sse::message(42, "{…}")), shown(sse::position(41)));
    let comment = shown(sse::COMMENT.to_owned());
    let mut channels = json!({
        "live": {
            "address": "/api/sessions/live",
            "title": "The game socket",
            "description": "A WebSocket of JSON text frames. A reader that is too slow is closed with 1013, a \
                client that is silent for 60 seconds or never says who it is with 1008, too large a frame with \
                1009, and everybody with 1001 when the server stops.",
            "servers": [{"$ref": "#/servers/socket"}],
            "messages": references(socket.chain(EVENTS.iter().map(|event| frame(event.kind)))),
            "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        },
        "sessionEvents": {
            "address": "/api/sessions/{id}/events",
            "title": "A session's events as a stream",
            "description": format!("Server-sent events, public, and so without who voted. A message is \
                `{message}`: its id is the event's `seq`, and `Last-Event-ID` resumes behind it. The first \
                thing sent is `{first}`, the position from which the stream follows; `{comment}` keeps it open \
                when nothing else was said for 15 seconds."),
            "servers": [{"$ref": "#/servers/http"}],
            "parameters": {"id": {"description": "The session", "examples": ["3"]}},
            "messages": references(of_a_session().into_iter()),
        },
        "allEvents": {
            "address": "/api/events",
            "title": "Every event as a stream",
            "description": format!("Server-sent events for holders of a token. A message is as in a session's \
                stream, but its id is the event's, and `Last-Event-ID` resumes behind that; `{comment}` keeps \
                the stream open."),
            "servers": [{"$ref": "#/servers/http"}],
            "messages": references(of_all().into_iter()),
        },
        "webhook": {
            "address": null,
            "title": "A receiver of events",
            "description": "A POST to the URL of every webhook that names the event, or a PUT if the webhook says so. \
                A 2xx is the end of it; everything else is tried again, but for 410, which disables the webhook. \
                A webhook with another format than `json` is sent that in place of the payload; what it is in the \
                format `pusher` is described here, too. `POST /api/events/fire` sends events under other names, too.",
            "messages": references(deliveries::keys().chain([PUSHER_DELIVERY.to_owned()])),
            "bindings": {"http": {}},
        },
    });
    for dialect in DIALECTS {
        channels[dialect.key] = dialect.channel();
    }
    channels
}

fn operations() -> Value {
    let refers = |channel: &str, names: Vec<String>| -> Value {
        let path = |name: String| json!({"$ref": format!("#/channels/{channel}/messages/{name}")});
        names.into_iter().map(path).collect()
    };
    let operation = |action: &str, channel: &str, summary: &str, names: Vec<String>| {
        let messages = refers(channel, names);
        let channel = json!({"$ref": format!("#/channels/{channel}")});
        json!({"action": action, "channel": channel, "summary": summary, "messages": messages})
    };
    let all = |name: fn(&str) -> String| EVENTS.iter().map(|event| name(event.kind)).collect::<Vec<_>>();
    let asked = FROM_CLIENTS.iter().map(|message| client(message.kind)).collect();
    let answered = FROM_THE_SERVER.iter().map(|message| server(message.kind)).collect();
    let token = json!([{"$ref": "#/components/securitySchemes/token"}]);
    let mut every_event = operation("send", "allEvents", "Streams every event", of_all());
    every_event["security"] = token;
    let mut operations = json!({
        "hearClients": operation("receive", "live", "Takes what clients say", asked),
        "answerClients": operation("send", "live", "Answers clients", answered),
        "tellSockets": operation("send", "live", "Tells sockets what happened", all(frame)),
        "streamSessionEvents": operation("send", "sessionEvents", "Streams a session's events", of_a_session()),
        "streamAllEvents": every_event,
        "tellWebhooks": operation("send", "webhook", "Tells webhooks what happened", all(delivery)),
        "tellWebhooksOfChannels": operation(
            "send",
            "webhook",
            "Tells webhooks what happened on channels",
            OCCURRENCES.iter().map(|told| delivery(told.kind)).collect(),
        ),
        "tellPusherWebhooks": operation(
            "send",
            "webhook",
            "Tells webhooks of the format pusher what happened",
            vec![PUSHER_DELIVERY.to_owned()],
        ),
    });
    for dialect in DIALECTS {
        for (name, action, summary, names) in dialect.operations() {
            operations[name] = operation(action, dialect.key, &summary, names);
        }
    }
    operations
}

fn messages() -> Map<String, Value> {
    let spoken =
        |name: fn(&str) -> String| move |message: &Message| (name(message.kind), message.described());
    let from_clients = FROM_CLIENTS.iter().map(spoken(client));
    let from_the_server = FROM_THE_SERVER.iter().map(spoken(server));
    let frames = EVENTS.iter().map(|event| (frame(event.kind), event_frame(event)));
    let public =
        [(PUBLIC_VOTE.to_owned(), public_vote()), (RESYNC_ALL.to_owned(), RESYNC_IN_ALL.described())];
    let of_channels = DIALECTS.into_iter().flat_map(Dialect::messages);
    let of_games = from_clients.chain(from_the_server).chain(frames).chain(public);
    of_games.chain(of_channels).chain(deliveries::messages()).collect()
}

/// `data` of an example of that event.
pub(super) fn example_data(kind: &str) -> Option<String> {
    EVENTS.iter().find(|event| event.kind == kind).map(|event| (event.data)())
}

/// What a session's stream tells: its events, votes without who voted, and what cannot be told.
fn of_a_session() -> Vec<String> {
    let events = EVENTS.iter().filter(|event| event.audience != Audience::EveryoneBeside);
    let events = events.map(|event| match event.kind {
        kind::VOTE_RECORDED => PUBLIC_VOTE.to_owned(),
        kind => frame(kind),
    });
    events.chain([server("resync")]).collect()
}

/// What the stream of all events tells.
fn of_all() -> Vec<String> {
    EVENTS.iter().map(|event| frame(event.kind)).chain([RESYNC_ALL.to_owned()]).collect()
}

/// A vote as the public is told it.
fn public_vote() -> Value {
    let event = EVENTS.iter().find(|event| event.kind == kind::VOTE_RECORDED).expect("it is described");
    let mut data = (event.schema)();
    let vote = &mut data["properties"]["vote"];
    vote["properties"].as_object_mut().expect("an object").remove("username");
    vote["required"].as_array_mut().expect("a list").retain(|name| name != "username");
    let mut message = event_frame(event);
    message["payload"]["properties"]["data"] = data;
    message["examples"] = json!([{"payload": parsed(&committed(event).public_frame())}]);
    message["description"] = "As in a session's stream: nobody is told who voted.".into();
    message
}

/// The event as sockets and streams are told it.
fn event_frame(event: &Event) -> Value {
    let heard_by = match event.audience {
        Audience::Everyone => "Every authenticated socket hears it.",
        Audience::Subscribers => "Sockets that are subscribed to the session hear it.",
        Audience::EveryoneBeside => {
            "Every authenticated socket hears it. It is no session's event and has no `seq`."
        }
    };
    let mut seq = json!({"type": "integer", "minimum": 1});
    seq["description"] = "Its place among the session's events, without a gap".into();
    let mut fields = vec![
        ("type", constant(event.kind)),
        ("timestamp", named("Timestamp")),
        ("data", named(&data(event.kind))),
    ];
    if event.audience != Audience::EveryoneBeside {
        fields.push(("seq", seq));
    }
    fields.push(("id", json!({"type": "string", "minLength": 1})));
    let payload = exactly(&fields);
    let example = parsed(&committed(event).socket_frame());
    json!({
        "name": event.kind,
        "summary": event.summary,
        "description": heard_by,
        "payload": payload,
        "examples": [{"payload": example}],
    })
}

fn committed(event: &Event) -> Committed {
    let topic = match event.audience {
        Audience::EveryoneBeside => WEBHOOKS_TOPIC.to_owned(),
        Audience::Everyone | Audience::Subscribers => session_topic(samples::session().id),
    };
    Committed {
        id: 1,
        public_id: "evt_2rWq8sT4vYb1".into(),
        topic: Some(topic),
        seq: 2,
        place: 2,
        kind: event.kind.to_owned(),
        at: samples::now(),
        data: (event.data)(),
    }
}

fn schemas() -> Map<String, Value> {
    let mut derived = vec![
        ("SessionGameRow".to_owned(), SessionGameRow::schema()),
        ("PollRow".to_owned(), PollRow::schema()),
        ("Flag".to_owned(), Flag::schema()),
        ("Timestamp".to_owned(), fanfare_model::Timestamp::schema()),
    ];
    SessionGameRow::schemas(&mut derived);
    PollRow::schemas(&mut derived);
    let derived = derived
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).expect("a schema has string keys only")));
    let mut schemas: Map<_, _> = derived.collect();
    schemas.extend(EVENTS.iter().map(|event| (data(event.kind), (event.schema)())));
    schemas.extend(OCCURRENCES.iter().map(|told| (data(told.kind), (told.schema)())));
    schemas.extend(deliveries::headers());
    schemas
}

fn references(names: impl Iterator<Item = String>) -> Map<String, Value> {
    let path = |name: &str| json!({"$ref": format!("#/components/messages/{name}")});
    names.map(|name| (name.clone(), path(&name))).collect()
}

fn client(kind: &str) -> String {
    format!("client.{kind}")
}

fn server(kind: &str) -> String {
    format!("server.{kind}")
}

fn frame(kind: &str) -> String {
    kind.to_owned()
}

fn data(kind: &str) -> String {
    format!("{kind}.data")
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("what goes over the wire is JSON")
}
