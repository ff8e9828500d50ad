//! How long the longest jobs hold the writer: those whose work grows with what they are given, each at
//! its limit, from the first statement to the end of COMMIT.
//!
//! Durable (`synchronous=full`, `fsync=on`), nothing else going on. No job is meant to take more than
//! 100 ms. `FANFARE_TEST_POSTGRES` names the PostgreSQL server; without it only SQLite is measured.
//! `FANFARE_BENCH_FOLDER` moves the SQLite file, to another disk or into memory.

mod library;

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use fanfare_model::{
    Timestamp,
    limits::{CHAT_IMPORT_BATCH_ROWS, CHAT_IMPORT_MAX_ITEMS, CLEAN_UP_BATCH_ROWS, SESSION_GAMES_MAX},
    session::NewSessionGame,
    vote::{
        VoteType,
        chat::{ChatLog, ChatVote},
        import::Import,
    },
};
use fanfare_store::{
    CommitStats, Error, Location, Options, Store, Tx, games, imports,
    leftovers::{self, Leftover},
    polls, session_games, sessions,
    testing::TestDatabase,
    votes,
};
use tokio::runtime::Runtime;

/// What a job is meant to take at most, in milliseconds.
const JOB_MAX_MS: f64 = 100.0;
/// Voters of the poll that is deleted.
const POLL_VOTERS: usize = 50_000;
/// When everything happens.
pub(crate) const AT: Timestamp = Timestamp::EPOCH;

fn main() {
    // `cargo test --benches` asks only whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let place = std::env::var("FANFARE_BENCH_FOLDER").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
    let folder = tempfile::tempdir_in(place).expect("a temporary folder");
    Bench::open("SQLite", Location::Sqlite(folder.path().join("jobs"))).run();
    if std::env::var(fanfare_store::testing::POSTGRES_URL).is_err() {
        println!("{} is not set: PostgreSQL is left out", fanfare_store::testing::POSTGRES_URL);
        return;
    }
    let database = TestDatabase::postgres();
    Bench::open("PostgreSQL", database.location().clone()).run();
}

/// The longest commit since it was last asked, and how many there were.
#[derive(Default)]
struct Seen {
    longest_micros: AtomicU64,
    commits: AtomicUsize,
}

pub(crate) struct Bench {
    name: &'static str,
    runtime: Runtime,
    store: Store,
    seen: Arc<Seen>,
}

impl Bench {
    fn open(name: &'static str, location: Location) -> Self {
        let options =
            Options { location, durable: true, readers: 1, postgres_writers: 1, owner: "benchmark".into() };
        let (runtime, seen) = (Runtime::new().expect("a runtime"), Arc::new(Seen::default()));
        let seeing = Arc::clone(&seen);
        let observer = move |stats: CommitStats| {
            seeing.longest_micros.fetch_max(stats.micros, Ordering::Relaxed);
            seeing.commits.fetch_add(1, Ordering::Relaxed);
        };
        let (store, mut published) =
            fanfare_store::open(options, Arc::new(observer)).expect("a fresh database");
        runtime.spawn(async move { while published.recv().await.is_some() {} });
        Self { name, runtime, store, seen }
    }

    fn run(&self) {
        println!("\n{}\n\n{:<44} {:>7} {:>12}", self.name, "", "jobs", "the longest");
        library::run(self);
        self.chat();
        self.poll();
        self.session();
        self.runtime.block_on(self.store.close());
    }

