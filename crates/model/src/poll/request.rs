//! What may be asked of polls: JSON in, requests out. Looks at no poll.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    json,
    limits::{
        POLL_OPEN_DEFAULT_S, POLL_OPEN_MAX_S, POLL_OPEN_MIN_S, POLL_OPTIONS_DEFAULT, POLL_OPTIONS_MAX,
        POLL_OPTIONS_MIN,
    },
    pick::{InvalidOption, Options},
    vote,
};

/// A poll that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPoll {
    /// Where its games come from.
    pub choice: Choice,
    /// How long it is open, in milliseconds.
    pub open_ms: i64,
}

/// Where the games of a poll come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These, in this order, all different.
    Games(Vec<i64>),
    /// Picked by chance, `count` of them or as many as there are; the session is the poll's own.
    Pick(Options),
}

/// A vote in a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollVote {
    /// Who votes: the name without space around it, and without difference of case.
    pub user_key: String,
    /// The key of an option, perhaps.
    pub option: String,
}

/// What is asked makes no sense; the text says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPoll(String);

impl From<InvalidOption> for InvalidPoll {
    fn from(error: InvalidOption) -> Self {
        Self(error.to_string())
    }
}

impl NewPoll {
    /// Reads the body of a request to open a poll; `null` is as good as absent. Games that are named
    /// are taken, else some are picked.
    ///
    /// # Errors
    /// [`InvalidPoll`] for the first field whose value makes no sense.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidPoll> {
        let open_s = match body.get("seconds") {
            None | Some(Value::Null) => POLL_OPEN_DEFAULT_S,
            Some(value) => json::as_integer(value)
                .filter(|seconds| (POLL_OPEN_MIN_S..=POLL_OPEN_MAX_S).contains(seconds))
                .ok_or_else(|| {
                    let range = format!("{POLL_OPEN_MIN_S} to {POLL_OPEN_MAX_S}");
                    InvalidPoll(format!("seconds must be an integer from {range}"))
                })?,
        };
        let named = body.get("gameIds").filter(|value| !value.is_null()).map(game_ids).transpose()?;
        let pick = pick(body)?;
        let choice = named.map_or(Choice::Pick(pick), Choice::Games);
        Ok(Self { choice, open_ms: open_s * 1_000 })
    }
}

/// The options of picking, but for the session.
fn pick(body: &Map<String, Value>) -> Result<Options, InvalidPoll> {
    let count = match body.get("count") {
        None | Some(Value::Null) => POLL_OPTIONS_DEFAULT,
        Some(value) => json::as_integer(value)
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| (POLL_OPTIONS_MIN..=POLL_OPTIONS_MAX).contains(count))
            .ok_or_else(|| {
                let range = format!("{POLL_OPTIONS_MIN} to {POLL_OPTIONS_MAX}");
                InvalidPoll(format!("count must be an integer from {range}"))
            })?,
    };
    let mut body = body.clone();
    body.remove("sessionId");
    Ok(Options { count: Some(count), ..Options::parse(&body)? })
}

fn game_ids(value: &Value) -> Result<Vec<i64>, InvalidPoll> {
    let ids = value.as_array().and_then(|ids| {
        ids.iter().map(|id| json::as_integer(id).filter(|id| *id > 0)).collect::<Option<Vec<_>>>()
    });
    ids.filter(|ids| (POLL_OPTIONS_MIN..=POLL_OPTIONS_MAX).contains(&ids.len()))
        .filter(|ids| ids.iter().collect::<BTreeSet<_>>().len() == ids.len())
        .ok_or_else(|| {
            InvalidPoll(format!(
                "gameIds must be a list of {POLL_OPTIONS_MIN} to {POLL_OPTIONS_MAX} different game ids"
            ))
        })
}

