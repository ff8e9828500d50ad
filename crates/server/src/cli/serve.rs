//! `fanfare serve`: starts the server, says where it is, and waits for a signal.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, reach, runtime};
use crate::{
    Server,
    config::{Config, without_password},
    startup,
    timers::Clock,
};
use fanfare_model::limits::IN_FLIGHT_MAX_TOTAL;

/// Files that a server has open beside its clients' connections: those to webhooks, the database.
const FILES_BESIDE_CONNECTIONS: usize = IN_FLIGHT_MAX_TOTAL * 2 + 100;

/// Runs the server until SIGINT or SIGTERM; a second one ends the process where it stands.
pub(super) fn serve(config: Config) -> Result<ExitCode, Failure> {
    runtime()?.block_on(run(config))
}

async fn run(config: Config) -> Result<ExitCode, Failure> {
    allow_files(config.http.connections_max);
    let data = absolute(&config.data);
    let database = database(&config);
    let server = Server::start(config, Clock::real()).await?;
    // From here a signal no longer ends the process by itself.
    let mut signals = Signals::new()?;
    let greeting = Greeting {
        listen: server.addr(),
        data,
        database,
        new_admin_key: server.new_admin_key(),
        interfaces: startup::interfaces().unwrap_or_default(),
        terminal: std::io::stdout().is_terminal(),
    };
    say(&greeting.text());
    let failed = tokio::select! {
        stop_signal = signals.next() => {
            say(&format!("{} received, stopping; once more ends it at once\n", stop_signal.name));
            false
        }
        () = server.failed() => true,
    };
    tokio::select! {
        () = server.stop() => {
            if failed {
                let why = "the server could not go on and was stopped; its log says why";
                return Err(Failure::Environment(why.to_owned()));
            }
            say("stopped\n");
            Ok(ExitCode::SUCCESS)
        }
        second = signals.next() => std::process::exit(second.exit_code.into()),
    }
}

/// Each connection is an open file, and so is each connection to a webhook: raises the limit as far
/// as the system lets this process, and warns when that does not reach.
fn allow_files(connections_max: usize) {
    let wanted = u64::try_from(connections_max + FILES_BESIDE_CONNECTIONS).unwrap_or(u64::MAX);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => tracing::warn!(
            allowed,
            wanted,
            "the system allows fewer open files than connections_max needs; see `ulimit -n`"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}

/// A server runs on when nobody reads what it says.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn database(config: &Config) -> String {
    match &config.database_url {
        None => "SQLite".to_owned(),
        Some(url) => match url.0.strip_prefix("sqlite:") {
            Some(path) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                format!("SQLite in {}", absolute(Path::new(path)).display())
            }
            None => format!("PostgreSQL at {}", without_password(&url.0)),
        },
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What is known when the server has started.
struct Greeting<'a> {
    listen: SocketAddr,
    data: PathBuf,
    /// Its kind, and its place if that is not the data folder; without passwords.
    database: String,
    new_admin_key: Option<&'a str>,
    interfaces: Vec<startup::Interface>,
    /// Whether a picture would be seen.
    terminal: bool,
}

impl Greeting<'_> {
    fn text(&self) -> String {
        let mut text = format!(
            "Fanfare {}\nlistening on http://{}\ndata in {} ({})\n",
            env!("CARGO_PKG_VERSION"),
            self.listen,
            self.data.display(),
            self.database
        );
        if let Some(key) = self.new_admin_key {
            let _ = write!(
                text,
                "\nadmin key: {key}\n  It is not shown again. If it is lost, `fanfare key new` replaces it.\n"
            );
        }
        let _ = write!(
            text,
            "\nSign in:\n  curl -H 'content-type: application/json' -d '{{\"key\":\"{}\"}}' {}/api/auth/login\n",
            self.new_admin_key.unwrap_or("YOUR-ADMIN-KEY"),
            reach::local_url(self.listen),
        );
        self.say_how_a_phone_reaches_it(&mut text);
        text
    }

    fn say_how_a_phone_reaches_it(&self, text: &mut String) {
        let urls = reach::lan_urls(self.listen, &self.interfaces);
        let _ = match urls.first() {
            None if self.listen.ip().is_loopback() => writeln!(
                text,
                "To reach it from a phone in your network: fanfare serve --listen 0.0.0.0:{}",
                self.listen.port()
            ),
            None => writeln!(text, "This machine has no address in a network that a phone could reach."),
            Some(_) => writeln!(text, "From a phone in your network: {}", urls.join(" or ")),
        };
        if let Some(picture) = urls.first().filter(|_| self.terminal).and_then(|url| reach::qr_code(url)) {
            let _ = writeln!(text, "\n{picture}");
        }
    }
}

