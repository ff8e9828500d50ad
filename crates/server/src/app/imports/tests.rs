use fanfare_model::{
    catalogue,
    session::NewSessionGame,
    vote::{self, LiveVote, Tally, VoteType, chat::ChatVote, filter::VoteQuery},
};
use fanfare_store::{
    games,
    leftovers::{self, Leftover},
    session_games, stats,
    testing::TestDatabase,
};

use super::*;
use crate::app::RequestKey;

/// Votes written at a time in these tests.
const ROWS: usize = 10;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn creation(key: Option<&str>) -> Creation<ChatImported> {
    let key = key.map(|key| RequestKey { key: key.into(), fingerprint: "import".into() });
    let answer = |imported: &ChatImported| {
        let ChatImported { recorded, duplicates, unmatched, .. } = imported;
        Answer { status: 200, body: format!("{recorded} {duplicates} {unmatched}"), is_repeated: false }
    };
    Creation { key, answer }
}

/// A log of 35 votes, each of a user of his own, a second after the last.
fn log() -> ChatLog {
    let vote = |n: i64| ChatVote {
        username: format!("User {n}"),
        user_key: format!("user {n}"),
        vote_type: VoteType::Up,
        at: at(n * 1_000),
    };
    let votes: Vec<_> = (0..35).map(vote).collect();
    ChatLog { messages: votes.len(), invalid: 0, votes }
}

/// A session with a game on since the beginning, and an import of the log into it that is under way.
struct Scene {
    store: Store,
    _commits: fanfare_store::Commits,
    _database: TestDatabase,
    game: i64,
    open: OpenImport,
    import: Arc<Import>,
    creation: Creation<ChatImported>,
    /// What the transactions came to, a letter each.
    steps: String,
}

impl Scene {
    async fn set(database: TestDatabase, key: Option<&str>) -> Self {
        let (store, commits) = database.open();
        let set = |tx: &mut Tx| {
            sessions::start(tx, None, at(0))?;
            let [first, second] = [0, 1].map(|n| catalogue::shipped()[n].clone());
            let game = games::insert(tx, &first, at(0))?;
            games::insert(tx, &second, at(0))?;
            play(tx, game, 0)?;
            Ok::<_, Error>(game)
        };
        let game = store.write(set).await.expect("set");
        let creation = creation(key);
        let Start::Begun(open) = start(&store, 1, creation.clone(), at(9)).await.expect("begun") else {
            panic!("nothing was answered yet")
        };
        let import = judge(&store, open, log()).await.expect("judged");
        Self {
            store,
            _commits: commits,
            _database: database,
            game,
            open,
            import,
            creation,
            steps: String::new(),
        }
    }

    /// The next transaction; the answer, if it was the last.
    async fn step(&mut self) -> Result<Option<Answer>, Error> {
        let (open, import, creation) = (self.open, Arc::clone(&self.import), self.creation.clone());
        let step = self.store.write(move |tx| step(tx, open, &import, ROWS, &creation, at(9))).await?;
        match step {
            Step::Written => {
                Arc::make_mut(&mut self.import).written(ROWS);
                self.steps.push('w');
            }
            Step::Heard(heard) => {
                self.import = Arc::new(heard);
                self.steps.push('h');
            }
            Step::Ended(answer) => return Ok(Some(answer)),
        }
        assert_eq!(self.imported().await, 0, "nothing is seen before the end");
        Ok(None)
    }

    /// The remaining transactions: what is answered.
    async fn finish(&mut self) -> String {
        for _ in 0..20 {
            if let Some(answer) = self.step().await.expect("it works") {
                return answer.body;
            }
        }
        panic!("it does not end");
    }

    async fn write(&self, job: impl Fn(&mut Tx) -> Result<(), Error> + Send + 'static) {
        self.store.write(job).await.expect("written");
    }

    /// A live vote, as it is recorded.
    async fn cast(&self, user: i64, ms: i64) {
        let vote = LiveVote {
            username: format!("USER {user}"),
            user_key: vote::user_key(&format!("user {user}")),
            vote_type: VoteType::Down,
            timestamp: String::new(),
            at: at(ms),
        };
        let game = self.game;
        self.write(move |tx| {
            sessions::lock(tx, 1)?;
            assert!(
                !votes::is_duplicate(tx, 1, &vote.user_key, vote.at)?,
                "what is hidden counts for nobody"
            );
            votes::insert(tx, 1, game, &vote, at(9))?;
            votes::count(tx, game, Tally::from(vote.vote_type))?;
            Ok(())
        })
        .await;
    }

    /// Votes for a game that can be seen: all that are not live.
    async fn imported(&self) -> i64 {
        let query = VoteQuery { vote_type: Some(VoteType::Up), ..VoteQuery::parse([]).expect("all") };
        let listed = self.store.read(move |db| Ok::<_, Error>(votes::list(db, &query)?)).await;
        let (page, total) = listed.expect("read");
        assert_eq!(i64::try_from(page.len()).ok(), Some(total));
        total
    }

    /// Upvotes and downvotes as every total and every list says.
    async fn totals(&self) -> (i64, i64) {
        self.store
            .read(|db| {
                let games = games::list(db)?;
                let of_games =
                    games.iter().fold((0, 0), |(up, down), game| (up + game.upvotes, down + game.downvotes));
                let by_game = votes::by_game(db, 1)?;
                let listed = by_game
                    .iter()
                    .fold((0, 0), |(up, down), game| (up + game.votes.upvotes, down + game.votes.downvotes));
                let session = &stats::per_session(db, 1)?[0];
                assert_eq!((of_games, of_games), (listed, (session.upvotes, session.downvotes)));
                Ok::<_, Error>(of_games)
            })
            .await
            .expect("read")
    }

