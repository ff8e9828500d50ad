//! The whole library as it stands at one moment: its games in their order and their packs.

use std::collections::HashMap;

use crate::{Timestamp, game::Game, text::case_folded};

/// A pack: a name that games share, and how much the picker likes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Never reused.
    pub id: i64,
    /// Unique.
    pub name: String,
    /// −1, 0 or 1: how much the picker likes its games.
    pub favor_bias: i64,
    /// When its first game entered the library.
    pub created_at: Timestamp,
}

/// Every game and what the picker needs to know of their packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Library {
    games: Vec<Game>,
    packs: Vec<Pack>,
    /// How much the picker likes the pack of the game at the same place.
    pack_biases: Vec<i64>,
    /// Places in `games`, by the games' ids.
    by_id: Vec<usize>,
}

impl Library {
    /// Puts games in the order given and their packs together; a game without a pack's row is of a
    /// pack that is neither liked nor disliked.
    pub fn new(games: Vec<Game>, packs: Vec<Pack>) -> Self {
        let biases: HashMap<&str, i64> =
            packs.iter().map(|pack| (pack.name.as_str(), pack.favor_bias)).collect();
        let pack_biases =
            games.iter().map(|game| biases.get(game.pack_name.as_str()).copied().unwrap_or(0)).collect();
        let mut by_id: Vec<usize> = (0..games.len()).collect();
        by_id.sort_by_key(|place| games[*place].id);
        Self { games, packs, pack_biases, by_id }
    }

    /// Every game, in the order given.
    pub fn games(&self) -> &[Game] {
        &self.games
    }

    /// Every pack, in the order given.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// One game.
    pub fn get(&self, id: i64) -> Option<&Game> {
        let found = self.by_id.binary_search_by_key(&id, |place| self.games[*place].id).ok()?;
        Some(&self.games[self.by_id[found]])
    }

    /// Every game with its pack's bias, by id.
    pub fn by_id(&self) -> impl Iterator<Item = (&Game, i64)> {
        self.by_id.iter().map(|place| (&self.games[*place], self.pack_biases[*place]))
    }
}

/// The packs that are meant by `name`: those whose name is the same but for the case of its letters.
/// The one of exactly that name comes first, then the oldest.
pub fn find_packs<'a>(packs: &'a [Pack], name: &str) -> Vec<&'a Pack> {
    let wanted = case_folded(name);
    let mut found: Vec<_> = packs.iter().filter(|pack| case_folded(&pack.name) == wanted).collect();
    found.sort_by_key(|pack| (pack.name != name, pack.id));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(id: i64, name: &str) -> Pack {
        Pack { id, name: name.into(), favor_bias: 0, created_at: Timestamp::from_millis(0) }
    }

    #[test]
    fn packs_are_found_in_any_case_the_one_of_exactly_that_name_first() {
        let packs = [pack(3, "quiz"), pack(1, "QUIZ"), pack(2, "Quiz"), pack(4, "Straße ΣΟΦΟΣ")];
        for (name, expected) in [
            ("quiz", &[3, 1, 2][..]),
            ("Quiz", &[2, 1, 3]),
            ("qUIZ", &[1, 2, 3]),
            ("STRASSE σοφος", &[4]),
            ("strasse σοφοσ", &[4]),
            ("quiz ", &[]),
            ("", &[]),
        ] {
            let found: Vec<_> = find_packs(&packs, name).iter().map(|pack| pack.id).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
