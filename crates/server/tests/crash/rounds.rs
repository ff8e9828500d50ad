//! The course of a run: a server under load, killed again and again, until at last it is left in peace
//! and everything on its way arrives.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    bot::Bot,
    client::{Client, Ledger},
    history::{End, History, Hook, Life, Ordering, last_positions},
    load::{Load, Scope},
    lots::Lots,
    plan::Plan,
    program::{Home, Program},
    receiver::{Manner, Receiver},
    shown,
    time::{Clock, pause, pause_us, within},
};

/// How long a server lives in a round, in milliseconds.
const LIFE_MS: std::ops::RangeInclusive<u64> = 20..=1_200;
/// One life in so many is longer than anything waits to be written down, in milliseconds.
const LONG_ONE_IN: u64 = 12;
const LONG_LIFE_MS: std::ops::RangeInclusive<u64> = 3_000..=4_500;
/// A kill that is aimed comes so long after what it is aimed at, in microseconds.
const AIM_US: std::ops::RangeInclusive<u64> = 0..=4_000;
/// How long something to aim at is waited for, in milliseconds.
const AIM_MAX_MS: u64 = 1_000;
/// One round in so many ends with SIGTERM.
const STOPPED_ONE_IN: u64 = 8;
/// In one round in so many the next server is killed while it starts, too.
const STILLBORN_ONE_IN: u64 = 5;
/// Until a first start has shown how long one takes, in milliseconds.
const START_GUESS_MS: u64 = 300;
/// Between two looks whether all has arrived, in milliseconds.
const LOOK_MS: u64 = 50;
/// How long nothing may arrive while something is still on its way, in milliseconds: longer than a
/// breaker keeps a webhook closed.
const SILENCE_MAX_MS: u64 = 120_000;

/// Games that an empty library gets.
const SHIPPED_GAMES: usize = 63;

/// A webhook as it is asked for.
struct Wanted {
    name: &'static str,
    patterns: &'static [&'static str],
    /// What is sent as `ordering`.
    ordering: &'static str,
    manner: Manner,
}

/// What happens in a night, and what clients fire by hand.
const ALL: &[&str] = &["*", "crash.*"];

const WANTED: [Wanted; 7] = [
    Wanted { name: "steady", patterns: ALL, ordering: "none", manner: Manner::Steady },
    Wanted { name: "flaky", patterns: ALL, ordering: "none", manner: Manner::Flaky { one_in: 8 } },
    Wanted { name: "slow", patterns: ALL, ordering: "none", manner: Manner::Slow { max_ms: 150 } },
    Wanted { name: "shy", patterns: ALL, ordering: "none", manner: Manner::Shy },
    Wanted {
        name: "choosy",
        patterns: &["session.*", "vote.recorded"],
        ordering: "none",
        manner: Manner::Steady,
    },
    Wanted { name: "by session", patterns: ALL, ordering: "session", manner: Manner::Flaky { one_in: 20 } },
    Wanted { name: "in order", patterns: ALL, ordering: "fifo", manner: Manner::Flaky { one_in: 40 } },
];

/// A run under way.
struct Course {
    home: Home,
    receiver: Receiver,
    clock: Clock,
    lots: Lots,
    lives: Vec<Life>,
    addr: watch::Sender<Option<std::net::SocketAddr>>,
    running: Option<Program>,
    odd: Vec<String>,
}

/// What a run has left, and where its home is, for a look at what went wrong.
pub(crate) struct Ended {
    pub(crate) history: History,
    pub(crate) home: Home,
}

/// Runs the whole course.
///
/// # Errors
/// In words: the server does not start again, or ends badly.
pub(crate) async fn run(plan: &Plan) -> Result<Ended, String> {
    let mut lots = Lots::new(plan.seed);
    let clock = Clock::start();
    let receiver = Receiver::open(&WANTED.map(|wanted| wanted.manner), clock, &mut lots)
        .map_err(|error| error.to_string())?;
    let home = Home::new(plan.database).map_err(|error| error.to_string())?;
    let (addr, server) = watch::channel(None);
    let ledger = Ledger::new(clock, server);
    let load_lots = lots.fork();
    let mut course =
        Course { home, receiver, clock, lots, lives: Vec::new(), addr, running: None, odd: Vec::new() };
    match course.through(plan.rounds, &ledger, load_lots).await {
        Ok(history) => Ok(Ended { history, home: course.home }),
        Err(error) => {
            let kept = course.home.keep();
            Err(format!("{error}\nthe server's folder is kept: {}", kept.display()))
        }
    }
}

