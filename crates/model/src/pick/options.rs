//! What may be asked for when games are picked: JSON in, options out. Applies none of them.

use serde_json::{Map, Value};

use crate::{
    game::{Drawing, Length},
    json,
    limits::{
        INTEGER_MAX, PICK_EXCLUDED_MAX_GAMES, PICK_JUST_PLAYED_GAMES, PICK_MAX_GAMES, PICK_PACKS_MAX,
        PICK_POPULARITY_WEIGHT_MAX,
    },
};

/// What is asked for; the default is one of all enabled games.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `playerCount`: games that this many people can play.
    pub player_count: Option<i64>,
    /// `audienceOverflow`: a game with an audience may take more than its most players.
    pub audience_overflow: bool,
    /// `drawing`: drawing games only, or none.
    pub drawing: Option<Drawing>,
    /// `length`: games of this length only.
    pub length: Option<Length>,
    /// `maxLength`: games no longer than this, in minutes, or of unknown length.
    pub max_length_minutes: Option<i64>,
    /// `familyFriendly`: games for everyone only, or only the others.
    pub family_friendly: Option<bool>,
    /// `packs`: games of these packs only; a leading "The " does not count.
    pub packs: Option<Vec<String>>,
    /// `excludeGameIds`: none of these.
    pub exclude_game_ids: Vec<i64>,
    /// `sessionId`: not what this session has just played.
    pub session_id: Option<i64>,
    /// `excludePlayed`: nothing that it has played at all.
    pub exclude_played: bool,
    /// `count`: so many games.
    pub count: Option<usize>,
    /// `seed`: draw with the numbers of this seed.
    pub seed: Option<i64>,
    /// `popularityWeight`: how much votes count, 0 to 10.
    pub popularity_weight: i64,
}

/// An option has a value that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid value for {name}: expected {expected}")]
pub struct InvalidOption {
    /// The option.
    pub name: &'static str,
    /// What it takes.
    pub expected: String,
}

impl Options {
    /// So many of the games that the session played last are held back.
    pub fn held_back(&self) -> usize {
        if self.exclude_played { usize::MAX } else { PICK_JUST_PLAYED_GAMES }
    }

    /// Reads the options of a body; `null` is as good as absent, and other keys are ignored.
    ///
    /// # Errors
    /// [`InvalidOption`] names the first option, in the order of [`Options`], whose value makes no
    /// sense.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidOption> {
        Ok(Self {
            player_count: integer(body, "playerCount", 1, INTEGER_MAX)?,
            audience_overflow: flag(body, "audienceOverflow")?.unwrap_or(false),
            drawing: word(body, "drawing", &[("only", Drawing::Only), ("exclude", Drawing::Exclude)])?,
            length: word(
                body,
                "length",
                &[("short", Length::Short), ("medium", Length::Medium), ("long", Length::Long)],
            )?,
            max_length_minutes: integer(body, "maxLength", 1, INTEGER_MAX)?,
            family_friendly: flag(body, "familyFriendly")?,
            packs: list(body, "packs", 1, PICK_PACKS_MAX, "pack names", |name| {
                name.as_str().map(str::to_owned)
            })?,
            exclude_game_ids: list(body, "excludeGameIds", 0, PICK_EXCLUDED_MAX_GAMES, "game ids", |id| {
                json::as_integer(id).filter(|id| *id > 0)
            })?
            .unwrap_or_default(),
            session_id: integer(body, "sessionId", 1, INTEGER_MAX)?,
            exclude_played: flag(body, "excludePlayed")?.unwrap_or(false),
            count: integer(body, "count", 1, PICK_MAX_GAMES)?
                .map(|count| usize::try_from(count).expect("at most PICK_MAX_GAMES")),
            seed: integer(body, "seed", -INTEGER_MAX, INTEGER_MAX)?,
            popularity_weight: integer(body, "popularityWeight", 0, PICK_POPULARITY_WEIGHT_MAX)?.unwrap_or(0),
        })
    }
}

/// Reads an option that is given; `read` returns `None` for what makes no sense.
fn option<T>(
    body: &Map<String, Value>,
    name: &'static str,
    expected: impl FnOnce() -> String,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, InvalidOption> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| InvalidOption { name, expected: expected() }),
    }
}

fn flag(body: &Map<String, Value>, name: &'static str) -> Result<Option<bool>, InvalidOption> {
    option(body, name, || "true or false".into(), json::as_bool)
}

fn integer(
    body: &Map<String, Value>,
    name: &'static str,
    min: i64,
    max: i64,
) -> Result<Option<i64>, InvalidOption> {
    let expected = || match (min, max) {
        (1, INTEGER_MAX) => "a positive integer".into(),
        (_, INTEGER_MAX) => "an integer".into(),
        _ => format!("an integer from {min} to {max}"),
    };
    option(body, name, expected, |value| json::as_integer(value).filter(|n| (min..=max).contains(n)))
}

fn word<T: Copy>(
    body: &Map<String, Value>,
    name: &'static str,
    words: &[(&str, T)],
) -> Result<Option<T>, InvalidOption> {
    let expected = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or ");
    option(body, name, expected, |value| {
        let given = value.as_str()?;
        words.iter().find(|(word, _)| *word == given).map(|(_, meaning)| *meaning)
    })
}

fn list<T>(
    body: &Map<String, Value>,
    name: &'static str,
    min: usize,
    max: usize,
    what: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<Vec<T>>, InvalidOption> {
    let expected = || format!("a list of {min} to {max} {what}");
    option(body, name, expected, |value| {
        let items = value.as_array().filter(|items| (min..=max).contains(&items.len()))?;
        items.iter().map(&read).collect()
    })
}
