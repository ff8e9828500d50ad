//! `fanfare webhook`: looking after webhooks from a terminal, through the running server. What may be
//! asked for is the server's to say; here it is only put into a request and its answer into lines.

mod attempts;

use std::collections::BTreeMap;

use fanfare_model::{
    Timestamp,
    webhook::{Method, Ordering},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::attempts::{Limit, print_log, try_out};
use super::{
    Failure,
    client::{Client, to_bytes},
    print,
    progress::Progress,
    say,
    table::Table,
};
use crate::random;

/// What is done with webhooks.
#[derive(clap::Subcommand)]
pub(super) enum WebhookVerb {
    /// List webhooks, with how their receivers do
    List {
        /// Print what the server answers, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a webhook; a secret that is made for it is printed once
    Add(AddArgs),
    /// Send a test event, wait for what comes of it and print that
    Test {
        /// The webhook
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
    },
    /// Print the newest attempts to deliver, newest first
    Logs {
        /// The webhook
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,

        /// Attempts at most [default: 50]
        #[arg(long, value_name = "COUNT", default_value_t, hide_default_value = true)]
        limit: Limit,

        /// Print what the server answers, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Send again what failed, was held back or was missed; prints how much
    Replay {
        /// The webhook
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,

        /// What is sent again
        which: Which,

        /// Of events that happened then or later, such as 2026-03-15T18:00:00Z
        #[arg(long, value_name = "TIME", value_parser = time)]
        since: Option<Timestamp>,

        /// Of events that happened then or earlier
        #[arg(long, value_name = "TIME", value_parser = time)]
        until: Option<Timestamp>,

        /// Only count
        #[arg(long)]
        dry_run: bool,
    },
    /// Replace the secret with a new one, which is printed once
    Rotate {
        /// The webhook
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
    },
}

/// A webhook that is to be added.
#[derive(clap::Args)]
pub(super) struct AddArgs {
    /// Where to send: http or https
    url: String,

    /// What to send: the name of an event, a family such as game.*, or * for all; once for each
    #[arg(long = "event", value_name = "NAME", required = true)]
    events: Vec<String>,

    /// The id of the app whose events it hears [default: the default app]
    #[arg(long)]
    app: Option<String>,

    /// What people call it [default: the URL]
    #[arg(long)]
    name: Option<String>,

    /// What its requests are signed with; without one it is made and printed. A flag can be seen by other
    /// users of the machine
    #[arg(long)]
    secret: Option<String>,

    /// Which of its deliveries wait for each other: all, or those of one session [default: none]
    #[arg(long, value_name = "ORDER", value_parser = ordering)]
    ordering: Option<Ordering>,

    /// A header that is added to its requests; once for each
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// The verb of its requests: POST or PUT [default: POST]
    #[arg(long, value_parser = method)]
    method: Option<Method>,

    /// What its requests hold: json, discord, slack or pusher [default: json]
    #[arg(long)]
    format: Option<Format>,
}

/// What a request holds; a template is too long for a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The event as it is
    Json,
    /// A message for Discord
    Discord,
    /// A message for Slack
    Slack,
    /// The event as Pusher's webhooks tell it, signed with the app's secret as well
    Pusher,
}

/// What is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Which {
    /// What was given up
    Failed,
    /// Events that the webhook asks for and never had on its way
    Missed,
    /// What was kept back while the webhook was disabled
    Held,
}

impl Which {
    fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Missed => "missed",
            Self::Held => "held",
        }
    }
}

/// A webhook as the server shows it; fields that this program does not need are left out.
#[derive(Deserialize)]
struct Shown {
    id: i64,
    name: String,
    url: String,
    events: Vec<String>,
    enabled: bool,
    disabled_reason: Option<String>,
    #[serde(default)]
    health: Health,
}

#[derive(Default, Deserialize)]
struct Health {
    failures: u64,
    failing_since: Option<String>,
    held_until: Option<String>,
}

#[derive(Deserialize)]
struct Replayed {
    count: u64,
}

/// Does it at the server.
pub(super) async fn webhook(client: &Client, verb: WebhookVerb) -> Result<(), Failure> {
    match verb {
        WebhookVerb::List { json } => list(client, json).await,
        WebhookVerb::Add(args) => add(client, args).await,
        WebhookVerb::Test { id } => try_out(client, id).await,
        WebhookVerb::Logs { id, limit, json } => print_log(client, id, limit, json).await,
        WebhookVerb::Replay { id, which, since, until, dry_run } => {
            let mut body = json!({ "which": which.as_str(), "dry_run": dry_run });
            for (name, at) in [("since", since), ("until", until)] {
                if let Some(at) = at {
                    body[name] = at.to_string().into();
                }
            }
            replay(client, id, &body).await
        }
        WebhookVerb::Rotate { id } => rotate(client, id).await,
    }
}

