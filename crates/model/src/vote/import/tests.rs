use proptest::prelude::*;

use super::*;
use crate::vote::{VoteType, user_key};

const TURNS: [Turn; 2] =
    [Turn { game_id: 7, played_at: Timestamp::EPOCH }, Turn { game_id: 8, played_at: Timestamp::EPOCH }];

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn turn(game_id: i64, ms: i64) -> Turn {
    Turn { game_id, played_at: at(ms) }
}

/// An import of votes given as name, whether it is for the game, and moment.
fn import(said: &[(&str, bool, i64)]) -> Import {
    let vote = |(name, up, ms): &(&str, bool, i64)| ChatVote {
        username: (*name).to_owned(),
        user_key: user_key(name),
        vote_type: VoteType::from_up(*up),
        at: at(*ms),
    };
    let mut votes: Vec<_> = said.iter().map(vote).collect();
    votes.sort_by_key(|vote| vote.at);
    Import::new(Arc::new(ChatLog { messages: votes.len() + 2, invalid: 1, votes }))
}

fn cast(votes: &[(&str, i64)]) -> Vec<(String, Timestamp)> {
    votes.iter().map(|(name, ms)| (user_key(name), at(*ms))).collect()
}

/// The votes that count: game, name, moment.
fn recorded(import: &Import) -> Vec<(i64, &str, i64)> {
    let votes = import.log.votes.iter().zip(&import.fates);
    let recorded = votes.filter_map(|(vote, fate)| Some((fate.game()?, vote)));
    recorded.map(|(game, vote)| (game, vote.username.as_str(), vote.at.as_millis())).collect()
}

#[test]
fn every_vote_is_recorded_a_duplicate_or_unmatched() {
    let mut import = import(&[
        ("ann", true, -1),
        ("ann", true, 0),
        (" ANN", false, 1_000),
        ("ann", false, 1_001),
        ("bob", true, 4_000),
        ("cleo", false, 4_001),
    ]);
    assert_eq!(import.outcome(Vec::new()).unmatched, 6, "nothing was played as far as is known");
    import.hear(TURNS.to_vec(), cast(&[("bob", 5_000), ("cleo", 3_000), ("dan", 4_000)]));
    assert_eq!(recorded(&import), [(8, "ann", 0), (8, "ann", 1_001), (8, "cleo", 4_001)]);
    assert_eq!(import.tallies(), [(8, Tally { upvotes: 1, downvotes: 2 })].into());
    let outcome = import.outcome(Vec::new());
    assert_eq!((outcome.messages, outcome.invalid, outcome.found), (8, 1, 6));
    assert_eq!((outcome.recorded, outcome.duplicates, outcome.unmatched), (3, 2, 1));
    assert_eq!(import.span(), Some((at(-1_001), at(5_001))));
    assert_eq!(super::Import::new(Arc::default()).span(), None);
}

#[test]
fn what_is_heard_later_changes_what_is_written() {
    let mut import =
        import(&[("ann", true, 0), ("ann", false, 900), ("bob", true, 500), ("cleo", true, 500)]);
    import.hear(TURNS.to_vec(), []);
    assert_eq!(import.edits(9).len(), 3, "ann's second comes too soon");
    import.written(2);
    let left: Vec<_> = import.edits(9).iter().map(|edit| (edit.vote.username.clone(), edit.is)).collect();
    assert_eq!(left, [("cleo".to_owned(), Some(8))]);
    import.written(9);
    assert_eq!(import.edits(9), []);

    // Of strangers, or known: no news.
    assert!(!import.is_news(&TURNS, &cast(&[("dan", 500), ("eve", 0)])));
    assert!(import.is_news(&TURNS, &cast(&[("dan", 500), ("ANN ", -200)])));
    import.hear(TURNS.to_vec(), cast(&[("dan", 500), ("ANN ", -200)]));
    assert!(!import.is_news(&TURNS, &cast(&[("ann", -200)])));
    let edits: Vec<_> = import.edits(9).iter().map(|edit| (edit.vote.at, edit.was, edit.is)).collect();
    assert_eq!(
        edits,
        [(at(0), Some(8), None), (at(900), None, Some(8))],
        "one too soon makes room for the next"
    );
    import.written(1);
    assert_eq!(import.edits(9).len(), 1);

    let turns = [turn(7, 0), turn(9, 500)];
    assert!(import.is_news(&turns, &[]));
    import.hear(turns.to_vec(), []);
    assert_eq!(recorded(&import), [(9, "bob", 500), (9, "cleo", 500), (9, "ann", 900)]);
    let edits: Vec<_> = import.edits(9).iter().map(|edit| (edit.was, edit.is)).collect();
    assert_eq!(edits, [(Some(8), Some(9)), (Some(8), Some(9)), (None, Some(9))]);
}

