//! What a caller may be told.

use std::borrow::Cow;

use fanfare_model::{
    application::InvalidApplication,
    fired::InvalidFired,
    game::{InvalidFilter, InvalidGame},
    pick::{Empty, InvalidOption},
    poll::InvalidPoll,
    replay::InvalidReplay,
    vote::{InvalidVote, chat::InvalidChat},
    webhook::{InvalidPreview, InvalidWebhook},
};
use fanfare_store::Error as StoreError;
use serde_json::{Map, Value};

/// Why a use case was not carried out. Nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    /// What was asked for makes no sense; the text says why.
    Invalid(Cow<'static, str>),
    /// The noun that was named does not exist; the text says which.
    NotFound(&'static str),
    /// It contradicts what is there; the text says how.
    Conflict(&'static str),
    /// The `Idempotency-Key` was used for another request.
    KeyReused,
    /// Another error, with more keys for its body.
    Detailed(Box<Error>, Map<String, Value>),
    /// The admin key is wrong.
    WrongKey,
    /// Too many wrong keys came from this address.
    TooManyLogins {
        /// Whole seconds until the next try is looked at.
        retry_after_s: u64,
    },
    /// The server cannot do its work now; the text says why.
    NotReady(&'static str),
    /// The database cannot be reached; the details are for the log.
    Unavailable(String),
    /// A fault of ours; the details are for the log.
    Bug(String),
}

impl Error {
    /// No game of the library has that id.
    pub(crate) const NO_GAME: Self = Self::NotFound("Game not found");
    /// No session has that id.
    pub(crate) const NO_SESSION: Self = Self::NotFound("Session not found");

    /// This error with one more key in its body.
    #[must_use]
    pub(crate) fn with(self, name: &str, value: impl Into<Value>) -> Self {
        let (error, mut details) = match self {
            Self::Detailed(error, details) => (error, details),
            plain => (Box::new(plain), Map::new()),
        };
        details.insert(name.to_owned(), value.into());
        Self::Detailed(error, details)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(detail) => Self::Unavailable(detail),
            other => Self::Bug(other.to_string()),
        }
    }
}

impl From<Empty> for Error {
    fn from(Empty { emptied_by }: Empty) -> Self {
        Self::NotFound("No games match the current filters").with("emptiedBy", emptied_by)
    }
}

/// What cannot be read is refused with the reader's own words.
macro_rules! refuse {
    ($($invalid:ty),* $(,)?) => {
        $(impl From<$invalid> for Error {
            fn from(error: $invalid) -> Self {
                Self::Invalid(error.to_string().into())
            }
        })*
    };
}

refuse!(
    InvalidApplication,
    InvalidChat,
    InvalidFilter,
    InvalidFired,
    InvalidGame,
    InvalidOption,
    InvalidPoll,
    InvalidPreview,
    InvalidReplay,
    InvalidVote,
    InvalidWebhook,
);
