//! The program and the server as the world meets them: through arguments, sockets and files.

mod cli;
mod cli_transfer;
mod connections;
mod contract;
mod crash;
mod deliveries;
mod descriptions;
mod documents;
mod errors;
mod examples;
mod guard;
mod idempotency;
mod library;
mod node;
mod picking;
mod polls;
mod rooms;
mod sessions;
mod sockets;
mod story;
mod streams;
mod support;
mod votes;
mod webhooks;
