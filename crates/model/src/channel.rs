//! Channels: what their names mean, which patterns name them, and who is in them.

mod member;
mod name;
mod pattern;
mod socket;

pub use self::{
    member::{InvalidMember, Member},
    name::{ChannelKind, ChannelName, InvalidChannelName},
    pattern::{ChannelPattern, InvalidChannelPattern},
    socket::SocketId,
};
