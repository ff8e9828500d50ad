//! Games of the library and the filters that choose among them.

mod patch;

pub use self::patch::{GamePatch, InvalidGame, favor_bias};
use crate::{Timestamp, limits, text};

/// A game of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Game {
    /// Never reused.
    pub id: i64,
    /// The pack it came in.
    pub pack_name: String,
    /// Unique within the pack.
    pub title: String,
    /// Fewest players.
    pub min_players: i64,
    /// Most players.
    pub max_players: i64,
    /// A usual round, in minutes.
    pub length_minutes: Option<i64>,
    /// Whether more people can take part as an audience.
    pub has_audience: bool,
    /// Whether it suits everyone.
    pub family_friendly: bool,
    /// Its first kind, such as `Drawing`.
    pub game_type: Option<String>,
    /// Its second kind.
    pub secondary_type: Option<String>,
    /// Times it was added to a session.
    pub play_count: i64,
    /// Votes for it.
    pub upvotes: i64,
    /// Votes against it.
    pub downvotes: i64,
    /// Whether it may be picked.
    pub enabled: bool,
    /// −1, 0 or 1: how much the picker likes it.
    pub favor_bias: i64,
    /// When it entered the library.
    pub created_at: Timestamp,
}

impl Game {
    /// Votes for it less votes against it.
    pub fn popularity_score(&self) -> i64 {
        self.upvotes - self.downvotes
    }
}

/// A game that is not in the library yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGame {
    /// The pack it came in.
    pub pack_name: String,
    /// Unique within the pack.
    pub title: String,
    /// Fewest players, at least 1.
    pub min_players: i64,
    /// Most players, at least `min_players`.
    pub max_players: i64,
    /// A usual round, in minutes.
    pub length_minutes: Option<i64>,
    /// Whether more people can take part as an audience.
    pub has_audience: bool,
    /// Whether it suits everyone.
    pub family_friendly: bool,
    /// Its first kind.
    pub game_type: Option<String>,
    /// Its second kind.
    pub secondary_type: Option<String>,
}

/// A game that is not in the library yet, and how it is to stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GameEntry {
    /// The game.
    pub game: NewGame,
    /// Whether it may be picked, if that was said.
    pub enabled: Option<bool>,
    /// −1, 0 or 1: how much the picker likes it, if that was said.
    pub favor_bias: Option<i64>,
}

/// Whether drawing games are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Drawing {
    /// Nothing else.
    Only,
    /// None of them.
    Exclude,
}

/// How long a round may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Length {
    /// 15 minutes at most, or unknown.
    Short,
    /// 16 to 25 minutes.
    Medium,
    /// More than 25 minutes.
    Long,
}

/// The filters of `GET /api/games`; what is `None` lets every game through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GameFilter {
    /// Enabled or disabled games only.
    pub enabled: Option<bool>,
    /// Games that this many people can play.
    pub player_count: Option<i64>,
    /// Drawing games only, or none.
    pub drawing: Option<Drawing>,
    /// Games of this length only.
    pub length: Option<Length>,
    /// Games for everyone only, or only the others.
    pub family_friendly: Option<bool>,
    /// Games of this pack only.
    pub pack: Option<String>,
}

/// A filter has a value that it does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid value for {name}: expected {expected}")]
pub struct InvalidFilter {
    /// The query parameter.
    pub name: &'static str,
    /// What it takes.
    pub expected: &'static str,
}

