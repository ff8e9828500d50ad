use serde_json::json;

use super::{
    fake::{Fake, sign_in},
    *,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn at(server: &str) -> ServerArgs {
    ServerArgs { server: Some(server.to_owned()), token: None }
}

/// The line with which it fails, and whether a setting is to blame.
async fn failure(args: ServerArgs, environment: &[(&str, &str)]) -> (bool, String) {
    match sign_in(args, environment).await {
        Ok(_) => panic!("signed in"),
        Err(failure) => (matches!(failure, Failure::Setting(_)), failure.to_string()),
    }
}

#[tokio::test]
async fn a_token_beats_the_key_and_the_key_beats_the_secret() {
    let fake = Fake::start(&[(200, r#"{"token":"of the key"}"#)]).await;
    let secret = ("FANFARE_JWT_SECRET", SECRET);
    let (key, token) = (("FANFARE_ADMIN_KEY", "K"), ("FANFARE_TOKEN", "of the variable"));
    let by_flag = ServerArgs { token: Some("of the flag".to_owned()), ..at(&fake.url()) };

    let client = sign_in(by_flag, &[token, key, secret]).await.expect("by flag");
    assert_eq!(client.token, "of the flag");
    let client = sign_in(at(&fake.url()), &[token, key, secret]).await.expect("by variable");
    assert_eq!(client.token, "of the variable");
    assert_eq!(fake.asked(), []);

    let client = sign_in(at(&fake.url()), &[key, secret]).await.expect("by key");
    assert_eq!(client.token, "of the key");
    let asked = fake.asked();
    assert_eq!(asked[0].what, "POST /api/auth/login");
    assert_eq!(asked[0].body, json!({"key": "K"}));

    let client = sign_in(at(&fake.url()), &[secret]).await.expect("by secret");
    assert_eq!(client.token.split('.').count(), 3, "a signed token");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn the_server_is_named_by_flag_or_variable_or_is_the_configured_one() {
    for (flag, environment, expected) in [
        (Some("http://a:1/fan/"), &[("FANFARE_SERVER", "http://b:2")][..], "http://a:1/fan"),
        (None, &[("FANFARE_SERVER", "https://b")], "https://b"),
        (None, &[("FANFARE_LISTEN", "0.0.0.0:81")], "http://127.0.0.1:81"),
        (None, &[], "http://127.0.0.1:5000"),
    ] {
        let args = ServerArgs { server: flag.map(str::to_owned), token: Some("T".to_owned()) };
        let client = sign_in(args, environment).await.expect("nobody has to be asked");
        assert_eq!(client.base, expected);
    }
}

#[tokio::test]
async fn what_is_no_server_is_a_wrong_setting() {
    for url in ["", "fanfare", "localhost:5000", "ftp://a", "http://a:(hidden)@c", "http://a?b", "http://a#b"]
    {
        let given = url.replace("(hidden)", "hunter2");
        let (is_setting, line) = failure(at(&given), &[]).await;
        assert!(is_setting && line.starts_with(&format!("flag --server is {url:?}: ")), "{line}");
        let args = ServerArgs { server: None, token: None };
        let (is_setting, line) = failure(args, &[("FANFARE_SERVER", &given)]).await;
        assert!(
            is_setting && line.starts_with(&format!("environment FANFARE_SERVER is {url:?}: ")),
            "{line}"
        );
    }
    let (is_setting, line) =
        failure(ServerArgs { server: None, token: None }, &[("FANFARE_LISTEN", "127.0.0.1:0")]).await;
    assert!(is_setting && line.ends_with("so --server must name the server"), "{line}");
}

#[tokio::test]
async fn a_token_signed_here_is_not_shown_to_another_machine() {
    let (is_setting, line) = failure(at("http://192.0.2.1:5000"), &[("FANFARE_JWT_SECRET", SECRET)]).await;
    assert!(is_setting && line.starts_with("http://192.0.2.1:5000 is another machine: "), "{line}");
}

#[tokio::test]
async fn the_key_of_the_file_is_not_sent_to_another_machine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().to_str().expect("UTF-8");
    std::fs::write(folder.path().join("fanfare.toml"), "admin_key = 'of the file'").expect("written");
    let (is_setting, line) = failure(at("http://192.0.2.1:5000"), &[("FANFARE_DATA", data)]).await;
    assert!(is_setting, "{line}");
    assert_eq!(
        line,
        format!(
            "http://192.0.2.1:5000 is another machine, which the admin key of {data}/fanfare.toml:1 is not \
             sent to: give the admin key (FANFARE_ADMIN_KEY) or a token (FANFARE_TOKEN)"
        )
    );

    let granted = (200, r#"{"token":"T"}"#);
    let fake = Fake::start(&[granted; 2]).await;
    sign_in(at(&fake.url()), &[("FANFARE_DATA", data)]).await.expect("this machine");
    // It leads here, but by the rule it could be another one.
    let named = format!("http://0.0.0.0:{}", fake.addr.port());
    failure(at(&named), &[("FANFARE_DATA", data)]).await;
    let environment = [("FANFARE_DATA", data), ("FANFARE_ADMIN_KEY", "of the variable")];
    sign_in(at(&named), &environment).await.expect("whoever sets it may mean any machine");
    let keys: Vec<_> = fake.asked().into_iter().map(|asked| asked.body["key"].clone()).collect();
    assert_eq!(keys, ["of the file", "of the variable"]);
}

#[tokio::test]
async fn without_anything_it_says_what_to_give() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let (is_setting, line) =
        failure(at("http://127.0.0.1:1"), &[("FANFARE_DATA", data.to_str().expect("UTF-8"))]).await;
    assert!(is_setting, "{line}");
    assert_eq!(
        line,
        format!(
            "no server has run in the data folder {}: give the admin key (FANFARE_ADMIN_KEY) or a token \
             (FANFARE_TOKEN)",
            data.display()
        )
    );
}

#[tokio::test]
async fn refusals_are_one_line_that_says_whose_fault_it_is() {
    for (environment, status, body, is_setting, expected) in [
        (
            ("FANFARE_ADMIN_KEY", "K"),
            401,
            r#"{"error":"Invalid admin key"}"#,
            true,
            "refuses the admin key: Invalid admin key",
        ),
        (("FANFARE_ADMIN_KEY", "K"), 429, r#"{"error":"Too many"}"#, false, "is asked too often: Too many"),
        (("FANFARE_ADMIN_KEY", "K"), 200, "{}", false, "answers: status 200 OK {}"),
        (
            ("FANFARE_TOKEN", "T"),
            403,
            r#"{"error":"Invalid\nor expired\u001b token"}"#,
            true,
            "refuses the token: Invalid or expired  token",
        ),
        (
            ("FANFARE_JWT_SECRET", SECRET),
            403,
            "{}",
            true,
            "refuses the secret of the data folder data: it runs on another one, or signs with another secret",
        ),
        (
            ("FANFARE_TOKEN", "T"),
            404,
            r#"{"error":"Session not found"}"#,
            false,
            "answers: Session not found",
        ),
        (("FANFARE_TOKEN", "T"), 502, "<html>", false, "answers: status 502 Bad Gateway <html>"),
    ] {
        let fake = Fake::start(&[(status, body)]).await;
        let failure = match sign_in(at(&fake.url()), &[environment]).await {
            Err(failure) => failure,
            Ok(client) => {
                let reply = client.get("/x").await.expect("an answer");
                client.refusal(&reply)
            }
        };
        assert_eq!(failure.to_string(), format!("{} {expected}", fake.url()));
        assert_eq!(matches!(failure, Failure::Setting(_)), is_setting, "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_not_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let (is_setting, line) = failure(at(&format!("http://{port}")), &[("FANFARE_ADMIN_KEY", "K")]).await;
    assert!(!is_setting);
    assert_eq!(line, format!("no server runs at http://{port}; `fanfare serve` starts one"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let clock = Clock::manual(fanfare_model::Timestamp::EPOCH);
    let base = format!("http://{}", silent.local_addr().expect("bound"));
    let client = Client {
        http: connector(),
        clock: clock.clone(),
        base,
        token: String::new(),
        identity: Identity::Token,
    };
    let taken = async {
        let (connection, _) = silent.accept().await.expect("a connection");
        clock.advance(Duration::from_millis(REQUEST_TIMEOUT_MS));
        connection
    };
    let (answer, _connection) = tokio::join!(client.get("/"), taken);
    let line = answer.expect_err("no answer").to_string();
    assert_eq!(line, format!("{} did not answer within 600 s", client.base));
}
