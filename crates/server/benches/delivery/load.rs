//! What calls the API: connections with one request under way each.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    time::Duration,
};

use futures_util::future::join_all;

use crate::{
    clock,
    shared::connection::{Connection, head},
};

/// A call that was answered with success.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// Its number, from 1 on without a gap over all the load of a stage.
    pub(crate) number: u32,
    pub(crate) sent_ns: u64,
    pub(crate) answered_ns: u64,
}

/// Writes the whole request with that number.
pub(crate) type Write<'a> = &'a dyn Fn(u32, &mut String);

/// When load ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// So long after its start.
    Over(Duration),
    /// After so many calls.
    Calls(u32),
}

/// Makes calls; the numbers go on from one load to the next.
pub(crate) struct Caller {
    addr: SocketAddr,
    made: Cell<u32>,
}

impl Caller {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, made: Cell::new(0) }
    }

    /// Keeps so many connections busy.
    pub(crate) async fn keep_busy(&self, connections: usize, until: Until, write: Write<'_>) -> Vec<Call> {
        let start_ns = clock::now_ns();
        self.call(connections, until, start_ns, None, write).await
    }

    /// Makes so many calls a second, whether the earlier ones are answered or not, as long as one of the
    /// connections is free.
    pub(crate) async fn pace(
        &self,
        connections: usize,
        per_second: u32,
        length: Duration,
        write: Write<'_>,
    ) -> Vec<Call> {
        let start_ns = clock::now_ns();
        let calls = per_second * u32::try_from(length.as_secs()).expect("some seconds");
        let period = Duration::from_secs(1) / per_second;
        self.call(connections, Until::Calls(calls), start_ns, Some(period), write).await
    }

    /// Makes one call.
    pub(crate) async fn once(&self, connection: &mut Connection, write: Write<'_>) -> Call {
        let number = self.made.get() + 1;
        self.made.set(number);
        connection.request.clear();
        write(number, &mut connection.request);
        let sent_ns = clock::now_ns();
        let status = connection.exchange().await.expect("the server goes on");
        let answered_ns = clock::now_ns();
        assert!((200..300).contains(&status), "{status} {}", String::from_utf8_lossy(connection.body()));
        Call { number, sent_ns, answered_ns }
    }

    async fn call(
        &self,
        connections: usize,
        until: Until,
        start_ns: u64,
        period: Option<Duration>,
        write: Write<'_>,
    ) -> Vec<Call> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(self.addr).await);
        }
        let (calls, begun) = (RefCell::new(Vec::new()), Cell::new(0));
        let one = async |connection: &mut Connection| {
            loop {
                let turn = begun.replace(begun.get() + 1);
                let is_over = match until {
                    Until::Over(length) => clock::seconds(start_ns, clock::now_ns()) >= length.as_secs_f64(),
                    Until::Calls(most) => turn >= most,
                };
                if is_over {
                    return;
                }
                if let Some(period) = period {
                    let due = period * turn;
                    let gone = Duration::from_nanos(clock::now_ns().saturating_sub(start_ns));
                    clock::pause(due.saturating_sub(gone)).await;
                }
                let call = self.once(connection, write).await;
                calls.borrow_mut().push(call);
            }
        };
        join_all(open.iter_mut().map(one)).await;
        calls.into_inner()
    }
}

/// The request that fires the event `name`, with data as large as that of a `game.added`.
pub(crate) fn fire(text: &mut String, token: &str, name: &str, number: u32) {
    let body = format!(
        r#"{{"event":"{name}","data":{{"n":{number},"session":{{"id":3,"is_active":true,"games_played":2}},"game":{{"id":42,"title":"Quiplash 3","pack_name":"Jackbox Party Pack 7","min_players":3,"max_players":8,"manually_added":false}}}}}}"#
    );
    head(text, "POST /api/events/fire", token, &body);
}
