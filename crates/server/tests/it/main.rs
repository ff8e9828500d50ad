//! The program and the server as the world meets them: through arguments, sockets and files.

mod cli;
mod connections;
mod crash;
mod deliveries;
mod descriptions;
mod errors;
mod node;
mod sockets;
mod story;
mod support;
