//! Event names and the patterns that webhooks subscribe with.

use crate::event::kind;

/// The pattern that every event of [`kind::ALL`] matches; channel events, and those that somebody
/// fires under a name of his own, must be named.
pub const ALL: &str = "*";

/// The patterns that an event of this name fires, one of which must stand in a webhook's `events`:
/// its own name, `<first segment>.*`, and [`ALL`] or none.
pub fn fired_by(kind: &str) -> [Option<String>; 3] {
    let family = kind.split_once('.').map_or(kind, |(family, _)| family);
    let all = kind::ALL.contains(&kind).then(|| ALL.to_owned());
    [Some(kind.to_owned()), Some(format!("{family}.*")), all]
}

/// Whether a webhook that lists this text means more by it than an event of that name.
pub fn is_pattern(text: &str) -> bool {
    text == ALL || text.ends_with(".*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_fires_its_name_its_family_and_everything() {
        for (kind, expected) in [
            ("game.added", ["game.added", "game.*", "*"]),
            ("player-count.updated", ["player-count.updated", "player-count.*", "*"]),
        ] {
            assert_eq!(fired_by(kind), expected.map(|pattern| Some(pattern.to_owned())));
        }
    }

    #[test]
    fn what_is_no_event_of_a_game_night_must_be_named() {
        for (kind, family) in [
            ("order.paid", "order.*"),
            ("a.b.c", "a.*"),
            ("game.invented", "game.*"),
            ("broadcast", "broadcast.*"),
            ("presence_join", "presence_join.*"),
            ("member_added", "member_added.*"),
        ] {
            assert_eq!(fired_by(kind), [Some(kind.to_owned()), Some(family.to_owned()), None]);
        }
    }

    #[test]
    fn patterns_are_told_from_names() {
        for (text, expected) in
            [("*", true), ("game.*", true), (".*", true), ("game.added", false), ("**", false), ("a*", false)]
        {
            assert_eq!(is_pattern(text), expected, "{text}");
        }
    }

    #[test]
    fn neighbours_and_longer_patterns_do_not_fire() {
        let fired = fired_by("game.added");
        for pattern in ["game", "game.", "gam.*", "*.added", "game.added.*", "GAME.ADDED", "session.*", ""] {
            assert!(!fired.iter().flatten().any(|text| text == pattern), "{pattern}");
        }
    }
}
