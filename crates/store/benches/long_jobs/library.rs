//! Jobs on the whole library, as large as it may be.

use fanfare_model::{
    game::{GameEntry, NewGame},
    limits::LIBRARY_MAX_GAMES,
};
use fanfare_store::{games, packs};

use crate::{AT, Bench};

/// Games of one pack.
const PACK_GAMES: usize = 5;

fn entries(name: &str) -> Vec<GameEntry> {
    let game = |n: usize| NewGame {
        pack_name: format!("The Usual Party Pack {name} {}", n / PACK_GAMES),
        title: format!("A Title of Usual Length {n}"),
        min_players: 3,
        max_players: 8,
        length_minutes: Some(15),
        has_audience: true,
        family_friendly: true,
        game_type: Some("Drawing".into()),
        secondary_type: None,
    };
    (0..LIBRARY_MAX_GAMES).map(|n| GameEntry { game: game(n), enabled: None, favor_bias: None }).collect()
}

/// Fills the library, replaces it by the same and by another one, and changes a single game of it.
pub(crate) fn run(bench: &Bench) {
    for (what, name) in [
        ("importing a library into an empty one", "a"),
        ("replacing a library by the same", "a"),
        ("replacing a library by another", "b"),
    ] {
        let entries = entries(name);
        bench.write(move |tx| {
            games::lock_library(tx)?;
            let there = games::names(tx)?;
            let known: Vec<_> = there.iter().map(|(id, ..)| *id).zip(&entries).collect();
            if there.first().is_some_and(|(_, pack_name, _)| pack_name.contains(" Pack a ")) && name == "a" {
                games::replace_all(tx, &known)?;
            } else {
                let new: Vec<_> = entries.iter().collect();
                games::insert_all(tx, &new, AT)?;
                let others: Vec<_> = there.iter().map(|(id, ..)| *id).collect();
                games::retire_all(tx, &others)?;
            }
            packs::remove_empty(tx)?;
            games::count(tx).map(drop)
        });
        bench.tell(Some(what));
    }
    bench.write(|tx| {
        let Some(game) = games::list(tx)?.pop() else { return Ok(()) };
        games::update(tx, &game, AT)
    });
    bench.tell(None);
    bench.write(packs::remove_empty);
    bench.tell(Some("looking for empty packs"));
}
