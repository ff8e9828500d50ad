//! How Discord and Slack write a line: their marks for bold, what must be escaped, and how long it may be.

use unicode_segmentation::UnicodeSegmentation;

use super::line::{Line, Part};

/// What is shown of a text that somebody else wrote, in code points; the rest is an ellipsis.
const TEXT_MAX_CHARS: usize = 300;
/// Discord takes 2,000 characters. Its API counts code points; UTF-16 code units, as its client counts,
/// are never fewer.
const DISCORD_MAX_UNITS: usize = 2_000;
/// Slack splits a message after 4,000 characters, in UTF-16 code units.
const SLACK_MAX_UNITS: usize = 4_000;

const ELLIPSIS: char = '…';
/// Stands for a text in which nothing can be seen, since marks around nothing would be shown.
const NOTHING: &str = "?";

/// Discord: `**bold**`; a backslash takes the meaning from any sign.
pub(super) const DISCORD: Markup = Markup { bold: "**", max_units: DISCORD_MAX_UNITS, escape: discord };
/// Slack: `*bold*`; only `&`, `<` and `>` can be escaped.
pub(super) const SLACK: Markup = Markup { bold: "*", max_units: SLACK_MAX_UNITS, escape: slack };

/// A way of writing lines.
pub(super) struct Markup {
    bold: &'static str,
    max_units: usize,
    /// Adds a character, with what follows it in the same text.
    escape: fn(char, &str, &mut String),
}

impl Markup {
    /// The line: at most as long as the service takes, no character or mark cut in two.
    pub(super) fn write(&self, line: &Line) -> String {
        let mut page = Page { out: String::new(), units_left: self.max_units - ELLIPSIS.len_utf16() };
        for part in &line.0 {
            let is_whole = match part {
                Part::Plain(text) => page.push(text),
                Part::Text(text) => self.push_text(&mut page, text, ""),
                // Slack would end the bold at the first one inside.
                Part::Strong(text) if self.bold.len() == 1 && text.contains(self.bold) => {
                    self.push_text(&mut page, text, "")
                }
                Part::Strong(text) => self.push_text(&mut page, text, self.bold),
            };
            if !is_whole {
                page.out.push(ELLIPSIS);
                break;
            }
        }
        page.out
    }

    /// Adds as much of `text` as there is room for, between two marks; `false` when that was not all.
    fn push_text(&self, page: &mut Page, text: &str, mark: &str) -> bool {
        let text = in_one_line(text);
        let mut inside = Page { out: String::new(), units_left: page.units_left };
        if !inside.take(2 * mark.len() + ELLIPSIS.len_utf16()) {
            return false;
        }
        let (mut chars_left, mut is_whole) = (TEXT_MAX_CHARS, true);
        for (at, cluster) in text.grapheme_indices(true) {
            let Some(left) = chars_left.checked_sub(cluster.chars().count()) else {
                inside.out.push(ELLIPSIS);
                break;
            };
            chars_left = left;
            let mut escaped = String::new();
            for (offset, c) in cluster.char_indices() {
                (self.escape)(c, &text[at + offset + c.len_utf8()..], &mut escaped);
            }
            is_whole = inside.push(&escaped);
            if !is_whole {
                break;
            }
        }
        if !inside.out.is_empty() {
            page.units_left = inside.units_left;
            page.out.extend([mark, &inside.out, mark]);
        }
        is_whole
    }
}

/// What is written, and the room that is left.
struct Page {
    out: String,
    units_left: usize,
}

impl Page {
    /// Adds all of `text`, or nothing when there is no room for it.
    fn push(&mut self, text: &str) -> bool {
        let has_room = self.take(text.encode_utf16().count());
        if has_room {
            self.out.push_str(text);
        }
        has_room
    }

    fn take(&mut self, units: usize) -> bool {
        let left = self.units_left.checked_sub(units);
        self.units_left = left.unwrap_or(self.units_left);
        left.is_some()
    }
}

/// `text` with single blanks for all line breaks, control characters and runs of blanks, and without the
/// controls of writing direction, which would reach beyond it.
fn in_one_line(text: &str) -> String {
    let is_directing = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // More than is ever shown need not be looked at.
    let read = text.chars().filter(|c| !is_directing(*c)).take(4 * TEXT_MAX_CHARS);
    let mut line = String::new();
    for c in read {
        if !c.is_control() && !c.is_whitespace() {
            line.push(c);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    if line.is_empty() { NOTHING.to_owned() } else { line }
}

fn discord(c: char, rest: &str, out: &mut String) {
    let starts_with =
        |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    match c {
        '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' | '>' => out.extend(['\\', c]),
        // What begins a link, an emoji's name or the second half of a time.
        ':' if rest.starts_with(|next: char| !next.is_whitespace()) => out.extend(['\\', c]),
        // A backslash does not keep Discord from finding these; a blank without width does.
        '@' if starts_with("everyone") || starts_with("here") => out.extend(['@', '\u{200b}']),
        _ => out.push(c),
    }
}

fn slack(c: char, _rest: &str, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ => out.push(c),
    }
}
