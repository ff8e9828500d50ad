//! Patterns of channel names with parameters: `private-orders.{orderId}`.

use std::fmt;

use super::ChannelName;
use crate::limits::CHANNEL_NAME_MAX_CHARS;

/// Which channels a rule is about. A parameter stands for one segment without a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Parameter(String),
}

/// What is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannelPattern {
    /// It is empty or too long.
    #[error("expected 1 to {CHANNEL_NAME_MAX_CHARS} characters")]
    Length,
    /// A brace has no partner, or the name within is none.
    #[error("expected parameters such as {{orderId}}, of A-Z, a-z, 0-9 and _")]
    Parameter,
    /// Two parameters have one name.
    #[error("expected each parameter once")]
    Twice,
    /// A parameter does not fill its segment's end: two stand side by side.
    #[error("expected something between two parameters")]
    Adjacent,
    /// No channel has such a character in its name.
    #[error("expected a channel's name: A-Z, a-z, 0-9 and _-=@,.;:")]
    Character,
}

impl ChannelPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidChannelPattern`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidChannelPattern> {
        use InvalidChannelPattern as Invalid;
        if text.is_empty() || text.chars().count() > CHANNEL_NAME_MAX_CHARS {
            return Err(Invalid::Length);
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(opened) = rest.strip_prefix('{') {
                let (name, after) = opened.split_once('}').ok_or(Invalid::Parameter)?;
                if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    return Err(Invalid::Parameter);
                }
                let parameter = Part::Parameter(name.to_owned());
                if parts.contains(&parameter) {
                    return Err(Invalid::Twice);
                }
                if matches!(parts.last(), Some(Part::Parameter(_))) {
                    return Err(Invalid::Adjacent);
                }
                parts.push(parameter);
                rest = after;
            } else {
                let literal = &rest[..rest.find('{').unwrap_or(rest.len())];
                if literal.contains('}') {
                    return Err(Invalid::Parameter);
                }
                ChannelName::parse(literal).map_err(|_| Invalid::Character)?;
                parts.push(Part::Literal(literal.to_owned()));
                rest = &rest[literal.len()..];
            }
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The parameters' values, in the order of the pattern; `None` when the channel is another one.
    /// Where a literal occurs more than once, a parameter ends at the first.
    pub fn matches<'p, 'n>(&'p self, name: &'n str) -> Option<Vec<(&'p str, &'n str)>> {
        let mut values = Vec::new();
        let mut rest = name;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Part::Parameter(parameter) => {
                    let end = match parts.peek() {
                        Some(Part::Literal(next)) => rest.get(1..)?.find(next.as_str())? + 1,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at(end);
                    if value.is_empty() || value.contains('.') {
                        return None;
                    }
                    values.push((parameter.as_str(), value));
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(values)
    }

    /// The names of its parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Parameter(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }
}

impl fmt::Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(pattern: &str, name: &str) -> Option<String> {
        let pattern = ChannelPattern::parse(pattern).expect(pattern);
        let values = pattern.matches(name)?;
        Some(values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_parameter_is_one_segment() {
        for (pattern, name, expected) in [
            ("news", "news", Some("")),
            ("news", "newsy", None),
            ("private-orders.{orderId}", "private-orders.7", Some("orderId=7")),
            ("private-orders.{orderId}", "private-orders.", None),
            ("private-orders.{orderId}", "private-orders.7.8", None),
            ("private-orders.{orderId}", "private-orders", None),
            ("private-{a}.{b}", "private-x-y.z", Some("a=x-y b=z")),
            ("private-{a}-{b}", "private-x-y-z", Some("a=x b=y-z")),
            ("{a}.end", "x.end", Some("a=x")),
            ("{a}.end", ".end", None),
            ("{a}.end", "x.end.end", None),
            ("{all}", "anything", Some("all=anything")),
            ("{all}", "any.thing", None),
        ] {
            assert_eq!(values(pattern, name).as_deref(), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        use InvalidChannelPattern as Invalid;
        for (text, why) in [
            ("", Invalid::Length),
            ("a{", Invalid::Parameter),
            ("a{}", Invalid::Parameter),
            ("a{b c}", Invalid::Parameter),
            ("a}", Invalid::Parameter),
            ("{a}.{a}", Invalid::Twice),
            ("{a}{b}", Invalid::Adjacent),
            ("a b", Invalid::Character),
            ("a.*", Invalid::Character),
        ] {
            assert_eq!(ChannelPattern::parse(text), Err(why), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_can_be_asked_about(name in "\\PC{0,20}", pattern in "[a-c.{}]{1,12}") {
            if let Ok(pattern) = ChannelPattern::parse(&pattern)
                && let Some(values) = pattern.matches(&name)
            {
                prop_assert_eq!(values.len(), pattern.parameters().count());
                prop_assert!(values.iter().all(|(_, value)| !value.is_empty() && !value.contains('.')));
            }
        }
    }
}