    /// Runs one job.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.runtime.block_on(self.store.write(job)).expect("the job works")
    }

    /// Prints what the jobs took since it was last asked; `what` is `None` where that is nobody's concern.
    pub(crate) fn tell(&self, what: Option<&str>) {
        let micros = self.seen.longest_micros.swap(0, Ordering::Relaxed);
        let commits = self.seen.commits.swap(0, Ordering::Relaxed);
        let Some(what) = what else { return };
        let ms = f64::from(u32::try_from(micros).expect("less than an hour")) / 1e3;
        let mark = if ms > JOB_MAX_MS { "  too long" } else { "" };
        println!("{what:<44} {commits:>7} {ms:>9.1} ms{mark}");
    }

    fn chat(&self) {
        let session = self.write(|tx| {
            let sessions::Start::Started(session) = sessions::start(tx, None, AT)? else {
                return Err(Error::NotFound);
            };
            for (game, second) in games::list(tx)?.iter().zip(0..SESSION_GAMES_MAX) {
                let new = NewSessionGame { game_id: game.id, manually_added: false, room_code: None };
                session_games::add(tx, session.id, &new, AT.plus_millis(second * 1_000))?;
            }
            Ok(session.id)
        });
        self.tell(None);
        // Two imports of as many votes as one may bring, five to a game.
        for number in 0..2 {
            self.import(session, number);
        }
    }

    fn import(&self, session: i64, number: usize) {
        let vote = |n: usize| ChatVote {
            username: format!("Viewer {number} {}", n % 5_000),
            user_key: format!("viewer {number} {}", n % 5_000),
            vote_type: VoteType::from_up(!n.is_multiple_of(3)),
            at: AT.plus_millis(i64::try_from(n).expect("small") * 200),
        };
        let votes: Vec<_> = (0..CHAT_IMPORT_MAX_ITEMS).map(vote).collect();
        let log = ChatLog { messages: votes.len(), invalid: 0, votes };
        let (open, mut import) = self.write(move |tx| {
            let open = imports::begin(tx, session, AT)?;
            let mut import = Import::new(Arc::new(log.clone()));
            import.hear(votes::turns(tx, session)?, []);
            Ok((open, import))
        });
        self.tell(None);
        while import.edits(CHAT_IMPORT_BATCH_ROWS + 1).len() > CHAT_IMPORT_BATCH_ROWS {
            let at_hand = import.clone();
            self.write(move |tx| votes::edit(tx, open, &at_hand.edits(CHAT_IMPORT_BATCH_ROWS), AT));
            import.written(CHAT_IMPORT_BATCH_ROWS);
        }
        self.tell(Some("chat import: a batch"));
        self.write(move |tx| {
            sessions::lock(tx, session)?;
            let turns = votes::turns(tx, session)?;
            let span = import.span().expect("it has votes");
            let cast = votes::cast_after(tx, session, open.after_vote_id, span)?;
            assert!(!import.is_news(&turns, &cast), "nothing else is going on");
            votes::edit(tx, open, &import.edits(CHAT_IMPORT_BATCH_ROWS), AT)?;
            imports::end(tx, open.id)?;
            votes::count_all(tx, session, &import.tallies()).map(drop)
        });
        self.tell(Some("chat import: the last job"));
    }

    fn poll(&self) {
        let id = self.write(|tx| {
            let session = sessions::active(tx)?.ok_or(Error::NotFound)?.id;
            let games = games::list(tx)?;
            let id = polls::insert(tx, session, &games[..3], AT, AT)?.id;
            for voter in 0..POLL_VOTERS {
                polls::vote(tx, id, &format!("viewer {voter}"), voter % 3)?;
            }
            Ok(id)
        });
        self.tell(None);
        self.write(move |tx| polls::delete(tx, id, AT));
        self.tell(Some("deleting a poll"));
        self.clean_up(Leftover::Poll(id));
        self.tell(Some("deleting a poll: a batch"));
    }

    fn session(&self) {
        let id = self.write(|tx| {
            let id = sessions::active(tx)?.ok_or(Error::NotFound)?.id;
            sessions::close(tx, id, None, AT)?;
            Ok(id)
        });
        self.tell(Some("closing a session"));
        self.write(move |tx| sessions::delete(tx, id, AT));
        self.tell(Some("deleting a session"));
        self.clean_up(Leftover::Session(id));
        self.tell(Some("deleting a session: a batch"));
    }

    fn clean_up(&self, leftover: Leftover) {
        while !self.write(move |tx| leftovers::remove(tx, leftover, CLEAN_UP_BATCH_ROWS)) {}
    }
}
