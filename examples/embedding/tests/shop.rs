//! The shop with real clients.

use std::net::SocketAddr;

use fanfare::config::{Config, Secret};
use fanfare_embedding::Shop;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

const SECRET: &str = "the secret of the shop";

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(addr: SocketAddr, claims: &Value) -> Self {
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("signed");
        let uri = format!("ws://{addr}/ws?token={token}").parse().expect("a URI");
        let (socket, _) = ClientBuilder::from_uri(uri).connect().await.expect("101");
        let mut client = Self(socket);
        assert_eq!(client.hear().await["event"], "connection_established");
        client
    }

    async fn subscribe(&mut self, channel: &str) -> Value {
        let message = json!({"event": "subscribe", "channel": channel}).to_string();
        self.0.send(Message::text(message)).await.expect("connected");
        self.hear().await
    }

    async fn hear(&mut self) -> Value {
        let frame = self.0.next().await.expect("connected").expect("a good frame");
        serde_json::from_str(frame.as_text().expect("text")).expect("JSON")
    }
}

#[tokio::test]
async fn customers_see_their_own_orders_and_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config { data: folder.path().join("data"), ..Config::default() };
    config.listen.set_port(0);
    config.jwt_secret = Some(Secret(SECRET.to_owned()));
    let shop = Shop::open(config, Some("http://127.0.0.1:9/hook")).await.expect("open");
    let addr = shop.server().addr();

    let mut ann = Client::connect(addr, &json!({"sub": "ann", "name": "Ann"})).await;
    assert_eq!(ann.subscribe("private-orders.ann").await["event"], "subscription_succeeded");
    assert_eq!(ann.subscribe("private-orders.bob").await["event"], "subscription_error");
    assert_eq!(ann.subscribe("presence-shop").await["data"]["presence"]["ids"], json!(["ann"]));

    let mut clerk = Client::connect(addr, &json!({"sub": "cy", "role": "staff"})).await;
    assert_eq!(clerk.subscribe("private-orders.ann").await["event"], "subscription_succeeded");

    shop.ship("ann", 7).await.expect("told");
    for client in [&mut ann, &mut clerk] {
        let shipped = client.hear().await;
        assert_eq!((&shipped["event"], &shipped["data"]), (&json!("OrderShipped"), &json!({"order": 7})));
    }
    assert_eq!(shop.visitors().expect("a channel"), ["ann"]);
    shop.ship("no such name", 8).await.expect_err("no channel can be called so");
    shop.close().await;
}
