//! Picking games by chance: who is in the pool, and with what odds. Knows no source of randomness;
//! one is handed in.

mod options;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

pub use self::options::{InvalidOption, Options};
use crate::{
    game::{Drawing, Game, is_drawing, length_of, pack_key},
    library::Library,
    limits::PICK_POPULARITY_WEIGHT_MAX,
};

/// What a game's own bias of −1, 0 or 1 multiplies its weight by.
const GAME_FACTORS: [u64; 3] = [2, 10, 30];
/// What its pack's bias of −1, 0 or 1 multiplies its weight by.
const PACK_FACTORS: [u64; 3] = [3, 10, 20];
/// Votes that every game is taken to have besides its own, half of them for it, so that the first
/// few of a new game do not count for everything.
const ASSUMED_VOTES: i128 = 10;

/// A game that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick<'a> {
    /// The game.
    pub game: &'a Game,
    /// Its weight; its odds were this in `total`.
    pub weight: u64,
    /// The weights of all that could be drawn at that moment, this one's included.
    pub total: u64,
}

impl Pick<'_> {
    /// How probable it was that this game was drawn, of those that were left at that moment.
    pub fn probability(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "sums of weights stay far below 2^53")]
        let probability = self.weight as f64 / self.total as f64;
        probability
    }
}

/// The games that were drawn, and from how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn<'a> {
    /// In the order in which they were drawn; as many as were asked for, or all there are.
    pub picks: Vec<Pick<'a>>,
    /// Games in the pool before the first was drawn.
    pub pool_size: usize,
    /// Enabled games of the library.
    pub total_enabled: usize,
}

/// No game is left in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Empty {
    /// The filter after which none was left, in the order of [`draw`]: the name of its option, `enabled`
    /// when no game is, or `played` when a session that no option names has played what was left.
    pub emptied_by: &'static str,
}

/// Draws games without replacement, as many as `options.count` says or one.
///
/// The pool is the enabled games that pass, in this order, `packs`, `playerCount`, `drawing`,
/// `length`, `maxLength`, `familyFriendly`, `excludeGameIds`, and are not in `just_played`, which
/// counts as `excludePlayed` when that was asked for, as `sessionId` when a session was named, and as
/// `played` else. No filter is ever relaxed.
///
/// A game's weight is 30, 10 or 2 for its own bias of 1, 0 or −1, times 20, 10 or 3 for its pack's,
/// times [`popularity_factor`] when that was asked for. The pool is ordered by id; a uniform number
/// below the sum of the weights falls on one game. After each the same is done with those left.
///
/// `random` returns uniform numbers; one is taken for a game, and another one with a probability of
/// the sum of the weights in 2^64 (see [`below`]).
///
/// # Errors
/// [`Empty`] when the pool is.
pub fn draw<'a>(
    library: &'a Library,
    options: &Options,
    just_played: &[i64],
    random: &mut impl FnMut() -> u64,
) -> Result<Drawn<'a>, Empty> {
    let enabled: Vec<_> = library.by_id().filter(|(game, _)| game.enabled).collect();
    let total_enabled = enabled.len();
    let pool = pool(enabled, options, just_played)?;
    let pool_size = pool.len();
    let mut left: Vec<(&Game, u64)> = pool
        .into_iter()
        .map(|(game, pack_bias)| (game, weight(game, pack_bias, options.popularity_weight)))
        .collect();
    let mut picks = Vec::new();
    for _ in 0..options.count.unwrap_or(1).min(pool_size) {
        let total = left.iter().map(|(_, weight)| weight).sum();
        let mut number = below(total, random);
        let place = left.iter().position(|(_, weight)| match number.checked_sub(*weight) {
            Some(rest) => {
                number = rest;
                false
            }
            None => true,
        });
        let (game, weight) = left.remove(place.expect("the number is below the sum of the weights"));
        picks.push(Pick { game, weight, total });
    }
    Ok(Drawn { picks, pool_size, total_enabled })
}

/// Whether a game passes.
type Filter<'a> = &'a dyn Fn(&Game) -> bool;

