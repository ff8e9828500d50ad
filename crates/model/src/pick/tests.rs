use serde_json::json;

use super::*;
use crate::{Timestamp, fixture, library::Pack};

fn game(id: i64) -> Game {
    Game { id, title: format!("game {id}"), ..fixture::game() }
}

fn options(body: &serde_json::Value) -> Options {
    Options::parse(body.as_object().expect("an object")).expect("options")
}

fn pool_of(games: Vec<Game>, body: &serde_json::Value, played: &[i64]) -> Result<Vec<i64>, &'static str> {
    let library = Library::new(games, vec![]);
    let drawn = draw(&library, &Options { count: Some(100), ..options(body) }, played, &mut seeded(1))
        .map_err(|empty| empty.emptied_by)?;
    let mut ids: Vec<_> = drawn.picks.iter().map(|pick| pick.game.id).collect();
    assert_eq!(ids.len(), drawn.pool_size);
    ids.sort_unstable();
    Ok(ids)
}

/// Five games whose odds differ for every reason there is.
fn uneven() -> Library {
    let of = |id, pack: &str, favor_bias, upvotes, downvotes| Game {
        pack_name: pack.into(),
        favor_bias,
        upvotes,
        downvotes,
        ..game(id)
    };
    let pack = |id, name: &str, favor_bias| Pack {
        id,
        name: name.into(),
        favor_bias,
        created_at: Timestamp::from_millis(0),
    };
    // Not in the order of their ids.
    let games = vec![
        of(5, "liked", 1, 0, 0),
        of(1, "plain", 0, 90, 0),
        of(4, "disliked", -1, 0, 90),
        of(2, "plain", 1, 3, 3),
        of(3, "liked", -1, 0, 5),
    ];
    Library::new(games, vec![pack(1, "liked", 1), pack(2, "plain", 0), pack(3, "disliked", -1)])
}

#[test]
fn weights_are_the_products_of_the_factors() {
    let weights = |popularity| -> Vec<_> {
        let library = uneven();
        let options = Options { count: Some(5), popularity_weight: popularity, ..Options::default() };
        let drawn = draw(&library, &options, &[], &mut seeded(7)).expect("games");
        let mut weights: Vec<_> = drawn.picks.iter().map(|pick| (pick.game.id, pick.weight)).collect();
        weights.sort_unstable();
        weights.into_iter().map(|(_, weight)| weight).collect()
    };
    assert_eq!(weights(0), [100, 300, 40, 6, 600]);
    assert_eq!(weights(10), [100 * 1_900, 300 * 1_000, 40 * 670, 6 * 100, 600 * 1_000]);
    assert_eq!(weights(1), [100 * 1_090, 300 * 1_000, 40 * 967, 6 * 910, 600 * 1_000]);
}

/// χ² with 4 degrees of freedom exceeds 18.47 once in a thousand; the seeds are fixed, so these
/// draws never do.
#[test]
fn a_hundred_thousand_draws_have_the_exact_odds() {
    const DRAWS: u32 = 100_000;
    let library = uneven();
    for popularity_weight in [0, 10] {
        let options = Options { popularity_weight, ..Options::default() };
        let mut counts = [0_u32; 6];
        let mut expected = [0.0; 6];
        for seed in 0..DRAWS {
            let drawn = draw(&library, &options, &[], &mut seeded(seed.into())).expect("games");
            let id = usize::try_from(drawn.picks[0].game.id).expect("small");
            counts[id] += 1;
            expected[id] = drawn.picks[0].probability() * f64::from(DRAWS);
        }
        let chi_squared: f64 =
            (1..=5).map(|id| (f64::from(counts[id]) - expected[id]).powi(2) / expected[id]).sum();
        assert!(chi_squared < 18.47, "{chi_squared}: {counts:?}");
        assert!((expected.iter().sum::<f64>() - f64::from(DRAWS)).abs() < 1e-6);
    }
}

