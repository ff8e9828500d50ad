//! Every way in and every refusal, as tables. The service that is asked over HTTP has tests of its own.

mod asking;
mod signing;

use fanfare_model::{Timestamp, application::AppLimits, channel::ChannelPattern, egress::EgressPolicy};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::*;
use crate::{
    auth::{key::AdminKey, slowdown::Slowdown, token::Tokens},
    egress::Roots,
    shutdown::Tasks,
};

const SECRET: &[u8] = b"the secret of these tests, which is long enough";
const SOCKET: SocketId = SocketId(1 << 64 | 2);

/// What is asked, with its surroundings.
struct Desk {
    auth: ChannelAuth,
    clock: Clock,
    tasks: Tasks,
    application: Application,
}

impl Desk {
    fn new(configure: impl FnOnce(&mut Channels)) -> Self {
        let (clock, tasks) = (Clock::manual(Timestamp::EPOCH), Tasks::default());
        let mut settings = Channels::default();
        configure(&mut settings);
        let roots = Roots::load(None).expect("they are built in");
        let policy = EgressPolicy::new(Vec::new(), Vec::new());
        let egress = Egress::new(policy, Vec::new(), roots, clock.clone(), &tasks);
        let auth = Auth {
            key: AdminKey::of("key"),
            tokens: Tokens::new(SECRET, 0),
            slowdown: Slowdown::default(),
            clock: clock.clone(),
        };
        let auth = ChannelAuth::new(Arc::new(auth), &settings, egress, clock.clone());
        Self { auth, clock, tasks, application: application() }
    }

    fn access<'a>(&'a self, channel: &'a ChannelName, claims: Option<&'a Claims>) -> AccessRequest<'a> {
        AccessRequest {
            application: &self.application,
            protocol: Protocol::Pusher,
            socket: SOCKET,
            claims,
            signed_in: None,
            channel,
            auth: None,
            channel_data: None,
        }
    }
}

fn application() -> Application {
    Application {
        id: "app".into(),
        key: "the-key".into(),
        secret: "the-secret".into(),
        old_secret: None,
        name: "App".into(),
        limits: AppLimits::default(),
        is_default: true,
        created_at: Timestamp::EPOCH,
    }
}

fn named(channel: &str) -> ChannelName {
    ChannelName::parse(channel).expect(channel)
}

fn claims(value: Value) -> Claims {
    Claims(serde_json::from_value(value).expect("an object"))
}

fn rule(channel: &str) -> Rule {
    Rule::new(ChannelPattern::parse(channel).expect("a pattern"))
}

/// A verdict in one line.
fn shown(verdict: &Result<Grant, Denial>) -> String {
    match verdict {
        Ok(Grant { member: None }) => "yes".to_owned(),
        Ok(Grant { member: Some(member) }) => {
            format!("{} {}", member.id, member.info.as_deref().unwrap_or("-"))
        }
        Err(Denial::Unauthorized(why)) => format!("401 {why}"),
        Err(Denial::Capacity(why)) => format!("429 {why}"),
        Err(Denial::Failed(why)) => format!("500 {why}"),
    }
}

#[tokio::test]
async fn without_anything_else_only_public_channels_are_open() {
    let desk = Desk::new(|_| {});
    for (channel, said, signed_in, expected) in [
        ("news", None, None, "yes"),
        ("cache-news", None, None, "yes"),
        ("private-a", None, None, "401 Unauthorized"),
        ("presence-a", None, None, "401 Unauthorized"),
        ("private-encrypted-a", None, None, "401 Unauthorized"),
        ("private-a", Some(json!({"sub": "ann", "role": "admin"})), Some("ann"), "401 Unauthorized"),
        ("private-session.31", None, None, "401 Unauthorized"),
        ("private-session.31", Some(json!({"role": "admin"})), None, "yes"),
        ("presence-sessions", Some(json!({"role": "admin"})), None, "401 Unauthorized"),
        ("presence-sessions", Some(json!({"role": "admin", "sub": 7})), None, "7 -"),
        ("#server-to-user-ann", None, Some("ann"), "yes"),
        ("#server-to-user-ann", None, Some("bob"), "401 Unauthorized"),
        ("#server-to-user-ann", Some(json!({"sub": "ann", "role": "admin"})), None, "401 Unauthorized"),
    ] {
        let (channel_name, said) = (named(channel), said.map(claims));
        let access = AccessRequest { signed_in, ..desk.access(&channel_name, said.as_ref()) };
        for protocol in [Protocol::Pusher, Protocol::Broadcasting] {
            let verdict = desk.auth.authorise(AccessRequest { protocol, ..access }).await;
            assert_eq!(shown(&verdict), expected, "{channel} {said:?} {signed_in:?} {protocol:?}");
        }
    }
}