impl GameFilter {
    /// Reads the query parameters of `GET /api/games`; other parameters are ignored, and of one
    /// given twice the last counts.
    ///
    /// # Errors
    /// [`InvalidFilter`] names the first parameter whose value is unknown.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidFilter> {
        let mut filter = Self::default();
        for (name, value) in pairs {
            match name {
                "enabled" => filter.enabled = Some(boolean("enabled", value)?),
                "familyFriendly" => filter.family_friendly = Some(boolean("familyFriendly", value)?),
                "playerCount" => filter.player_count = Some(player_count(value)?),
                "drawing" => {
                    filter.drawing = Some(match value {
                        "only" => Drawing::Only,
                        "exclude" => Drawing::Exclude,
                        _ => return Err(InvalidFilter { name: "drawing", expected: "only or exclude" }),
                    });
                }
                "length" => {
                    filter.length = Some(match value {
                        "short" => Length::Short,
                        "medium" => Length::Medium,
                        "long" => Length::Long,
                        _ => return Err(InvalidFilter { name: "length", expected: "short, medium or long" }),
                    });
                }
                "pack" => filter.pack = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(filter)
    }

    /// Whether `game` passes every filter.
    pub fn matches(&self, game: &Game) -> bool {
        self.enabled.is_none_or(|wanted| game.enabled == wanted)
            && self.player_count.is_none_or(|n| (game.min_players..=game.max_players).contains(&n))
            && self.drawing.is_none_or(|wanted| is_drawing(game) == (wanted == Drawing::Only))
            && self.length.is_none_or(|wanted| length_of(game) == wanted)
            && self.family_friendly.is_none_or(|wanted| game.family_friendly == wanted)
            && self.pack.as_deref().is_none_or(|pack| pack_key(pack) == pack_key(&game.pack_name))
    }
}

/// A game draws when its first kind says so; the second kind does not count.
pub(crate) fn is_drawing(game: &Game) -> bool {
    game.game_type.as_deref() == Some("Drawing")
}

pub(crate) fn length_of(game: &Game) -> Length {
    match game.length_minutes {
        None | Some(..=15) => Length::Short,
        Some(16..=25) => Length::Medium,
        Some(_) => Length::Long,
    }
}

/// People say both "Jackbox Party Pack 7" and "The Jackbox Party Pack 7".
pub(crate) fn pack_key(name: &str) -> &str {
    name.strip_prefix("The ").unwrap_or(name)
}

fn boolean(name: &'static str, value: &str) -> Result<bool, InvalidFilter> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(InvalidFilter { name, expected: "true or false" }),
    }
}

fn player_count(value: &str) -> Result<i64, InvalidFilter> {
    text::integer(value, 1..=limits::INTEGER_MAX)
        .ok_or(InvalidFilter { name: "playerCount", expected: "a positive integer" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn game() -> Game {
        Game {
            pack_name: "The Jackbox Party Pack 7".into(),
            title: "Champ'd Up".into(),
            length_minutes: Some(23),
            secondary_type: Some("Writing".into()),
            upvotes: 5,
            downvotes: 7,
            ..fixture::game()
        }
    }

    fn passes(query: &str, game: &Game) -> bool {
        let pairs = query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, "")));
        GameFilter::parse(pairs).expect(query).matches(game)
    }

    #[test]
    fn each_filter_lets_the_right_games_through() {
        let game = game();
        for (query, expected) in [
            ("", true),
            ("enabled=true", true),
            ("enabled=0", false),
            ("playerCount=2", false),
            ("playerCount=3", true),
            ("playerCount=8", true),
            ("playerCount=9", false),
            ("drawing=only", true),
            ("drawing=exclude", false),
            ("length=short", false),
            ("length=medium", true),
            ("length=long", false),
            ("familyFriendly=true", true),
            ("familyFriendly=false", false),
            ("pack=The Jackbox Party Pack 7", true),
            ("pack=Jackbox Party Pack 7", true),
            ("pack=Jackbox Party Pack", false),
            ("other=1&playerCount=4", true),
        ] {
            assert_eq!(passes(query, &game), expected, "{query}");
        }
    }

    #[test]
    fn length_counts_unknown_as_short_and_has_its_edges_where_stated() {
        for (minutes, name) in [
            (None, "short"),
            (Some(15), "short"),
            (Some(16), "medium"),
            (Some(25), "medium"),
            (Some(26), "long"),
        ] {
            assert!(
                passes(&format!("length={name}"), &Game { length_minutes: minutes, ..game() }),
                "{minutes:?}"
            );
        }
    }

    #[test]
    fn an_unknown_value_names_its_filter() {
        for (name, value) in [
            ("enabled", "yes"),
            ("familyFriendly", ""),
            ("playerCount", "0"),
            ("playerCount", "-1"),
            ("playerCount", "+3"),
            ("playerCount", "1e3"),
            ("playerCount", "9223372036854775808"),
            ("drawing", "maybe"),
            ("length", "Short"),
        ] {
            let error = GameFilter::parse([(name, value)]).expect_err(value);
            assert_eq!(error.name, name);
        }
    }
}
