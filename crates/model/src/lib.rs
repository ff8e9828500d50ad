//! The vocabulary of Fanfare and every rule worth testing.
//!
//! Everything here is pure: no clock, no randomness, no async, no I/O. A function that depends on
//! the time or on chance takes it as an argument and returns what should happen.

pub mod application;
pub mod breaker;
pub mod catalogue;
pub mod channel;
pub mod delivery;
pub mod egress;
pub mod event;
pub mod export;
pub mod fired;
#[cfg(test)]
mod fixture;
pub mod format;
pub mod game;
pub mod javascript;
pub mod json;
pub mod library;
pub mod limits;
pub mod occurrence;
pub mod pattern;
pub mod pick;
pub mod poll;
pub mod pusher;
pub mod replay;
pub mod retry;
pub mod retry_after;
pub mod room;
pub mod session;
pub mod signature;
pub mod statistics;
pub mod text;
mod time;
pub mod vote;
pub mod webhook;
pub mod wire;

pub use time::{InvalidTimestamp, Timestamp};
