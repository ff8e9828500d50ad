//! JSON as JavaScript would write it: the text that `JSON.stringify(JSON.parse(json))` gives.
//!
//! Receivers exist that verify a signature over a body that they have parsed and written again, so data
//! that somebody else wrote is brought into this form before it is kept. Numbers become doubles in
//! JavaScript's spelling, keys that are array indices come first, of equal keys the last value stands in
//! the first one's place, and nothing is escaped that need not be.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write, ops::Range};

use serde_json::Value;

use crate::limits::JSON_DEPTH_MAX;

/// The largest array index, 2^32 − 2. ECMA-262 lists the keys of an object that are one before all
/// others, ascending (`OrdinaryOwnPropertyKeys`).
const ARRAY_INDEX_MAX: u64 = u32::MAX as u64 - 1;

/// Why a text has no such form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// `JSON.parse` would throw, too.
    #[error("not valid JSON at byte {at}")]
    Syntax {
        /// Where, in bytes from 0; the length of the text where more was expected.
        at: usize,
    },
    /// Arrays and objects stand in each other more than [`JSON_DEPTH_MAX`] deep.
    #[error("JSON nested more than {JSON_DEPTH_MAX} deep")]
    TooDeep,
}

/// The text that `JSON.stringify(JSON.parse(json))` gives, byte for byte; it is at most six times as long
/// as `json`, since `1e20` is written out.
///
/// A number that no double can hold is `null`, as there. Half of a surrogate pair is kept as `\ud83d`, as
/// there; `serde_json` takes no such text for a string, see [`well_formed`].
///
/// # Errors
/// [`Invalid`] when `json` is no JSON or nested too deep.
pub fn normalise(json: &str) -> Result<String, Invalid> {
    let mut reader = Reader { text: json, at: 0, out: String::with_capacity(json.len()) };
    reader.value(JSON_DEPTH_MAX)?;
    reader.skip_blanks();
    if reader.at < json.len() {
        return Err(reader.fault());
    }
    Ok(reader.out)
}

/// The text that `JSON.stringify` gives for `value`. What reading it has already lost, such as the last
/// digit of a fraction, stays lost: where the text is at hand, [`normalise`] it.
///
/// # Errors
/// [`Invalid::TooDeep`] when it is nested too deep.
pub fn stringify(value: &Value) -> Result<String, Invalid> {
    normalise(&value.to_string())
}

/// `normal`, a text that [`normalise`] gave, with U+FFFD for each half of a surrogate pair, as
/// JavaScript's `toWellFormed` has it: every reader of JSON takes it.
pub fn well_formed(normal: &str) -> Cow<'_, str> {
    // A normal text escapes control characters and such halves with `\u`, nothing else.
    const HALF: &str = r"\ud";
    const HALF_BYTES: usize = r"\ud83d".len();
    if !normal.contains(HALF) {
        return Cow::Borrowed(normal);
    }
    let mut out = String::with_capacity(normal.len());
    let mut rest = normal;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        let is_half = escape.starts_with(HALF);
        let (escape, after) = escape.split_at(if is_half { HALF_BYTES } else { 2 });
        out.push_str(before);
        out.push_str(if is_half { "\u{fffd}" } else { escape });
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

struct Reader<'a> {
    text: &'a str,
    /// Bytes of it that are read.
    at: usize,
    out: String,
}

