//! The nouns that everything here shares.

use std::sync::Arc;

use bytes::Bytes;

/// A topic's name; the hub gives it no meaning.
pub type Topic = Arc<str>;

/// How much a mailbox holds before it overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages that may wait at once.
    pub mailbox_max_messages: usize,
    /// Bytes that may wait at once, the messages' own only.
    pub mailbox_max_bytes: usize,
}

/// What a subscriber takes out of its mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub topic: Topic,
    /// Its position in the topic; 0 where nobody counts.
    pub seq: u64,
    /// What was published, shared by all subscribers.
    pub bytes: Bytes,
}

/// One of a few ways to tell a publication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Form(u8);

impl Form {
    /// How many there can be.
    pub const COUNT: usize = 4;

    /// The form of this number.
    ///
    /// # Panics
    /// For a number that is not below [`Form::COUNT`].
    pub const fn new(number: u8) -> Self {
        assert!((number as usize) < Self::COUNT, "there are no more forms");
        Self(number)
    }

    /// Its number.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in a topic's stream: the publications of one epoch count from 1 without a gap. An epoch ends
/// when the topic is forgotten, and none has the number of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The last publication before this place; 0 before the first.
    pub offset: u64,
    /// The stream.
    pub epoch: u64,
}

/// Something that can be told in several forms.
pub trait Publication: Send + Sync {
    /// The bytes for subscribers of this form; asked for once a form when it is told, and again for those
    /// who come back for it. `position` is there on topics that keep a history. Called under the topic's
    /// lock when it is told: it must not touch the hub, and not panic.
    fn form(&self, form: Form, position: Option<Position>) -> Bytes;

    /// About how many bytes it takes up in a history or a backlog. Asked for under the same lock.
    fn size(&self) -> usize;
}
