//! As much of RFC 6455 as two ends need that trust each other.

/// A text message in one frame.
pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const MASK_BYTES: usize = 4;
/// Longer payloads have their length in 2 bytes, and these two lengths say so.
const SHORT_MAX_BYTES: usize = 125;
const IN_2_BYTES: u8 = 126;
const IN_8_BYTES: u8 = 127;

/// The key of every client here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What a server answers to that key (RFC 6455, 1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The request that opens a socket.
pub(crate) fn upgrade(host: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
    )
}

/// The answer to it.
pub(crate) fn switching() -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n"
    )
}

/// The start of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) opcode: u8,
    /// Where its payload starts, behind the masking key if there is one.
    pub(crate) payload_at: usize,
    pub(crate) payload_bytes: usize,
}

impl Head {
    /// That of the frame with which `bytes` start, once it is complete. Whole messages alone are
    /// understood.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        assert!(first & FINAL != 0, "a message in pieces");
        let length =
            |bytes: &[u8]| bytes.iter().fold(0, |length: usize, byte| length << 8 | usize::from(*byte));
        let (payload_bytes, at) = match second & !MASKED {
            IN_2_BYTES => (length(bytes.get(2..4)?), 4),
            IN_8_BYTES => (length(bytes.get(2..10)?), 10),
            short => (usize::from(short), 2),
        };
        let mask = if second & MASKED == 0 { 0 } else { MASK_BYTES };
        Some(Self { opcode: first & !FINAL, payload_at: at + mask, payload_bytes })
    }

    pub(crate) fn end(self) -> usize {
        self.payload_at + self.payload_bytes
    }
}

/// Appends a frame from a server.
pub(crate) fn write_unmasked(frames: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    write_head(frames, opcode, payload.len(), 0);
    frames.extend_from_slice(payload);
}

/// Appends a frame from a client; its masking key is zero, with which a payload stays as it is.
pub(crate) fn write_masked(frames: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    write_head(frames, opcode, payload.len(), MASKED);
    frames.extend_from_slice(&[0; MASK_BYTES]);
    frames.extend_from_slice(payload);
}

fn write_head(frames: &mut Vec<u8>, opcode: u8, payload_bytes: usize, mask: u8) {
    frames.push(FINAL | opcode);
    match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
        (Ok(short), _) if payload_bytes <= SHORT_MAX_BYTES => frames.push(mask | short),
        (_, Ok(length)) => {
            frames.push(mask | IN_2_BYTES);
            frames.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frames.push(mask | IN_8_BYTES);
            frames.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}