/// The rule itself, vote by vote, as live votes are judged.
fn as_if_live(import: &Import, turns: &[Turn], cast: &[(String, Timestamp)]) -> Vec<Fate> {
    let mut all = cast.to_vec();
    let mut fate = |vote: &ChatVote| {
        let Some(game_id) = game_at(turns, vote.at) else { return Fate::Unmatched };
        let (from, to) = duplicate_span(vote.at);
        if all.iter().any(|(user_key, at)| *user_key == vote.user_key && (from..=to).contains(at)) {
            return Fate::Duplicate;
        }
        all.push((vote.user_key.clone(), vote.at));
        Fate::Recorded(game_id)
    };
    import.log.votes.iter().map(&mut fate).collect()
}

proptest! {
    #[test]
    fn it_ends_as_if_all_had_come_live(
        said in proptest::collection::vec((0_usize..3, any::<bool>(), -2_000_i64..8_000), 0..60),
        before in proptest::collection::vec((0_usize..4, 0_i64..8_000), 0..5),
        meanwhile in proptest::collection::vec((0_usize..4, 0_i64..8_000), 0..5),
        moves in proptest::option::of(0_i64..8_000),
        batch in 1_usize..20,
    ) {
        let names = ["ann", "Bob", "cleo ", "dan"];
        let said: Vec<_> = said.iter().map(|(name, up, ms)| (names[*name], *up, *ms)).collect();
        let cast = |votes: &[(usize, i64)]| -> Vec<_> {
            votes.iter().map(|(name, ms)| (user_key(names[*name]), at(*ms))).collect()
        };
        let (before, meanwhile) = (cast(&before), cast(&meanwhile));
        let mut import = import(&said);
        import.hear(TURNS.to_vec(), before.clone());
        import.written(batch);
        let turns = moves.map_or(TURNS.to_vec(), |ms| vec![turn(7, 0), turn(9, ms)]);
        let was_news = import.is_news(&turns, &meanwhile);
        let fates = import.fates.clone();
        import.hear(turns.clone(), meanwhile.clone());
        prop_assert!(was_news || fates == import.fates);

        let all = [before, meanwhile].concat();
        prop_assert_eq!(&import.fates, &as_if_live(&import, &turns, &all));
        while !import.edits(batch).is_empty() {
            import.written(batch);
        }
        let rows: Vec<_> = import.fates.iter().map(|fate| fate.game()).collect();
        prop_assert_eq!(&import.rows, &rows);

        // The same log again.
        let mut again = super::Import::new(Arc::clone(&import.log));
        let votes = import.log.votes.iter().zip(&import.fates).filter(|(_, fate)| fate.game().is_some());
        let counted: Vec<_> = votes.map(|(vote, _)| (vote.user_key.clone(), vote.at)).collect();
        again.hear(turns, [all, counted].concat());
        prop_assert_eq!(again.edits(1), []);
        prop_assert_eq!(again.outcome(Vec::new()).unmatched, import.outcome(Vec::new()).unmatched);
    }
}
