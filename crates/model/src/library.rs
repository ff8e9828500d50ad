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

/// The pack that is meant by `name`: the one of exactly that name, else the oldest whose name is
/// the same but for the case of its letters.
pub fn find_pack<'a>(packs: &'a [Pack], name: &str) -> Option<&'a Pack> {
    packs.iter().find(|pack| pack.name == name).or_else(|| {
        let wanted = case_folded(name);
        packs.iter().filter(|pack| case_folded(&pack.name) == wanted).min_by_key(|pack| pack.id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(id: i64, name: &str) -> Pack {
        Pack { id, name: name.into(), favor_bias: 0, created_at: Timestamp::from_millis(0) }
    }

    #[test]
    fn a_pack_is_found_by_its_exact_name_first() {
        let packs = [pack(3, "quiz"), pack(1, "QUIZ"), pack(2, "Quiz"), pack(4, "Straße ΣΟΦΟΣ")];
        for (name, expected) in [
            ("quiz", Some(3)),
            ("Quiz", Some(2)),
            ("qUIZ", Some(1)),
            ("STRASSE σοφος", Some(4)),
            ("strasse σοφοσ", Some(4)),
            ("quiz ", None),
            ("", None),
        ] {
            assert_eq!(find_pack(&packs, name).map(|pack| pack.id), expected, "{name}");
        }
    }
}
