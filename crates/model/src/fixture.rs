//! What tests of several modules begin with.

use crate::{Timestamp, game::Game};

/// A game of the library that passes most filters; tests change what matters to them.
pub(crate) fn game() -> Game {
    Game {
        id: 1,
        pack_name: "The Pack".into(),
        title: "game 1".into(),
        min_players: 3,
        max_players: 8,
        length_minutes: Some(20),
        has_audience: false,
        family_friendly: true,
        game_type: Some("Drawing".into()),
        secondary_type: None,
        play_count: 0,
        upvotes: 0,
        downvotes: 0,
        enabled: true,
        favor_bias: 0,
        created_at: Timestamp::from_millis(0),
    }
}
