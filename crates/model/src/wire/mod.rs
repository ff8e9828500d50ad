//! What is said on the wire, protocol by protocol, in both directions.

pub mod broadcasting;
mod client_event;
pub mod frame;
pub mod picker;
pub mod pusher;
mod raw;
pub mod sse;