async fn list(client: &Client, as_json: bool) -> Result<(), Failure> {
    let reply = client.get("/api/webhooks").await?;
    if as_json && reply.status.is_success() {
        return reply.print();
    }
    let webhooks: Vec<Shown> = client.read(&reply)?;
    let mut table = Table::new(["ID", "NAME", "STATE", "EVENTS", "URL"]);
    for webhook in &webhooks {
        let (id, events) = (webhook.id.to_string(), webhook.events.join(" "));
        table.row([&id, &webhook.name, &state(webhook), &events, &webhook.url]);
    }
    print(&table.to_string())
}

/// Whether it gets anything, and how its receiver does.
fn state(webhook: &Shown) -> String {
    let Health { failures, failing_since, held_until } = &webhook.health;
    match (&webhook.disabled_reason, failing_since) {
        _ if webhook.enabled && *failures == 0 => "enabled".to_owned(),
        (_, Some(since)) if webhook.enabled => {
            let times = if *failures == 1 { "failure" } else { "failures" };
            let held = held_until.as_ref().map(|until| format!(", held until {until}")).unwrap_or_default();
            format!("{failures} {times} since {since}{held}")
        }
        _ if webhook.enabled => "enabled".to_owned(),
        (Some(reason), _) => format!("disabled: {reason}"),
        (None, _) => "disabled".to_owned(),
    }
}

async fn add(client: &Client, args: AddArgs) -> Result<(), Failure> {
    let made = args.secret.is_none();
    let secret = args.secret.unwrap_or_else(random::secret);
    let mut body = json!({
        "name": args.name.unwrap_or_else(|| args.url.clone()),
        "url": args.url,
        "secret": secret,
        "events": args.events,
    });
    if !args.headers.is_empty() {
        let headers: Map<String, Value> =
            args.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        body["headers"] = headers.into();
    }
    if let Some(app) = args.app {
        body["app"] = app.into();
    }
    let words = BTreeMap::from([
        ("ordering", args.ordering.map(Ordering::as_str)),
        ("method", args.method.map(Method::as_str)),
        ("format", args.format.map(Format::as_str)),
    ]);
    for (name, word) in words {
        if let Some(word) = word {
            body[name] = word.into();
        }
    }
    let reply = client.post("/api/webhooks", to_bytes(&body), &Progress::hidden()).await?;
    let webhook: Shown = client.read(&reply)?;
    say(&format!("webhook {} was added", webhook.id));
    if made {
        say("its secret follows; it is not shown again");
        return print(&format!("{secret}\n"));
    }
    Ok(())
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Discord => "discord",
            Self::Slack => "slack",
            Self::Pusher => "pusher",
        }
    }
}

async fn replay(client: &Client, id: i64, body: &Value) -> Result<(), Failure> {
    let path = format!("/api/webhooks/{id}/replay");
    let reply = client.post(&path, to_bytes(body), &Progress::hidden()).await?;
    let Replayed { count } = client.read(&reply)?;
    let what = if body["dry_run"] == true { "would be sent again" } else { "are sent again" };
    say(&format!("deliveries that {what}:"));
    print(&format!("{count}\n"))
}

async fn rotate(client: &Client, id: i64) -> Result<(), Failure> {
    let secret = random::secret();
    let reply = client.patch(&format!("/api/webhooks/{id}"), to_bytes(&json!({ "secret": secret }))).await?;
    let _: Shown = client.read(&reply)?;
    let old = match reply.json::<Rotated>().and_then(|rotated| rotated.old_secrets_until) {
        Some(until) => format!("the old one signs beside it until {until}"),
        None => "the old one signs beside it for as long as `delivery.secret_overlap_ms` says".to_owned(),
    };
    say(&format!("the new secret of webhook {id} follows, which is not shown again; {old}"));
    print(&format!("{secret}\n"))
}

/// What the server says when it replaced a secret.
#[derive(Deserialize)]
struct Rotated {
    old_secrets_until: Option<String>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|_| "expected a time such as 2026-03-15T18:00:00Z".to_owned())
}

fn ordering(text: &str) -> Result<Ordering, String> {
    Ordering::parse(text).ok_or_else(|| "expected none, fifo or session".to_owned())
}

fn method(text: &str) -> Result<Method, String> {
    Method::parse(&text.to_ascii_uppercase()).ok_or_else(|| "expected POST or PUT".to_owned())
}

/// `Name: value`, as it stands in a request.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected \"Name: value\"")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
