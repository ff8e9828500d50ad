//! What the wire gives: a bare keep-alive client that posts the very bytes of a delivery to the same
//! receiver, with no queue, no database and no signing.

use std::{cell::Cell, time::Duration};

use futures_util::future::join_all;

use crate::{clock, ears::Ears, figures, shared::connection::Connection};

/// Prints how many a second it makes over so many connections.
pub(super) async fn print(ears: &Ears, connections: usize, length: Duration) {
    let request = ears.last().await;
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = Connection::open(ears.addr).await;
        connection.request.clone_from(&request);
        open.push(connection);
    }
    let (made, start_ns) = (Cell::new(0_u32), clock::now_ns());
    let busy = async |connection: &mut Connection| {
        while clock::seconds(start_ns, clock::now_ns()) < length.as_secs_f64() {
            connection.exchange().await.expect("the receiver goes on");
            made.set(made.get() + 1);
        }
    };
    join_all(open.iter_mut().map(busy)).await;
    let rate = f64::from(made.get()) / clock::seconds(start_ns, clock::now_ns());
    figures::line("a bare client, same bytes", &format!("{rate:.0} a second"), "");
    ears.take().await;
}
