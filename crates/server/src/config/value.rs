//! A value as somebody wrote it, before it is known to fit its key. Nothing here knows the keys.

use toml::de::{DeString, DeValue};

/// What a file, a variable or a flag says.
pub(super) enum Value {
    Text(String),
    Number(i64),
    Boolean(bool),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
    /// What no key takes, described for a person.
    Other(String),
}

impl Value {
    /// As a TOML file says it.
    pub(super) fn from_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Self::Other(number.to_string()), Self::Number),
            DeValue::Boolean(boolean) => Self::Boolean(*boolean),
            DeValue::Array(items) => {
                Self::List(items.iter().map(|item| Self::from_toml(item.get_ref())).collect())
            }
            DeValue::Float(number) => Self::Other(number.to_string()),
            DeValue::Datetime(_) => Self::Other("a date".to_owned()),
            DeValue::Table(fields) => {
                let field = |(name, value): (&toml::Spanned<DeString<'_>>, &toml::Spanned<DeValue<'_>>)| {
                    (name.get_ref().to_string(), Self::from_toml(value.get_ref()))
                };
                Self::Table(fields.iter().map(field).collect())
            }
        }
    }

    /// For an error message.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Number(number) => number.to_string(),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::describe).collect();
                format!("[{}]", items.join(", "))
            }
            // It may hold secrets.
            Self::Table(_) => "a table".to_owned(),
            Self::Other(description) => description.clone(),
        }
    }
}