impl PollVote {
    /// Reads the body of a vote.
    ///
    /// # Errors
    /// [`InvalidPoll`] for the first field whose value makes no sense.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidPoll> {
        let (username, option) = (body.get("username"), body.get("option"));
        if json::is_falsy(username) || json::is_falsy(option) {
            return Err(InvalidPoll("Missing required fields: username, option".into()));
        }
        let username = vote::username(username).map_err(|invalid| InvalidPoll(invalid.to_string()))?;
        let option = option.and_then(Value::as_str);
        let option = option.ok_or_else(|| InvalidPoll("option must be the key of an option".into()))?;
        Ok(Self { user_key: vote::user_key(username), option: option.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> &Map<String, Value> {
        value.as_object().expect("an object")
    }

    #[test]
    fn a_poll_is_open_for_10_to_300_seconds_and_for_60_when_nobody_says() {
        for (seconds, expected) in [
            (json!(null), Some(60_000)),
            (json!(10), Some(10_000)),
            (json!(300.0), Some(300_000)),
            (json!(9), None),
            (json!(301), None),
            (json!(10.5), None),
            (json!("10"), None),
            (json!(true), None),
        ] {
            let body = json!({"gameIds": [1, 2], "seconds": seconds});
            assert_eq!(NewPoll::parse(object(&body)).ok().map(|poll| poll.open_ms), expected, "{body}");
        }
        let body = json!({"gameIds": [1, 2], "seconds": 9});
        let text = NewPoll::parse(object(&body)).expect_err("too short").to_string();
        assert_eq!(text, "seconds must be an integer from 10 to 300");
    }

    #[test]
    fn games_are_two_to_ten_different_ids() {
        for (ids, is_good) in [
            (json!([1, 2]), true),
            (json!([3.0, 2, 1]), true),
            (json!((1..=10).collect::<Vec<_>>()), true),
            (json!((1..=11).collect::<Vec<_>>()), false),
            (json!([1]), false),
            (json!([]), false),
            (json!([1, 1]), false),
            (json!([1, 1.0]), false),
            (json!([0, 1]), false),
            (json!([1, "2"]), false),
            (json!([1, null]), false),
            (json!("1,2"), false),
            (json!({}), false),
        ] {
            let parsed = NewPoll::parse(object(&json!({"gameIds": ids})));
            let expected = "gameIds must be a list of 2 to 10 different game ids";
            match parsed {
                Ok(poll) => assert!(is_good && matches!(poll.choice, Choice::Games(_)), "{ids}"),
                Err(invalid) => assert!(!is_good && invalid.to_string() == expected, "{ids} {invalid}"),
            }
        }
    }

    #[test]
    fn without_names_games_are_picked() {
        let parse = |body: Value| NewPoll::parse(object(&body)).map(|poll| poll.choice);
        let picked = |count| Choice::Pick(Options { count: Some(count), ..Options::default() });
        for (body, expected) in [
            (json!({}), picked(3)),
            (json!({"gameIds": null, "count": null}), picked(3)),
            (json!({"count": 2, "sessionId": "any"}), picked(2)),
            (json!({"count": 10.0}), picked(10)),
            (json!({"count": 5, "gameIds": [1, 2]}), Choice::Games(vec![1, 2])),
        ] {
            assert_eq!(parse(body.clone()).as_ref(), Ok(&expected), "{body}");
        }
        let count = "count must be an integer from 2 to 10";
        for (body, text) in [
            (json!({"count": 1}), count),
            (json!({"count": 11}), count),
            (json!({"count": -3}), count),
            (json!({"count": "3", "gameIds": [1, 2]}), count),
            (json!({"drawing": 1}), "Invalid value for drawing: expected only or exclude"),
        ] {
            assert_eq!(parse(body).expect_err(text).to_string(), text);
        }
    }

    #[test]
    fn a_voter_is_known_by_his_name_without_space_and_case() {
        let vote = |name: Value| PollVote::parse(object(&json!({"username": name, "option": "A"})));
        assert_eq!(vote(json!(" \tÄnn ")), vote(json!("äNN")));
        assert_eq!(vote(json!("Ann")).expect("a vote").user_key, "ann");
        let too_long = "username must not be longer than 200 characters";
        let no_text = "username must be a string";
        let missing = "Missing required fields: username, option";
        vote(json!("ä".repeat(200))).expect("200 characters are a name");
        for (name, text) in [
            (json!("ä".repeat(201)), too_long),
            (json!(5), no_text),
            (json!({}), no_text),
            (json!(null), missing),
            (json!(""), missing),
        ] {
            assert_eq!(vote(name).expect_err("no name").to_string(), text);
        }
        for (body, text) in [
            (json!({"username": "ann"}), missing),
            (json!({"username": "ann", "option": ["A"]}), "option must be the key of an option"),
        ] {
            assert_eq!(PollVote::parse(object(&body)).expect_err("no option").to_string(), text);
        }
    }
}