/// The second of two has the odds of those that the first has left.
#[test]
fn games_are_drawn_without_replacement() {
    let library = uneven();
    let options = Options { count: Some(2), ..Options::default() };
    let (mut seconds, mut expected) = ([0.0_f64; 6], [0.0_f64; 6]);
    let weights = [0.0, 100.0, 300.0, 40.0, 6.0, 600.0];
    for seed in 0..20_000 {
        let drawn = draw(&library, &options, &[], &mut seeded(seed)).expect("games");
        let [first, second] = drawn.picks[..] else { panic!("two games") };
        assert_ne!(first.game.id, second.game.id);
        assert_eq!((first.total, second.total), (1_046, 1_046 - first.weight));
        seconds[usize::try_from(second.game.id).expect("small")] += 1.0;
    }
    for first in 1..=5 {
        for second in (1..=5).filter(|second| *second != first) {
            expected[second] +=
                20_000.0 * weights[first] / 1_046.0 * weights[second] / (1_046.0 - weights[first]);
        }
    }
    let chi_squared: f64 = (1..=5).map(|id| (seconds[id] - expected[id]).powi(2) / expected[id]).sum();
    assert!(chi_squared < 18.47, "{chi_squared}: {seconds:?} {expected:?}");

    let all = draw(&library, &Options { count: Some(9), ..Options::default() }, &[], &mut seeded(1));
    let all = all.expect("games");
    assert_eq!((all.picks.len(), all.pool_size, all.total_enabled), (5, 5, 5));
    assert_eq!(all.picks[4].weight, all.picks[4].total, "the last one was certain");
}

#[test]
fn a_seed_says_what_is_drawn() {
    let mut numbers = seeded(42);
    assert_eq!([numbers(), numbers()], [SEED_42_FIRST, SEED_42_SECOND]);
    let library = uneven();
    let ids = |seed| -> Vec<_> {
        let options = Options { count: Some(5), ..Options::default() };
        let drawn = draw(&library, &options, &[], &mut seeded(seed)).expect("games");
        drawn.picks.iter().map(|pick| pick.game.id).collect()
    };
    assert_eq!(ids(-3), ids(-3));
    assert!((0..20).any(|seed| ids(seed) != ids(-3)));
}

/// From another implementation of SHA-256.
const SEED_42_FIRST: u64 = 0x7a3d_ecc5_b2f0_f47b;
const SEED_42_SECOND: u64 = 0xac32_992b_f74b_fccf;

#[test]
fn each_option_lets_the_right_games_through() {
    let games = || {
        vec![
            game(1),
            Game { has_audience: true, max_players: 4, ..game(2) },
            Game { game_type: None, secondary_type: Some("Drawing".into()), length_minutes: None, ..game(3) },
            Game { family_friendly: false, length_minutes: Some(30), pack_name: "Other".into(), ..game(4) },
            Game { enabled: false, ..game(5) },
        ]
    };
    for (body, expected) in [
        (json!({}), &[1, 2, 3, 4][..]),
        (json!({"playerCount": 2, "audienceOverflow": true, "packs": null, "other": 1}), &[]),
        (json!({"playerCount": 3}), &[1, 2, 3, 4]),
        (json!({"playerCount": 5}), &[1, 3, 4]),
        (json!({"playerCount": 5, "audienceOverflow": 1}), &[1, 2, 3, 4]),
        (json!({"playerCount": 9, "audienceOverflow": true}), &[2]),
        (json!({"drawing": "only"}), &[1, 2, 4]),
        (json!({"drawing": "exclude"}), &[3]),
        (json!({"length": "short"}), &[3]),
        (json!({"length": "medium"}), &[1, 2]),
        (json!({"length": "long"}), &[4]),
        (json!({"maxLength": 20}), &[1, 2, 3]),
        (json!({"maxLength": 19}), &[3]),
        (json!({"familyFriendly": true}), &[1, 2, 3]),
        (json!({"familyFriendly": 0}), &[4]),
        (json!({"packs": ["Pack", "Nobody's"]}), &[1, 2, 3]),
        (json!({"packs": ["The Other", "The Pack"]}), &[1, 2, 3, 4]),
        (json!({"packs": ["other"]}), &[]),
        (json!({"excludeGameIds": [1, 4, 99]}), &[2, 3]),
        (json!({"excludeGameIds": []}), &[1, 2, 3, 4]),
    ] {
        assert_eq!(pool_of(games(), &body, &[]).unwrap_or_default(), expected, "{body}");
    }
    assert_eq!(pool_of(games(), &json!({}), &[2, 3]), Ok(vec![1, 4]));
}

