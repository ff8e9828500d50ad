//! Event names and the patterns that webhooks subscribe with.

/// The pattern that every event of a game night matches; channel events must be named.
pub const ALL: &str = "*";

/// The patterns that an event of this name fires, one of which must stand in a webhook's `events`:
/// its own name, `<first segment>.*` and [`ALL`].
pub fn fired_by(kind: &str) -> [String; 3] {
    let family = kind.split_once('.').map_or(kind, |(family, _)| family);
    [kind.to_owned(), format!("{family}.*"), ALL.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_fires_its_name_its_family_and_everything() {
        for (kind, expected) in [
            ("game.added", ["game.added", "game.*", "*"]),
            ("player-count.updated", ["player-count.updated", "player-count.*", "*"]),
            ("a.b.c", ["a.b.c", "a.*", "*"]),
            ("single", ["single", "single.*", "*"]),
        ] {
            assert_eq!(fired_by(kind), expected);
        }
    }

    #[test]
    fn neighbours_and_longer_patterns_do_not_fire() {
        let fired = fired_by("game.added");
        for pattern in ["game", "game.", "gam.*", "*.added", "game.added.*", "GAME.ADDED", "session.*", ""] {
            assert!(!fired.iter().any(|text| text == pattern), "{pattern}");
        }
    }
}
