//! Games as requests describe them, whole or in part. Whether the library has room for them is not
//! known here.

use serde_json::{Map, Value};

use super::{Game, GameEntry, NewGame};
use crate::{
    json,
    limits::{GAME_TEXT_MAX_CHARS, INTEGER_MAX},
};

/// What of a game is to change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GamePatch {
    /// The pack it comes in.
    pub pack_name: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Fewest players.
    pub min_players: Option<i64>,
    /// Most players.
    pub max_players: Option<i64>,
    /// A usual round, in minutes, or unknown.
    pub length_minutes: Option<Option<i64>>,
    /// Whether more people can take part as an audience.
    pub has_audience: Option<bool>,
    /// Whether it suits everyone.
    pub family_friendly: Option<bool>,
    /// Its first kind, or none.
    pub game_type: Option<Option<String>>,
    /// Its second kind, or none.
    pub secondary_type: Option<Option<String>>,
    /// Whether it may be picked.
    pub enabled: Option<bool>,
    /// How much the picker likes it.
    pub favor_bias: Option<i64>,
}

/// Why a game cannot be as described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGame {
    /// A field without which there is no game.
    #[error("Missing required fields: pack_name, title, min_players, max_players")]
    MissingFields,
    /// Not a text.
    #[error("{0} must be a string")]
    NotText(&'static str),
    /// A name of nothing but spaces.
    #[error("{0} must not be empty")]
    EmptyText(&'static str),
    /// A text too long.
    #[error("{0} must not be longer than {GAME_TEXT_MAX_CHARS} characters")]
    LongText(&'static str),
    /// Not a number that makes sense.
    #[error("{0} must be a whole number from 1")]
    NotNumber(&'static str),
    /// Neither `true`, `false`, `1` nor `0`.
    #[error("{0} must be a boolean")]
    NotFlag(&'static str),
    /// A bias that there is not.
    #[error("favor_bias must be -1, 0 or 1")]
    FavorBias,
    /// More players needed than allowed.
    #[error("min_players must not be greater than max_players")]
    MinAboveMax,
}

impl GamePatch {
    /// Reads the fields that are given; others are ignored. Texts lose the spaces around them, as
    /// they do in CSV.
    ///
    /// # Errors
    /// [`InvalidGame`] tells of the first field that makes no sense.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidGame> {
        let is_null = |name: &str| body.get(name).is_some_and(Value::is_null);
        Ok(Self {
            pack_name: name(body, "pack_name")?,
            title: name(body, "title")?,
            min_players: number(body, "min_players")?,
            max_players: number(body, "max_players")?,
            length_minutes: if is_null("length_minutes") {
                Some(None)
            } else {
                number(body, "length_minutes")?.map(Some)
            },
            has_audience: flag(body, "has_audience")?,
            family_friendly: flag(body, "family_friendly")?,
            game_type: if is_null("game_type") { Some(None) } else { text(body, "game_type")?.map(kind) },
            secondary_type: if is_null("secondary_type") {
                Some(None)
            } else {
                text(body, "secondary_type")?.map(kind)
            },
            enabled: flag(body, "enabled")?,
            favor_bias: body.get("favor_bias").map(favor_bias).transpose()?,
        })
    }

    /// Changes a game.
    ///
    /// # Errors
    /// [`InvalidGame::MinAboveMax`] if it would need more players than it takes.
    pub fn apply(&self, game: &mut Game) -> Result<(), InvalidGame> {
        let patch = self.clone();
        game.pack_name = patch.pack_name.unwrap_or_else(|| std::mem::take(&mut game.pack_name));
        game.title = patch.title.unwrap_or_else(|| std::mem::take(&mut game.title));
        game.min_players = patch.min_players.unwrap_or(game.min_players);
        game.max_players = patch.max_players.unwrap_or(game.max_players);
        game.length_minutes = patch.length_minutes.unwrap_or(game.length_minutes);
        game.has_audience = patch.has_audience.unwrap_or(game.has_audience);
        game.family_friendly = patch.family_friendly.unwrap_or(game.family_friendly);
        game.game_type = patch.game_type.unwrap_or_else(|| game.game_type.take());
        game.secondary_type = patch.secondary_type.unwrap_or_else(|| game.secondary_type.take());
        game.enabled = patch.enabled.unwrap_or(game.enabled);
        game.favor_bias = patch.favor_bias.unwrap_or(game.favor_bias);
        if game.min_players > game.max_players { Err(InvalidGame::MinAboveMax) } else { Ok(()) }
    }
}

impl GameEntry {
    /// Reads a whole game, see [`GamePatch::parse`]; only its names and players must be there.
    ///
    /// # Errors
    /// [`InvalidGame::MissingFields`] before anything else.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidGame> {
        let required = ["pack_name", "title", "min_players", "max_players"];
        if required.iter().any(|name| json::is_falsy(body.get(*name))) {
            return Err(InvalidGame::MissingFields);
        }
        let patch = GamePatch::parse(body)?;
        let missing = InvalidGame::MissingFields;
        let game = NewGame {
            pack_name: patch.pack_name.ok_or(missing)?,
            title: patch.title.ok_or(missing)?,
            min_players: patch.min_players.ok_or(missing)?,
            max_players: patch.max_players.ok_or(missing)?,
            length_minutes: patch.length_minutes.flatten(),
            has_audience: patch.has_audience.unwrap_or(false),
            family_friendly: patch.family_friendly.unwrap_or(false),
            game_type: patch.game_type.flatten(),
            secondary_type: patch.secondary_type.flatten(),
        };
        if game.min_players > game.max_players {
            return Err(InvalidGame::MinAboveMax);
        }
        Ok(Self { game, enabled: patch.enabled, favor_bias: patch.favor_bias })
    }
}

/// −1, 0 or 1.
///
/// # Errors
/// [`InvalidGame::FavorBias`] for everything else.
pub fn favor_bias(value: &Value) -> Result<i64, InvalidGame> {
    json::as_integer(value).filter(|bias| (-1..=1).contains(bias)).ok_or(InvalidGame::FavorBias)
}

fn text(body: &Map<String, Value>, name: &'static str) -> Result<Option<String>, InvalidGame> {
    let Some(value) = body.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or(InvalidGame::NotText(name))?;
    // Before trimming, so that a description by length alone holds.
    if text.chars().count() > GAME_TEXT_MAX_CHARS {
        return Err(InvalidGame::LongText(name));
    }
    Ok(Some(text.trim().to_owned()))
}

fn name(body: &Map<String, Value>, name: &'static str) -> Result<Option<String>, InvalidGame> {
    match text(body, name)? {
        Some(text) if text.is_empty() => Err(InvalidGame::EmptyText(name)),
        text => Ok(text),
    }
}

/// An empty kind is none.
fn kind(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn number(body: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, InvalidGame> {
    let Some(value) = body.get(name) else { return Ok(None) };
    let number = json::as_integer(value).filter(|number| (1..=INTEGER_MAX).contains(number));
    number.map(Some).ok_or(InvalidGame::NotNumber(name))
}

fn flag(body: &Map<String, Value>, name: &'static str) -> Result<Option<bool>, InvalidGame> {
    let Some(value) = body.get(name) else { return Ok(None) };
    json::as_bool(value).map(Some).ok_or(InvalidGame::NotFlag(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture;

    const MISSING: &str = "Missing required fields: pack_name, title, min_players, max_players";

    fn parsed(changes: &Value) -> Result<GameEntry, String> {
        let mut body = json!({"pack_name": "P", "title": "T", "min_players": 2, "max_players": 4});
        let fields = body.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            fields.insert(name.clone(), value.clone());
        }
        GameEntry::parse(fields).map_err(|error| error.to_string())
    }

    #[test]
    fn a_game_needs_its_names_and_players_only() {
        let entry = parsed(&json!({"pack_name": " P ", "title": "<b>x</b>'); --", "x": 1}));
        let game = NewGame {
            pack_name: "P".into(),
            title: "<b>x</b>'); --".into(),
            min_players: 2,
            max_players: 4,
            length_minutes: None,
            has_audience: false,
            family_friendly: false,
            game_type: None,
            secondary_type: None,
        };
        assert_eq!(entry, Ok(GameEntry { game: game.clone(), enabled: None, favor_bias: None }));
        let whole = json!({
            "title": "T", "length_minutes": 15, "has_audience": true, "family_friendly": 1,
            "game_type": "Drawing", "secondary_type": " ", "enabled": false, "favor_bias": -1,
        });
        let whole = parsed(&whole).expect("a game");
        assert_eq!((whole.enabled, whole.favor_bias), (Some(false), Some(-1)));
        let expected = NewGame {
            title: "T".into(),
            length_minutes: Some(15),
            has_audience: true,
            family_friendly: true,
            game_type: Some("Drawing".into()),
            ..game
        };
        assert_eq!(whole.game, expected);
        assert!(parsed(&json!({"title": "é".repeat(200)})).is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let long = "x".repeat(10_000);
        for (changes, expected) in [
            (json!({"pack_name": null}), MISSING),
            (json!({"title": ""}), MISSING),
            (json!({"min_players": 0}), MISSING),
            (json!({"max_players": null, "title": 5}), MISSING),
            (json!({"title": 5}), "title must be a string"),
            (json!({"title": " \t"}), "title must not be empty"),
            (json!({"pack_name": "\u{3000}"}), "pack_name must not be empty"),
            (json!({"title": long}), "title must not be longer than 200 characters"),
            (json!({"secondary_type": long}), "secondary_type must not be longer than 200 characters"),
            (json!({"game_type": 5}), "game_type must be a string"),
            (json!({"min_players": -1}), "min_players must be a whole number from 1"),
            (json!({"max_players": "8"}), "max_players must be a whole number from 1"),
            (json!({"max_players": 8.5}), "max_players must be a whole number from 1"),
            (json!({"length_minutes": 0}), "length_minutes must be a whole number from 1"),
            (json!({"min_players": 5}), "min_players must not be greater than max_players"),
            (json!({"has_audience": "yes"}), "has_audience must be a boolean"),
            (json!({"family_friendly": null}), "family_friendly must be a boolean"),
            (json!({"enabled": 2}), "enabled must be a boolean"),
            (json!({"favor_bias": 2}), "favor_bias must be -1, 0 or 1"),
            (json!({"favor_bias": null}), "favor_bias must be -1, 0 or 1"),
            (json!({"favor_bias": "1"}), "favor_bias must be -1, 0 or 1"),
        ] {
            assert_eq!(parsed(&changes), Err(expected.to_owned()), "{changes}");
        }
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let mut game = Game { title: "T".into(), max_players: 4, ..fixture::game() };
        let before = game.clone();
        let patch = |body: &Value| GamePatch::parse(body.as_object().expect("an object")).expect("a patch");
        patch(&json!({"play_count": 9})).apply(&mut game).expect("nothing to change");
        assert_eq!(game, before);
        let body = json!({"title": "U", "length_minutes": null, "game_type": null, "enabled": 0});
        patch(&body).apply(&mut game).expect("a change");
        let after =
            Game { title: "U".into(), length_minutes: None, game_type: None, enabled: false, ..before };
        assert_eq!(game, after);
        let clash = patch(&json!({"min_players": 5})).apply(&mut game);
        assert_eq!(clash, Err(InvalidGame::MinAboveMax), "against the maximum that stays");
    }
}