#[test]
fn the_filter_that_empties_the_pool_is_named() {
    for (body, expected) in [
        (json!({"packs": ["Other"], "playerCount": 99}), "packs"),
        (json!({"playerCount": 99, "drawing": "exclude"}), "playerCount"),
        (json!({"drawing": "exclude", "length": "long"}), "drawing"),
        (json!({"length": "long", "maxLength": 5}), "length"),
        (json!({"maxLength": 5, "familyFriendly": false}), "maxLength"),
        (json!({"familyFriendly": false, "excludeGameIds": [1, 2]}), "familyFriendly"),
        (json!({"excludeGameIds": [1, 2], "sessionId": 1}), "excludeGameIds"),
        (json!({"sessionId": 1}), "sessionId"),
        (json!({}), "played"),
        (json!({"excludePlayed": true}), "excludePlayed"),
        (json!({"sessionId": 1, "excludePlayed": true}), "excludePlayed"),
    ] {
        assert_eq!(pool_of(vec![game(1), game(2)], &body, &[1, 2]), Err(expected), "{body}");
    }
    let disabled = || vec![Game { enabled: false, ..game(1) }];
    assert_eq!(pool_of(disabled(), &json!({"playerCount": 99}), &[]), Err("enabled"));
    assert_eq!(pool_of(vec![], &json!({}), &[]), Err("enabled"));
}

#[test]
fn an_option_that_makes_no_sense_is_named() {
    for (name, values) in [
        ("playerCount", json!([0, -1, 1.5, "4", true, [], {}, 9_007_199_254_740_992_i64])),
        ("drawing", json!(["Only", "both", "", 1, true, ["only"]])),
        ("length", json!(["Short", "", 15, true])),
        ("familyFriendly", json!(["yes", "true", 2, []])),
        ("sessionId", json!([0, -1, 1.5, "1", true, {}])),
        ("excludePlayed", json!(["yes", 2, []])),
        ("audienceOverflow", json!(["yes", 2, []])),
        ("packs", json!(["Pack", [], [1], [null], {}, vec!["x"; 101]])),
        ("excludeGameIds", json!([1, "1", ["1"], [0], [1.5], {}, vec![1; 1_001]])),
        ("maxLength", json!([0, -1, 1.5, "15"])),
        ("count", json!([0, -1, 1.5, "3", 101])),
        ("seed", json!(["x", 1.5, true, 1e300])),
        ("popularityWeight", json!([-1, 11, 0.5, "1", true])),
    ] {
        for value in values.as_array().expect("a list") {
            let body = json!({ name: value });
            let error = Options::parse(body.as_object().expect("an object")).expect_err(&body.to_string());
            assert_eq!(error.name, name, "{body}");
            assert!(error.to_string().starts_with(&format!("Invalid value for {name}: expected ")));
        }
        let null = json!({ name: null });
        assert_eq!(options(&null), Options::default(), "{name}");
    }
    let error = |body: serde_json::Value| {
        Options::parse(body.as_object().expect("an object")).expect_err("nonsense").to_string()
    };
    assert_eq!(error(json!({"count": 0})), "Invalid value for count: expected an integer from 1 to 100");
    assert_eq!(
        error(json!({"length": "huge"})),
        "Invalid value for length: expected short or medium or long"
    );
    assert_eq!(
        error(json!({"packs": []})),
        "Invalid value for packs: expected a list of 1 to 100 pack names"
    );
}

#[test]
fn nothing_ever_weighs_nothing() {
    for votes in [0, 1, 1_000_000, i64::MAX] {
        for (upvotes, downvotes) in [(votes, 0), (0, votes), (votes, votes)] {
            for weight_of_votes in 0..=10 {
                let game = Game { upvotes, downvotes, favor_bias: -1, ..game(1) };
                assert!(weight(&game, -1, weight_of_votes) >= 6, "{upvotes} {downvotes}");
                assert!((10..=1_990).contains(&popularity_factor(&game, weight_of_votes)));
            }
        }
    }
}

/// A bound of 3·2^62 makes a quarter of the products unfair for a naive draw.
#[test]
fn no_number_is_likelier_than_another() {
    let bound = 3 << 62;
    let mut random = seeded(5);
    let mut thirds = [0; 3];
    for _ in 0..30_000 {
        thirds[usize::try_from(below(bound, &mut random) >> 62).expect("below 3")] += 1;
    }
    assert!(thirds.iter().all(|count| (9_700..10_300).contains(count)), "{thirds:?}");
    assert_eq!(below(1, &mut || u64::MAX), 0);
    assert_eq!(below(1_046, &mut || u64::MAX), 1_045);
    assert_eq!(
        below(1_046, &mut {
            let mut first = true;
            move || if std::mem::take(&mut first) { 0 } else { 1 << 63 | 1 }
        }),
        523
    );
}