/// Those of the enabled games that pass every filter.
fn pool<'a>(
    enabled: Vec<(&'a Game, i64)>,
    options: &Options,
    just_played: &[i64],
) -> Result<Vec<(&'a Game, i64)>, Empty> {
    // Either may be long, and is looked into for every game.
    let [excluded, played] = [&options.exclude_game_ids[..], just_played].map(|ids| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    });
    let played_by = match options.session_id {
        _ if options.exclude_played => "excludePlayed",
        Some(_) => "sessionId",
        None => "played",
    };
    let filters: [(&'static str, Filter<'_>); 9] = [
        ("enabled", &|_| true),
        ("packs", &|game| {
            let pack = pack_key(&game.pack_name);
            options.packs.as_ref().is_none_or(|packs| packs.iter().any(|name| pack_key(name) == pack))
        }),
        ("playerCount", &|game| options.player_count.is_none_or(|count| fits(game, count, options))),
        ("drawing", &|game| {
            options.drawing.is_none_or(|wanted| is_drawing(game) == (wanted == Drawing::Only))
        }),
        ("length", &|game| options.length.is_none_or(|wanted| length_of(game) == wanted)),
        ("maxLength", &|game| {
            options
                .max_length_minutes
                .is_none_or(|max| game.length_minutes.is_none_or(|length| length <= max))
        }),
        ("familyFriendly", &|game| {
            options.family_friendly.is_none_or(|wanted| game.family_friendly == wanted)
        }),
        ("excludeGameIds", &|game| excluded.binary_search(&game.id).is_err()),
        (played_by, &|game| played.binary_search(&game.id).is_err()),
    ];
    let mut pool = enabled;
    for (name, passes) in filters {
        pool.retain(|(game, _)| passes(game));
        if pool.is_empty() {
            return Err(Empty { emptied_by: name });
        }
    }
    Ok(pool)
}

/// Whether so many people can take part, as players or, if that is wanted, in the audience.
fn fits(game: &Game, count: i64, options: &Options) -> bool {
    let overflow = options.audience_overflow && game.has_audience;
    count >= game.min_players && (count <= game.max_players || overflow)
}

/// A game's weight; never 0.
fn weight(game: &Game, pack_bias: i64, popularity_weight: i64) -> u64 {
    let liking = factor(GAME_FACTORS, game.favor_bias) * factor(PACK_FACTORS, pack_bias);
    if popularity_weight == 0 { liking } else { liking * popularity_factor(game, popularity_weight) }
}

fn factor(factors: [u64; 3], bias: i64) -> u64 {
    match bias {
        ..=-1 => factors[0],
        0 => factors[1],
        1.. => factors[2],
    }
}

/// What votes multiply a weight by: 1000 + w · ⌊100 · (up − down) / (up + down + 10)⌉, cut towards 0,
/// for a `popularity_weight` w of 1 to 10. So w = 10 takes a game from about 1/100 to about twice the
/// weight of one without votes, and it is never 0.
pub fn popularity_factor(game: &Game, popularity_weight: i64) -> u64 {
    let (up, down) = (i128::from(game.upvotes.max(0)), i128::from(game.downvotes.max(0)));
    let percent = 100 * (up - down) / (up + down + ASSUMED_VOTES);
    // The percentage is within ±99: the divisor is greater than what it divides.
    let factor = 1_000 + i128::from(popularity_weight.clamp(0, PICK_POPULARITY_WEIGHT_MAX)) * percent;
    u64::try_from(factor).expect("at least 1000 − 10 · 99")
}

/// A uniform number from 0 to `bound` − 1: the high half of a product with a random number, whose
/// low half tells those to leave out that would make some numbers likelier than others (Lemire,
/// "Fast random integer generation in an interval", 2019).
fn below(bound: u64, random: &mut impl FnMut() -> u64) -> u64 {
    let unfair = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(random()) * u128::from(bound);
        let [high, low] =
            [product >> 64, product & u128::from(u64::MAX)].map(|half| u64::try_from(half).expect("64 bits"));
        if low >= unfair {
            return high;
        }
    }
}

/// The random numbers of a seed, the same in every version and easily had in any language: number n,
/// from 0, is the first 8 bytes, big end first, of SHA-256 over `fanfare pick`, the seed and n, each
/// of these two as 8 bytes, big end first.
pub fn seeded(seed: i64) -> impl FnMut() -> u64 {
    let mut number = 0_u64;
    move || {
        let hash = Sha256::new()
            .chain_update("fanfare pick")
            .chain_update(seed.to_be_bytes())
            .chain_update(number.to_be_bytes())
            .finalize();
        number += 1;
        hash.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}
