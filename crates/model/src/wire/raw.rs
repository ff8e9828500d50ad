//! JSON that is passed on as it was sent. Only the outermost object of a message is taken apart; what
//! stands in it stays text.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::value::RawValue;

use crate::{channel::Member, limits::JSON_DEPTH_MAX};

/// Why a text is not an object that can be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotFields {
    /// No JSON.
    Syntax,
    /// JSON, but no object.
    NotObject,
    /// Nested so deep that other readers would not take it.
    TooDeep,
}

/// Those members of an object that have one of `N` names. Of equal keys the last one counts, as in
/// JavaScript, and `null` stands for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a, const N: usize> {
    names: [&'static str; N],
    values: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Takes an object apart.
    pub(super) fn read(text: &'a str, names: [&'static str; N]) -> Result<Self, NotFields> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let fields = Named { names, lifetime: PhantomData }
            .deserialize(&mut reader)
            .map_err(|error| if error.is_data() { NotFields::NotObject } else { NotFields::Syntax })?;
        reader.end().map_err(|_| NotFields::Syntax)?;
        if is_too_deep(text, JSON_DEPTH_MAX) { Err(NotFields::TooDeep) } else { Ok(fields) }
    }

    /// The JSON of a member.
    pub(super) fn json(&self, name: &str) -> Option<&'a str> {
        let place = self.names.iter().position(|known| *known == name)?;
        self.values.get(place).copied().flatten().map(RawValue::get)
    }

    /// A member that is a text; `Err` when it is something else.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, NotText> {
        self.json(name).map(|json| text_of(json).ok_or(NotText)).transpose()
    }

    /// A member that must be there, and a text.
    pub(super) fn needed_text(&self, name: &str) -> Option<String> {
        self.text(name).ok().flatten()
    }
}

/// A member is not a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotText;

struct Named<'a, const N: usize> {
    names: [&'static str; N],
    lifetime: PhantomData<&'a ()>,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Named<'de, N> {
    type Value = Fields<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Named<'de, N> {
    type Value = Fields<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [None; N];
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match self.names.iter().position(|name| *name == key) {
                Some(place) => {
                    let value: &'de RawValue = map.next_value()?;
                    values[place] = Some(value).filter(|value| value.get() != "null");
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Fields { names: self.names, values })
    }
}

/// The text that a JSON string stands for; `None` for any other JSON, and for half of a surrogate pair.
pub(super) fn text_of(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// Whether arrays and objects stand in each other more than `max` deep. Counts in any text; what it
/// says of a text that is no JSON has no meaning.
pub(super) fn is_too_deep(json: &str, max: usize) -> bool {
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'[' | b'{' if !is_string => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b']' | b'}' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A text that is written as the JSON it is, or as a JSON string when it is none or nested too deep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Embedded<'a>(pub(super) &'a str);

impl Serialize for Embedded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match embeddable(self.0) {
            Some(json) => json.serialize(serializer),
            None => serializer.serialize_str(self.0),
        }
    }
}

/// The JSON that a text holds, if it holds some that is not nested too deep.
pub(super) fn embeddable(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok().filter(|_| !is_too_deep(text, JSON_DEPTH_MAX))
}

/// The ids of members, in their order.
pub(super) struct Ids<'a>(pub(super) &'a [Member]);

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|member| &member.id))
    }
}

/// An object with a key for each member's id, and what `value` makes of the member.
pub(super) struct ById<'a, F>(pub(super) &'a [Member], pub(super) F);

impl<'a, T: Serialize, F: Fn(&'a Member) -> T> Serialize for ById<'a, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for member in self.0 {
            map.serialize_entry(&member.id, &(self.1)(member))?;
        }
        map.end()
    }
}

/// The JSON of what only has string keys.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("only string keys are written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Option<&str>>, NotFields> {
        let fields = Fields::read(text, ["a", "b"])?;
        Ok(["a", "b"].map(|name| fields.json(name)).to_vec())
    }

    #[test]
    fn members_stay_as_they_were_sent() {
        for (text, expected) in [
            ("{}", [None, None]),
            (r#" {"a" : [1, {"b":2}] , "c":0 } "#, [Some(r#"[1, {"b":2}]"#), None]),
            (r#"{"a":1e999,"b":"\ud800"}"#, [Some("1e999"), Some(r#""\ud800""#)]),
            (r#"{"a":1,"b":2,"a":3}"#, [Some("3"), Some("2")]),
            (r#"{"a":1,"\u0061":null}"#, [None, None]),
            (r#"{"c":{"a":1},"b":{"a":2}}"#, [None, Some(r#"{"a":2}"#)]),
        ] {
            assert_eq!(read(text), Ok(expected.to_vec()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_told_apart() {
        for text in ["", "{", r#"{"a":1}{}"#, r#"{"a":1,}"#, "{a:1}", "\u{feff}{}", r#"{"a":"\x"}"#] {
            assert_eq!(read(text), Err(NotFields::Syntax), "{text}");
        }
        for text in ["null", "[]", "7", r#""{}""#, "true"] {
            assert_eq!(read(text), Err(NotFields::NotObject), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_no_stack_overflow() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(read(&nested(JSON_DEPTH_MAX)).is_ok());
        assert_eq!(read(&nested(JSON_DEPTH_MAX + 1)), Err(NotFields::TooDeep));
        assert_eq!(read(&nested(1_000_000)), Err(NotFields::TooDeep));
        assert_eq!(read(&"{\"a\":".repeat(1_000_000)), Err(NotFields::Syntax));
        assert!(!is_too_deep(r#"["[[[\"[[",{"[":"]"}]"#, 2), "brackets in strings do not count");
    }

    #[test]
    fn only_shallow_json_is_embedded() {
        let deep = "[".repeat(JSON_DEPTH_MAX + 1) + &"]".repeat(JSON_DEPTH_MAX + 1);
        for (text, expected) in [
            (r#" {"a" : 1} "#, r#"{"a" : 1}"#),
            ("7", "7"),
            ("hello", r#""hello""#),
            ("", r#""""#),
            ("{", r#""{""#),
            (&deep, &format!("\"{deep}\"")),
        ] {
            assert_eq!(json(&Embedded(text)), expected);
        }
    }
}
