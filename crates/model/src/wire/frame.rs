//! WebSocket frames (RFC 6455, section 5.2) as a server sends them: whole, and not masked.

/// The largest payload whose length stands in the frame's second byte.
const SHORT_MAX_BYTES: usize = 125;
/// FIN, and the opcode of a text.
const FINAL_TEXT: u8 = 0x81;

/// A text message in one frame.
pub fn text(payload: &str) -> Vec<u8> {
    let length = payload.len();
    let mut frame = Vec::with_capacity(10 + length);
    frame.push(FINAL_TEXT);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if length <= SHORT_MAX_BYTES => frame.push(short),
        (_, Ok(medium)) => {
            frame.push(126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload.as_bytes());
    frame
}

/// What a whole frame that [`text`] made says.
pub fn payload(frame: &[u8]) -> Option<&[u8]> {
    let head_bytes = match *frame.get(1)? {
        127 => 10,
        126 => 4,
        _ => 2,
    };
    frame.get(head_bytes..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_takes_as_many_bytes_as_it_must() {
        for (length, head) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = "x".repeat(length);
            let frame = text(&payload);
            assert_eq!((&frame[..head.len()], &frame[head.len()..]), (head, payload.as_bytes()));
            assert_eq!(super::payload(&frame), Some(payload.as_bytes()));
        }
    }
}
