//! Endpoints as files describe them, and what is wrong with some.

use super::*;
use crate::config::{load::tests::load_with, print};

fn header(name: &str, value: &str) -> Header {
    Header::new(name, value).expect("a header")
}

#[test]
fn endpoints_are_read_and_shown() {
    let file = "[webhooks]
secret = 'hunter2'
[[webhooks.endpoints]]
url = 'http://fan:hunter2@a/'
events = ['*']

[[webhooks.endpoints]]
ordering = 'session'
url = 'https://b/'
events = ['game.added', 'session.*']
app = 'shop'
name = 'bot'
secret = 'hunter2'
method = 'PUT'
headers = { X-Key = 'hunter2', Authorization = 'Bearer hunter2' }
max_in_flight = 64
rate_limit = 10_000
";
    let loaded = load_with(file, &[], &[]).expect("valid");
    let webhooks = &loaded.config.webhooks;
    let full = Endpoint {
        app: Some("shop".into()),
        name: Some("bot".into()),
        secret: Some(Secret("hunter2".into())),
        method: Method::Put,
        headers: vec![header("Authorization", "Bearer hunter2"), header("X-Key", "hunter2")],
        ordering: Ordering::Session,
        max_in_flight: Some(64),
        rate_limit: Some(10_000),
        ..Endpoint::new("https://b/", ["game.added", "session.*"])
    };
    let mut read = webhooks.endpoints.clone();
    read[1].headers.sort_by(|a, b| a.name().cmp(b.name()));
    assert_eq!(read, [Endpoint::new("http://fan:hunter2@a/", ["*"]), full]);

    let shown = print(&loaded);
    assert!(![&shown, &format!("{loaded:?}")].iter().any(|text| text.contains("hunter2")), "{shown}");
    let (_, endpoints) = shown.split_once("\n[[").expect("endpoints");
    let lines: Vec<_> = endpoints.lines().map(|line| line.split("  # /").next().unwrap_or(line)).collect();
    let expected = [
        "webhooks.endpoints]]",
        r#"url = "http://fan:(hidden)@a/""#,
        r#"events = ["*"]"#,
        "# app is not set: the default app",
        "# name is not set: the url",
        "# secret is not set: webhooks.secret",
        r#"method = "POST""#,
        "headers = {}",
        r#"ordering = "none""#,
        "# max_in_flight is not set: 16",
        "# rate_limit is not set: as many as it takes",
        "",
        "[[webhooks.endpoints]]",
        r#"url = "https://b/""#,
    ];
    assert_eq!(lines[..expected.len()], expected);
    assert!(endpoints.lines().next().is_some_and(|line| line.ends_with("f.toml:3")), "{endpoints}");
    assert!(endpoints.contains("f.toml:7\n"), "{endpoints}");
}

#[test]
fn what_is_printed_of_endpoints_loads_again() {
    let file = "[[webhooks.endpoints]]\nurl = 'http://a/'\nevents = ['\"x\"']\nrate_limit = 5\nname = 'n\\n'";
    let loaded = load_with(file, &[], &[]).expect("valid");
    let again = load_with(&print(&loaded), &[], &[]).expect("valid");
    assert_eq!(again.config.webhooks.endpoints, loaded.config.webhooks.endpoints);
}

