//! What is published: data that holds its number and the moment of its sending, in a shape that is found
//! again without parsing JSON.

use std::fmt::Write as _;

/// The event's name, and the channel that everybody subscribes to.
pub(crate) const EVENT: &str = "bench";

/// Stands before number and moment. The event's name is never followed by a colon.
const MARK: &[u8] = b"\"bench\":\"";
const NUMBER_DIGITS: usize = 8;
const MOMENT_DIGITS: usize = 16;
/// Mark, number, colon, moment.
const STAMP_BYTES: usize = MARK.len() + NUMBER_DIGITS + 1 + MOMENT_DIGITS;

/// Within so many bytes of a message its stamp has come.
pub(crate) const STAMPED_WITHIN_BYTES: usize = 512;

/// What a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// From 0 on, without a gap over a load.
    pub(crate) number: u32,
    /// When it was handed to the publisher, in microseconds since the epoch.
    pub(crate) sent_us: u64,
}

impl Stamp {
    /// Appends data of `bytes` bytes in all, but of no fewer than it needs.
    pub(crate) fn write(self, text: &mut String, bytes: usize) {
        let start = text.len();
        let Self { number, sent_us } = self;
        let _ = write!(text, "{{\"bench\":\"{number:08}:{sent_us:016}\",\"pad\":\"");
        let end = "\"}";
        let pad = bytes.saturating_sub(text.len() - start + end.len());
        text.extend(std::iter::repeat_n('x', pad));
        text.push_str(end);
    }
}

/// Finds stamps. It looks first where the last one was, since all messages of a load are alike.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    at: usize,
}

impl Finder {
    /// The stamp in what has come of a message; `None` where there is none.
    pub(crate) fn find(&mut self, message: &[u8]) -> Option<Stamp> {
        if !message.get(self.at..).is_some_and(|rest| rest.starts_with(MARK)) {
            let within = &message[..message.len().min(STAMPED_WITHIN_BYTES)];
            self.at = within.windows(MARK.len()).position(|window| window == MARK)?;
        }
        let stamp = message.get(self.at..self.at + STAMP_BYTES)?;
        let (number, moment) = stamp[MARK.len()..].split_at(NUMBER_DIGITS);
        let number = u32::try_from(digits(number)).ok()?;
        Some(Stamp { number, sent_us: digits(&moment[1..]) })
    }
}

fn digits(text: &[u8]) -> u64 {
    text.iter().fold(0, |number: u64, digit| {
        number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')))
    })
}
