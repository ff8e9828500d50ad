//! What people write in the channel, and what is written there.

/// The most bytes of a line that is said: an IRC line has 512, and the server adds to it.
const LINE_MAX_BYTES: usize = 400;
/// Where other bots relay from; they count their votes themselves.
const RELAYS: [&str; 2] = ["[irc]", "[kosmi]"];

/// What a message asks of the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A vote for (or against) the game that is on.
    Vote {
        /// Whether it is for it.
        up: bool,
    },
    /// How the game that is on has done so far.
    Votes,
}

/// `thisgame++` and `thisgame--` count anywhere in the message and in any case, a dash as `--`;
/// with both it is a vote for the game.
pub(crate) fn wish(message: &str) -> Option<Wish> {
    let message = message.trim().to_lowercase();
    if RELAYS.iter().any(|relay| message.starts_with(relay)) {
        return None;
    }
    if message == "!votes" {
        return Some(Wish::Votes);
    }
    if message.contains("thisgame++") {
        return Some(Wish::Vote { up: true });
    }
    let down = ["thisgame--", "thisgame–", "thisgame—"].iter().any(|word| message.contains(word));
    down.then_some(Wish::Vote { up: false })
}

/// `text` as one line that IRC takes: without control characters, cut where it is too long.
pub(crate) fn line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > LINE_MAX_BYTES {
        let end = (0..=LINE_MAX_BYTES).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_are_found_anywhere() {
        let (up, down) = (Some(Wish::Vote { up: true }), Some(Wish::Vote { up: false }));
        for (message, expected) in [
            ("thisgame++", up),
            ("I say ThisGame++ and mean it", up),
            ("thisgame--", down),
            ("thisgame–", down),
            ("THISGAME— meh", down),
            ("thisgame-- no, thisgame++", up),
            ("\u{1}ACTION thisgame++\u{1}", up),
            ("[irc] thisgame++", None),
            ("[Kosmi] ann: thisgame--", None),
            ("thisgame+", None),
            ("this game++", None),
            ("!votes", Some(Wish::Votes)),
            (" !VOTES ", Some(Wish::Votes)),
            ("!votes please", None),
            ("", None),
        ] {
            assert_eq!(wish(message), expected, "{message:?}");
        }
    }

    #[test]
    fn a_line_cannot_break_out_of_its_line() {
        assert_eq!(line("a\r\nQUIT :b\0"), "a  QUIT :b ");
        let long = line(&"ü".repeat(1_000));
        assert!(long.len() <= LINE_MAX_BYTES + '…'.len_utf8() && long.ends_with('…'));
    }
}