#[test]
fn endpoints_are_judged_by_line() {
    let at = |rest: &str| format!("[[webhooks.endpoints]]\nurl = 'http://a/'\nevents = ['*']\n{rest}");
    let url = "is \"ftp://x\": expected an http or https URL";
    for (file, expected) in [
        (
            "webhooks.endpoints = 5".to_owned(),
            "f.toml:1: \"webhooks.endpoints\" is a list of tables: write [[webhooks.endpoints]] and its keys below",
        ),
        (
            "webhooks.endpoints = [5]".to_owned(),
            "f.toml:1: \"webhooks.endpoints\" is a list of tables: write [[webhooks.endpoints]] and its keys below",
        ),
        (
            "[webhooks.endpoints]\nurl = 'http://a/'".to_owned(),
            "f.toml:1: \"webhooks.endpoints\" is a list of tables: write [[webhooks.endpoints]] and its keys below",
        ),
        (
            "[[webhook.endpoints]]".to_owned(),
            "f.toml:1: unknown table \"webhook\"; did you mean \"webhooks\"?",
        ),
        (
            "[[webhooks.endpoint]]".to_owned(),
            "f.toml:1: unknown key \"webhooks.endpoint\"; did you mean \"webhooks.endpoints\"?",
        ),
        ("\n[[webhooks.endpoints]]\nevents = []".to_owned(), "f.toml:2: webhooks.endpoints.url is missing"),
        (
            "[[webhooks.endpoints]]\nurl = 'http://a/'".to_owned(),
            "f.toml:1: webhooks.endpoints.events is missing",
        ),
        (
            at("ulr = 5"),
            "f.toml:4: unknown key \"webhooks.endpoints.ulr\"; did you mean \"webhooks.endpoints.url\"?",
        ),
        (at("timeout_ms = 5"), "f.toml:4: unknown key \"webhooks.endpoints.timeout_ms\""),
        (
            "[[webhooks.endpoints]]\nurl = 'ftp://x'\nevents = []".to_owned(),
            &format!("f.toml:2: webhooks.endpoints.url {url}"),
        ),
        (
            at("[[webhooks.endpoints]]\nevents = []\nurl = 'http://a/'"),
            "f.toml:6: webhooks.endpoints.url is \"http://a/\": another endpoint has it",
        ),
        (
            at("events = 5").replacen("events = ['*']\n", "", 1),
            "f.toml:3: webhooks.endpoints.events is 5: expected a list of texts",
        ),
    ] {
        assert_eq!(load_with(&file, &[], &[]).expect_err(&file), expected);
    }
}

#[test]
fn values_of_endpoints_are_judged_by_line() {
    let at = |rest: &str| format!("[[webhooks.endpoints]]\nurl = 'http://a/'\nevents = ['*']\n{rest}");
    for (file, expected) in [
        (
            at("app = 'a b'"),
            "f.toml:4: webhooks.endpoints.app is \"a b\": expected 1 to 64 of the characters A-Z a-z 0-9 _ -",
        ),
        (at("name = ''"), "f.toml:4: webhooks.endpoints.name is \"\": expected 1 to 1000 characters"),
        (
            at("secret = ''"),
            "f.toml:4: webhooks.endpoints.secret is empty: expected some text, or no such key",
        ),
        (
            at("secret = '(hidden)'"),
            "f.toml:4: webhooks.endpoints.secret holds (hidden), which only stands for the secret: expected the secret itself",
        ),
        (at("method = 'GET'"), "f.toml:4: webhooks.endpoints.method is \"GET\": expected POST or PUT"),
        (
            at("ordering = 'lifo'"),
            "f.toml:4: webhooks.endpoints.ordering is \"lifo\": expected none, fifo or session",
        ),
        (at("headers = 5"), "f.toml:4: webhooks.endpoints.headers is 5: expected a table of texts"),
        (
            at("headers = { X = 5 }"),
            "f.toml:4: webhooks.endpoints.headers has a value of X that is not text: expected a table of texts",
        ),
        (
            at("headers = { Host = 'a' }"),
            "f.toml:4: webhooks.endpoints.headers cannot be sent: Host is set by the server",
        ),
        (
            at("headers = { X = '(hidden)' }"),
            "f.toml:4: webhooks.endpoints.headers holds (hidden), which only stands for the value of X: expected that",
        ),
        (
            at("headers = { X = 'a', x = 'b' }"),
            "f.toml:4: webhooks.endpoints.headers are too many: expected at most 32 names, each once",
        ),
        (
            at("max_in_flight = 65"),
            "f.toml:4: webhooks.endpoints.max_in_flight is 65: expected a whole number from 1 to 64",
        ),
        (
            at("rate_limit = 0"),
            "f.toml:4: webhooks.endpoints.rate_limit is 0: expected a whole number from 1 to 10000",
        ),
        (
            "webhooks.retry_attempts = 51".to_owned(),
            "f.toml:1: webhooks.retry_attempts is 51: expected a whole number from 0 to 50",
        ),
        (
            "webhooks.retry_delay_ms = 12_096_001".to_owned(),
            "f.toml:1: webhooks.retry_delay_ms is 12096001: expected a whole number from 1 to 12096000",
        ),
        (
            format!("webhooks.secret = '{}'", "s".repeat(1_001)),
            "f.toml:1: webhooks.secret is longer than 1000 characters",
        ),
    ] {
        assert_eq!(load_with(&file, &[], &[]).expect_err(&file), expected);
    }
    let names = vec!["'a'"; 101].join(", ");
    let file = format!("[[webhooks.endpoints]]\nurl = 'http://a/'\nevents = [{names}]");
    let error = load_with(&file, &[], &[]).expect_err("too many");
    assert!(error.ends_with("expected at most 100 names of at most 200 characters"), "{error}");
}

