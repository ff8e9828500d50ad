//! Sessions (game nights) and the games played in them.

use crate::Timestamp;

/// A game night. At most one is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Never reused.
    pub id: i64,
    /// Free text of the host's.
    pub notes: Option<String>,
    /// Whether the night is still going on.
    pub is_active: bool,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Its game rows of any status.
    pub games_played: i64,
}

/// Where a game of a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum PlayStatus {
    /// The one that is on; at most one per session.
    Playing,
    /// Over.
    Played,
    /// Was on the list, was not played.
    Skipped,
}

impl PlayStatus {
    /// The word of the API and of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Playing => "playing",
            Self::Played => "played",
            Self::Skipped => "skipped",
        }
    }

    /// The status of that word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Playing, Self::Played, Self::Skipped].into_iter().find(|status| status.as_str() == word)
    }
}

/// How a session game's player count came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum CountStatus {
    /// Nobody is counting.
    Idle,
    /// The room is open and waits for players.
    Lobby,
    /// The room is locked: the game is on.
    Locked,
    /// The room is gone.
    Ended,
    /// The room could not be watched.
    Failed,
    /// Watching was stopped by the host.
    Stopped,
    /// The host said the number.
    Manual,
}

impl CountStatus {
    /// Every status.
    pub const ALL: [Self; 7] =
        [Self::Idle, Self::Lobby, Self::Locked, Self::Ended, Self::Failed, Self::Stopped, Self::Manual];

    /// The word of the API and of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Lobby => "lobby",
            Self::Locked => "locked",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Manual => "manual",
        }
    }

    /// The status of that word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A game's row in a session, with what the API shows of the game itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionGame {
    /// The `sessionGameId`, not the game's id.
    pub id: i64,
    /// The session it belongs to.
    pub session_id: i64,
    /// The game in the library.
    pub game_id: i64,
    /// When it was added.
    pub played_at: Timestamp,
    /// Whether a person chose it rather than the picker.
    pub manually_added: bool,
    /// Where it stands.
    pub status: PlayStatus,
    /// Four capital letters.
    pub room_code: Option<String>,
    /// People in the room.
    pub player_count: Option<i64>,
    /// Where the count comes from.
    pub player_count_check_status: Option<CountStatus>,
    /// The game's title.
    pub title: String,
    /// The game's pack.
    pub pack_name: String,
    /// Fewest players.
    pub min_players: i64,
    /// Most players.
    pub max_players: i64,
    /// The game's first kind, such as `Drawing`.
    pub game_type: Option<String>,
    /// The game's votes for it, of all nights.
    pub upvotes: i64,
    /// The game's votes against it, of all nights.
    pub downvotes: i64,
}

/// What a host says when adding a game to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSessionGame {
    /// The game in the library.
    pub game_id: i64,
    /// Whether a person chose it rather than the picker.
    pub manually_added: bool,
    /// Four capital letters, from [`room_code`].
    pub room_code: Option<String>,
}

/// Which part of a list of sessions is wanted, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows at most.
    pub limit: usize,
    /// Newer rows to pass over.
    pub offset: usize,
}

/// The room code of `text` in capitals, if it is four ASCII letters.
pub fn room_code(text: &str) -> Option<String> {
    (text.len() == 4 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_code_is_four_letters_in_capitals() {
        for (text, expected) in [
            ("ABCD", Some("ABCD")),
            ("abCd", Some("ABCD")),
            ("ABC", None),
            ("ABCDE", None),
            ("AB1D", None),
            (" ABC", None),
            ("éé", None),
            ("", None),
        ] {
            assert_eq!(room_code(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn every_status_is_read_back_from_its_word() {
        for status in CountStatus::ALL {
            assert_eq!(CountStatus::parse(status.as_str()), Some(status));
        }
        for status in [PlayStatus::Playing, PlayStatus::Played, PlayStatus::Skipped] {
            assert_eq!(PlayStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!((CountStatus::parse("Lobby"), PlayStatus::parse("")), (None, None));
    }
}