/// Where a member of an object stands in the output.
struct Member {
    /// Its key, in quotes.
    key: Range<usize>,
    /// The key, the colon and the value.
    all: Range<usize>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self) -> Invalid {
        Invalid::Syntax { at: self.at }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Reads `byte`, if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Invalid> {
        if self.takes(byte) { Ok(()) } else { Err(self.fault()) }
    }

    /// A value, around which `depth_left` more arrays and objects may stand.
    fn value(&mut self, depth_left: usize) -> Result<(), Invalid> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth_left.checked_sub(1).ok_or(Invalid::TooDeep)?),
            Some(b'[') => self.array(depth_left.checked_sub(1).ok_or(Invalid::TooDeep)?),
            Some(b'"') => self.string(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Invalid> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        self.out.push_str(word);
        Ok(())
    }

    fn array(&mut self, depth_left: usize) -> Result<(), Invalid> {
        self.expect(b'[')?;
        self.out.push('[');
        self.skip_blanks();
        if self.peek() != Some(b']') {
            loop {
                self.value(depth_left)?;
                self.skip_blanks();
                if !self.takes(b',') {
                    break;
                }
                self.out.push(',');
            }
        }
        self.expect(b']')?;
        self.out.push(']');
        Ok(())
    }

    fn object(&mut self, depth_left: usize) -> Result<(), Invalid> {
        self.expect(b'{')?;
        self.out.push('{');
        let start = self.out.len();
        let mut members = Vec::new();
        self.skip_blanks();
        if self.peek() != Some(b'}') {
            loop {
                members.push(self.member(depth_left)?);
                self.skip_blanks();
                if !self.takes(b',') {
                    break;
                }
                self.out.push(',');
            }
        }
        self.expect(b'}')?;
        if let Some(ordered) = in_order(&self.out, &members) {
            self.out.truncate(start);
            self.out.push_str(&ordered);
        }
        self.out.push('}');
        Ok(())
    }

    fn member(&mut self, depth_left: usize) -> Result<Member, Invalid> {
        self.skip_blanks();
        let start = self.out.len();
        self.string()?;
        let key = start..self.out.len();
        self.skip_blanks();
        self.expect(b':')?;
        self.out.push(':');
        self.value(depth_left)?;
        Ok(Member { key, all: start..self.out.len() })
    }

    fn string(&mut self) -> Result<(), Invalid> {
        self.expect(b'"')?;
        self.out.push('"');
        loop {
            let plain = self.at;
            while self.peek().is_some_and(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\')) {
                self.at += 1;
            }
            self.out.push_str(&self.text[plain..self.at]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(self.fault()),
            }
        }
        self.at += 1;
        self.out.push('"');
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Invalid> {
        self.expect(b'\\')?;
        match self.peek().ok_or_else(|| self.fault())? {
            b'u' => return self.code_unit(),
            b'/' => self.out.push('/'),
            byte @ (b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.out.extend(['\\', char::from(byte)]);
            }
            _ => return Err(self.fault()),
        }
        self.at += 1;
        Ok(())
    }

    /// `u` and four digits, and the other half of the pair if that was the first.
    fn code_unit(&mut self) -> Result<(), Invalid> {
        let first = self.hex()?;
        let after_first = self.at;
        if (0xd800..0xdc00).contains(&first) && self.takes(b'\\') && self.peek() == Some(b'u') {
            let second = self.hex()?;
            if let Some(Ok(pair)) = char::decode_utf16([first, second]).next() {
                self.out.push(pair);
                return Ok(());
            }
        }
        self.at = after_first;
        self.write_unit(first);
        Ok(())
    }

    fn hex(&mut self) -> Result<u16, Invalid> {
        self.expect(b'u')?;
        let mut unit = 0;
        for _ in 0..4 {
            let digit =
                self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(|| self.fault())?;
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(u16::try_from(unit).expect("four hexadecimal digits"))
    }

    /// A code unit as `QuoteJSONString` of ECMA-262 writes it.
    fn write_unit(&mut self, unit: u16) {
        match char::from_u32(unit.into()) {
            Some('\u{8}') => self.out.push_str(r"\b"),
            Some('\t') => self.out.push_str(r"\t"),
            Some('\n') => self.out.push_str(r"\n"),
            Some('\u{c}') => self.out.push_str(r"\f"),
            Some('\r') => self.out.push_str(r"\r"),
            Some(c @ ('"' | '\\')) => self.out.extend(['\\', c]),
            Some(c) if c >= ' ' => self.out.push(c),
            Some(_) | None => write!(self.out, r"\u{unit:04x}").expect("a String takes everything"),
        }
    }

    fn number(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _has_sign = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        let number: f64 = text.parse().map_err(|_| Invalid::Syntax { at: start })?;
        if number.is_finite() {
            self.out.push_str(ryu_js::Buffer::new().format_finite(number));
        } else {
            self.out.push_str("null");
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault()) } else { Ok(()) }
    }
}

/// The members in JavaScript's order, with commas between; `None` when they stand so already.
fn in_order(out: &str, members: &[Member]) -> Option<String> {
    let mut places = BTreeMap::new();
    // Indices by their number, then the others by the place where their key stood first.
    let mut ordered = BTreeMap::new();
    for (position, Member { key, all }) in members.iter().enumerate() {
        let key = &out[key.clone()];
        let place = *places.entry(key).or_insert(position);
        let index = array_index(key);
        ordered.insert((index.is_none(), index.unwrap_or(place as u64)), all.clone());
    }
    let starts = ordered.values().map(|all| all.start);
    if ordered.len() == members.len() && starts.is_sorted() {
        return None;
    }
    Some(ordered.into_values().map(|all| &out[all]).collect::<Vec<_>>().join(","))
}

/// The number that a key in quotes is, if it is an array index in its shortest spelling.
fn array_index(quoted: &str) -> Option<u64> {
    let key = quoted.trim_matches('"');
    let is_canonical = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    key.parse().ok().filter(|index| is_canonical && *index <= ARRAY_INDEX_MAX)
}

#[cfg(test)]
mod tests;
