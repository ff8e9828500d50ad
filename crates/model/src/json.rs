//! JSON as existing clients send and expect it.

use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

use crate::limits;

/// A boolean that is written as `0` or `1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl utoipa::PartialSchema for Flag {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([0, 1])).build().into()
    }
}

impl utoipa::ToSchema for Flag {}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(self.0))
    }
}

/// `true`, `false`, `0` or `1`.
pub fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        other => match as_integer(other)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

/// A number that JavaScript would call a safe integer, `5.0` included.
pub fn as_integer(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    let integer = if let Some(integer) = number.as_i64() {
        integer
    } else {
        let float = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_991.0)?;
        #[expect(clippy::cast_possible_truncation, reason = "integral and at most 2^53 − 1")]
        let integer = float as i64;
        integer
    };
    (-limits::INTEGER_MAX..=limits::INTEGER_MAX).contains(&integer).then_some(integer)
}

/// What JavaScript takes for "not given": absent, `null`, `false`, `0` or an empty string.
pub fn is_falsy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => false,
    }
}

/// Whether a string or key anywhere in `value` holds U+0000, which `PostgreSQL` cannot store.
pub fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_are_javascripts_safe_ones() {
        for (value, expected) in [
            (json!(5), Some(5)),
            (json!(5.0), Some(5)),
            (json!(-3), Some(-3)),
            (json!(9_007_199_254_740_991_i64), Some(9_007_199_254_740_991)),
            (json!(9_007_199_254_740_992_i64), None),
            (json!(u64::MAX), None),
            (json!(5.5), None),
            (json!("5"), None),
            (json!(null), None),
        ] {
            assert_eq!(as_integer(&value), expected, "{value}");
        }
    }

    #[test]
    fn flags_come_in_four_spellings() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!(0), Some(false)),
            (json!(1), Some(true)),
            (json!(2), None),
            (json!("true"), None),
        ] {
            assert_eq!(as_bool(&value), expected, "{value}");
        }
    }

    #[test]
    fn nul_is_found_at_any_depth() {
        assert!(holds_nul(&json!({"a": [{"b": "x\0y"}]})));
        assert!(holds_nul(&json!({"a\0": 1})));
        assert!(!holds_nul(&json!({"a": ["b", 1, null]})));
    }
}
