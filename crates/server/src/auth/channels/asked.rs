//! What others say of members, taken apart: the `channel_data` that an app signs, and the answer of an
//! authoriser.

use fanfare_model::channel::Member;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

#[derive(Deserialize)]
struct ChannelData {
    user_id: Value,
    #[serde(default)]
    user_info: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    member: Option<AnsweredMember>,
}

#[derive(Deserialize)]
struct AnsweredMember {
    id: Value,
    #[serde(default)]
    info: Option<Box<RawValue>>,
}

/// The member in a `channel_data` such as `{"user_id":"7","user_info":{"name":"Ann"}}`.
///
/// # Errors
/// Words for the client.
pub(super) fn signed_member(channel_data: &str) -> Result<Member, String> {
    let data: ChannelData = serde_json::from_str(channel_data)
        .map_err(|_| "channel_data must be a JSON object with a user_id".to_owned())?;
    Member::new(&data.user_id, data.user_info.as_deref()).map_err(|error| format!("channel_data: {error}"))
}

/// The member in the body of an answer that lets somebody in, if it names one. An empty body is fine.
///
/// # Errors
/// What is wrong with it, for the log.
pub(super) fn answered_member(body: &[u8]) -> Result<Option<Member>, String> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))?;
    let member = answer.member.map(|member| Member::new(&member.id, member.info.as_deref()));
    member.transpose().map_err(|error| format!("its answer cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(member: &Member) -> String {
        format!("{} {}", member.id, member.info.as_deref().unwrap_or("-"))
    }

    #[test]
    fn channel_data_names_a_member() {
        let object = "channel_data must be a JSON object with a user_id";
        let id = "channel_data: a user id is a number or a text of 1 to 128 characters";
        let info = format!(r#"{{"user_id":1,"user_info":"{}"}}"#, "x".repeat(1_024));
        for (data, expected) in [
            (r#"{"user_id":"7"}"#, "7 -"),
            (r#"{"user_id":7,"user_info":null}"#, "7 -"),
            (r#"{"user_info": {"name": "Ann"}, "user_id": "ann", "more": 1}"#, r#"ann {"name":"Ann"}"#),
            ("", object),
            ("[]", object),
            ("{}", object),
            (r#"{"id":7}"#, object),
            (r#"{"user_id":""}"#, id),
            (r#"{"user_id":null}"#, id),
            (r#"{"user_id":{}}"#, id),
            (&info, "channel_data: what is told of a user is JSON of at most 1024 bytes"),
        ] {
            let said = signed_member(data);
            assert_eq!(said.as_ref().map_or_else(String::clone, shown), expected, "{data}");
        }
    }

    #[test]
    fn an_answer_may_name_a_member() {
        for (body, expected) in [
            ("", "nobody"),
            (" \n", "nobody"),
            ("{}", "nobody"),
            (r#"{"member":null}"#, "nobody"),
            (r#"{"member":{"id":7}}"#, "7 -"),
            (r#"{"member":{"id":"7","info":[1]},"x":1}"#, "7 [1]"),
        ] {
            let said = answered_member(body.as_bytes()).expect(body);
            assert_eq!(said.as_ref().map_or("nobody".to_owned(), shown), expected, "{body}");
        }
        for body in
            ["ok", "true", "[1]", r#"{"member":7}"#, r#"{"member":{}}"#, r#"{"member":{"id":""}}"#, "{"]
        {
            assert!(answered_member(body.as_bytes()).is_err(), "{body}");
        }
    }
}