impl Course {
    async fn through(
        &mut self,
        rounds: u64,
        ledger: &Arc<Ledger>,
        mut load_lots: Lots,
    ) -> Result<History, String> {
        // The very first start, which makes the database, may be cut short, too.
        self.stillbirth().await?;
        self.start().await?;
        let mut host = Client::sign_in(ledger).await?;
        let hooks = self.register(&mut host).await?;
        let bot = Bot::start(Client::new(ledger, host.token()));
        let scope = Scope {
            library: self.library(&mut host).await?,
            may_fire: !host.get("/openapi.json").await?["paths"]["/api/events/fire"].is_null(),
        };
        let load = Load::start(ledger, host.token(), &scope, &mut load_lots);
        for round in 1..=rounds {
            let is_long = self.lots.one_in(LONG_ONE_IN);
            pause(self.lots.between(if is_long { LONG_LIFE_MS } else { LIFE_MS })).await;
            self.aim(ledger).await;
            if self.lots.one_in(STOPPED_ONE_IN) {
                self.stop().await?;
            } else {
                self.kill().await;
            }
            if self.lots.one_in(STILLBORN_ONE_IN) {
                self.stillbirth().await?;
            }
            self.start().await?;
            if round % 10 == 0 {
                println!("round {round}: {} requests have come in", self.receiver.count());
            }
        }
        load.finish().await;
        self.receiver.stay();
        self.point_anew(&hooks, &mut host).await?;
        self.drain(&mut host).await?;
        self.stop().await?;
        let trail = self.home.trail().await;
        // One more life, in which there is nothing left to do but show what is there.
        self.start().await?;
        let shown = shown::look(&mut host, &trail, self.addr.borrow().expect("it listens")).await?;
        let followed = bot.heard(&last_positions(&trail)).await;
        drop(bot);
        self.stop().await?;
        let mut kept = ledger.take();
        kept.odd.append(&mut self.odd);
        kept.odd.extend(self.complaints());
        Ok(History {
            hooks,
            lives: std::mem::take(&mut self.lives),
            asked: kept.asked,
            receipts: self.receiver.receipts(),
            trail,
            followed,
            shown,
            odd: kept.odd,
        })
    }

    /// Waits for the instant of a kill: any, or one right after a request to the server or an answer to
    /// a webhook, when most is unsettled.
    async fn aim(&mut self, ledger: &Ledger) {
        match self.lots.between(0..=2) {
            0 => return,
            1 => drop(within(AIM_MAX_MS, ledger.sent()).await),
            _ => drop(within(AIM_MAX_MS, self.receiver.answered()).await),
        }
        pause_us(self.lots.between(AIM_US)).await;
    }

    /// Starts a process and waits until it listens.
    async fn start(&mut self) -> Result<(), String> {
        let mut program = self.launch()?;
        let addr = program.ready().await?;
        let now = self.clock.now();
        self.last_life().ready = Some(now);
        self.running = Some(program);
        self.addr.send_replace(Some(addr));
        Ok(())
    }

    /// Starts a process and kills it before, or just when, it listens.
    async fn stillbirth(&mut self) -> Result<(), String> {
        let took_ms = self.lives.iter().rev().find_map(|life| Some((life.ready? - life.started) / 1_000));
        self.running = Some(self.launch()?);
        pause(self.lots.between(0..=took_ms.unwrap_or(START_GUESS_MS))).await;
        self.kill().await;
        Ok(())
    }

    fn launch(&mut self) -> Result<Program, String> {
        self.receiver.begin_life(self.lives.len());
        let now = self.clock.now();
        self.lives.push(Life { started: now, ready: None, ended: u64::MAX, end: End::Killed });
        self.home.launch().map_err(|error| error.to_string())
    }

