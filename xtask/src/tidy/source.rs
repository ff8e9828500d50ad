//! A scanner for Rust that knows just enough: where comments, literals and test code are.
//!
//! It works on bytes and never fails: on text that is no Rust it finds something harmless.

/// A Rust file, taken apart.
#[derive(Debug)]
pub(super) struct Rust {
    /// The text with comments and the insides of literals blanked, byte for byte as long.
    pub(super) code: String,
    /// Lines (from 1) and contents of string literals, as written.
    pub(super) strings: Vec<(usize, String)>,
    /// By line (from 0): whether it holds more than blanks and comments.
    pub(super) filled: Vec<bool>,
    /// By line (from 0): whether it is inside an item marked `#[cfg(test)]`.
    pub(super) test: Vec<bool>,
}

impl Rust {
    pub(super) fn scan(text: &str) -> Self {
        let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, code: Vec::new(), strings: Vec::new() };
        while scanner.at < scanner.bytes.len() {
            scanner.step();
        }
        let strings = scanner.strings;
        let code = String::from_utf8_lossy(&scanner.code).into_owned();
        let mut filled: Vec<_> = code.lines().map(|line| !line.trim().is_empty()).collect();
        for (line, content) in &strings {
            for line in *line..=line + content.matches('\n').count() {
                if let Some(filled) = filled.get_mut(line - 1) {
                    *filled = true;
                }
            }
        }
        Self { test: test_lines(&code), code, strings, filled }
    }
}

/// The line (from 1) of a byte.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Whether the byte belongs to a name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where `needle` stands in `text`, not as a part of a longer name.
pub(super) fn find_words(text: &str, needle: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let inside = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| is_word(*byte));
    let starts = is_word(needle.as_bytes()[0]);
    let ends = is_word(needle.as_bytes()[needle.len() - 1]);
    let whole =
        |at: &usize| !(starts && inside(at.checked_sub(1)) || ends && inside(at.checked_add(needle.len())));
    text.match_indices(needle).map(|(at, _)| at).filter(whole).collect()
}

/// The byte after the bracket that closes the one at `open`, or the end.
pub(super) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, byte) in code.as_bytes()[open..].iter().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return open + index + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// The lines of every item behind `#[cfg(test)]`.
fn test_lines(code: &str) -> Vec<bool> {
    let mut test = vec![false; code.lines().count()];
    for (start, _) in code.match_indices("#[cfg(test)]") {
        let end = match code[start..].find(['{', ';']).map(|at| start + at) {
            Some(at) if code.as_bytes()[at] == b'{' => closing(code, at),
            Some(at) => at,
            None => code.len(),
        };
        let last = line_of(code, end).min(test.len());
        test[line_of(code, start) - 1..last].fill(true);
    }
    test
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    code: Vec<u8>,
    strings: Vec<(usize, String)>,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn keep(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        self.code.extend(&self.bytes[self.at..end]);
        self.at = end;
    }

    fn blank_to(&mut self, end: usize) {
        let end = end.min(self.bytes.len());
        let blanked = self.bytes[self.at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' });
        self.code.extend(blanked);
        self.at = end;
    }

    fn find(&self, from: usize, needle: &[u8]) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        rest.windows(needle.len())
            .position(|window| window == needle)
            .map_or(self.bytes.len(), |at| from + at)
    }

    fn step(&mut self) {
        let after_name = self.at.checked_sub(1).is_some_and(|before| is_word(self.bytes[before]));
        match (self.peek(0), self.peek(1)) {
            (b'/', b'/') => self.blank_to(self.find(self.at, b"\n")),
            (b'/', b'*') => self.block_comment(),
            (b'r', b'"' | b'#') if !after_name => self.raw_string(1),
            (b'b' | b'c', b'r') if !after_name && matches!(self.peek(2), b'"' | b'#') => self.raw_string(2),
            (b'"', _) => self.string(),
            (b'\'', _) => self.quote(),
            _ => self.keep(1),
        }
    }

    fn block_comment(&mut self) {
        let (mut depth, mut end) = (0_usize, self.at);
        while end < self.bytes.len() {
            match &self.bytes[end..(end + 2).min(self.bytes.len())] {
                b"/*" => (depth, end) = (depth + 1, end + 2),
                b"*/" => (depth, end) = (depth - 1, end + 2),
                _ => end += 1,
            }
            if depth == 0 {
                break;
            }
        }
        self.blank_to(end);
    }

    /// Behind a prefix of so many bytes: `#`s and a quote, or a raw identifier.
    fn raw_string(&mut self, prefix: usize) {
        let hashes = self.bytes[self.at + prefix..].iter().take_while(|byte| **byte == b'#').count();
        self.keep(prefix + hashes);
        if self.peek(0) == b'"' {
            let mut end = vec![b'"'];
            end.resize(1 + hashes, b'#');
            self.keep(1);
            self.literal(self.find(self.at, &end));
            self.keep(1 + hashes);
        }
    }

    fn string(&mut self) {
        self.keep(1);
        let mut end = self.at;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.literal(end);
        self.keep(1);
    }

    fn literal(&mut self, end: usize) {
        let end = end.min(self.bytes.len());
        let line = self.code.split(|byte| *byte == b'\n').count();
        let content = String::from_utf8_lossy(&self.bytes[self.at..end]).into_owned();
        self.strings.push((line, content));
        self.blank_to(end);
    }

    /// A character literal, or the start of a lifetime.
    fn quote(&mut self) {
        let end = if self.peek(1) == b'\\' {
            self.find(self.at + 3, b"'")
        } else {
            let length = match self.peek(1) {
                0x00..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            if self.peek(1 + length) != b'\'' {
                return self.keep(1);
            }
            self.at + 1 + length
        };
        self.keep(1);
        self.blank_to(end);
        self.keep(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x\"{", 'y')"#, r#"f("    ", ' ')"#),
            ("r#\"a\"b\"# c", "r#\"   \"# c"),
            ("br\"a\" r#fn", "br\" \" r#fn"),
            ("fn f<'a>(x: &'a str) {'{'}", "fn f<'a>(x: &'a str) {' '}"),
            ("'\\'' '\\u{7d}' 'ü'", "'  ' '      ' '  '"),
            ("\"// no\" x", "\"     \" x"),
            ("\"open", "\"    "),
        ] {
            assert_eq!(Rust::scan(text).code, code, "{text}");
        }
    }

    #[test]
    fn strings_know_their_lines() {
        let rust = Rust::scan("a(\"b\n c\");\n\nd(r\"e\");");
        assert_eq!(rust.strings, [(1, "b\n c".to_owned()), (4, "e".to_owned())]);
        assert_eq!(rust.filled, [true, true, false, true]);
    }

    #[test]
    fn test_code_is_marked() {
        let rust = Rust::scan("a;\n#[cfg(test)]\nmod tests {\n  b;\n}\nc;\n#[cfg(test)]\nuse d;\ne;");
        assert_eq!(rust.test, [false, true, true, true, true, false, true, true, false]);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(find_words("emit emitted re_emit .emit(", "emit"), [0, 22]);
        assert_eq!(find_words("x.emit(y) remit(", ".emit("), [1]);
    }
}
