//! Fanfare: a self-hosted game-night server and event notification system.
//!
//! This crate wires the others together: the use cases (`app`), the HTTP API (`api`), the sockets
//! (`live`) and the delivery of webhooks (`dispatch`). [`Server::start`] runs all of it.

mod accept;
mod api;
mod app;
mod auth;
mod channels;
pub mod cli;
pub mod config;
mod data_folder;
mod dispatch;
mod egress;
mod live;
mod metrics;
mod monitor;
mod random;
mod shutdown;
mod startup;
pub mod telemetry;
pub mod timers;
mod webhooks;

pub use channels::{ChannelError, ChannelStatistics, Channels};
pub use config::{AuthRequest, ChannelAuthorizer, Denied, Endpoint};
pub use fanfare_model::channel::{ChannelName, ChannelPattern, Member};
pub use fanfare_model::webhook::{Header, InvalidHeader, Method, Ordering};
pub use startup::{Server, StartError};
pub use webhooks::{WebhookError, Webhooks};
