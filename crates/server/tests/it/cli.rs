//! The binary itself: what it prints, where, and with which exit code.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::support::Run;

type Environment<'a> = &'a [(&'a str, &'a str)];

fn command(folder: &Path, arguments: &[&str], environment: Environment<'_>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(arguments).current_dir(folder).env_clear().env("FANFARE_LOG", "off");
    command.envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run_with(folder: &Path, arguments: &[&str], environment: Environment<'_>) -> Run {
    let output = command(folder, arguments, environment).output().expect("the program runs");
    output.into()
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    run_with(folder, arguments, &[])
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A server that runs until it is told to stop, or dropped.
struct Serving {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it said until then.
    said: String,
    address: SocketAddr,
}

impl Serving {
    /// Starts one in the folder's `data`, on a free port.
    fn start(folder: &Path, environment: Environment<'_>) -> Self {
        let mut child = command(folder, &["--listen", "127.0.0.1:0"], environment).spawn().expect("it runs");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let address = SocketAddr::from(([0; 4], 0));
        let mut serving = Self { child, output, said: String::new(), address };
        let line = serving.read_to("listening on http://");
        serving.address = line.trim_start_matches("listening on http://").parse().expect("an address");
        serving.read_to("To reach it from a phone");
        serving
    }

    /// Reads up to the next line that begins so.
    fn read_to(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).expect("UTF-8") == 0 {
                let mut errors = String::new();
                let _ = self.child.stderr.take().expect("piped").read_to_string(&mut errors);
                panic!("it ended before {start:?}: {}{errors}", self.said);
            }
            self.said.push_str(&line);
            if line.starts_with(start) {
                return line.trim_end().to_owned();
            }
        }
    }

    fn admin_key(&self) -> &str {
        let line = self.said.lines().find_map(|line| line.strip_prefix("admin key: "));
        line.unwrap_or_else(|| panic!("no key in {}", self.said))
    }

    fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// The status of a login with this key.
    fn login(&self, key: &str) -> u16 {
        let body = format!("{{\"key\":\"{key}\"}}");
        let mut stream = post_login(self.address, body.len());
        stream.write_all(body.as_bytes()).expect("sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("answered");
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no status in {response:?}"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends the head of a login with a body of so many bytes.
fn post_login(address: SocketAddr, body_bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /api/auth/login HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {body_bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream
}

#[test]
fn the_help_texts_are_the_known_ones() {
    let folder = folder();
    let mut text = String::new();
    for verb in [
        "",
        "serve ",
        "import ",
        "export ",
        "webhook ",
        "webhook list ",
        "webhook add ",
        "webhook test ",
        "webhook logs ",
        "webhook replay ",
        "webhook rotate ",
        "backup ",
        "config ",
        "config check ",
        "config print ",
        "key ",
        "key new ",
        "openapi ",
    ]
    .map(|verb| format!("{verb}--help"))
    {
        let run = run(folder.path(), &verb.split(' ').collect::<Vec<_>>());
        assert_eq!((run.code, run.errors.as_str()), (Some(0), ""), "{verb}");
        let _ = write!(text, "$ fanfare {verb}\n{}\n", run.output);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/help.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).expect("written");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "the help changed; if that is meant, run again with UPDATE_SNAPSHOTS=1:\n{text}");
}

#[test]
fn the_version_is_data() {
    let run = run(folder().path(), &["--version"]);
    assert_eq!((run.code, run.output), (Some(0), format!("fanfare {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let folder = folder();
    let mut child = command(folder.path(), &["openapi"], &[]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    // The description is larger than a pipe, so it is still being written.
    let mut start = [0; 1];
    let mut pipe = child.stdout.take().expect("piped");
    pipe.read_exact(&mut start).expect("a beginning");
    drop(pipe);
    let ended = child.wait_with_output().expect("it ran");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_64() {
    for arguments in [
        &["--bogus"][..],
        &["bogus"],
        &["config"],
        &["key"],
        &["serve", "extra"],
        &["--listen"],
        &["--data", "a", "--data", "b"],
        &["--log-format", "xml"],
    ] {
        let run = run(folder().path(), arguments);
        assert_eq!((run.code, run.output.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(!run.errors.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_bad_setting_is_one_line_and_64_for_every_verb() {
    let folder = folder();
    std::fs::write(folder.path().join("f.toml"), "\n[delivery]\nretry_shedule_ms = [1]\n").expect("written");
    for verb in [&[][..], &["serve"], &["config", "check"], &["config", "print"], &["key", "new"]] {
        let with = |arguments: &[&'static str]| [verb, arguments].concat();
        let run =
            |arguments: &[&'static str], environment| run_with(folder.path(), &with(arguments), environment);
        assert_eq!(
            run(&["--config", "f.toml"], &[]).complaint(64),
            "f.toml:3: unknown key \"delivery.retry_shedule_ms\"; did you mean \"delivery.retry_schedule_ms\"?"
        );
        assert_eq!(
            run(&["--config", "g.toml"], &[]).complaint(64),
            "cannot read g.toml: there is no such file"
        );
        assert_eq!(
            run(&["--listen", "here"], &[]).complaint(64),
            "flag --listen: listen is \"here\": expected an address and a port, \
             such as 127.0.0.1:5000 or [::1]:5000"
        );
        assert_eq!(
            run(&[], &[("FANFARE_DATABASE_READERS", "0")]).complaint(64),
            "environment FANFARE_DATABASE_READERS: database.readers is 0: expected a whole number from 1 to 64"
        );
        assert_eq!(
            run(&[], &[("FANFARE_LOG_FORMAT", "xml")]).complaint(64),
            "environment FANFARE_LOG_FORMAT is \"xml\": expected text or json"
        );
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "a wrong setting left something behind: {left:?}");
}

#[test]
fn a_bad_database_url_is_64_and_keeps_its_password() {
    for url in ["mysql://fan:hunter2@db/x", "sqlite:", "postgres://fan:hunter2@db/x?sslmode=maybe"] {
        for verb in ["serve", "check"] {
            let arguments = if verb == "check" { &["config", "check"][..] } else { &["serve"] };
            let run = run_with(folder().path(), arguments, &[("FANFARE_DATABASE_URL", url)]);
            assert!(!run.complaint(64).contains("hunter2"), "{run:?}");
        }
    }
}

#[test]
fn a_bad_file_of_authorities_is_64_before_anything_is_touched() {
    let folder = folder();
    std::fs::write(folder.path().join("empty.pem"), "").expect("written");
    for (file, why) in [("gone.pem", "No such file"), ("empty.pem", "there is no certificate in it")] {
        for verb in [&["serve"][..], &["config", "check"]] {
            let run = run_with(folder.path(), verb, &[("FANFARE_DELIVERY_CA_FILE", file)]);
            let expected = format!("delivery.ca_file {file}: {why}");
            assert!(run.complaint(64).starts_with(&expected), "{run:?}");
        }
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn flags_are_understood_before_and_after_the_verb() {
    let folder = folder();
    let before = run(folder.path(), &["--listen", "1.2.3.4:5", "config", "print"]);
    let after = run(folder.path(), &["config", "print", "--listen", "1.2.3.4:5"]);
    assert!(before.output.starts_with("listen = \"1.2.3.4:5\"  # flag --listen\n"), "{before:?}");
    assert_eq!(before.output, after.output);
}

#[test]
fn config_check_says_which_file_it_read() {
    let folder = folder();
    let run = run(folder.path(), &["config", "check"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.output, "configuration is fine (no file; data/fanfare.toml would be read)\n");
    assert!(!folder.path().join("data").exists(), "a check changes nothing");

    std::fs::create_dir(folder.path().join("data")).expect("made");
    std::fs::write(folder.path().join("data/fanfare.toml"), "jwt_secret = 'short'").expect("written");
    let run = run_with(folder.path(), &["config", "check"], &[]);
    assert_eq!(run.output, "configuration is fine (read from data/fanfare.toml)\n");
    let warning =
        "fanfare: warning: jwt_secret (data/fanfare.toml:1) is shorter than 32 bytes and can be guessed\n";
    assert_eq!(run.errors, warning);
}

#[test]
fn config_print_tells_where_each_value_came_from_and_hides_secrets() {
    let folder = folder();
    let file = "database_url = 'postgres://fan:hunter2@db/fanfare'\n[http]\nconnections_max = 7\n";
    std::fs::write(folder.path().join("f.toml"), file).expect("written");
    let arguments = ["config", "print", "--config", "f.toml", "--jwt-secret", "hunter2"];
    let run = run_with(folder.path(), &arguments, &[("ADMIN_KEY", "hunter2"), ("PORT", "8")]);
    assert_eq!((run.code, run.errors.as_str()), (Some(0), ""));
    for line in [
        "listen = \"127.0.0.1:8\"  # environment PORT",
        "data = \"data\"  # default",
        "database_url = \"postgres://fan:(hidden)@db/fanfare\"  # f.toml:1",
        "admin_key = \"(hidden)\"  # environment ADMIN_KEY",
        "jwt_secret = \"(hidden)\"  # flag --jwt-secret",
        "connections_max = 7  # f.toml:3",
    ] {
        assert!(run.output.lines().any(|printed| printed == line), "{line} is not in\n{}", run.output);
    }
    assert!(!run.output.contains("hunter2"));
    run.output.parse::<toml::Table>().expect("it is TOML");
}

#[test]
fn the_first_start_says_what_one_must_know_and_a_later_one_keeps_the_key() {
    let folder = folder();
    let mut first = Serving::start(folder.path(), &[]);
    let key = first.admin_key().to_owned();
    let data = std::path::absolute(folder.path().join("data")).expect("a path");
    assert!(first.said.contains(&format!("data in {} (SQLite)\n", data.display())), "{}", first.said);
    assert!(first.said.contains(&format!("http://{}/api/auth/login\n", first.address)), "{}", first.said);
    assert_eq!(first.login(&key), 200);
    first.signal("TERM");
    first.read_to("stopped");
    assert_eq!(first.exit_code(), Some(0));

    let mut second = Serving::start(folder.path(), &[]);
    assert!(!second.said.contains("admin key:"), "{}", second.said);
    assert_eq!(second.login(&key), 200);
    second.signal("INT");
    assert_eq!(second.exit_code(), Some(0));
}

#[test]
fn a_token_in_a_query_is_not_logged() {
    let folder = folder();
    let mut serving = Serving::start(folder.path(), &[("FANFARE_LOG", "trace")]);
    let mut stream = TcpStream::connect(serving.address).expect("it listens");
    stream
        .write_all(b"GET /api/events?access_token=hunter2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    serving.signal("TERM");
    let mut log = String::new();
    serving.child.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
    assert!(log.contains("/api/events") && !log.contains("hunter2"), "{log}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = folder();
        let mut serving = Serving::start(folder.path(), &[("FANFARE_SHUTDOWN_DEADLINE_MS", "600000")]);
        // A request whose body never comes holds the stop up.
        let _held = post_login(serving.address, 100);
        // The answer to a later connection shows that the one before it was taken up.
        assert_eq!(serving.login("wrong"), 401);
        serving.signal(signal);
        serving.read_to(&format!("SIG{signal} received"));
        serving.signal(signal);
        assert_eq!(serving.exit_code(), Some(code));
    }
}

#[test]
fn what_the_machine_refuses_is_one_line_and_1() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let run_in_folder = |arguments: &[&str]| run(folder.path(), arguments);
    let port = run_in_folder(&["--listen", &address]);
    assert!(port.complaint(1).contains(&address), "{port:?}");

    std::fs::write(folder.path().join("file"), "").expect("written");
    let unwritable = run_in_folder(&["--data", "file/data", "--listen", "127.0.0.1:0"]);
    assert!(unwritable.complaint(1).contains("file/data"), "{unwritable:?}");

    std::fs::write(folder.path().join("other.db"), "this is no database, whatever it is called ".repeat(99))
        .expect("written");
    run_in_folder(&["--database-url", "sqlite:other.db", "--listen", "127.0.0.1:0"]).complaint(1);
}

#[test]
fn one_folder_has_one_server() {
    let folder = folder();
    let serving = Serving::start(folder.path(), &[]);
    let second = run(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert_eq!(
        second.complaint(1),
        format!("the data folder data is in use by process {}", serving.child.id())
    );
    let key = run(folder.path(), &["key", "new"]);
    assert_eq!(
        key.complaint(1),
        format!(
            "a server (process {}) is using the data folder data; stop it, run this again, then start it",
            serving.child.id()
        )
    );
}

#[test]
fn key_new_replaces_the_key_of_a_stopped_server() {
    let folder = folder();
    let mut serving = Serving::start(folder.path(), &[]);
    let old = serving.admin_key().to_owned();
    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0));

    let run = run(folder.path(), &["key", "new"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let new = run.output.trim_end();
    assert!(!new.is_empty() && !new.contains(char::is_whitespace), "the key is alone: {run:?}");
    assert!(run.errors.contains("not shown again"), "{run:?}");

    let serving = Serving::start(folder.path(), &[]);
    assert_eq!((serving.login(&old), serving.login(new)), (401, 200));
}

#[test]
fn key_new_says_why_it_cannot() {
    let folder = folder();
    let run = run_with(folder.path(), &["key", "new"], &[("ADMIN_KEY", "k")]);
    assert_eq!(
        run.complaint(64),
        "environment ADMIN_KEY: admin_key is set there, so it can only be replaced there"
    );
    let run = run_with(folder.path(), &["key", "new"], &[]);
    assert_eq!(run.complaint(1), "there is no data folder data; `fanfare serve` makes one");
    assert!(!folder.path().join("data").exists());
}
