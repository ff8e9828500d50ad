//! What the benchmarks of the program have in common: a lean client, and the server as a process.

pub(crate) mod connection;
pub(crate) mod program;
