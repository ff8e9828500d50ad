//! The grammars of the sockets: text in, messages out, and back. Total functions: bad input is a
//! value. What a message causes is decided elsewhere.

pub mod picker;
pub mod sse;