#[tokio::test]
async fn rules_let_in_whom_the_token_names() {
    let desk = Desk::new(|channels| {
        channels.rules = vec![
            rule("private-user.{id}").with_claim("sub", "{id}"),
            Rule { info_claims: vec!["name".into()], ..rule("presence-{room}") },
        ];
    });
    let ann = json!({"sub": "ann", "name": "Ann"});
    for (channel, said, channel_data, expected) in [
        ("private-user.ann", Some(ann.clone()), None, "yes"),
        ("private-user.bob", Some(ann.clone()), None, "401 Unauthorized"),
        ("private-user.ann", None, None, "401 Unauthorized"),
        ("presence-lobby", Some(ann.clone()), None, r#"ann {"name":"Ann"}"#),
        ("presence-lobby", Some(json!({"sub": 7})), None, "7 -"),
        ("presence-lobby", Some(json!({"name": "Ann"})), None, "401 Unauthorized"),
        // What a client says of itself counts for nothing.
        ("presence-lobby", Some(ann), Some(r#"{"user_id":"bob"}"#), r#"ann {"name":"Ann"}"#),
        ("presence-lobby", Some(json!({})), Some(r#"{"user_id":"bob"}"#), "401 Unauthorized"),
        ("presence-lobby", None, Some(r#"{"user_id":"bob"}"#), "401 Unauthorized"),
    ] {
        let (channel_name, said) = (named(channel), said.map(claims));
        let access = AccessRequest { channel_data, ..desk.access(&channel_name, said.as_ref()) };
        for protocol in [Protocol::Pusher, Protocol::Broadcasting] {
            let verdict = desk.auth.authorise(AccessRequest { protocol, ..access }).await;
            assert_eq!(shown(&verdict), expected, "{channel} {said:?} {channel_data:?} {protocol:?}");
        }
    }
}

#[test]
fn only_good_tokens_say_anything() {
    let desk = Desk::new(|_| {});
    let sign = |algorithm, secret: &[u8], claims: &Value| {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret))
            .expect("signs")
    };
    let ann = json!({"sub": "ann"});
    let good = sign(Algorithm::HS256, SECRET, &ann);
    assert_eq!(desk.auth.identify(Some(&good)), Some(claims(ann.clone())));
    let (head, signature) = good.rsplit_once('.').expect("a signature");
    let (kind, _) = head.split_once('.').expect("two parts");
    for (what, token) in [
        ("HS512", sign(Algorithm::HS512, SECRET, &ann)),
        ("another secret", sign(Algorithm::HS256, b"another", &ann)),
        ("expired", sign(Algorithm::HS256, SECRET, &json!({"sub": "ann", "exp": -1}))),
        ("not yet", sign(Algorithm::HS256, SECRET, &json!({"sub": "ann", "nbf": 10}))),
        // {"alg":"none","typ":"JWT"}.{"sub":"ann"}
        ("alg none", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4ifQ.".to_owned()),
        ("alg none, signed", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4ifQ.{signature}")),
        ("other claims", format!("{kind}.eyJzdWIiOiJib2IifQ.{signature}")),
        ("no signature", format!("{head}.")),
        ("nothing", String::new()),
        ("no JWT", "nonsense".to_owned()),
    ] {
        assert_eq!(desk.auth.identify(Some(&token)), None, "{what}");
    }
    assert_eq!(desk.auth.identify(None), None);
}

#[tokio::test]
async fn a_callback_lets_in_whom_it_likes() {
    let desk = Desk::new(|channels| {
        channels.rules = vec![rule("private-both"), rule("private-down")];
        channels.authorizer = Some(ChannelAuthorizer::new(|request: AuthRequest| async move {
            let member = |id: &str, info: Option<&str>| {
                Ok(Some(Member { id: id.into(), info: info.map(str::to_owned) }))
            };
            match &*request.channel {
                "private-asks" => {
                    let said =
                        (request.app, request.socket_id, request.channel_data, request.claims.is_some());
                    assert_eq!(said, ("app".into(), "1.2".into(), Some("{}".into()), true));
                    Ok(None)
                }
                "private-open" | "presence-open" => Ok(None),
                "presence-named" => member("bob", Some(r#"{ "a": 1 }"#)),
                "private-named" => member("bob", None),
                "presence-long" => member(&"x".repeat(129), None),
                "presence-bad" => member("bob", Some("{")),
                "private-down" => Err(Denied::Failed("down".into())),
                "private-panics" => panic!("a fault of the embedding program"),
                _ => Err(Denied::Unauthorized),
            }
        }));
    });
    let ann = claims(json!({"sub": "ann"}));
    for (channel, said, expected) in [
        ("private-asks", Some(&ann), "yes"),
        ("private-open", None, "yes"),
        ("presence-open", Some(&ann), "ann -"),
        ("presence-open", None, "401 Unauthorized"),
        ("presence-named", Some(&ann), r#"bob {"a":1}"#),
        ("private-named", None, "yes"),
        ("presence-long", None, "500 Authorization failed"),
        ("presence-bad", None, "500 Authorization failed"),
        ("private-down", Some(&ann), "500 Authorization failed"),
        ("private-panics", None, "500 Authorization failed"),
        ("private-both", Some(&ann), "yes"),
        ("private-both", None, "401 Unauthorized"),
        ("private-other", Some(&ann), "401 Unauthorized"),
    ] {
        let channel_name = named(channel);
        let access = AccessRequest { channel_data: Some("{}"), ..desk.access(&channel_name, said) };
        assert_eq!(shown(&desk.auth.authorise(access).await), expected, "{channel} {said:?}");
    }
}

#[tokio::test]
async fn a_callback_that_takes_too_long_has_failed() {
    let desk = Desk::new(|channels| {
        channels.authorizer_timeout_ms = 7;
        channels.authorizer = Some(ChannelAuthorizer::new(|_| std::future::pending()));
    });
    let channel = named("private-a");
    let (verdict, ()) = tokio::join!(desk.auth.authorise(desk.access(&channel, None)), async {
        desk.clock.advance(std::time::Duration::from_millis(7));
    });
    assert_eq!(shown(&verdict), "500 Authorization failed");
}
