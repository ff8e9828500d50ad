//! What an application's own server signs for a socket: that it may subscribe to a channel, and whom it
//! belongs to.

use hmac::Mac as _;

use super::{bytes_of, code, is_code};
use crate::{Timestamp, application::Application};

/// `{key}:{signature}`, by which a socket may subscribe to a channel; made with the current secret.
/// `channel_data` is signed as the text that is sent beside it, for presence channels.
pub fn channel_auth(
    application: &Application,
    socket_id: &str,
    channel: &str,
    channel_data: Option<&str>,
) -> String {
    let parts = channel_parts(socket_id, channel, channel_data);
    auth(application, parts.into_iter().flatten())
}

/// Whether `auth` is a [`channel_auth`] with a secret that is taken at `now`.
pub fn is_channel_auth(
    application: &Application,
    auth: &str,
    socket_id: &str,
    channel: &str,
    channel_data: Option<&str>,
    now: Timestamp,
) -> bool {
    let parts = channel_parts(socket_id, channel, channel_data);
    is_auth(application, auth, &parts.into_iter().flatten(), now)
}

/// `{key}:{signature}`, by which a socket belongs to a user; made with the current secret. `user_data` is
/// signed as the text that is sent beside it.
pub fn user_auth(application: &Application, socket_id: &str, user_data: &str) -> String {
    auth(application, user_parts(socket_id, user_data).into_iter())
}

/// Whether `auth` is a [`user_auth`] with a secret that is taken at `now`.
pub fn is_user_auth(
    application: &Application,
    auth: &str,
    socket_id: &str,
    user_data: &str,
    now: Timestamp,
) -> bool {
    is_auth(application, auth, &user_parts(socket_id, user_data).into_iter(), now)
}

fn channel_parts<'a>(
    socket_id: &'a str,
    channel: &'a str,
    channel_data: Option<&'a str>,
) -> [Option<&'a str>; 5] {
    [Some(socket_id), Some(":"), Some(channel), channel_data.map(|_| ":"), channel_data]
}

fn user_parts<'a>(socket_id: &'a str, user_data: &'a str) -> [&'a str; 3] {
    [socket_id, "::user::", user_data]
}

fn auth<'a>(application: &Application, parts: impl Iterator<Item = &'a str>) -> String {
    let signature = code(&application.secret, parts).finalize().into_bytes();
    format!("{}:{}", application.key, hex::encode(signature))
}

fn is_auth<'a>(
    application: &Application,
    auth: &str,
    parts: &(impl Iterator<Item = &'a str> + Clone),
    now: Timestamp,
) -> bool {
    let Some((key, signature)) = auth.split_once(':') else { return false };
    let Some(signature) = bytes_of(signature).filter(|_| key == application.key) else { return false };
    application.secrets_at(now).any(|secret| is_code(code(secret, parts.clone()), &signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pusher::tests::{application, at};

    struct Vector {
        channel: &'static str,
        data: Option<&'static str>,
        signature: &'static str,
    }

    // The examples of "Auth signatures" in Pusher's documentation.
    const VECTORS: [Vector; 2] = [
        Vector {
            channel: "private-foobar",
            data: None,
            signature: "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
        },
        Vector {
            channel: "presence-foobar",
            data: Some(r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#),
            signature: "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
        },
    ];

    // Computed with Python's hmac.
    const USER: &str =
        "278d425bdf160c739803:c6791d3f9c863fff0668d5abacd9c67929ce2ca6da344b628f7ec8fb8727a481";

    #[test]
    fn the_documented_examples_are_made_and_taken() {
        let application = application();
        for Vector { channel, data, signature } in VECTORS {
            let auth = format!("278d425bdf160c739803:{signature}");
            assert_eq!(channel_auth(&application, "1234.1234", channel, data), auth);
            assert!(is_channel_auth(&application, &auth, "1234.1234", channel, data, at(0)), "{channel}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let application = application();
        let is_taken = |auth: &str, socket: &str, channel: &str, data: Option<&str>| {
            is_channel_auth(&application, auth, socket, channel, data, at(0))
        };
        let Vector { channel, data, signature } = &VECTORS[1];
        let auth = format!("278d425bdf160c739803:{signature}");
        assert!(is_taken(&auth, "1234.1234", channel, *data));
        assert!(!is_taken(&auth, "1234.1235", channel, *data), "another socket");
        assert!(!is_taken(&auth, "1234.1234", "presence-foobaz", *data), "another channel");
        assert!(!is_taken(&auth, "1234.1234", channel, Some("{}")), "other data");
        assert!(!is_taken(&auth, "1234.1234", channel, None), "no data");
        for auth in [
            "",
            ":",
            signature,
            &format!("other:{signature}"),
            &auth[..auth.len() - 2],
            "278d425bdf160c739803:",
        ] {
            assert!(!is_taken(auth, "1234.1234", channel, *data), "{auth}");
        }
        let mut changed = auth.clone().into_bytes();
        *changed.last_mut().expect("not empty") ^= 1;
        assert!(!is_taken(str::from_utf8(&changed).expect("ASCII"), "1234.1234", channel, *data));
    }

    #[test]
    fn a_user_is_signed_apart() {
        let application = application();
        let data = r#"{"id":"7"}"#;
        let auth = user_auth(&application, "1.2", data);
        assert_eq!(auth, USER);
        assert!(is_user_auth(&application, &auth, "1.2", data, at(0)));
        assert!(!is_user_auth(&application, &auth, "1.3", data, at(0)));
        assert!(!is_user_auth(&application, &auth, "1.2", "{}", at(0)));
        assert!(!is_channel_auth(&application, &auth, "1.2", "user", Some(data), at(0)));
    }

    #[test]
    fn the_old_secret_is_taken_until_it_expires() {
        let before = application();
        let auth = channel_auth(&before, "1.2", "private-a", None);
        let user = user_auth(&before, "1.2", "{}");
        let after = before.with_secret("new".into(), at(0), 1_000);
        for (now_ms, is_taken) in [(999, true), (1_000, false)] {
            assert_eq!(is_channel_auth(&after, &auth, "1.2", "private-a", None, at(now_ms)), is_taken);
            assert_eq!(is_user_auth(&after, &user, "1.2", "{}", at(now_ms)), is_taken);
        }
        let new = channel_auth(&after, "1.2", "private-a", None);
        assert!(new != auth && is_channel_auth(&after, &new, "1.2", "private-a", None, at(5_000)));
    }
}
