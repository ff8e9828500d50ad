//! What each event says on each service, and what becomes of hostile texts.

mod page;
mod templates;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    Timestamp,
    event::{kind, test_data},
    javascript,
};

pub(super) fn event(kind: &str, data: &Value) -> Event {
    Event {
        id: 77,
        public_id: "evt_1".into(),
        topic: None,
        seq: 0,
        place: 0,
        kind: kind.into(),
        at: Timestamp::from_millis(1_773_606_600_000),
        data: data.to_string(),
    }
}

fn content_of(kind: &str, data: &Value) -> String {
    let body = Format::Discord.render(&event(kind, data)).expect("always");
    let content: Value = serde_json::from_str(&body).expect("JSON");
    content["content"].as_str().expect("a text").to_owned()
}

fn text_of(kind: &str, data: &Value) -> String {
    let body = Format::Slack.render(&event(kind, data)).expect("always");
    let text: Value = serde_json::from_str(&body).expect("JSON");
    text["text"].as_str().expect("a text").to_owned()
}

fn added(title: &str) -> Value {
    let game = json!({"id": 45, "title": title, "pack_name": "Pack", "min_players": 3, "max_players": 8});
    json!({"session": {"id": 3, "is_active": true, "games_played": 2}, "game": game})
}

fn row(more: &Value) -> Value {
    let mut row = json!({"id": 9, "session_id": 3, "game_id": 45, "title": "Quiplash 3", "room_code": null,
        "status": "playing", "player_count": null, "player_count_check_status": null});
    let more = more.as_object().expect("an object").clone();
    row.as_object_mut().expect("an object").extend(more);
    row
}

fn poll(status: &str, winner: &Value) -> Value {
    let option = |key, title, votes| json!({"key": key, "game": {"id": 1, "title": title}, "votes": votes});
    json!({"id": 6, "session_id": 3, "status": status, "total_votes": 3, "winner": winner,
        "options": [option("A", "Fibbage 4", 1), option("B", "Tee K.O.", 2)]})
}

type Told = (&'static str, Value, &'static str);

/// Each kind of event, its data, and what is said of it, with `*` around what is bold.
fn lines() -> Vec<Told> {
    [night_lines(), poll_lines(), channel_lines()].concat()
}

fn night_lines() -> Vec<Told> {
    let session = |more: Value| json!({ "session": more });
    let vote = |word: &str| {
        json!({"sessionId": 3, "game": {"id": 45, "title": "Quiplash 3"}, "totals": {"upvotes": 2, "downvotes": 5},
            "vote": {"username": "Ann", "type": word, "timestamp": "2026-03-15T20:30:00Z"}})
    };
    vec![
        (kind::SESSION_STARTED, session(json!({"id": 3, "notes": null})), "🎉 Session #3 started"),
        (
            kind::SESSION_STARTED,
            session(json!({"id": 3, "notes": "at\nAnn's "})),
            "🎉 Session #3 started: at Ann's",
        ),
        (
            kind::SESSION_ENDED,
            session(json!({"id": 3, "games_played": 5})),
            "🏁 Session #3 ended after 5 games",
        ),
        (
            kind::SESSION_ENDED,
            session(json!({"id": 3, "games_played": 1})),
            "🏁 Session #3 ended after 1 game",
        ),
        (kind::GAME_ADDED, added("Quiplash 3"), "🎮 *Quiplash 3* added to session #3 (3-8 players)"),
        (kind::GAME_STATUS, row(&json!({})), "▶️ *Quiplash 3* is being played in session #3"),
        (kind::GAME_STATUS, row(&json!({"status": "played"})), "✅ *Quiplash 3* was played in session #3"),
        (kind::GAME_STATUS, row(&json!({"status": "skipped"})), "⏭️ *Quiplash 3* was skipped in session #3"),
        (kind::GAME_REMOVED, row(&json!({})), "🗑️ *Quiplash 3* removed from session #3"),
        (kind::ROOM_UPDATED, row(&json!({})), "🚪 *Quiplash 3* in session #3: no room"),
        (
            kind::ROOM_UPDATED,
            row(&json!({"room_code": "ABCD", "player_count": 4, "player_count_check_status": "locked"})),
            "🚪 *Quiplash 3* in session #3: room *ABCD*, 4 players, under way",
        ),
        (
            kind::PLAYER_COUNT_UPDATED,
            json!({"sessionId": 3, "gameId": 9, "game_id": 45, "playerCount": 4, "status": "lobby"}),
            "👥 4 players in session #3",
        ),
        (
            kind::PLAYER_COUNT_UPDATED,
            json!({"sessionId": 3, "gameId": 9, "game_id": 45, "playerCount": null, "status": "idle"}),
            "👥 Player count unknown in session #3",
        ),
        (kind::VOTE_RECORDED, vote("up"), "👍 Ann voted for *Quiplash 3* in session #3 (2 up, 5 down)"),
        (kind::VOTE_RECORDED, vote("down"), "👎 Ann voted against *Quiplash 3* in session #3 (2 up, 5 down)"),
    ]
}

