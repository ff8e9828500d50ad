//! What an app's own server signs, and what this server signs in its place.

use super::*;

/// What a client has, and what comes of it.
struct Case<'a> {
    what: &'a str,
    channel: &'a str,
    auth: String,
    data: Option<&'a str>,
    expected: &'a str,
}

#[tokio::test]
async fn a_signature_of_the_app_lets_in() {
    let desk = Desk::new(|_| {});
    let app = &desk.application;
    let sign = |channel: &str, data: Option<&str>| pusher::channel_auth(app, "1.2", channel, data);
    let ann = r#"{"user_id":7,"user_info":{"name": "Ann"}}"#;
    let other = Application { secret: "guess".into(), ..app.clone() };
    let renamed = Application { key: "other".into(), ..app.clone() };
    let bad = "401 Invalid signature";
    let case = |what, channel, auth, data, expected| Case { what, channel, auth, data, expected };
    let cases = [
        case("private", "private-a", sign("private-a", None), None, "yes"),
        case("encrypted", "private-encrypted-a", sign("private-encrypted-a", None), None, "yes"),
        case("reserved", "private-session.1", sign("private-session.1", None), None, "yes"),
        case("with data", "private-a", sign("private-a", Some("x")), Some("x"), "yes"),
        case("presence", "presence-a", sign("presence-a", Some(ann)), Some(ann), r#"7 {"name":"Ann"}"#),
        case("data changed", "presence-a", sign("presence-a", Some(ann)), Some(r#"{"user_id":8}"#), bad),
        case("data left out", "presence-a", sign("presence-a", Some(ann)), None, bad),
        case("nobody", "presence-a", sign("presence-a", None), None, bad),
        case(
            "no id",
            "presence-a",
            sign("presence-a", Some("{}")),
            Some("{}"),
            "401 channel_data must be a JSON object with a user_id",
        ),
        case("another channel", "private-a", sign("private-b", None), None, bad),
        case("another socket", "private-a", pusher::channel_auth(app, "2.1", "private-a", None), None, bad),
        case(
            "another secret",
            "private-a",
            pusher::channel_auth(&other, "1.2", "private-a", None),
            None,
            bad,
        ),
        case("another key", "private-a", pusher::channel_auth(&renamed, "1.2", "private-a", None), None, bad),
        case("a user's", "private-a", pusher::user_auth(app, "1.2", "private-a"), None, bad),
        case("nonsense", "private-a", "nonsense".to_owned(), None, bad),
        case(
            "a user's channel",
            "#server-to-user-7",
            sign("#server-to-user-7", None),
            None,
            "401 Unauthorized",
        ),
    ];
    for Case { what, channel, auth, data, expected } in cases {
        let channel = named(channel);
        let access = AccessRequest { auth: Some(&auth), channel_data: data, ..desk.access(&channel, None) };
        assert_eq!(shown(&desk.auth.authorise(access).await), expected, "{what}");
        // The other protocol has no signatures.
        let access = AccessRequest { protocol: Protocol::Broadcasting, ..access };
        assert_eq!(shown(&desk.auth.authorise(access).await), "401 Unauthorized", "{what}");
    }
}

#[tokio::test]
async fn who_has_signed_in_needs_no_channel_data() {
    let desk = Desk::new(|_| {});
    let channel = named("presence-a");
    let auth = pusher::channel_auth(&desk.application, "1.2", &channel, None);
    let access = AccessRequest { auth: Some(&auth), signed_in: Some("ann"), ..desk.access(&channel, None) };
    assert_eq!(shown(&desk.auth.authorise(access).await), "ann -");
}

#[tokio::test]
async fn the_old_secret_counts_until_it_expires() {
    let mut desk = Desk::new(|_| {});
    let channel = named("private-a");
    let auth = pusher::channel_auth(&desk.application, "1.2", &channel, None);
    desk.application = desk.application.clone().with_secret("new".into(), desk.clock.now(), 1_000);
    for expected in ["yes", "401 Invalid signature"] {
        let access = AccessRequest { auth: Some(&auth), ..desk.access(&channel, None) };
        assert_eq!(shown(&desk.auth.authorise(access).await), expected);
        desk.clock.advance(std::time::Duration::from_secs(1));
    }
}

#[test]
fn a_user_signs_in_with_what_his_server_signed() {
    let desk = Desk::new(|_| {});
    let sign_in = |signed: &str, said: &str| {
        let auth = pusher::user_auth(&desk.application, "1.2", signed);
        desk.auth.sign_in(&desk.application, SOCKET, &auth, said)
    };
    let id = Err("user_data has no id that a user can have");
    for (signed, said, expected) in [
        (r#"{"id":"ann","user_info":{}}"#, r#"{"id":"ann","user_info":{}}"#, Ok("ann".to_owned())),
        (r#"{"id":7}"#, r#"{"id":7}"#, Ok("7".to_owned())),
        (r#"{"id":"ann"}"#, r#"{"id":"bob"}"#, Err("Invalid signature")),
        ("{}", "{}", id.clone()),
        (r#"{"id":""}"#, r#"{"id":""}"#, id.clone()),
        (r#"{"id":null}"#, r#"{"id":null}"#, id.clone()),
        ("7", "7", id),
        ("{", "{", Err("user_data is not JSON")),
    ] {
        assert_eq!(sign_in(signed, said), expected, "{said}");
    }
    let auth = pusher::channel_auth(&desk.application, "1.2", "user", Some(r#"{"id":"ann"}"#));
    let said = desk.auth.sign_in(&desk.application, SOCKET, &auth, r#"{"id":"ann"}"#);
    assert_eq!(said, Err("Invalid signature"));
}

#[tokio::test]
async fn signs_what_it_would_allow() {
    let desk = Desk::new(|channels| {
        channels.rules = vec![
            rule("private-user.{id}").with_claim("sub", "{id}"),
            rule("private-encrypted-a"),
            Rule { info_claims: vec!["name".into()], ..rule("presence-{room}") },
        ];
    });
    let ann = claims(json!({"sub": "an\"n", "name": "Ann"}));
    let app = &desk.application;
    let lobby = r#"{"user_id":"an\"n","user_info":{"name":"Ann"}}"#;
    for (channel, said, expected) in [
        ("presence-lobby", &ann, Ok(Some(lobby))),
        ("presence-lobby", &claims(json!({"sub": 7})), Ok(Some(r#"{"user_id":"7"}"#))),
        ("presence-lobby", &claims(json!({})), Err("Unauthorized")),
        ("private-user.7", &claims(json!({"sub": 7})), Ok(None)),
        ("private-user.8", &claims(json!({"sub": 7})), Err("Unauthorized")),
        ("news", &ann, Err("Public channels need no signature")),
        ("#server-to-user-ann", &ann, Err("A user's own channel needs no signature: sign in")),
        (
            "private-encrypted-a",
            &ann,
            Err("Encrypted channels need an endpoint of your own, which has their master key"),
        ),
    ] {
        let name = named(channel);
        let signed = desk.auth.sign(app, SOCKET, &name, Some(said)).await;
        let expected = expected
            .map(|data: Option<&str>| Signed {
                auth: pusher::channel_auth(app, "1.2", channel, data),
                data: data.map(str::to_owned),
            })
            .map_err(|why: &str| Denial::Unauthorized(why.to_owned()));
        assert_eq!(signed, expected, "{channel} {said:?}");
        // What it signs lets in.
        if let Ok(Signed { auth, data }) = signed {
            let access = desk.access(&name, None);
            let access = AccessRequest { auth: Some(&auth), channel_data: data.as_deref(), ..access };
            assert!(desk.auth.authorise(access).await.is_ok(), "{channel}");
        }
    }
    assert!(desk.auth.sign(app, SOCKET, &named("presence-lobby"), None).await.is_err());
}

#[test]
fn signs_who_somebody_is() {
    let desk = Desk::new(|_| {});
    let app = &desk.application;
    for (said, expected) in [
        (Some(json!({"sub": "ann"})), Some(r#"{"id":"ann"}"#)),
        (Some(json!({"sub": 7})), Some(r#"{"id":"7"}"#)),
        (Some(json!({"role": "admin"})), None),
        (None, None),
    ] {
        let signed = ChannelAuth::sign_user(app, SOCKET, said.clone().map(claims).as_ref());
        match expected {
            None => assert_eq!(signed, Err(Denial::Unauthorized("Unauthorized".into())), "{said:?}"),
            Some(data) => {
                let Signed { auth, data: signed } = signed.expect("signed");
                assert_eq!(signed.as_deref(), Some(data));
                assert!(desk.auth.sign_in(app, SOCKET, &auth, data).is_ok());
            }
        }
    }
}
