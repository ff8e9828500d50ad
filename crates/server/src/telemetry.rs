//! Where the program's log goes: standard error, as text or as JSON lines. Only the binary calls
//! this; a library user installs a subscriber of their own.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// What is logged unless somebody says otherwise. The migrations' own account is left out.
pub const DEFAULT_FILTER: &str = "info,refinery_core=warn";

/// Sends the log of this process to standard error. `filter` is in the terms of
/// `tracing_subscriber::EnvFilter` (`info`, `fanfare=debug,warn`); `colour` applies to text on a
/// terminal.
///
/// # Errors
/// One line, when the filter cannot be read or the log already goes somewhere.
pub fn init(format: LogFormat, filter: &str, colour: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Complaining about a standard error that cannot be written to would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_ansi(colour && std::io::stderr().is_terminal());
    let done = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    done.map_err(|error| error.to_string())
}
