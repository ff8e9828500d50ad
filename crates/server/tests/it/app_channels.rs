//! What the host sees of an app's channels and sockets, and closing one of them.

use fanfare::{config::Secret, timers::Clock};
use fanfare_model::pusher::{channel_auth, user_auth};
use http::header::ORIGIN;
use serde_json::{Value, json};

use crate::{
    channels::token,
    support::{Client, Engine, Peer, TestApp, backend::application, eventually},
};

async fn spawn() -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| {
        config.app = Some("1:key:secret".parse().expect("an app"));
        config.jwt_secret = Some(Secret("the secret of the tokens".to_owned()));
    })
    .await
}

/// The app's sockets, the newest first, but for the moments at which they came.
async fn connections(host: &Client) -> Value {
    let mut answer = host.get("/api/apps/1/connections").await.expect(200);
    for connection in answer["connections"].as_array_mut().expect("a list") {
        let moment = connection.as_object_mut().expect("an object").remove("connected_at");
        assert!(moment.is_some_and(|moment| moment.is_string()), "{connection}");
    }
    answer
}

/// What is told of one of them.
async fn connection(host: &Client, peer: &Peer) -> Value {
    let all = connections(host).await;
    let one = all["connections"].as_array().expect("a list").iter().find(|one| one["socket_id"] == *peer.id);
    one.unwrap_or_else(|| panic!("no {} in {all}", peer.id)).clone()
}

#[tokio::test]
async fn a_socket_is_told_with_its_user_its_page_and_its_channels() {
    let app = spawn().await;
    let host = app.host().await;
    let mut plain = Peer::pusher(app.addr(), "key").await;
    let told = |peer: &Peer, dialect: &str, user: Option<&str>, channels: usize, origin: Option<&str>| json!({"socket_id": peer.id, "dialect": dialect, "user_id": user, "subscription_count": channels, "origin": origin});
    assert_eq!(connections(&host).await["connections"], json!([told(&plain, "pusher", None, 0, None)]));
    plain.subscribe("orders", None, None).await;
    plain.subscribe("orders", None, None).await;
    plain.subscribe("news", None, None).await;
    assert_eq!(connection(&host, &plain).await, told(&plain, "pusher", None, 2, None));
    plain.say(&json!({"event": "pusher:unsubscribe", "data": {"channel": "news"}})).await;
    plain.hears_nothing().await;
    assert_eq!(connection(&host, &plain).await, told(&plain, "pusher", None, 1, None));

    let page = format!("http://{}", app.addr());
    let mut signed_in =
        Peer::open(app.addr(), "/app/key?protocol=7", &[(ORIGIN, page.as_str())]).await.expect("101");
    signed_in.hear_hello().await;
    assert_eq!(connection(&host, &signed_in).await, told(&signed_in, "pusher", None, 0, Some(&page)));
    let user = json!({"id": "ann"}).to_string();
    let auth = user_auth(&application(), &signed_in.id, &user);
    signed_in.say(&json!({"event": "pusher:signin", "data": {"auth": auth, "user_data": user}})).await;
    assert_eq!(signed_in.hear().await["event"], "pusher:signin_success");
    assert_eq!(connection(&host, &signed_in).await, told(&signed_in, "pusher", Some("ann"), 0, Some(&page)));

    // A token names its user, who has not signed in for all that.
    let mut named = Peer::broadcasting(app.addr(), Some(&token(&json!({"sub": "ann"})))).await;
    assert_eq!(connection(&host, &named).await, told(&named, "broadcasting", Some("ann"), 0, None));
    assert_eq!(app.channels().terminate_user("ann"), Ok(1));
    assert_eq!(signed_in.closed().await.0, 4009);
    named.hears_nothing().await;

    drop((plain, named));
    eventually("that all are gone", || async { (connections(&host).await["total"] == 0).then_some(()) })
        .await;
}

#[tokio::test]
async fn members_of_presence_channels_are_told_with_their_info() {
    let app = spawn().await;
    let host = app.host().await;
    let mut peers = Vec::new();
    for data in [json!({"user_id": "ann", "user_info": {"name": "Ann"}}), json!({"user_id": 7})] {
        let (mut peer, data) = (Peer::pusher(app.addr(), "key").await, data.to_string());
        let auth = channel_auth(&application(), &peer.id, "presence-room", Some(&data));
        let answer = peer.subscribe("presence-room", Some(&auth), Some(&data)).await;
        assert_eq!(answer["event"], "pusher_internal:subscription_succeeded", "{answer}");
        peers.push(peer);
    }
    let (ann, seven) = (json!({"id": "ann", "info": {"name": "Ann"}}), json!({"id": "7", "info": null}));
    let path = "/api/apps/1/channels/presence-room/members";
    assert_eq!(host.get(path).await.expect(200), json!({"total": 2, "members": [ann, seven]}));
    let first = host.get(&format!("{path}?limit=1")).await.expect(200);
    assert_eq!(first, json!({"total": 2, "members": [ann]}));
    let channel = json!({"name": "presence-room", "subscription_count": 2, "user_count": 2});
    let channels = host.get("/api/apps/1/channels?prefix=presence-").await.expect(200);
    assert_eq!(channels, json!({"total": 1, "channels": [channel]}));
}

#[tokio::test]
async fn one_socket_is_closed_in_its_own_words() {
    let app = spawn().await;
    let host = app.host().await;
    let mut pusher = Peer::pusher(app.addr(), "key").await;
    let mut broadcasting = Peer::broadcasting(app.addr(), None).await;
    let mut other = Peer::pusher(app.addr(), "key").await;
    for (peer, code) in [(&mut pusher, 4009), (&mut broadcasting, 1008)] {
        let path = format!("/api/apps/1/connections/{}", peer.id);
        let answer = host.delete(&path).await.expect(200);
        assert_eq!(answer, json!({"message": "Connection closed successfully", "socketId": peer.id}));
        let (closed, reason) = peer.closed().await;
        assert_eq!(closed, code, "{reason}");
    }
    other.hears_nothing().await;
    let only_other = || async { (connections(&host).await["total"] == 1).then_some(()) };
    eventually("that the others are gone", only_other).await;
    let path = format!("/api/apps/1/connections/{}", pusher.id);
    assert_eq!(host.delete(&path).await.expect(404)["error"], "Connection not found");
}
