//! Animals that are wrong in what they do, rather than in what they say.

use flate2::{Compression, write::GzEncoder};
use std::io::Write;

use super::{
    BROKEN, ENDLESS, Expected, LARGE_HEAD, NOT_HTTP, TIMEOUT,
    animal::{Animal, Habit, habit},
    animals,
};

/// A body of 64 MiB, in bytes.
const LARGE_BYTES: usize = 64 << 20;
/// How long a dripping one waits before each byte, in milliseconds.
const DRIP_MS: u64 = 1_000;

/// What a bomb grows to, in bytes (10 MiB); packed it is small enough to be read as a whole.
const BOMB_BYTES: usize = 10 << 20;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// Says `answer` and resets the connection.
fn resets_after(answer: &'static str) -> Habit {
    habit(move |mut guest| async move {
        if guest.asks().await && guest.say(answer.as_bytes()).await {
            guest.reset();
        }
    })
}

/// Says `answer` and nothing more.
fn falls_silent_after(answer: &'static str) -> Habit {
    says(answer.to_owned(), Vec::new())
}

/// Says `answer` and then `drop` again and again, one a second.
fn drips(answer: &'static str, drop: &'static str) -> Habit {
    habit(move |mut guest| async move {
        let _ = guest.asks().await && guest.say(answer.as_bytes()).await;
        while guest.waits(DRIP_MS).await && guest.say(drop.as_bytes()).await {}
    })
}

/// Says `answer` and then `more` for ever.
fn pours(answer: &'static str, more: impl Into<Vec<u8>>) -> Habit {
    let more = more.into();
    habit(move |mut guest| {
        let more = more.clone();
        async move {
            if guest.asks().await && guest.say(answer.as_bytes()).await {
                guest.pour(&more).await;
            }
        }
    })
}

/// Says `head` and `body`, and waits for more.
fn says(head: String, body: Vec<u8>) -> Habit {
    habit(move |mut guest| {
        let (head, body) = (head.clone(), body.clone());
        async move {
            if guest.asks().await && guest.say(head.as_bytes()).await && guest.say(&body).await {
                guest.hold().await;
            }
        }
    })
}

/// Zeros as gzip packs them.
fn bomb() -> Habit {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![0; BOMB_BYTES]).expect("to memory");
    let body = gzip.finish().expect("to memory");
    let length = body.len();
    says(format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"), body)
}

animals! {
    Animal::start;

    // Those that hang up.
    hangs_up_at_once: habit(|guest| async move { drop(guest) }) => BROKEN;
    resets_at_once: habit(|guest| async move { guest.reset() }) => BROKEN;
    resets_before_the_head: resets_after("") => BROKEN;
    resets_in_the_head: resets_after("HTTP/1.1 200 OK\r\ncont") => BROKEN;
    resets_after_the_head: resets_after(HEAD) => BROKEN;
    resets_in_the_body: resets_after("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok") => BROKEN;
    resets_in_a_chunk: resets_after("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok") => BROKEN;

    // Those that take their time.
    is_silent: habit(|mut guest| async move { guest.hold().await }) => TIMEOUT;
    listens_and_is_silent: falls_silent_after("") => TIMEOUT;
    falls_silent_after_the_head: falls_silent_after(HEAD) => TIMEOUT;
    drips_its_head: drips("HTTP/1.1 200 OK\r\nx-drip: ", "x") => TIMEOUT;
    drips_headers: drips("HTTP/1.1 200 OK\r\n", "x: x\r\n") => TIMEOUT;
    drips_its_body: drips("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", "x") => TIMEOUT;
    drips_chunks: drips(CHUNKED, "1\r\nx\r\n") => TIMEOUT;
    drips_go_on: drips("", "HTTP/1.1 100 Continue\r\n\r\n") => TIMEOUT;

    // Those that never come to an end.
    has_an_endless_body: pours("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(1_000))
        => Expected::DeliveredMuch(200, "xx");
    fails_endlessly: pours("HTTP/1.1 500 No\r\n\r\n", "x".repeat(1_000)) => Expected::StatusMuch(500, "xx");
    has_endless_chunks: pours(CHUNKED, "1\r\nx\r\n".repeat(200)) => Expected::DeliveredMuch(200, "xx");
    has_a_chunk_of_any_size: pours(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffff\r\n", "x".repeat(1_000)
    ) => Expected::DeliveredMuch(200, "xx");
    explains_its_chunks_endlessly: pours(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", "y".repeat(1_000)
    ) => NOT_HTTP;
    has_endless_headers: pours("HTTP/1.1 200 OK\r\n", "a: b\r\n".repeat(200)) => LARGE_HEAD;
    has_an_endless_header: pours("HTTP/1.1 200 OK\r\na: ", "b".repeat(1_000)) => LARGE_HEAD;
    has_an_endless_status: pours("HTTP/1.1 200 ", "OK".repeat(500)) => LARGE_HEAD;
    has_endless_trailers: pours(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", "a: b\r\n".repeat(200)
    ) => NOT_HTTP;
    goes_on_for_ever_with_go_on: pours("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)) => ENDLESS;
    is_empty_lines: pours("", "\r\n".repeat(500)) => LARGE_HEAD;
    is_noise: pours("", b"\x93\xe1\x07\x00\xfb".repeat(200)) => NOT_HTTP;
    says_64_mib: says(format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE_BYTES}\r\n\r\n"), vec![b'x'; LARGE_BYTES])
        => Expected::DeliveredMuch(200, "xx");
    says_64_mib_of_failure: says(
        format!("HTTP/1.1 500 No\r\ncontent-length: {LARGE_BYTES}\r\n\r\n"), vec![b'\xff'; LARGE_BYTES]
    ) => Expected::StatusMuch(500, "\u{FFFD}");
    is_a_bomb: bomb() => Expected::DeliveredMuch(200, "\u{1f}\u{FFFD}\u{8}");
}