    async fn leftovers(&self) -> Vec<Leftover> {
        self.store.read(leftovers::list).await.expect("read")
    }
}

fn play(tx: &mut Tx, game_id: i64, ms: i64) -> Result<(), Error> {
    let new = NewSessionGame { game_id, manually_added: false, room_code: None };
    sessions::lock(tx, 1)?;
    session_games::add(tx, 1, &new, at(ms))?;
    Ok(())
}

fn engines() -> [TestDatabase; 2] {
    [TestDatabase::sqlite(), TestDatabase::postgres()]
}

#[tokio::test]
async fn an_import_ends_at_once_for_everybody() {
    for database in engines() {
        let mut scene = Scene::set(database, None).await;
        assert_eq!(scene.finish().await, "35 0 0");
        assert_eq!(scene.steps, "www");
        assert_eq!(scene.totals().await, (35, 0));
        assert_eq!(scene.leftovers().await, []);
    }
}

#[tokio::test]
async fn votes_cast_meanwhile_come_first() {
    for database in engines() {
        let mut scene = Scene::set(database, None).await;
        scene.step().await.expect("it works");
        // Written by now; not yet; of somebody else; too far away.
        for (user, ms) in [(0, 900), (34, 34_500), (99, 0), (20, 30_000)] {
            scene.cast(user, ms).await;
        }
        assert_eq!(scene.finish().await, "33 2 0");
        assert_eq!(scene.steps, "www");
        assert_eq!(scene.totals().await, (33, 4));
    }
}

#[tokio::test]
async fn more_news_than_fit_in_the_last_transaction_are_written_before() {
    for database in engines() {
        let mut scene = Scene::set(database, None).await;
        for _ in 0..3 {
            scene.step().await.expect("it works");
        }
        for user in 0..25 {
            scene.cast(user, user * 1_000).await;
        }
        assert_eq!(scene.step().await, Ok(None));
        // More of it, while that is written.
        scene.cast(30, 30_000).await;
        assert_eq!(scene.finish().await, "9 26 0");
        assert_eq!(scene.steps, "wwwhww");
        assert_eq!(scene.totals().await, (9, 26));
    }
}

#[tokio::test]
async fn games_that_come_and_go_meanwhile_own_their_time() {
    for database in engines() {
        let mut scene = Scene::set(database, None).await;
        for _ in 0..3 {
            scene.step().await.expect("it works");
        }
        let other = scene.game + 1;
        scene.write(move |tx| play(tx, other, 20_000)).await;
        assert_eq!(scene.finish().await, "35 0 0");
        assert_eq!(scene.steps, "wwwhw");
        let games = scene.store.read(|db| votes::by_game(db, 1)).await.expect("read");
        let games: Vec<_> = games.iter().map(|game| (game.game_id, game.votes.upvotes)).collect();
        assert_eq!((games, scene.totals().await), (vec![(scene.game, 20), (other, 15)], (35, 0)));
    }
}

#[tokio::test]
async fn a_session_deleted_meanwhile_takes_the_import_with_it() {
    for database in engines() {
        let mut scene = Scene::set(database, None).await;
        scene.step().await.expect("it works");
        scene
            .write(|tx| {
                sessions::close(tx, 1, None, at(9))?;
                Ok(sessions::delete(tx, 1, at(9))?)
            })
            .await;
        assert_eq!(scene.step().await, Err(Error::NO_SESSION));
        assert_eq!(scene.leftovers().await, [Leftover::Session(1)]);
        let refused = start(&scene.store, 1, creation(None), at(9)).await;
        assert!(matches!(refused, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn a_key_belongs_to_who_ends_first() {
    for database in engines() {
        let mut scene = Scene::set(database, Some("key")).await;
        scene.step().await.expect("it works");
        let other = Creation {
            key: Some(RequestKey { key: "key".into(), fingerprint: "another".into() }),
            ..creation(None)
        };
        let imported = ChatImported {
            messages: 0,
            invalid: 0,
            found: 0,
            recorded: 0,
            duplicates: 0,
            unmatched: 0,
            games: Vec::new(),
        };
        let taken = other.clone();
        scene.write(move |tx| taken.once(tx, at(9), |_| Ok(imported.clone())).map(drop)).await;
        for _ in 0..2 {
            scene.step().await.expect("it works");
        }
        assert_eq!(scene.step().await, Err(Error::KeyReused));
        assert_eq!((scene.totals().await, scene.leftovers().await.len()), ((0, 0), 1));
        let again = start(&scene.store, 1, creation(Some("key")), at(9)).await;
        assert!(matches!(again, Err(Error::KeyReused)));
        let again = start(&scene.store, 1, other, at(9)).await.expect("known");
        assert!(matches!(again, Start::Known(Answer { is_repeated: true, .. })));
    }
}

#[tokio::test]
async fn an_import_that_was_undone_shows_nothing() {
    for database in engines() {
        let mut scene = Scene::set(database, None).await;
        scene.step().await.expect("it works");
        let open = scene.open;
        scene.write(move |tx| Ok(leftovers::remove(tx, Leftover::Import(open), 99).map(drop)?)).await;
        assert!(matches!(scene.step().await, Err(Error::Bug(_))));
        assert_eq!(scene.totals().await, (0, 0));
    }
}
