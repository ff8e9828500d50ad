//! Which names may be written in which room.

use super::{
    File, Finding,
    source::{find_words, line_of},
};

/// Names with the only places that may write them, or the places that may not.
struct Room {
    rule: &'static str,
    names: &'static [&'static str],
    /// Where the rule holds.
    within: &'static [&'static str],
    /// Where, inside of that, it does not.
    except: &'static [&'static str],
    /// Whether test code is free of it.
    tests_may: bool,
    why: &'static str,
}

const ROOMS: &[Room] = &[
    Room {
        rule: "engine",
        names: &["Postgres", "Sqlite", "postgres", "rusqlite"],
        within: &["crates/store/src/"],
        // The engines themselves, and what names, opens, prepares or drives one.
        except: &[
            "crates/store/src/backup.rs",
            "crates/store/src/dialect.rs",
            "crates/store/src/engine/",
            "crates/store/src/migrate.rs",
            "crates/store/src/options.rs",
            "crates/store/src/reader.rs",
            "crates/store/src/store.rs",
            "crates/store/src/writer/",
        ],
        tests_may: true,
        why: "one text for both engines; where they really differ, both texts are in store's dialect.rs",
    },
    Room {
        rule: "publish",
        names: &[
            ".deliver(",
            "Hub::deliver",
            ".publish_and(",
            "Hub::publish",
            "hub.whisper(",
            "Hub::whisper",
        ],
        within: &["crates/"],
        except: &["crates/hub/", "crates/server/src/app/publish.rs"],
        tests_may: true,
        why: "only app::publish hands events to the hub",
    },
    Room {
        rule: "publish",
        names: &[".emit(", "Tx::emit", "tx.fire(", "Tx::fire"],
        within: &["crates/"],
        except: &["crates/store/", "crates/server/src/app/"],
        tests_may: true,
        why: "only use cases in app make events",
    },
    Room {
        rule: "connect",
        names: &[
            "TcpStream::connect",
            "TcpStream::connect_timeout",
            "TcpSocket",
            "UnixStream::connect",
            "UdpSocket",
            "hyper::client",
            "hyper_util::client",
            "hyper_rustls",
            "HttpConnector",
            "HttpsConnector",
            "HttpsConnectorBuilder",
            "reqwest",
        ],
        within: &["crates/"],
        except: &[
            "crates/server/src/bus/",
            "crates/server/src/cli/",
            "crates/server/src/egress/",
            "crates/server/src/egress.rs",
            "crates/store/src/engine/",
        ],
        tests_may: true,
        why: "egress opens connections to addresses from the API; store, bus and cli to configured ones",
    },
    Room {
        rule: "edge",
        names: &["fanfare_store"],
        within: &[
            "crates/server/src/api/",
            "crates/server/src/api.rs",
            "crates/server/src/live/",
            "crates/server/src/live.rs",
        ],
        except: &[],
        tests_may: false,
        why: "api and live translate; they name nothing of the store",
    },
    Room {
        rule: "pure",
        names: &[
            "async",
            "getrandom",
            "rand",
            "tokio",
            "Instant",
            "SystemTime",
            "TcpListener",
            "TcpStream",
            "UdpSocket",
            "std::env",
            "std::fs",
            "std::process",
            "std::thread",
        ],
        within: &["crates/model/src/"],
        except: &[],
        tests_may: false,
        why: "model is pure: time, randomness and input are arguments",
    },
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    ROOMS.iter().flat_map(|room| check_room(file, room)).collect()
}

fn check_room(file: &File, room: &Room) -> Vec<Finding> {
    let free = room.tests_may && file.is_test();
    let Some(rust) = &file.rust else { return Vec::new() };
    if free || !file.is_in(room.within) || file.is_in(room.except) {
        return Vec::new();
    }
    let found = room.names.iter().flat_map(|name| {
        find_words(&rust.code, name).into_iter().map(move |at| (line_of(&rust.code, at), *name))
    });
    let shipped = found.filter(|(line, _)| !(room.tests_may && rust.test[line - 1]));
    shipped.map(|(line, name)| file.finding(line, room.rule, format!("`{name}`: {}", room.why))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_rule, faults};

    #[test]
    fn names_stay_in_their_rooms() {
        assert_rule(
            "engine",
            &[(
                "crates/store/src/games.rs",
                "use crate::engine::Kind::Postgres;",
                "use crate::dialect; // Postgres",
            )],
        );
        assert_rule(
            "publish",
            &[
                (
                    "crates/server/src/dispatch/send.rs",
                    "fn f(h: &H) { h.deliver(1) }",
                    "fn f(h: &H) { h.delivered(1) }",
                ),
                ("crates/server/src/api/games.rs", "fn f(t: &mut T) { t.emit(1) }", "fn emit() {}"),
            ],
        );
        assert_rule(
            "connect",
            &[
                (
                    "crates/server/src/monitor/room.rs",
                    "use hyper_util::client::legacy;",
                    "use hyper_util::rt::TokioIo;",
                ),
                (
                    "crates/server/src/accept.rs",
                    "fn f() { TcpStream::connect(1) }",
                    "#[cfg(test)]\nmod tests {\n    fn f() { TcpStream::connect(1) }\n}",
                ),
            ],
        );
        assert_rule(
            "edge",
            &[("crates/server/src/live/picker.rs", "use fanfare_store::Store;", "use crate::app;")],
        );
        assert_rule(
            "pure",
            &[("crates/model/src/retry.rs", "use std::time::Instant;", "use std::time::Duration;")],
        );
        assert_rule("pure", &[("crates/model/src/retry.rs", "async fn f() {}", "fn f() {} // not async")]);
    }

    #[test]
    fn their_owners_may_write_them() {
        for (path, line) in [
            ("crates/store/src/dialect.rs", "use crate::engine::Kind::Postgres;"),
            ("crates/server/src/app/publish.rs", "fn f(h: &H) { h.deliver(1) }"),
            ("crates/server/src/app/sessions.rs", "fn f(t: &mut T) { t.emit(1) }"),
            ("crates/server/src/egress/connect.rs", "use hyper_util::client::legacy;"),
            ("crates/server/tests/it/main.rs", "fn f() { TcpStream::connect(1) }"),
            ("crates/server/src/app/mod.rs", "use fanfare_store::Store;"),
        ] {
            assert_eq!(faults(path, &format!("//! Sample.\n{line}\n")), [""; 0], "{path}");
        }
    }
}
