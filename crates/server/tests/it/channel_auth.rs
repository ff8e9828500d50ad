//! Signatures for clients without a server of their own, by the rules of the configuration and by a
//! service that is asked.

use fanfare::{
    ChannelPattern,
    config::{Rule, Secret},
    timers::Clock,
};
use fanfare_model::{
    application::{Application, Preset},
    pusher,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Client, Engine, Receiver, TestApp, backend};

const JWT_SECRET: &str = "the secret of these tests, which is long enough";

fn preset() -> Preset {
    Preset { id: "app".into(), key: "the-key".into(), secret: "the-secret".into() }
}

/// The app as its own server knows it.
fn application() -> Application {
    let Preset { id, key, secret } = preset();
    Application { id, key, secret, ..backend::application() }
}

fn token(claims: &Value) -> String {
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).expect("signs")
}

async fn spawn(authorizer: Option<String>) -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| {
        config.app = Some(preset());
        config.jwt_secret = Some(Secret(JWT_SECRET.into()));
        let lobby = Rule::new(ChannelPattern::parse("presence-{team}.lobby").expect("a pattern"));
        let lobby = lobby.with_claim("teams", "{team}");
        config.channels.rules = vec![Rule { info_claims: vec!["name".into()], ..lobby }];
        config.channels.authorizer_url = authorizer.map(Secret);
    })
    .await
}

fn visitor(app: &TestApp, claims: &Value) -> Client {
    app.stranger().with_token(&token(claims))
}

#[tokio::test]
async fn what_it_signs_is_the_apps_signature() {
    let app = spawn(None).await;
    let ann = visitor(&app, &json!({"sub": 7, "teams": ["red"], "name": "Ann"}));
    let data = r#"{"user_id":"7","user_info":{"name":"Ann"}}"#;
    let auth = pusher::channel_auth(&application(), "1.2", "presence-red.lobby", Some(data));
    let wish = json!({"socket_id": "1.2", "channel_name": "presence-red.lobby"});
    for path in ["/pusher/auth", "/broadcasting/auth"] {
        let signed = ann.post(path, wish.clone()).await.expect(200);
        assert_eq!(signed, json!({"auth": auth, "channel_data": data}));
    }
    let named = json!({"socket_id": "1.2", "channel_name": "presence-red.lobby", "app_key": "the-key"});
    assert_eq!(ann.post("/pusher/auth", named).await.expect(200)["auth"], auth);
    let other = json!({"socket_id": "1.2", "channel_name": "presence-blue.lobby"});
    assert_eq!(ann.post("/pusher/auth", other).await.expect(403), json!({"error": "Unauthorized"}));

    let data = r#"{"id":"7"}"#;
    let auth = pusher::user_auth(&application(), "1.2", data);
    let signed = ann.post("/pusher/user-auth", json!({"socket_id": "1.2"})).await.expect(200);
    assert_eq!(signed, json!({"auth": auth, "user_data": data}));
}

#[tokio::test]
async fn it_signs_what_the_service_allows() {
    let mut service = Receiver::start().await;
    let app = spawn(Some(service.url())).await;
    let ann = visitor(&app, &json!({"sub": "ann"}));
    let wish = |channel: &str| json!({"socket_id": "1.2", "channel_name": channel});
    service.will_answer(&[200, 403, 500]);
    let auth = pusher::channel_auth(&application(), "1.2", "private-a", None);
    assert_eq!(ann.post("/pusher/auth", wish("private-a")).await.expect(200), json!({ "auth": auth }));
    let asked = json!({"app": "app", "socket_id": "1.2", "channel": "private-a", "claims": {"sub": "ann"}});
    assert_eq!(service.next().await.json(), asked);
    ann.post("/pusher/auth", wish("private-b")).await.expect(403);
    let failed = ann.post("/pusher/auth", wish("private-c")).await.expect(500);
    assert_eq!(failed, json!({"error": "Authorization failed"}));
}
