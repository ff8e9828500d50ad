//! Answers under keys: claimed, found again, forgotten.

use fanfare_store::{
    Error, Store,
    idempotency::{self, Kept},
    testing::{TestDatabase, run},
};

use crate::support::{at, write};

super::on_both_engines!(
    a_key_is_claimed_once_until_it_expires,
    nothing_is_kept_of_a_job_that_fails,
    claims_of_one_key_wait_for_each_other,
    old_answers_are_forgotten_in_batches,
);

/// Claims a key at a moment, with a day to live of 100 ms, and fills it if it was free.
async fn claim(store: &Store, key: &'static str, fingerprint: &'static str, at_ms: i64) -> Option<Kept> {
    write(store, move |tx| {
        let kept = idempotency::claim(tx, key, fingerprint, at(at_ms), at(at_ms - 100))?;
        if kept.is_none() {
            idempotency::fill(tx, key, 201, &format!("{fingerprint} at {at_ms}"))?;
        }
        Ok(kept)
    })
    .await
}

/// What such a claim puts there.
fn kept(fingerprint: &str, at_ms: i64) -> Kept {
    Kept { fingerprint: fingerprint.into(), status: 201, body: format!("{fingerprint} at {at_ms}") }
}

async fn a_key_is_claimed_once_until_it_expires(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(claim(&store, "a", "one", 1_000).await, None);
    assert_eq!(claim(&store, "a", "two", 1_100).await, Some(kept("one", 1_000)));
    assert_eq!(claim(&store, "b", "two", 1_100).await, None);
    assert_eq!(claim(&store, "a", "two", 1_101).await, None, "the answer had expired");
    assert_eq!(claim(&store, "a", "one", 1_102).await, Some(kept("two", 1_101)));
    let fill = store.write(|tx| idempotency::fill(tx, "nobody's", 201, "")).await;
    assert_eq!(fill, Err(Error::NotFound));
}

async fn nothing_is_kept_of_a_job_that_fails(database: TestDatabase) {
    let (store, _commits) = database.open();
    let failed: Result<(), _> = store
        .write(|tx| {
            idempotency::claim(tx, "a", "one", at(1_000), at(0))?;
            Err(Error::NotFound)
        })
        .await;
    assert_eq!(failed, Err(Error::NotFound));
    assert_eq!(claim(&store, "a", "two", 1_000).await, None);
}

async fn claims_of_one_key_wait_for_each_other(database: TestDatabase) {
    let (store, _commits) = database.open();
    let claim = |fingerprint| claim(&store, "a", fingerprint, 1_000);
    let answers: [_; 4] = tokio::join!(claim("0"), claim("1"), claim("2"), claim("3")).into();
    let free = answers.iter().position(Option::is_none).expect("one of them");
    for (number, answer) in answers.into_iter().enumerate() {
        let expected = (number != free).then(|| kept(&free.to_string(), 1_000));
        assert_eq!(answer, expected);
    }
}

async fn old_answers_are_forgotten_in_batches(database: TestDatabase) {
    let (store, _commits) = database.open();
    for (key, at_ms) in [("a", 1_000), ("b", 1_001), ("c", 1_002), ("d", 1_003)] {
        claim(&store, key, "print", at_ms).await;
    }
    for expected in [2, 1, 0] {
        assert_eq!(write(&store, |tx| idempotency::forget(tx, at(1_003), 2)).await, expected);
    }
    assert_eq!(write(&store, |tx| run(tx, "select key from idempotency")).await, 1);
    assert_eq!(claim(&store, "d", "other", 1_003).await, Some(kept("print", 1_003)));
}
