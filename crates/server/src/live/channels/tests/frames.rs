//! What RFC 6455 says of frames, case by case, from `frames.json`: bytes are written as a client might, and
//! what comes back is compared.
//!
//! A case sends `frames` and expects `answers`, which are all that comes. After a close there is nothing
//! more; otherwise the connection goes on. A frame is made of `op`, `payload`, and what differs from the
//! usual: `fin` (true), `rsv` (0), `masked` (true), `length` (as the header says it: bytes of its field and
//! the number). A payload is `text`, or `hex`, or `fill` times the character `*`. With `chop`, the bytes are
//! written in pieces of so many. `cut` leaves out so many bytes at the end: the answer must not wait for them.

use std::io;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, duplex};

use super::echo::House;

const CASES: &str = include_str!("frames.json");
const MASK: [u8; 4] = [0xa5, 0x5a, 0x0f, 0xf0];
/// What the echo takes, in bytes.
const MESSAGE_MAX_BYTES: usize = 128 << 10;

/// The payload of the ping that shows that the connection goes on.
const PROBE: &str = "70726f6265";

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    frames: Vec<Sent>,
    answers: Vec<Answer>,
    #[serde(default)]
    chop: Option<usize>,
    #[serde(default)]
    cut: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    op: u8,
    #[serde(default)]
    text: String,
    #[serde(default)]
    hex: String,
    #[serde(default)]
    fill: usize,
    #[serde(default = "yes")]
    fin: bool,
    #[serde(default)]
    rsv: u8,
    #[serde(default = "yes")]
    masked: bool,
    #[serde(default)]
    length: Option<(usize, u64)>,
    /// The same frame so many times.
    #[serde(default = "one")]
    times: usize,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Answer {
    Text(String),
    /// So many times the character `*`.
    Fill(usize),
    /// No text, but so many times that character.
    BinaryFill(usize),
    /// The payload in hexadecimal digits.
    Binary(String),
    Pong(String),
    /// The code; `None`: a close without one.
    Close(Option<u16>),
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

impl Case {
    /// Whether the connection is closed in the end.
    fn ends(&self) -> bool {
        matches!(self.answers.last(), Some(Answer::Close(_)))
    }
}

impl Sent {
    /// A ping that shows that the connection goes on.
    fn probe() -> Self {
        serde_json::from_value(serde_json::json!({"op": PING, "hex": PROBE})).expect("a frame")
    }

    fn payload(&self) -> Vec<u8> {
        let mut payload = self.text.clone().into_bytes();
        payload.extend(hex::decode(&self.hex).expect("hexadecimal digits"));
        payload.extend(vec![b'*'; self.fill]);
        payload
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let payload = self.payload();
        bytes.push(u8::from(self.fin) << 7 | self.rsv << 4 | self.op);
        let (field, length) = self.length.unwrap_or_else(|| usual_length(payload.len()));
        let mask = u8::from(self.masked) << 7;
        let tail = &length.to_be_bytes()[8 - field..];
        match field {
            1 => bytes.push(mask | tail[0]),
            2 => bytes.push(mask | 0x7e),
            8 => bytes.push(mask | 0x7f),
            _ => panic!("a length has 1, 2 or 8 bytes"),
        }
        if field > 1 {
            bytes.extend(tail);
        }
        if self.masked {
            bytes.extend(MASK);
            bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            bytes.extend(payload);
        }
    }
}

/// The shortest field that holds a length.
fn usual_length(length: usize) -> (usize, u64) {
    let field = match length {
        0..=125 => 1,
        126..=0xffff => 2,
        _ => 8,
    };
    (field, length as u64)
}

/// A frame of the server's, which is whole and not masked; `None` at the end of the connection.
async fn read(io: &mut ReadHalf<DuplexStream>) -> Option<Answer> {
    let mut head = [0; 2];
    match io.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return None,
        read => read.expect("readable"),
    };
    assert_eq!(head[0] & 0xf0, 0x80, "whole, and without reserved bits");
    assert!(head[1] <= 127, "not masked");
    let length = match head[1] {
        126 => u64::from(io.read_u16().await.expect("a length")),
        127 => io.read_u64().await.expect("a length"),
        length => length.into(),
    };
    let length = usize::try_from(length).expect("short");
    assert_eq!(usual_length(length).0, [1, 2, 8][usize::from(head[1].saturating_sub(125))]);
    let mut payload = vec![0; length];
    io.read_exact(&mut payload).await.expect("a payload");
    Some(match head[0] & 15 {
        TEXT if length > 125 && payload.iter().all(|byte| *byte == b'*') => Answer::Fill(length),
        TEXT => Answer::Text(String::from_utf8(payload).expect("UTF-8")),
        BINARY if payload.iter().all(|byte| *byte == b'*') => Answer::BinaryFill(length),
        BINARY => Answer::Binary(hex::encode(payload)),
        PONG => Answer::Pong(hex::encode(payload)),
        CLOSE => Answer::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        op => panic!("unexpected opcode {op}"),
    })
}

/// Plays a case; returns what came until the end of the connection.
async fn play(house: &House, case: &Case) -> Vec<Answer> {
    let (client, server) = duplex(4 << 10);
    let (mut reader, mut writer) = tokio::io::split(client);
    let mut bytes = Vec::new();
    for frame in &case.frames {
        (0..frame.times).for_each(|_| frame.write(&mut bytes));
    }
    if !case.ends() {
        Sent::probe().write(&mut bytes);
    }
    bytes.truncate(bytes.len() - case.cut);
    let write = async {
        for piece in bytes.chunks(case.chop.unwrap_or(usize::MAX)) {
            // What follows a mistake is not read any more.
            if writer.write_all(piece).await.is_err() {
                break;
            }
            // The server comes to see each piece by itself.
            tokio::task::yield_now().await;
        }
        writer.shutdown().await.expect("shut down");
    };
    let hear = async {
        let mut answers = Vec::new();
        while let Some(answer) = read(&mut reader).await {
            answers.push(answer);
        }
        // What the server says to the end of the input is no answer to the frames.
        if !case.ends() && answers.last() == Some(&Answer::Close(Some(1000))) {
            answers.pop();
        }
        answers
    };
    let ((), (), answers) = tokio::join!(house.echo(server), write, hear);
    answers
}

#[tokio::test]
async fn frames_are_answered_as_the_rfc_says() {
    let mut cases: Vec<Case> = serde_json::from_str(CASES).expect("cases");
    assert!(cases.len() > 150, "{}", cases.len());
    let house = House::new(MESSAGE_MAX_BYTES).await;
    let mut wrong = Vec::new();
    for case in &mut cases {
        let answers = play(&house, case).await;
        if !case.ends() {
            case.answers.push(Answer::Pong(PROBE.into()));
        }
        if answers != case.answers {
            wrong.push(format!("{}: {answers:?} instead of {:?}", case.name, case.answers));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
