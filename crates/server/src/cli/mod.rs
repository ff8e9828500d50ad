//! The command line: what can be typed, and how a verb's failure becomes a line and an exit code.
//! Each verb has a file of its own; none of them decides anything about game nights.

mod app;
mod backup;
mod client;
mod config;
mod export;
mod flags;
mod import;
mod key;
mod openapi;
mod progress;
mod reach;
mod serve;
mod table;
mod webhook;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    future::Future,
    io::{ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use self::{
    app::AppVerb,
    backup::BackupArgs,
    client::{Client, ServerArgs},
    export::ExportArgs,
    flags::SettingFlags,
    import::{Import, ImportArgs},
    webhook::WebhookVerb,
};
use crate::{
    config::{ConfigError, Inputs, Loaded, load, reference},
    startup::StartError,
    telemetry::{self, LogFormat},
    timers::Clock,
};

/// A wrong setting or a wrong command line (`EX_USAGE` of sysexits.h).
const EXIT_SETTING: u8 = 64;
/// The machine's or the database's fault.
const EXIT_ENVIRONMENT: u8 = 1;
/// Ctrl-C: 128 and the signal's number, as shells count.
const EXIT_INTERRUPTED: u8 = 130;

const LONG_ABOUT: &str = "A self-hosted game-night server and event notification system.

Without a command it serves: SQLite in ./data, on http://127.0.0.1:5000, and it tells you the rest. Each \
setting can also stand in the environment or in a file; `fanfare config --help` lists them all.";

const CONFIG_HELP: &str = "The configuration file (TOML) [env: FANFARE_CONFIG]; otherwise fanfare.toml \
in the data folder, if it is there";

const LOG_FORMAT_HELP: &str = "How log lines look on standard error: text or json \
[env: FANFARE_LOG_FORMAT]. FANFARE_LOG says what is logged, such as warn or fanfare=debug";

/// A self-hosted game-night server and event notification system.
#[derive(Parser)]
#[command(name = "fanfare", version, term_width = 100, disable_help_subcommand = true, long_about = LONG_ABOUT)]
struct Cli {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings", help = CONFIG_HELP)]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: SettingFlags,

    /// How log lines look on standard error.
    #[arg(long, global = true, value_name = "FORMAT", help_heading = "Settings")]
    #[arg(hide_possible_values = true, help = LOG_FORMAT_HELP)]
    log_format: Option<LogFormat>,

    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the server; what happens without a command
    Serve,
    /// Import games, or the votes in a chat log, into the running server
    Import {
        #[command(flatten)]
        args: ImportArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Export the library as CSV, or a session, from the running server
    Export {
        #[command(flatten)]
        args: ExportArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List, add and test webhooks, see what came of deliveries and send them again
    #[command(disable_help_subcommand = true)]
    Webhook {
        #[command(subcommand)]
        verb: WebhookVerb,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List, make and delete apps, whose channels never meet, and replace their secrets
    #[command(disable_help_subcommand = true)]
    App {
        #[command(subcommand)]
        verb: AppVerb,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Copy the SQLite database into a file, while the server works
    Backup {
        #[command(flatten)]
        args: BackupArgs,
    },
    /// Check or print the configuration
    #[command(after_long_help = reference(), disable_help_subcommand = true)]
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Replace the admin key
    #[command(disable_help_subcommand = true)]
    Key {
        #[command(subcommand)]
        verb: KeyVerb,
    },
    /// Print the description of the HTTP API (OpenAPI 3.1)
    Openapi {
        /// Print that of sockets, event streams and webhooks instead (AsyncAPI 3.0)
        #[arg(long)]
        asyncapi: bool,
    },
}

#[derive(Subcommand)]
enum ConfigVerb {
    /// Read the whole configuration and say whether it can be used
    Check,
    /// Print every setting as TOML, with where it came from; secrets are hidden
    Print,
}

#[derive(Subcommand)]
enum KeyVerb {
    /// Make a new admin key, print it, and end all tokens; the server must be stopped
    New,
}

/// Why a verb failed; one line.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Setting(String),
    #[error("{0}")]
    Environment(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Denied { .. } => Self::Environment(error.to_string()),
            _ => Self::Setting(error.to_string()),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Setting(line) => Self::Setting(line),
            StartError::Environment(line) => Self::Environment(line),
        }
    }
}

/// Runs the program with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come here too. Nobody is left to tell when printing fails.
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            let _ = writeln!(std::io::stderr(), "fanfare: {}; see --help", one_line(&error));
            return EXIT_SETTING.into();
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(failure) => {
            let line = failure.to_string().replace(['\r', '\n'], " ");
            let _ = writeln!(std::io::stderr(), "fanfare: {line}");
            match failure {
                Failure::Setting(_) => EXIT_SETTING.into(),
                Failure::Environment(_) => EXIT_ENVIRONMENT.into(),
            }
        }
    }
}

/// What is wrong with the arguments: the first paragraph of what the parser says.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    let line = lines.collect::<Vec<_>>().join(" ");
    line.trim_start_matches("error: ").to_owned()
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let environment: BTreeMap<String, OsString> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let log = Log::new(cli.log_format, &environment)?;
    let config_file = environment.get("FANFARE_CONFIG").map(PathBuf::from);
    let inputs = Inputs { file: cli.config.or(config_file), environment, flags: cli.settings.0 };
    match cli.verb.unwrap_or(Verb::Serve) {
        Verb::Serve => {
            let loaded = load(&inputs)?;
            log.start()?;
            warn(&loaded);
            serve::serve(loaded.config)
        }
        Verb::Import { args, server } => {
            let loaded = load(&inputs)?;
            let import = Import::read(&args)?;
            at_the_server(&server, &loaded, &inputs, async |client| import.send(client).await)
        }
        Verb::Export { args, server } => {
            let loaded = load(&inputs)?;
            at_the_server(&server, &loaded, &inputs, async |client| export::export(client, &args).await)
        }
        Verb::Webhook { verb, server } => {
            let loaded = load(&inputs)?;
            at_the_server(&server, &loaded, &inputs, async |client| webhook::webhook(client, verb).await)
        }
        Verb::App { verb, server } => {
            let loaded = load(&inputs)?;
            at_the_server(&server, &loaded, &inputs, async |client| app::app(client, verb).await)
        }
        Verb::Backup { args } => backup::backup(&load(&inputs)?.config, args),
        Verb::Config { verb: ConfigVerb::Check } => {
            let loaded = load(&inputs)?;
            warn(&loaded);
            config::check(&loaded)
        }
        Verb::Config { verb: ConfigVerb::Print } => config::print_all(&load(&inputs)?),
        Verb::Key { verb: KeyVerb::New } => {
            let loaded = load(&inputs)?;
            log.start()?;
            key::new(&loaded)
        }
        Verb::Openapi { asyncapi } => openapi::openapi(asyncapi),
    }
}