#[test]
fn endpoints_become_webhooks_with_the_defaults_of_their_table() {
    let webhooks = Webhooks {
        retry_attempts: 50,
        retry_delay_ms: i64::try_from(RETRY_DELAY_MAX_MS).expect("small"),
        timeout_ms: 10,
        secret: Some(Secret("common".into())),
        ..Webhooks::default()
    };
    let webhook = webhooks.webhook(&Endpoint::new("http://fan:pw@a/", ["*"]), Origin::Config);
    assert_eq!((webhook.name.as_str(), webhook.url.as_str()), ("http://fan:(hidden)@a/", "http://fan:pw@a/"));
    assert_eq!((webhook.secret.as_str(), webhook.options.timeout_ms), ("common", Some(10)));
    let waits = webhook.options.retry_schedule.expect("the largest is one").delays_ms().to_vec();
    assert_eq!((waits.len(), waits[49]), (50, 7 * 24 * 60 * 60 * 1_000));
    let own = Endpoint {
        secret: Some(Secret("own".into())),
        name: Some("n".into()),
        ..Endpoint::new("http://a/", ["*"])
    };
    let webhook = webhooks.webhook(&own, Origin::Api);
    assert_eq!((webhook.name.as_str(), webhook.secret.as_str(), webhook.origin), ("n", "own", Origin::Api));
    assert_eq!(Webhooks::default().webhook(&Endpoint::new("http://a/", ["*"]), Origin::Api).secret, "");
}

#[test]
fn what_a_program_registers_is_judged_as_the_file_is() {
    let good = || Endpoint::new("http://a/", ["*"]);
    assert_eq!(good().check(), Ok(()));
    for (endpoint, expected) in [
        (Endpoint::new("a", ["*"]), "url: expected an http or https URL"),
        (
            Endpoint::new("http://a/", vec!["e"; 101]),
            "events: expected at most 100 names of at most 200 characters",
        ),
        (Endpoint { name: Some(String::new()), ..good() }, "name: expected 1 to 1000 characters"),
        (
            Endpoint { secret: Some(Secret(String::new())), ..good() },
            "secret is empty: expected some text, or no such key",
        ),
        (
            Endpoint { headers: vec![header("X", "a"), header("x", "b")], ..good() },
            "headers are too many: expected at most 32 names, each once",
        ),
        (Endpoint { max_in_flight: Some(0), ..good() }, "max_in_flight must be from 1 to 64"),
        (Endpoint { rate_limit: Some(10_001), ..good() }, "rate_limit must be from 1 to 10000"),
    ] {
        assert_eq!(endpoint.check().err().as_deref(), Some(expected));
    }
}
