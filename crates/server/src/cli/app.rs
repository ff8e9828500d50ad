//! `fanfare app`: looking after apps from a terminal, through the running server. What may be asked for
//! is the server's to say; here it is only put into a request and its answer into lines.

use fanfare_model::application::is_word;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Failure,
    client::{Client, to_bytes},
    print,
    progress::Progress,
    say,
    table::Table,
};

/// What is done with apps.
#[derive(clap::Subcommand)]
pub(super) enum AppVerb {
    /// Make an app; its id, key and secret are printed once, as ID:KEY:SECRET
    Create(CreateArgs),
    /// List apps
    List {
        /// Print what the server answers, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Replace the secret with a new one, which is printed once
    Rotate {
        /// The app
        #[arg(value_parser = id)]
        id: String,
    },
    /// Delete an app; its key and its secret are taken no more
    Delete {
        /// The app
        #[arg(value_parser = id)]
        id: String,
    },
}

/// An app that is to be made. What is not given is as the configuration says.
#[derive(clap::Args)]
pub(super) struct CreateArgs {
    /// What people call it
    name: String,

    /// Names it in the paths of the HTTP API [default: nine digits are drawn]
    #[arg(long)]
    id: Option<String>,

    /// Names it to clients [default: it is drawn]
    #[arg(long)]
    key: Option<String>,

    /// Signs requests and subscriptions; without one it is drawn. A flag can be seen by other users of the
    /// machine
    #[arg(long)]
    secret: Option<String>,

    /// Connections at once
    #[arg(long, value_name = "COUNT")]
    connections_max: Option<u32>,

    /// Channels that one connection may be subscribed to
    #[arg(long, value_name = "COUNT")]
    channels_max_per_connection: Option<u32>,

    /// Members of one presence channel
    #[arg(long, value_name = "COUNT")]
    members_max: Option<u32>,

    /// Messages a second that one connection may send
    #[arg(long, value_name = "COUNT")]
    messages_per_second: Option<u32>,

    /// Client events a second that one connection may send
    #[arg(long, value_name = "COUNT")]
    client_events_per_second: Option<u32>,

    /// The data of one event
    #[arg(long, value_name = "BYTES")]
    data_max_bytes: Option<u32>,

    /// Clients may not send client events
    #[arg(long)]
    no_client_events: bool,

    /// Pusher clients are told how many subscriptions a channel has
    #[arg(long)]
    subscription_counts: bool,
}

/// An app as the server shows it.
#[derive(Deserialize)]
struct Shown {
    id: String,
    key: String,
    #[serde(default)]
    secret: String,
    name: String,
    is_default: bool,
    old_secret_until: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Limits of an app, as the API calls them.
const LIMITS: [&str; 6] = [
    "connections_max",
    "channels_max_per_connection",
    "members_max",
    "messages_per_second",
    "client_events_per_second",
    "data_max_bytes",
];

/// Does it at the server.
pub(super) async fn app(client: &Client, verb: AppVerb) -> Result<(), Failure> {
    match verb {
        AppVerb::Create(args) => create(client, args).await,
        AppVerb::List { json } => list(client, json).await,
        AppVerb::Rotate { id } => rotate(client, &id).await,
        AppVerb::Delete { id } => delete(client, &id).await,
    }
}

async fn create(client: &Client, args: CreateArgs) -> Result<(), Failure> {
    let numbers = [
        args.connections_max,
        args.channels_max_per_connection,
        args.members_max,
        args.messages_per_second,
        args.client_events_per_second,
        args.data_max_bytes,
    ];
    let mut body = json!({
        "name": args.name,
        "id": args.id,
        "key": args.key,
        "secret": args.secret,
        "client_events": !args.no_client_events,
        "subscription_counts": args.subscription_counts,
    });
    for (name, number) in LIMITS.into_iter().zip(numbers) {
        body[name] = number.into();
    }
    let reply = client.post("/api/apps", to_bytes(&body), &Progress::hidden()).await?;
    let Shown { id, key, secret, .. } = client.read(&reply)?;
    say(&format!("app {id} was made; its id, key and secret follow, and the secret is not shown again"));
    print(&format!("{id}:{key}:{secret}\n"))
}

async fn list(client: &Client, as_json: bool) -> Result<(), Failure> {
    let reply = client.get("/api/apps").await?;
    if as_json && reply.status.is_success() {
        return reply.print();
    }
    let apps: Vec<Shown> = client.read(&reply)?;
    let mut table = Table::new(["ID", "KEY", "STATE", "NAME", "LIMITS"]);
    for app in &apps {
        let state = if app.is_default { "default" } else { "" };
        table.row([&app.id, &app.key, state, &app.name, &limits(&app.others)]);
    }
    print(&table.to_string())
}

/// What differs from the configuration.
fn limits(shown: &Map<String, Value>) -> String {
    let number = |name: &&str| shown.get(*name).is_some_and(Value::is_number);
    let numbers = LIMITS.into_iter().filter(number).map(|name| format!("{name}={}", shown[name]));
    let flag = |name, usual: bool| {
        let flag = shown.get(name).and_then(Value::as_bool).filter(|flag| *flag != usual);
        flag.map(|flag| format!("{name}={flag}"))
    };
    let flags = [flag("client_events", true), flag("subscription_counts", false)];
    numbers.chain(flags.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}

async fn rotate(client: &Client, id: &str) -> Result<(), Failure> {
    let reply =
        client.post(&format!("/api/apps/{id}/rotate"), to_bytes(&json!({})), &Progress::hidden()).await?;
    let Shown { secret, old_secret_until, .. } = client.read(&reply)?;
    let until = old_secret_until.unwrap_or_default();
    say(&format!(
        "the new secret of app {id} follows, which is not shown again; the old one is taken beside it until {until}"
    ));
    print(&format!("{secret}\n"))
}

async fn delete(client: &Client, id: &str) -> Result<(), Failure> {
    let reply = client.delete(&format!("/api/apps/{id}")).await?;
    let _: Value = client.read(&reply)?;
    say(&format!("app {id} was deleted"));
    Ok(())
}

fn id(text: &str) -> Result<String, String> {
    if is_word(text) { Ok(text.to_owned()) } else { Err("no app has such an id".to_owned()) }
}