/// Signs in at the running server and does `work` there, until Ctrl-C.
fn at_the_server(
    server: &ServerArgs,
    loaded: &Loaded,
    inputs: &Inputs,
    work: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    until_interrupted(async {
        let client = Client::sign_in(server, loaded, &inputs.environment, Clock::real()).await?;
        work(&client).await
    })
}

/// Runs `work` to its end, or drops it when Ctrl-C comes first.
fn until_interrupted(work: impl Future<Output = Result<(), Failure>>) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        tokio::select! {
            biased;
            Ok(()) = tokio::signal::ctrl_c() => None,
            ended = work => Some(ended),
        }
    });
    // A look-up of a name cannot be broken off, and nobody waits for it any more.
    runtime.shutdown_background();
    let Some(ended) = ended else {
        say("fanfare: interrupted");
        return Ok(EXIT_INTERRUPTED.into());
    };
    ended.map(|()| ExitCode::SUCCESS)
}

fn warn(loaded: &Loaded) {
    for warning in &loaded.warnings {
        let _ = writeln!(std::io::stderr(), "fanfare: warning: {warning}");
    }
}

/// Data for standard output. An error is one: somebody waits for it, but for a reader who has seen
/// enough and is gone.
fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// The same for what need not be text.
fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Environment(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A line for people, on standard error. Nobody is left to tell when that fails.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Environment(format!("cannot start threads: {error}")))
}

/// What was asked of the log.
struct Log {
    format: LogFormat,
    filter: String,
    colour: bool,
}

impl Log {
    fn new(flag: Option<LogFormat>, environment: &BTreeMap<String, OsString>) -> Result<Self, Failure> {
        let text = |name: &str| environment.get(name).map(|value| value.to_string_lossy().into_owned());
        let format = match (flag, text("FANFARE_LOG_FORMAT").as_deref()) {
            (Some(format), _) => format,
            (None, None | Some("text")) => LogFormat::Text,
            (None, Some("json")) => LogFormat::Json,
            (None, Some(other)) => {
                return Err(Failure::Setting(format!(
                    "environment FANFARE_LOG_FORMAT is {other:?}: expected text or json"
                )));
            }
        };
        let filter = text("FANFARE_LOG").unwrap_or_else(|| telemetry::DEFAULT_FILTER.to_owned());
        Ok(Self { format, filter, colour: !environment.contains_key("NO_COLOR") })
    }

    fn start(&self) -> Result<(), Failure> {
        telemetry::init(self.format, &self.filter, self.colour).map_err(|error| {
            Failure::Setting(format!("environment FANFARE_LOG is {:?}: {error}", self.filter))
        })
    }
}