    async fn kill(&mut self) {
        self.addr.send_replace(None);
        let now = self.clock.now();
        if let Some(program) = self.running.take() {
            program.kill().await;
        }
        *self.last_life() = Life { ended: now, end: End::Killed, ..*self.last_life() };
        self.receiver.settle().await;
    }

    async fn stop(&mut self) -> Result<(), String> {
        self.addr.send_replace(None);
        let ended = match self.running.take() {
            Some(program) => program.stop().await,
            None => Ok(()),
        };
        let now = self.clock.now();
        *self.last_life() = Life { ended: now, end: End::Stopped, ..*self.last_life() };
        self.receiver.settle().await;
        ended
    }

    fn last_life(&mut self) -> &mut Life {
        self.lives.last_mut().expect("a server was started")
    }

    /// Makes the webhooks; which order they keep is what the server says it is.
    async fn register(&self, host: &mut Client) -> Result<Vec<Hook>, String> {
        let mut hooks = Vec::new();
        for (index, wanted) in WANTED.iter().enumerate() {
            let secret = format!("the secret of {}", wanted.name);
            let body = json!({
                "name": wanted.name,
                "url": self.receiver.url(index, "hook"),
                "secret": secret,
                "events": wanted.patterns,
                "ordering": wanted.ordering,
            });
            let made = host.ask("POST", "/api/webhooks", &format!("webhook {index}"), &body).await?;
            let ordering = match &made["ordering"] {
                Value::String(word) if word == "session" => Ordering::Session,
                Value::String(word) if word == "fifo" => Ordering::Fifo,
                _ => Ordering::None,
            };
            let id = made["id"].as_i64().ok_or("a webhook has no id")?;
            let is_shy = matches!(wanted.manner, Manner::Shy);
            hooks.push(Hook { id, name: wanted.name, secret, patterns: wanted.patterns, ordering, is_shy });
        }
        Ok(hooks)
    }

    /// The ids of the games, all of which are there even if the first start was cut short.
    async fn library(&self, host: &mut Client) -> Result<Vec<i64>, String> {
        let games = host.get("/api/games").await?;
        let ids = games.as_array().map_or(&[][..], Vec::as_slice).iter();
        let ids: Vec<i64> = ids.filter_map(|game| game["id"].as_i64()).collect();
        match ids.len() {
            SHIPPED_GAMES => Ok(ids),
            count => Err(format!("the library begins with {count} games, not {SHIPPED_GAMES}")),
        }
    }

    /// Moves every webhook to another path: a receiver that was left alone since it failed is another
    /// one now, and the end need not wait for it.
    async fn point_anew(&self, hooks: &[Hook], host: &mut Client) -> Result<(), String> {
        for (index, hook) in hooks.iter().enumerate() {
            let body = json!({"url": self.receiver.url(index, "moved")});
            host.ask("PATCH", &format!("/api/webhooks/{}", hook.id), "", &body).await?;
        }
        Ok(())
    }

    /// Waits until nothing is on its way any more, or nothing has moved for too long.
    async fn drain(&mut self, host: &mut Client) -> Result<(), String> {
        let (mut count, mut since) = (0, self.clock.now());
        loop {
            let metrics = host.get("/metrics").await?;
            let text = metrics.as_str().unwrap_or_default();
            let line = "fanfare_deliveries_waiting{state=\"pending\"} ";
            let pending = text.lines().find_map(|found| found.strip_prefix(line));
            if pending.ok_or("the metrics do not say what is pending")? == "0" {
                return Ok(());
            }
            if self.receiver.count() != count {
                (count, since) = (self.receiver.count(), self.clock.now());
            }
            let silent_ms = (self.clock.now() - since) / 1_000;
            if silent_ms > SILENCE_MAX_MS {
                let pending = pending.unwrap_or_default();
                self.odd.push(format!("{pending} are pending, and for {silent_ms} ms nothing was sent"));
                return Ok(());
            }
            pause(LOOK_MS).await;
        }
    }

    /// Panics and errors in the server's own log.
    fn complaints(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.home.log()).unwrap_or_default();
        let is_bad = |line: &&str| line.contains("ERROR") || line.contains("panicked");
        log.lines().filter(is_bad).map(|line| format!("the server's log: {line}")).collect()
    }
}
