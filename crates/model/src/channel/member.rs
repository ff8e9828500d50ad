//! Members of presence channels.

use serde_json::{Value, value::RawValue};

use crate::{
    javascript,
    limits::{MEMBER_ID_MAX_CHARS, MEMBER_INFO_MAX_BYTES},
};

/// Somebody who is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// 1 to [`MEMBER_ID_MAX_CHARS`] characters; the number 7 and the text `7` are one id.
    pub id: String,
    /// What the others are told of the member: compact JSON of at most [`MEMBER_INFO_MAX_BYTES`].
    pub info: Option<String>,
}

/// What does not describe a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMember {
    /// The id is neither text nor a number, or too long.
    #[error("a user id is a number or a text of 1 to {MEMBER_ID_MAX_CHARS} characters")]
    Id,
    /// The info is no JSON, or too large.
    #[error("what is told of a user is JSON of at most {MEMBER_INFO_MAX_BYTES} bytes")]
    Info,
}

impl Member {
    /// A member by the JSON of its id, a number or a text, and of its info. An info of `null` is none.
    ///
    /// # Errors
    /// [`InvalidMember`] says which of the two is wrong.
    pub fn new(id: &Value, info: Option<&RawValue>) -> Result<Self, InvalidMember> {
        let id = Self::parse_id(id)?;
        let info = match info.map(RawValue::get) {
            None | Some("null") => None,
            Some(info) => Some(javascript::normalise(info).map_err(|_| InvalidMember::Info)?),
        };
        match &info {
            Some(info) if info.len() > MEMBER_INFO_MAX_BYTES => Err(InvalidMember::Info),
            _ => Ok(Self { id, info }),
        }
    }

    /// The id in its one spelling.
    ///
    /// # Errors
    /// [`InvalidMember::Id`].
    pub fn parse_id(id: &Value) -> Result<String, InvalidMember> {
        let text = match id {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(InvalidMember::Id),
        };
        let is_good =
            (1..=MEMBER_ID_MAX_CHARS).contains(&text.chars().count()) && !text.contains(char::is_control);
        if is_good { Ok(text) } else { Err(InvalidMember::Id) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_text_or_a_number() {
        let long = "é".repeat(MEMBER_ID_MAX_CHARS);
        for (id, expected) in [
            (json!("ann"), Some("ann")),
            (json!(7), Some("7")),
            (json!("7"), Some("7")),
            (json!(-1), Some("-1")),
            (json!(long), Some(&*long)),
            (json!(format!("{long}x")), None),
            (json!(""), None),
            (json!("a\0"), None),
            (json!(null), None),
            (json!([7]), None),
        ] {
            assert_eq!(Member::parse_id(&id).ok().as_deref(), expected, "{id}");
        }
    }

    #[test]
    fn an_info_is_compact_json() {
        let member = |info: &str| {
            let info = RawValue::from_string(info.to_owned()).expect("JSON");
            Member::new(&json!("ann"), Some(&info)).map(|member| member.info)
        };
        assert_eq!(member(r#"{ "name" : "Ann" }"#), Ok(Some(r#"{"name":"Ann"}"#.to_owned())));
        assert_eq!(member("null"), Ok(None));
        let largest = format!("\"{}\"", "x".repeat(MEMBER_INFO_MAX_BYTES - 2));
        assert!(member(&largest).is_ok());
        assert_eq!(member(&format!(" {}x\"", &largest[..largest.len() - 1])), Err(InvalidMember::Info));
        assert_eq!(Member::new(&json!("ann"), None), Ok(Member { id: "ann".into(), info: None }));
    }
}
