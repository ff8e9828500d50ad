//! Rules and histories as files describe them, and what is wrong with some.

use fanfare_model::{application::NewApplication, channel::ChannelPattern};
use serde_json::json;

use super::*;
use crate::config::{channels::lists::filled, load::tests::load_with, print, reference};

fn pattern(text: &str) -> ChannelPattern {
    ChannelPattern::parse(text).expect("a pattern")
}

const FILE: &str = "[channels]
authorizer_url = 'http://fan:hunter2@a/'
[[channels.rules]]
claims = { sub = '{id}', 'https://a.example/roles' = 'staff' }
channel = 'private-user.{id}'

[[channels.rules]]
channel = 'presence-lobby'
info_claims = ['name']
[[channels.history]]
channel = 'news.{topic}'
messages = 50
age_ms = 60_000
";

#[test]
fn rules_and_histories_are_read_and_shown() {
    let loaded = load_with(FILE, &[], &[]).expect("valid");
    let channels = &loaded.config.channels;
    let user = Rule::new(pattern("private-user.{id}"))
        .with_claim("https://a.example/roles", "staff")
        .with_claim("sub", "{id}");
    let lobby = Rule { info_claims: vec!["name".into()], ..Rule::new(pattern("presence-lobby")) };
    let mut rules = channels.rules.clone();
    rules[0].claims.sort();
    assert_eq!(rules, [user, lobby]);
    let news = History { channel: pattern("news.{topic}"), messages: 50, age_ms: 60_000 };
    assert_eq!(channels.history, [news]);

    let shown = print(&loaded);
    assert!(![&shown, &format!("{loaded:?}")].iter().any(|text| text.contains("hunter2")), "{shown}");
    for line in [
        r#"authorizer_url = "http://fan:(hidden)@a/""#,
        r#"channel = "private-user.{id}""#,
        "claims = {}",
        r#"info_claims = ["name"]"#,
        "messages = 50",
        "age_ms = 60000",
    ] {
        assert!(shown.lines().any(|shown| shown.split("  # ").next() == Some(line)), "{line}: {shown}");
    }
    for (list, at) in [("rules", 3), ("rules", 7), ("history", 10)] {
        let is_head = |line: &str| {
            line.starts_with(&format!("[[channels.{list}]]")) && line.ends_with(&format!("f.toml:{at}"))
        };
        assert!(shown.lines().any(is_head), "{list} at {at}: {shown}");
    }
    let again = load_with(&shown.replace("(hidden)", "hunter2"), &[], &[]).expect("valid");
    assert_eq!(again.config.channels.rules, channels.rules);
    assert_eq!(again.config.channels.history, channels.history);

    let reference = reference();
    for key in ["channels.rules.claims", "channels.history.age_ms"] {
        assert!(reference.contains(&format!("\n{key}\n")), "{reference}");
    }
}

#[test]
fn rules_and_histories_are_judged_by_line() {
    let rule = |rest: &str| format!("[[channels.rules]]\nchannel = 'private-user.{{id}}'\n{rest}");
    let history = |rest: &str| format!("[[channels.history]]\nchannel = 'news'\n{rest}");
    for (file, expected) in [
        (
            "channels.rules = 5".to_owned(),
            "f.toml:1: \"channels.rules\" is a list of tables: write [[channels.rules]] and its keys below",
        ),
        (
            "[channels.history]\nchannel = 'a'".to_owned(),
            "f.toml:1: \"channels.history\" is a list of tables: write [[channels.history]] and its keys below",
        ),
        (
            "[[channels.rule]]".to_owned(),
            "f.toml:1: unknown key \"channels.rule\"; did you mean \"channels.rules\"?",
        ),
        ("\n[[channels.rules]]\nclaims = {}".to_owned(), "f.toml:2: channels.rules.channel is missing"),
        (
            rule("claim = {}"),
            "f.toml:3: unknown key \"channels.rules.claim\"; did you mean \"channels.rules.claims\"?",
        ),
        (
            rule("claims = { level = 5 }"),
            "f.toml:3: channels.rules.claims has a value of level that is not text: expected a table of texts",
        ),
        (
            rule("claims = { sub = 'u-{user}' }"),
            "f.toml:3: channels.rules.claims has the value \"u-{user}\" of sub: the channel has no such parameter",
        ),
        (
            rule("claims = { sub = '{id' }"),
            "f.toml:3: channels.rules.claims has the value \"{id\" of sub: the channel has no such parameter",
        ),
        (
            "[[channels.rules]]\nchannel = 'private-*'".to_owned(),
            "f.toml:2: channels.rules.channel is \"private-*\": expected a channel's name: A-Z, a-z, 0-9 and _-=@,.;:",
        ),
        (history("messages = 5"), "f.toml:1: channels.history.age_ms is missing"),
        (
            history("messages = 0\nage_ms = 5"),
            "f.toml:3: channels.history.messages is 0: expected a whole number from 1 to 10000",
        ),
        (
            history("messages = 1\nage_ms = 604_800_001"),
            "f.toml:4: channels.history.age_ms is 604800001: expected a whole number from 1 to 604800000",
        ),
        (
            "channels.authorizer_url = 'ftp://fan:hunter2@a'".to_owned(),
            "f.toml:1: channels.authorizer_url is \"ftp://fan:(hidden)@a\": expected an http or https URL",
        ),
        (
            "channels.authorizer_url = 'http://fan:(hidden)@a'".to_owned(),
            "f.toml:1: channels.authorizer_url holds (hidden), which only stands for the secret: expected the secret itself",
        ),
        (
            "channels.origins = ['null']".to_owned(),
            "f.toml:1: channels.origins is [\"null\"]: \"null\" is no origin, such as https://example.com, without a path",
        ),
    ] {
        assert_eq!(load_with(&file, &[], &[]).expect_err(&file), expected);
    }
}