/// The signals that end a server, or whatever else cleans up before it ends.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// One that arrived.
pub(super) struct Received {
    name: &'static str,
    /// 128 and the signal's number, as shells count.
    pub(super) exit_code: u8,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::Environment(format!("cannot listen for signals: {error}")))
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// The next one. Cancel safe.
    pub(super) async fn next(&mut self) -> Received {
        tokio::select! {
            _ = self.interrupt.recv() => Received { name: "SIGINT", exit_code: 130 },
            _ = self.terminate.recv() => Received { name: "SIGTERM", exit_code: 143 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn greeting(listen: &str) -> Greeting<'static> {
        Greeting {
            listen: listen.parse().expect("an address"),
            data: PathBuf::from("/srv/fanfare"),
            database: "SQLite".to_owned(),
            new_admin_key: None,
            interfaces: vec![startup::Interface {
                name: "wlan0".to_owned(),
                ip: "192.168.1.7".parse().expect("an address"),
            }],
            terminal: false,
        }
    }

    #[test]
    fn it_says_where_it_is_and_what_to_do_next() {
        let expected = format!(
            "Fanfare {}\n\
             listening on http://127.0.0.1:5000\n\
             data in /srv/fanfare (SQLite)\n\
             \n\
             Sign in:\n  \
             curl -H 'content-type: application/json' -d '{{\"key\":\"YOUR-ADMIN-KEY\"}}' \
             http://127.0.0.1:5000/api/auth/login\n\
             To reach it from a phone in your network: fanfare serve --listen 0.0.0.0:5000\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(greeting("127.0.0.1:5000").text(), expected);
    }

    #[test]
    fn a_new_admin_key_is_shown_with_how_to_replace_it() {
        let text = Greeting { new_admin_key: Some("K-1"), ..greeting("127.0.0.1:5000") }.text();
        assert!(text.contains("\nadmin key: K-1\n"), "{text}");
        assert!(text.contains("`fanfare key new`") && text.contains(r#"{"key":"K-1"}"#), "{text}");
    }

    #[test]
    fn the_network_address_comes_with_a_picture_on_a_terminal_only() {
        let text = greeting("0.0.0.0:80").text();
        assert!(text.contains("From a phone in your network: http://192.168.1.7:80\n"), "{text}");
        assert!(!text.contains('\u{2588}'));
        let text = Greeting { terminal: true, ..greeting("0.0.0.0:80") }.text();
        assert!(text.contains('\u{2588}'));
        let text = Greeting { terminal: true, ..greeting("127.0.0.1:80") }.text();
        assert!(!text.contains('\u{2588}'));
        let text = Greeting { interfaces: Vec::new(), ..greeting("0.0.0.0:80") }.text();
        assert!(text.contains("no address in a network"), "{text}");
    }

    #[test]
    fn the_database_is_named_without_its_password() {
        for (url, shown) in [
            (None, "SQLite"),
            (Some("sqlite:/srv/f.db"), "SQLite in /srv/f.db"),
            (Some("sqlite:///srv/f.db"), "SQLite in /srv/f.db"),
            (Some("postgres://fan:pw@db/fanfare"), "PostgreSQL at postgres://fan:(hidden)@db/fanfare"),
        ] {
            let config = Config { database_url: url.map(|url| Secret(url.to_owned())), ..Config::default() };
            assert_eq!(database(&config), shown);
        }
    }
}
