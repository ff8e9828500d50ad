//! Every test here runs on both engines, unless it is about one of them.

mod applications;
mod backup;
mod deliveries;
mod events;
mod expiry;
mod handling;
mod hidden;
mod history;
mod idempotency;
mod interest;
mod jobs;
mod library;
mod lost_commits;
mod nights;
mod opening;
mod ordered;
mod polls;
mod postgres_only;
mod presence;
mod replay;
mod rooms;
mod schema;
mod settling;
mod sqlite_only;
mod support;
mod tls;
mod upgrade;
mod votes;
mod webhooks;

/// Runs each test, an `async fn(TestDatabase)`, on a fresh database of either engine.
macro_rules! on_both_engines {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(fanfare_store::testing::TestDatabase::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(fanfare_store::testing::TestDatabase::postgres()).await;
            })*
        }
    };
}
use on_both_engines;
