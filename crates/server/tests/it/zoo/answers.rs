//! Animals that read the request and give a wrong answer, or a right one in a strange way.

use super::{
    BROKEN_OFF, ENDLESS, Expected, LARGE_HEAD, NOT_HTTP, TIMEOUT,
    animal::{Animal, Habit, habit},
    animals,
};

/// Answers the first request with exactly this and hangs up.
fn says(answer: impl Into<Vec<u8>>) -> Habit {
    let answer = answer.into();
    habit(move |mut guest| {
        let answer = answer.clone();
        async move {
            if guest.asks().await {
                guest.say(&answer).await;
            }
        }
    })
}

/// The same, without hanging up.
fn says_and_waits(answer: impl Into<Vec<u8>>) -> Habit {
    let answer = answer.into();
    habit(move |mut guest| {
        let answer = answer.clone();
        async move {
            if guest.asks().await && guest.say(&answer).await {
                guest.hold().await;
            }
        }
    })
}

/// A 200 with this body and the headers `with`, each with its line end.
fn ok(with: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{with}\r\n").as_bytes(), body].concat()
}

fn redirect(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Moved\r\nlocation: /hook\r\ncontent-length: 4\r\n\r\ngone").into_bytes()
}

animals! {
    Animal::start;

    // What is right.
    behaves: says_and_waits(ok("content-length: 2\r\n", b"ok")) => Expected::Delivered(200, "ok");
    speaks_http_1_0: says("HTTP/1.0 200 OK\r\n\r\nuntil the end") => Expected::Delivered(200, "until the end");
    has_nothing_to_say: says_and_waits("HTTP/1.1 204 No Content\r\n\r\n") => Expected::Delivered(204, "");
    hints_at_what_comes: says_and_waits(
        "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
    ) => Expected::Delivered(202, "");
    speaks_in_another_charset: says_and_waits(ok("content-length: 4\r\n", b"\xff\xfeo\0"))
        => Expected::Delivered(200, "\u{FFFD}\u{FFFD}o\u{FFFD}");
    names_a_header_in_another_charset: says_and_waits(ok("x-wér: ?\r\ncontent-length: 0\r\n", b""))
        => NOT_HTTP;
    values_a_header_in_another_charset: says_and_waits(
        [&b"HTTP/1.1 200 \xff\r\nserver: \xff\xfe\r\ncontent-length: 2\r\n\r\nok"[..]].concat()
    ) => Expected::Delivered(200, "ok");

    // Statuses.
    fails: says_and_waits("HTTP/1.1 500 Oh No\r\ncontent-length: 2\r\n\r\nno") => Expected::Status(500, "no");
    is_not_there: says_and_waits("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n") => Expected::Status(404, "");
    moved_for_good: says_and_waits(redirect(301)) => Expected::Status(301, "gone");
    moved: says_and_waits(redirect(302)) => Expected::Status(302, "gone");
    moved_to_a_get: says_and_waits(redirect(303)) => Expected::Status(303, "gone");
    moved_with_the_body: says_and_waits(redirect(307)) => Expected::Status(307, "gone");
    moved_for_good_with_the_body: says_and_waits(redirect(308)) => Expected::Status(308, "gone");
    has_not_changed: says_and_waits("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n")
        => Expected::Status(304, "");
    wants_another_protocol: says_and_waits(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhello"
    ) => Expected::Status(101, "");
    is_beyond_statuses: says_and_waits("HTTP/1.1 999 Who Knows\r\ncontent-length: 0\r\n\r\n")
        => Expected::Status(999, "");

    // Lengths.
    has_a_body_with_a_204: says_and_waits("HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nwhat")
        => Expected::Delivered(204, "");
    says_more_than_it_promised: says_and_waits(ok("content-length: 2\r\n", b"okay, and more"))
        => Expected::Delivered(200, "ok");
    says_less_than_it_promised: says(ok("content-length: 20\r\n", b"ok")) => BROKEN_OFF;
    says_less_and_waits: says_and_waits(ok("content-length: 20\r\n", b"ok")) => TIMEOUT;
    has_no_length_and_waits: says_and_waits(ok("", b"ok")) => TIMEOUT;
    answers_twice: says_and_waits(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno"
    ) => Expected::Delivered(200, "ok");
    has_two_lengths: says_and_waits(ok("content-length: 2\r\ncontent-length: 3\r\n", b"ok?")) => NOT_HTTP;
    has_a_negative_length: says_and_waits(ok("content-length: -2\r\n", b"ok")) => NOT_HTTP;
    has_a_length_beyond_numbers: says_and_waits(ok("content-length: 99999999999999999999\r\n", b"ok")) => NOT_HTTP;
    has_a_length_and_chunks: says_and_waits(
        ok("content-length: 2\r\ntransfer-encoding: chunked\r\n", b"2\r\nok\r\n0\r\n\r\n")
    ) => Expected::Delivered(200, "ok");

    // Chunks.
    counts_in_letters: says_and_waits(ok("transfer-encoding: chunked\r\n", b"zz\r\nok\r\n")) => NOT_HTTP;
    counts_beyond_numbers: says_and_waits(ok("transfer-encoding: chunked\r\n", b"fffffffffffffffff\r\nok\r\n"))
        => NOT_HTTP;
    breaks_off_a_chunk: says(ok("transfer-encoding: chunked\r\n", b"5\r\nok")) => BROKEN_OFF;
    forgets_the_last_chunk: says(ok("transfer-encoding: chunked\r\n", b"2\r\nok\r\n")) => BROKEN_OFF;
    forgets_the_last_chunk_and_waits: says_and_waits(ok("transfer-encoding: chunked\r\n", b"2\r\nok\r\n")) => TIMEOUT;

    // Heads.
    speaks_http_0_9: says("<html>hello</html>\r\n") => NOT_HTTP;
    speaks_nothing: says("") => BROKEN_OFF;
    speaks_only_http_2: says_and_waits(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0".as_slice())
        => NOT_HTTP;
    speaks_http_2_in_words: says_and_waits("HTTP/2 200\r\ncontent-length: 0\r\n\r\n") => NOT_HTTP;
    breaks_off_in_the_head: says("HTTP/1.1 200 OK\r\ncontent-le") => BROKEN_OFF;
    only_says_go_on: says("HTTP/1.1 100 Continue\r\n\r\n") => BROKEN_OFF;
    says_go_on_and_waits: says_and_waits("HTTP/1.1 100 Continue\r\n\r\n") => TIMEOUT;
    has_a_header_without_a_name: says_and_waits(ok(": x\r\ncontent-length: 0\r\n", b"")) => NOT_HTTP;
    has_a_status_in_words: says_and_waits("HTTP/1.1 OK OK\r\ncontent-length: 0\r\n\r\n") => NOT_HTTP;
    has_a_hundred_and_one_headers: says_and_waits(ok(&"a: b\r\n".repeat(101), b"")) => LARGE_HEAD;
    has_ten_thousand_headers: says_and_waits(ok(&"a: b\r\n".repeat(10_000), b"")) => LARGE_HEAD;
    has_a_large_header: says_and_waits(ok(&format!("a: {}\r\n", "b".repeat(200_000)), b"")) => LARGE_HEAD;
    goes_on_with_go_on: says_and_waits("HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000)) => ENDLESS;
}
