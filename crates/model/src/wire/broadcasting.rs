//! The grammar of ts-broadcasting: JSON objects with an `event`, in both directions. Who may say what,
//! and when, is not decided here.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use self::{
    read::{Batch, BatchKind, ClientMessage, Frame, Invalid, Resume, Subscribe, parse},
    write::{
        ErrorKind, Refused, ack, batch_result, connection_established, error, event, member_added,
        member_removed, pong, subscription_error, subscription_succeeded,
    },
};