#[test]
fn the_configuration_allows_as_much_as_an_app_can_be_given() {
    let fits_app = |name: &str, number: u32| {
        let body = json!({"name": "n", name: number});
        NewApplication::parse(body.as_object().expect("an object")).is_ok()
    };
    let fits_file = |name: &str, number: u32| load_with(&format!("channels.{name} = {number}"), &[], &[]);
    // That there is no limit can be said for all, not for one app.
    for (name, min, max) in [
        ("channels_max_per_connection", 1, 100_000),
        ("members_max", 1, 100_000),
        ("messages_per_second", 0, 100_000),
        ("client_events_per_second", 0, 100_000),
        ("data_max_bytes", 1, 262_144),
    ] {
        let over = max + 1;
        assert!(fits_app(name, max) && fits_file(name, max).is_ok(), "{name}");
        assert!(!fits_app(name, over), "{name}");
        let expected =
            format!("f.toml:1: channels.{name} is {over}: expected a whole number from {min} to {max}");
        assert_eq!(fits_file(name, over).expect_err(name), expected);
    }
    assert_eq!(
        fits_file("message_max_bytes", 262_145).expect_err("too large"),
        "f.toml:1: channels.message_max_bytes is 262145: expected a whole number from 1024 to 262144"
    );
}

#[test]
fn what_a_program_sets_is_judged_as_the_file_is() {
    assert_eq!(Channels::default().check(), Ok(()));
    let url = |url: &str| Channels { authorizer_url: Some(Secret(url.into())), ..Channels::default() };
    assert_eq!(url("https://a/").check(), Ok(()));
    assert_eq!(
        url("a").check(),
        Err("channels.authorizer_url is \"a\": expected an http or https URL".to_owned())
    );
    for (channels, expected) in [
        (
            Channels { members_max: 0, ..Channels::default() },
            "channels.members_max is 0: expected a whole number from 1 to 100000",
        ),
        (
            Channels { messages_per_second: 100_001, ..Channels::default() },
            "channels.messages_per_second is 100001: expected a whole number from 0 to 100000",
        ),
    ] {
        assert_eq!(channels.check(), Err(expected.to_owned()));
    }
    let rule = Rule::new(pattern("private-{a}")).with_claim("sub", "{b}");
    assert_eq!(
        Channels { rules: vec![rule], ..Channels::default() }.check(),
        Err("channels.rules (private-{a}): claims has the value \"{b}\" of sub: the channel has no such parameter"
            .to_owned())
    );
}

#[test]
fn parameters_are_filled_in() {
    let values = [("id", "7"), ("room", "a{id}")];
    for (text, expected) in [
        ("", Some("")),
        ("plain", Some("plain")),
        ("{id}", Some("7")),
        ("u-{id}-{id}", Some("u-7-7")),
        ("{room}{id}", Some("a{id}7")),
        ("{other}", None),
        ("{}", None),
        ("{id", None),
        ("id}", None),
        ("{{id}}", None),
    ] {
        assert_eq!(filled(text, &values).as_deref(), expected, "{text}");
    }
}
