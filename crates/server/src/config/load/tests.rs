//! Cases are data: the text of a file, the environment and the flags on one side, what is printed
//! or complained about on the other.

use ipnet::IpNet;

use super::*;
use crate::config::{Secret, print};

pub(in crate::config) type Pairs<'a> = &'a [(&'static str, &'a str)];

pub(in crate::config) fn load_with(
    file: &str,
    environment: Pairs<'_>,
    flags: Pairs<'_>,
) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("f.toml");
    std::fs::write(&path, file).expect("written");
    let inputs = Inputs {
        file: Some(path),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect(),
        flags: flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
    };
    let shorten = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    load(&inputs).map_err(|error| shorten(error.to_string()))
}

/// What `config print` says of one key.
fn line(loaded: &Loaded, key: &str) -> String {
    let text = print(loaded);
    let found = text.lines().find(|line| line.starts_with(&format!("{key} = ")));
    let line = found.unwrap_or_else(|| panic!("{key} is not in {text}"));
    let (before, path) = line.split_once("  # ").expect("a source");
    format!("{before}  # {}", path.rsplit('/').next().expect("a name"))
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let file = "listen = '1.1.1.1:1'\n";
    let port = ("PORT", "2");
    let own = ("FANFARE_LISTEN", "3.3.3.3:3");
    let flag = ("listen", "4.4.4.4:4");
    for (file, environment, flags, expected) in [
        ("", &[][..], &[][..], r#"listen = "127.0.0.1:5000"  # default"#),
        (file, &[], &[], r#"listen = "1.1.1.1:1"  # f.toml:1"#),
        (file, &[port], &[], r#"listen = "127.0.0.1:2"  # environment PORT"#),
        (file, &[port, own], &[], r#"listen = "3.3.3.3:3"  # environment FANFARE_LISTEN"#),
        (file, &[port, own], &[flag], r#"listen = "4.4.4.4:4"  # flag --listen"#),
        (file, &[("PORT", ""), ("FANFARE_LISTEN", "")], &[], r#"listen = "1.1.1.1:1"  # f.toml:1"#),
    ] {
        let loaded = load_with(file, environment, flags).expect("valid");
        assert_eq!(line(&loaded, "listen"), expected);
    }
}

const EVERY_KEY: &str = "
        listen = '[::1]:7'
        data = '/srv/f'
        database_url = 'sqlite:x.db'
        admin_key = 'a'
        jwt_secret = 'j'
        app = 'i:k:s'
        shutdown_deadline_ms = 101
        http.connections_max = 1_0
        http.header_timeout_ms = 0x14
        http.requests_per_second = 0
        http.connections_max_per_address = 11
        http.trusted_proxies = ['127.0.0.1']
        http.cors_origins = ['https://a.example', '*']
        rooms = { base_url = 'http://rooms.example/x', poll_interval_ms = 10_000, probe = true, timeout_ms = 91 }
        sockets.auth_timeout_ms = 30
        sockets.idle_timeout_ms = 40
        [channels]
        activity_timeout_ms = 1_001
        pong_timeout_ms = 51
        origins = ['https://b.example']
        channels_max_per_connection = 52
        members_max = 53
        messages_per_second = 54
        client_events_per_second = 55
        data_max_bytes = 56
        message_max_bytes = 1_025
        presence_timeout_ms = 57
        authorizer_url = 'http://c.example/'
        authorizer_timeout_ms = 58
        authorizer_cache_ms = 0
        authorizer_max_in_flight = 59
        [database]
        durable = false
        readers = 5
        writers = 6
        [delivery]
        retry_schedule_ms = [7, 8]
        timeout_ms = 90
        egress_allow = ['10.0.0.0/8', 'fd00::1']
        egress_deny = ['127.0.0.0/8', '::1']
        ca_file = '/etc/ca.pem'
        secret_overlap_ms = 92
        log_keep_days = 93
        event_keep_days = 94
        [webhooks]
        enabled = false
        retry_attempts = 9
        retry_delay_ms = 95
        timeout_ms = 96
        secret = 'w'
    ";

const EVERY_VARIABLE: &[(&str, &str)] = &[
    ("FANFARE_LISTEN", "[::1]:7"),
    ("FANFARE_DATA", "/srv/f"),
    ("FANFARE_DATABASE_URL", "sqlite:x.db"),
    ("FANFARE_ADMIN_KEY", "a"),
    ("FANFARE_JWT_SECRET", "j"),
    ("FANFARE_APP", "i:k:s"),
    ("FANFARE_SHUTDOWN_DEADLINE_MS", "101"),
    ("FANFARE_HTTP_CONNECTIONS_MAX", "10"),
    ("FANFARE_HTTP_CONNECTIONS_MAX_PER_ADDRESS", "11"),
    ("FANFARE_HTTP_REQUESTS_PER_SECOND", "0"),
    ("FANFARE_HTTP_TRUSTED_PROXIES", "127.0.0.1"),
    ("FANFARE_HTTP_CORS_ORIGINS", "https://a.example, *"),
    ("FANFARE_HTTP_HEADER_TIMEOUT_MS", "20"),
    ("FANFARE_SOCKETS_AUTH_TIMEOUT_MS", "30"),
    ("FANFARE_SOCKETS_IDLE_TIMEOUT_MS", "40"),
    ("FANFARE_CHANNELS_ACTIVITY_TIMEOUT_MS", "1001"),
    ("FANFARE_CHANNELS_PONG_TIMEOUT_MS", "51"),
    ("FANFARE_CHANNELS_ORIGINS", "https://b.example"),
    ("FANFARE_CHANNELS_CHANNELS_MAX_PER_CONNECTION", "52"),
    ("FANFARE_CHANNELS_MEMBERS_MAX", "53"),
    ("FANFARE_CHANNELS_MESSAGES_PER_SECOND", "54"),
    ("FANFARE_CHANNELS_CLIENT_EVENTS_PER_SECOND", "55"),
    ("FANFARE_CHANNELS_DATA_MAX_BYTES", "56"),
    ("FANFARE_CHANNELS_MESSAGE_MAX_BYTES", "1025"),
    ("FANFARE_CHANNELS_PRESENCE_TIMEOUT_MS", "57"),
    ("FANFARE_CHANNELS_AUTHORIZER_URL", "http://c.example/"),
    ("FANFARE_CHANNELS_AUTHORIZER_TIMEOUT_MS", "58"),
    ("FANFARE_CHANNELS_AUTHORIZER_CACHE_MS", "0"),
    ("FANFARE_CHANNELS_AUTHORIZER_MAX_IN_FLIGHT", "59"),
    ("FANFARE_DATABASE_DURABLE", "false"),
    ("FANFARE_DATABASE_READERS", "5"),
    ("FANFARE_DATABASE_WRITERS", "6"),
    ("FANFARE_DELIVERY_RETRY_SCHEDULE_MS", "7, 8"),
    ("FANFARE_DELIVERY_TIMEOUT_MS", "90"),
    ("FANFARE_DELIVERY_EGRESS_ALLOW", "10.0.0.0/8,fd00::1"),
    ("FANFARE_DELIVERY_EGRESS_DENY", "127.0.0.0/8,::1"),
    ("FANFARE_DELIVERY_CA_FILE", "/etc/ca.pem"),
    ("FANFARE_DELIVERY_SECRET_OVERLAP_MS", "92"),
    ("FANFARE_DELIVERY_LOG_KEEP_DAYS", "93"),
    ("FANFARE_DELIVERY_EVENT_KEEP_DAYS", "94"),
    ("FANFARE_WEBHOOKS_ENABLED", "false"),
    ("FANFARE_WEBHOOKS_RETRY_ATTEMPTS", "9"),
    ("FANFARE_WEBHOOKS_RETRY_DELAY_MS", "95"),
    ("FANFARE_WEBHOOKS_TIMEOUT_MS", "96"),
    ("FANFARE_WEBHOOKS_SECRET", "w"),
    ("FANFARE_ROOMS_BASE_URL", "http://rooms.example/x"),
    ("FANFARE_ROOMS_POLL_INTERVAL_MS", "10000"),
    ("FANFARE_ROOMS_PROBE", "true"),
    ("FANFARE_ROOMS_TIMEOUT_MS", "91"),
];

#[test]
fn every_key_can_be_set_in_the_file_and_by_its_variable() {
    let (file, environment) = (EVERY_KEY, EVERY_VARIABLE);
    assert_eq!(environment.len(), KEYS.len(), "a key is missing here");
    let from_file = load_with(file, &[], &[]).expect("valid");
    let from_environment = load_with("", environment, &[]).expect("valid");
    for loaded in [&from_file, &from_environment] {
        let config = &loaded.config;
        assert_plain(config);
        assert_tables(config);
        assert!(loaded.origins.iter().all(|origin| *origin != Origin::Default));
    }
}

/// What the test above sets outside tables.
fn assert_plain(config: &Config) {
    assert_eq!(config.listen.to_string(), "[::1]:7");
    assert_eq!(config.data, Path::new("/srv/f"));
    let secrets = [&config.database_url, &config.admin_key, &config.jwt_secret];
    let secrets: Vec<_> = secrets.map(|secret| secret.clone().expect("set").0).into();
    assert_eq!(secrets, ["sqlite:x.db", "a", "j"]);
    assert_eq!(config.shutdown_deadline_ms, 101);
}

/// What the test above sets in tables.
fn assert_tables(config: &Config) {
    assert_http(&config.http);
    assert_channels(&config.channels);
    assert_eq!((config.sockets.auth_timeout_ms, config.sockets.idle_timeout_ms), (30, 40));
    let database = &config.database;
    assert_eq!((database.durable, database.readers, database.writers), (false, 5, 6));
    assert_eq!(config.delivery.retry_schedule.delays_ms(), [7, 8]);
    assert_eq!(config.delivery.timeout_ms, 90);
    let texts = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(&config.delivery.egress_allow), ["10.0.0.0/8", "fd00::1/128"]);
    assert_eq!(texts(&config.delivery.egress_deny), ["127.0.0.0/8", "::1/128"]);
    assert_eq!(config.delivery.ca_file.as_deref(), Some(Path::new("/etc/ca.pem")));
    assert_eq!(config.delivery.secret_overlap_ms, 92);
    assert_eq!((config.delivery.log_keep_days, config.delivery.event_keep_days), (93, 94));
    let webhooks = &config.webhooks;
    assert_eq!((webhooks.enabled, webhooks.retry_attempts, webhooks.retry_delay_ms), (false, 9, 95));
    assert_eq!((webhooks.timeout_ms, &webhooks.secret), (96, &Some(Secret("w".into()))));
    let rooms = &config.rooms;
    assert_eq!((rooms.base_url.as_str(), rooms.probe), ("http://rooms.example/x", true));
    assert_eq!((rooms.poll_interval_ms, rooms.timeout_ms), (10_000, 91));
}

/// What the test above sets of channels.
fn assert_channels(channels: &crate::config::Channels) {
    assert_eq!((channels.activity_timeout_ms, channels.pong_timeout_ms), (1_001, 51));
    assert_eq!(channels.origins, ["https://b.example".parse().expect("an origin")]);
    assert_eq!((channels.channels_max_per_connection, channels.members_max), (52, 53));
    assert_eq!((channels.messages_per_second, channels.client_events_per_second), (54, 55));
    assert_eq!((channels.data_max_bytes, channels.message_max_bytes), (56, 1_025));
    assert_eq!(channels.presence_timeout_ms, 57);
    assert_eq!(channels.authorizer_url, Some(Secret("http://c.example/".into())));
    assert_eq!((channels.authorizer_timeout_ms, channels.authorizer_cache_ms), (58, 0));
    assert_eq!(channels.authorizer_max_in_flight, 59);
}

/// What the test above sets of HTTP.
fn assert_http(http: &crate::config::Http) {
    assert_eq!((http.connections_max, http.header_timeout_ms), (10, 20));
    assert_eq!((http.connections_max_per_address, http.requests_per_second), (11, 0));
    let proxies: Vec<String> = http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["127.0.0.1/32"]);
    let origins: Vec<String> = http.cors_origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://a.example", "*"]);
}

#[test]
fn the_file_is_judged_by_line() {
    for (file, expected) in [
        (
            "\n[delivery]\nretry_shedule_ms = [1]",
            r#"f.toml:3: unknown key "delivery.retry_shedule_ms"; did you mean "delivery.retry_schedule_ms"?"#,
        ),
        ("[delivry]\n", r#"f.toml:1: unknown table "delivry"; did you mean "delivery"?"#),
        ("lisen = ''", r#"f.toml:1: unknown key "lisen"; did you mean "listen"?"#),
        (
            "connections_max = 5",
            r#"f.toml:1: unknown key "connections_max"; did you mean "http.connections_max"?"#,
        ),
        ("[http]\nreaders = 5", r#"f.toml:2: unknown key "http.readers"; did you mean "database.readers"?"#),
        ("[http.readers]", r#"f.toml:1: unknown key "http.readers"; did you mean "database.readers"?"#),
        ("colour = 'red'", r#"f.toml:1: unknown key "colour""#),
        ("zzz = 1\naaa = 1", r#"f.toml:1: unknown key "zzz""#),
        ("http = 5", r#"f.toml:1: "http" is a table: write [http] and its keys below"#),
        ("listen = 5", "f.toml:1: listen is 5: expected text"),
        ("[listen]\nport = 5", "f.toml:1: listen is a table: expected text"),
        ("admin_key = 12345", "f.toml:1: admin_key is not text: expected text"),
        ("admin_key = ''", "f.toml:1: admin_key is empty: expected some text, or no such key"),
        (
            "\nhttp.connections_max = 'many'",
            r#"f.toml:2: http.connections_max is "many": expected a whole number from 1 to 1000000"#,
        ),
        (
            "http.connections_max = 1.5",
            "f.toml:1: http.connections_max is 1.5: expected a whole number from 1 to 1000000",
        ),
        (
            "http.connections_max = -1",
            "f.toml:1: http.connections_max is -1: expected a whole number from 1 to 1000000",
        ),
        (
            "http.connections_max = 99999999999999999999",
            "f.toml:1: http.connections_max is 99999999999999999999: expected a whole number from 1 to 1000000",
        ),
        ("database.durable = 'yes'", r#"f.toml:1: database.durable is "yes": expected true or false"#),
        (
            "delivery.retry_schedule_ms = 5",
            "f.toml:1: delivery.retry_schedule_ms is 5: expected a list of whole numbers",
        ),
        (
            "delivery.retry_schedule_ms = [5, '6']",
            r#"f.toml:1: delivery.retry_schedule_ms is [5, "6"]: expected a list of whole numbers"#,
        ),
        ("listen = 'a:1'\n\nlisten = 'b:1'", "f.toml:3: duplicate key"),
    ] {
        assert_eq!(load_with(file, &[], &[]).expect_err(file), expected);
    }
}

#[test]
fn networks_origins_and_addresses_are_judged_when_they_are_read() {
    for (file, expected) in [
        (
            "http.cors_origins = ['https://a.example/']",
            r#"f.toml:1: http.cors_origins is ["https://a.example/"]: "https://a.example/" is no origin, such as https://example.com, without a path"#,
        ),
        (
            "http.trusted_proxies = ['lan']",
            r#"f.toml:1: http.trusted_proxies is ["lan"]: "lan" is no network, such as 192.168.1.0/24 or fd00::/8"#,
        ),
        (
            "delivery.egress_allow = ['lan']",
            r#"f.toml:1: delivery.egress_allow is ["lan"]: "lan" is no network, such as 192.168.1.0/24 or fd00::/8"#,
        ),
        (
            "delivery.egress_deny = ['0.0.0.0/33']",
            r#"f.toml:1: delivery.egress_deny is ["0.0.0.0/33"]: "0.0.0.0/33" is no network, such as 192.168.1.0/24 or fd00::/8"#,
        ),
        ("delivery.ca_file = ''", r#"f.toml:1: delivery.ca_file is "": expected the path of a file"#),
        (
            "rooms.poll_interval_ms = 9999",
            "f.toml:1: rooms.poll_interval_ms is 9999: expected a whole number from 10000 to 3600000",
        ),
        (
            "rooms.base_url = 'ftp://a'",
            r#"f.toml:1: rooms.base_url is "ftp://a": expected an http or https URL without name, password or query"#,
        ),
        (
            "rooms.base_url = 'http://fan:hunter2@a/'",
            r#"f.toml:1: rooms.base_url is "http://fan:(hidden)@a/": expected an http or https URL without name, password or query"#,
        ),
        (
            "rooms.base_url = 'http://a/?b'",
            r#"f.toml:1: rooms.base_url is "http://a/?b": expected an http or https URL without name, password or query"#,
        ),
    ] {
        assert_eq!(load_with(file, &[], &[]).expect_err(file), expected);
    }
}

#[test]
fn what_is_no_toml_is_told_in_one_line_with_its_number() {
    for (file, line) in [("listen = ", 1), ("\n\n[http", 3), ("data = 'x\n", 1), ("\u{0}", 1), ("a b", 1)] {
        let error = load_with(file, &[], &[]).expect_err(file);
        assert!(error.starts_with(&format!("f.toml:{line}: ")) && !error.contains('\n'), "{file:?}: {error}");
    }
}

#[test]
fn variables_and_flags_are_judged_by_name() {
    for (environment, flags, expected) in [
        (
            &[("FANFARE_DATABASE_READERS", "0")][..],
            &[][..],
            "environment FANFARE_DATABASE_READERS: database.readers is 0: expected a whole number from 1 to 64",
        ),
        (
            &[("FANFARE_DELIVERY_RETRY_SCHEDULE_MS", "1,x")],
            &[],
            "environment FANFARE_DELIVERY_RETRY_SCHEDULE_MS: delivery.retry_schedule_ms is [1, \"x\"]: \
             expected a list of whole numbers",
        ),
        (
            &[("PORT", "65536")],
            &[],
            r#"environment PORT: listen has the port "65536": expected a whole number from 0 to 65535"#,
        ),
        (
            &[],
            &[("listen", "localhost")],
            "flag --listen: listen is \"localhost\": expected an address and a port, \
             such as 127.0.0.1:5000 or [::1]:5000",
        ),
        (&[], &[("data", "")], r#"flag --data: data is "": expected the path of a folder"#),
        (
            &[],
            &[("database-url", ""), ("database_url", "mysql://u:hunter2@h/d")],
            "flag --database-url: database_url cannot be read: \
             expected sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME",
        ),
        (
            &[("ADMIN_KEY", "(hidden)")],
            &[],
            "environment ADMIN_KEY: admin_key holds (hidden), which only stands for the secret: \
             expected the secret itself",
        ),
    ] {
        assert_eq!(load_with("", environment, flags).expect_err(expected), expected);
    }
}

#[test]
fn secrets_are_seen_nowhere() {
    let file = "
        database_url = 'postgres://fan:hunter2@db/fanfare?sslmode=require'
        admin_key = 'hunter2'
        jwt_secret = 'hunter2-hunter2-hunter2-hunter2-'
    ";
    let loaded = load_with(file, &[], &[]).expect("valid");
    let seen = [print(&loaded), format!("{loaded:?}")];
    assert!(seen.iter().all(|text| !text.contains("hunter2")), "{seen:?}");
    assert_eq!(
        line(&loaded, "database_url"),
        r#"database_url = "postgres://fan:(hidden)@db/fanfare?sslmode=require"  # f.toml:2"#
    );
    assert_eq!(line(&loaded, "admin_key"), r#"admin_key = "(hidden)"  # f.toml:3"#);
    assert_eq!(loaded.warnings, [""; 0]);
}

#[test]
fn what_is_printed_is_toml_that_loads_again() {
    let file = "data = \"a\\\"b\\\\c\"\nhttp.connections_max = 7\ndelivery.retry_schedule_ms = []";
    let printed = print(&load_with(file, &[], &[]).expect("valid"));
    let again = load_with(&printed, &[], &[]).expect("valid");
    assert_eq!(again.config.data, Path::new("a\"b\\c"));
    assert_eq!(again.config.http.connections_max, 7);
    assert_eq!(again.config.delivery.retry_schedule.delays_ms(), [0_i64; 0]);
}

#[test]
fn what_works_but_looks_wrong_is_warned_of() {
    let environment =
        [("JWT_SECRET", "short"), ("FANFARE_LISTN", "x"), ("FANFARE_PORT_5000_TCP_PROTO", "tcp")];
    let loaded = load_with("", &environment, &[]).expect("valid");
    assert_eq!(
        loaded.warnings,
        [
            "jwt_secret (environment JWT_SECRET) is shorter than 32 bytes and can be guessed",
            "unknown variable FANFARE_LISTN; did you mean FANFARE_LISTEN?",
        ]
    );
}

#[test]
fn without_a_named_file_the_data_folder_is_looked_in() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut inputs = Inputs::default();
    inputs.environment.insert("FANFARE_DATA".to_owned(), folder.path().into());
    let loaded = load(&inputs).expect("valid");
    assert!(!loaded.file_found);

    let path = folder.path().join("fanfare.toml");
    std::fs::write(&path, "http.connections_max = 7").expect("written");
    let loaded = load(&inputs).expect("valid");
    assert!(loaded.file_found && loaded.file == path);
    assert_eq!(loaded.config.http.connections_max, 7);

    std::fs::write(&path, "\ndata = 'elsewhere'").expect("written");
    let error = load(&inputs).expect_err("it cannot move itself").to_string();
    assert!(error.contains("fanfare.toml:2: data cannot be set by the file in the data folder"), "{error}");
}

#[test]
fn a_named_file_must_be_there_and_be_a_small_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("f.toml");
    let fails = |problem: &str| {
        let inputs = Inputs { file: Some(path.clone()), ..Inputs::default() };
        let error = load(&inputs).expect_err(problem).to_string();
        assert!(error.starts_with("cannot read ") && error.contains(problem), "{error}");
    };
    fails("there is no such file");
    std::fs::write(&path, [0xff]).expect("written");
    fails("UTF-8");
    std::fs::write(&path, "#".repeat((1 << 20) + 1)).expect("written");
    fails("is larger than 1048576 bytes");
}

#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let mut inputs = Inputs::default();
    inputs.environment.insert("ADMIN_KEY".to_owned(), OsString::from_vec(vec![0xff]));
    let error = load(&inputs).expect_err("not UTF-8").to_string();
    assert_eq!(error, "environment ADMIN_KEY: admin_key is not UTF-8");
}
