//! What a caller may be told.

use std::borrow::Cow;

use fanfare_model::{game::InvalidFilter, webhook::InvalidWebhook};
use fanfare_store::Error as StoreError;

/// Why a use case was not carried out. Nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    /// What was asked for makes no sense; the text says why.
    Invalid(Cow<'static, str>),
    /// There is a session already.
    SessionActive {
        /// The one that is active.
        id: i64,
    },
    /// The noun that was named does not exist; the text says which.
    NotFound(&'static str),
    /// The admin key is wrong.
    WrongKey,
    /// Too many wrong keys came from this address.
    TooManyLogins {
        /// Whole seconds until the next try is looked at.
        retry_after_s: u64,
    },
    /// The database cannot be reached; the details are for the log.
    Unavailable(String),
    /// A fault of ours; the details are for the log.
    Bug(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(detail) => Self::Unavailable(detail),
            other => Self::Bug(other.to_string()),
        }
    }
}

impl From<InvalidFilter> for Error {
    fn from(error: InvalidFilter) -> Self {
        Self::Invalid(error.to_string().into())
    }
}

impl From<InvalidWebhook> for Error {
    fn from(error: InvalidWebhook) -> Self {
        Self::Invalid(error.to_string().into())
    }
}