fn poll_lines() -> Vec<Told> {
    let winner = json!({"key": "B", "game": {"id": 46, "title": "Tee K.O."}, "votes": 2});
    vec![
        (
            kind::POLL_STARTED,
            poll("open", &Value::Null),
            "🗳️ Poll in session #3: *A* Fibbage 4, *B* Tee K.O.",
        ),
        (
            kind::POLL_UPDATED,
            poll("open", &Value::Null),
            "📊 Poll in session #3, 3 votes: *A* Fibbage 4 (1), *B* Tee K.O. (2)",
        ),
        (
            kind::POLL_ENDED,
            poll("closed", &winner),
            "🏆 *Tee K.O.* won the poll in session #3 with 2 of 3 votes",
        ),
        (kind::POLL_ENDED, poll("closed", &Value::Null), "🗳️ Poll in session #3 ended without a winner"),
        (kind::POLL_ENDED, poll("deleted", &Value::Null), "🗑️ Poll in session #3 deleted"),
        (
            "webhook.disabled",
            json!({"webhook": {"id": 7, "name": "My Bot"}, "reason": "410 Gone"}),
            "⚠️ Webhook *My Bot* (#7) disabled: 410 Gone",
        ),
    ]
}

fn channel_lines() -> Vec<Told> {
    let message =
        json!({"channel": "presence-room.7", "event": "client-move", "data": {"x": 1}, "socketId": "1.2"});
    let here =
        json!({"channel": "presence-room.7", "event": "client-move", "data": "here", "socketId": "1.2"});
    let member = json!({"channel": "presence-room.7", "member": {"id": "u7", "info": {"name": "Ann"}}});
    let nameless = json!({"channel": "presence-room.7", "member": {"id": 7, "info": null}});
    let socket = json!({"socketId": "1.2", "channel": "news"});
    vec![
        ("connection", json!({"socketId": "1.2", "connectedAt": 1}), "🔌 1.2 connected"),
        (
            "connection",
            json!({"socketId": "1.2", "connectedAt": 1, "user": {"id": "u7"}}),
            "🔌 1.2 connected as *u7*",
        ),
        ("disconnection", json!({"socketId": "1.2"}), "🔌 1.2 disconnected"),
        (
            "disconnection",
            json!({"socketId": "1.2", "code": 1001, "reason": "going away"}),
            "🔌 1.2 disconnected (1001): going away",
        ),
        ("subscribe", socket.clone(), "➕ 1.2 subscribed to *news*"),
        ("unsubscribe", socket, "➖ 1.2 unsubscribed from *news*"),
        ("broadcast", message.clone(), r#"📣 *client-move* on *presence-room.7*: {"x":1}"#),
        (
            "broadcast",
            json!({"channel": "news", "event": "hi", "data": "a text"}),
            "📣 *hi* on *news*: a text",
        ),
        ("broadcast", json!({"channel": "news", "event": "hi"}), "📣 *hi* on *news*"),
        ("client_event", message, r#"💬 1.2 sent *client-move* on *presence-room.7*: {"x":1}"#),
        ("client_event", here, "💬 1.2 sent *client-move* on *presence-room.7*: here"),
        ("presence_join", member.clone(), "👋 *Ann* joined *presence-room.7*"),
        ("presence_join", nameless, "👋 *7* joined *presence-room.7*"),
        ("presence_leave", member, "🚶 *Ann* left *presence-room.7*"),
        ("something.else", json!({}), "🔔 *something.else*"),
        ("something.else", json!({"a": 1}), r#"🔔 *something.else*: {"a":1}"#),
    ]
}

#[test]
fn every_event_has_its_line() {
    for (name, data, line) in lines() {
        let discord = line.replace('*', "**").replace('_', r"\_");
        let discord = discord.replace(r#"{"x":1}"#, r#"{"x"\:1}"#).replace(r#"{"a":1}"#, r#"{"a"\:1}"#);
        assert_eq!(content_of(name, &data), discord, "{name}");
        assert_eq!(text_of(name, &data), line, "{name}");
    }
}

#[test]
fn every_kind_is_among_them_and_no_line_is_of_an_unknown_one() {
    let channels = ["connection", "disconnection", "subscribe", "unsubscribe", "broadcast", "client_event"];
    let presence = ["presence_join", "presence_leave", "webhook.disabled"];
    for name in kind::ALL.iter().chain(&channels).chain(&presence) {
        let told: Vec<_> = lines().into_iter().filter(|(told, ..)| told == name).collect();
        assert!(!told.is_empty(), "{name}");
        assert!(told.iter().all(|(_, _, line)| !line.starts_with('🔔')), "{name}");
    }
}

#[test]
fn the_bodies_are_exact() {
    let event = event(kind::GAME_ADDED, &added("Quiplash 3"));
    for (format, body) in [
        (
            Format::Discord,
            r#"{"content":"🎮 **Quiplash 3** added to session #3 (3-8 players)","allowed_mentions":{"parse":[]}}"#,
        ),
        (Format::Slack, r#"{"text":"🎮 *Quiplash 3* added to session #3 (3-8 players)"}"#),
        (Format::Json, &*event.webhook_body()),
    ] {
        assert_eq!(format.render(&event).as_deref(), Ok(body));
    }
    let test = Event { data: test_data(), ..event };
    let line = "🎮 **Test Game** added to session #0 (2-8 players)";
    assert!(Format::Discord.render(&test).is_ok_and(|body| body.contains(line)));
}

#[test]
fn data_that_is_not_what_the_name_promises_is_told_all_the_same() {
    for name in lines().iter().map(|(name, ..)| *name) {
        for data in [json!({"a": 1}), json!([]), json!(null), json!({"session": {"id": "3"}, "title": 5})] {
            let text = text_of(name, &data);
            assert!(text.starts_with(&format!("🔔 *{name}*: ")), "{text}");
        }
    }
    let broken = Event { data: "no JSON".into(), ..event(kind::GAME_ADDED, &json!({})) };
    assert_eq!(Format::Slack.render(&broken).as_deref(), Ok(r#"{"text":"🔔 *game.added*: no JSON"}"#));
    let half = Event { data: added("x").to_string().replace("\"x\"", r#""\ud83c!""#), ..broken };
    let line = "🎮 *\u{fffd}!* added to session #3 (3-8 players)";
    assert_eq!(Format::Slack.render(&half), Ok(json!({ "text": line }).to_string()));
}

#[test]
fn nobody_writes_in_anothers_hand() {
    for (title, discord, slack) in [
        ("**a** _b_ ~~c~~", r"**\*\*a\*\* \_b\_ \~\~c\~\~**", "**a** _b_ ~~c~~"),
        ("`a` ```b", r"**\`a\` \`\`\`b**", "*`a` ```b*"),
        ("||a|| \\", r"**\|\|a\|\| \\**", r"*||a|| \*"),
        ("[a](https://b.c)", r"**\[a\](https\://b.c)**", "*[a](https://b.c)*"),
        (
            "<@123> <#4> <:x:5> <t:6:R>",
            r"**\<@123\> \<#4\> \<\:x\:5\> \<t\:6\:R\>**",
            "*&lt;@123&gt; &lt;#4&gt; &lt;:x:5&gt; &lt;t:6:R&gt;*",
        ),
        ("@everyone @HERE @ann", "**@\u{200b}everyone @\u{200b}HERE @ann**", "*@everyone @HERE @ann*"),
        (
            "<!channel> & <https://a|b>",
            r"**\<!channel\> & \<https\://a\|b\>**",
            "*&lt;!channel&gt; &amp; &lt;https://a|b&gt;*",
        ),
        ("\n# a\n> b\n- c\r\n", "**# a \\> b - c**", "*# a &gt; b - c*"),
        ("Drawful 2: at 12:30", r"**Drawful 2: at 12\:30**", "*Drawful 2: at 12:30*"),
        (" \t", "**?**", "*?*"),
        ("", "**?**", "*?*"),
        ("\u{202e}abc\u{2066}\u{7}d", "**abc d**", "*abc d*"),
        ("שלום 🎮👩‍👩‍👧 é", "**שלום 🎮👩‍👩‍👧 é**", "*שלום 🎮👩‍👩‍👧 é*"),
    ] {
        let after = " added to session #3 (3-8 players)";
        assert_eq!(content_of(kind::GAME_ADDED, &added(title)), format!("🎮 {discord}{after}"), "{title:?}");
        assert_eq!(text_of(kind::GAME_ADDED, &added(title)), format!("🎮 {slack}{after}"), "{title:?}");
    }
}

#[test]
fn a_long_text_is_cut_where_a_character_ends() {
    let after = "** added to session #3 (3-8 players)";
    for (title, shown) in [
        ("a".repeat(10_000), "a".repeat(300) + "…"),
        ("a".repeat(300), "a".repeat(300)),
        ("👩‍👩‍👧".repeat(1_000), "👩‍👩‍👧".repeat(60) + "…"),
        // One character that is longer than any text may be.
        ("e".to_owned() + &"\u{301}".repeat(10_000), "…".to_owned()),
    ] {
        assert_eq!(content_of(kind::GAME_ADDED, &added(&title)), format!("🎮 **{shown}{after}"));
    }
}

#[test]
fn a_long_line_is_cut_between_marks() {
    let option = |key| json!({"key": key, "game": {"title": "_".repeat(300)}, "votes": 1});
    let options: Vec<_> =
        ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N"].map(option).into();
    let data = json!({"session_id": 3, "total_votes": 9, "options": options});
    let content = content_of(kind::POLL_STARTED, &data);
    assert!((1_990..=2_000).contains(&content.encode_utf16().count()), "{}", content.encode_utf16().count());
    assert!(content.ends_with(r"\_…"), "{content}");
    let text = text_of(kind::POLL_STARTED, &data);
    assert!((3_900..=4_000).contains(&text.encode_utf16().count()), "{}", text.encode_utf16().count());
}

#[test]
fn a_format_is_a_word() {
    for word in ["json", "discord", "slack", "pusher"] {
        let format = Format::parse(word, Some("kept by nobody {{")).expect("a format");
        assert_eq!((format.word(), format.template()), (word, None));
    }
    let format = Format::parse("template", Some("{{ event }}")).expect("a format");
    assert_eq!((format.word(), format.template()), ("template", Some("{{ event }}")));
    assert_eq!(Format::default(), Format::Json);
    for (word, template, message) in [
        ("xml", None, "format must be one of: json, discord, slack, pusher, template"),
        ("Json", None, "format must be one of: json, discord, slack, pusher, template"),
        ("template", None, "format template needs a template"),
        (
            "template",
            Some("\n{{ a"),
            "template, line 2: syntax error: unexpected end of input, expected end of variable block",
        ),
    ] {
        assert_eq!(Format::parse(word, template).map_err(|error| error.to_string()), Err(message.into()));
    }
}

/// `text` as Discord shows it: a backslash before a sign that means something is not shown.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        shown.push(if c == '\\' { rest.next().expect("a sign") } else { c });
    }
    shown.replace("@\u{200b}", "@")
}

proptest! {
    #[test]
    fn any_text_is_shown_as_it_was_written(title in r"[a-zA-Z0-9 \\*_~`|\[\]()<>@#:&é🎮-]{0,200}|@(everyone|here)[<>*]{0,5}") {
        let (before, after) = ("🎮 **", "** added to session #3 (3-8 players)");
        let content = content_of(kind::GAME_ADDED, &added(&title));
        let inside = content.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).expect("our words");
        let words: Vec<_> = title.split_whitespace().collect();
        let expected = if words.is_empty() { "?".to_owned() } else { words.join(" ") };
        prop_assert_eq!(shown(inside), expected);
        let unescaped = inside.replace(r"\\", "");
        for sign in "*_~`|[]<>".chars() {
            prop_assert!(!unescaped.replace(&format!("\\{sign}"), "").contains(sign), "{} in {}", sign, inside);
        }
        prop_assert!(!inside.contains("@everyone") && !inside.contains("@here"));
    }

    #[test]
    fn any_event_fits_and_is_written_as_javascript_writes_it(texts in prop::collection::vec(".{0,2500}", 4), name in 0_usize..40) {
        let [title, user, channel, notes] = &texts[..] else { panic!("four") };
        let lines = lines();
        let (name, mut data, _) = lines[name % lines.len()].clone();
        for (pointer, text) in [("/game/title", title), ("/title", title), ("/vote/username", user), ("/channel", channel),
            ("/session/notes", notes), ("/data", notes), ("/reason", notes), ("/options/0/game/title", title)] {
            if let Some(value) = data.pointer_mut(pointer) {
                *value = json!(text);
            }
        }
        let event = event(name, &data);
        for (format, field, most) in [(Format::Discord, "content", 2_000), (Format::Slack, "text", 4_000)] {
            let body = format.render(&event).expect("always");
            prop_assert_eq!(javascript::normalise(&body), Ok(body.clone()));
            let body: Value = serde_json::from_str(&body).expect("JSON");
            let text = body[field].as_str().expect("a text");
            prop_assert!(text.encode_utf16().count() <= most);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
