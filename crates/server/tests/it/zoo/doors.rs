//! Animals that nobody gets to see: connections that are never made.

use tokio::net::TcpStream;

use super::{Expected, Keeper, STRIDE_MS, TIMEOUT, animal};

#[tokio::test]
async fn refuses() {
    let mut keeper = Keeper::start().await;
    // The port is taken, and nobody listens there.
    let socket = animal::bound();
    let addr = socket.local_addr().expect("bound");
    let webhook = animal::register(&keeper.host, &format!("http://{addr}/")).await;
    keeper.tell().await;
    keeper.attempt("refuses", webhook, Expected::Fault("connect", &["connection refused"])).await;
}

/// A listener that drops whoever calls next, as a firewall does, with the caller that keeps it busy.
async fn engaged() -> (tokio::net::TcpListener, TcpStream) {
    let listener = animal::listening(0);
    let caller = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("the only place");
    (listener, caller)
}

#[tokio::test]
async fn lets_it_ring() {
    let mut keeper = Keeper::start().await;
    let (listener, _caller) = engaged().await;
    let addr = listener.local_addr().expect("bound");
    let webhook = animal::register(&keeper.host, &format!("http://{addr}/")).await;
    keeper.tell().await;
    keeper.attempt("lets_it_ring", webhook, TIMEOUT).await;
    keeper.tell().await;
}

#[tokio::test]
async fn lets_it_ring_at_the_first_of_its_addresses() {
    let mut keeper = Keeper::start().await;
    let (listener, _caller) = engaged().await;
    // Its other address, ::1, refuses at once; the first one is given three seconds.
    let url = format!("http://localhost:{}/", listener.local_addr().expect("bound").port());
    let webhook = animal::register(&keeper.host, &url).await;
    keeper.tell().await;
    let rows = keeper.rows(webhook, 1, STRIDE_MS).await;
    let expected = Expected::Fault("connect", &["no connection within 3000 ms"]);
    expected.check("lets_it_ring_at_the_first_of_its_addresses", &rows[0]);
}
