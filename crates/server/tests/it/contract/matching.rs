//! What an answer is compared with: JSON in which texts that begin with `@` stand for many values.
//!
//! | Pattern | Matches |
//! |---|---|
//! | `"@any"` `"@int"` `"@positive"` `"@number"` `"@string"` `"@bool"` `"@object"` `"@array"` | a value of that kind |
//! | `"@flag"` | 0 or 1 |
//! | `"@timestamp"` | `2026-03-15T20:30:00.000Z`, to the millisecond |
//! | `"@with x"` | a text that contains `x` |
//! | `"@Game"` | a row of `shapes.json` |
//! | any of these with `?` / `[]` behind it | or null / a list of them |
//! | `{"@like": "Game", "id": 3}` | that row, with these keys in place of its own |
//! | `{"@extra": true, …}` | an object that may have more keys than these |
//! | `{"@each": p, "@len": 3, "@first": […]}` | a list; any of the three |
//! | anything else | itself; keys in any order, numbers by value |

use fanfare_model::Timestamp;
use serde_json::{Map, Value};

/// The rows that have a name.
fn shapes() -> Map<String, Value> {
    serde_json::from_str(include_str!("shapes.json")).expect("contract/shapes.json")
}

/// Compares; the error names the place and both sides.
pub(super) fn compare(expected: &Value, actual: &Value) -> Result<(), String> {
    Matcher { shapes: shapes() }.value(expected, actual, "")
}

struct Matcher {
    shapes: Map<String, Value>,
}

impl Matcher {
    fn value(&self, expected: &Value, actual: &Value, at: &str) -> Result<(), String> {
        let is_same = match (expected, actual) {
            (Value::String(pattern), _) if pattern.starts_with('@') => {
                return self.pattern(&pattern[1..], actual, at);
            }
            (Value::Object(expected), _) if expected.contains_key("@like") => {
                return self.value(&Value::Object(self.like(expected)), actual, at);
            }
            (Value::Object(list), Value::Array(items)) if list.keys().any(|key| key.starts_with('@')) => {
                return self.list(list, items, at);
            }
            (Value::Object(expected), Value::Object(actual)) => return self.object(expected, actual, at),
            (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
                return self.items(expected, actual, at);
            }
            (Value::Number(expected), Value::Number(actual)) => same_number(expected, actual),
            _ => expected == actual,
        };
        if is_same { Ok(()) } else { Err(format!("at {at:?}: expected {expected}, got {actual}")) }
    }

    fn items(&self, expected: &[Value], actual: &[Value], at: &str) -> Result<(), String> {
        let mut pairs = expected.iter().zip(actual).enumerate();
        pairs.try_for_each(|(index, (expected, item))| self.value(expected, item, &format!("{at}/{index}")))
    }

    fn object(
        &self,
        expected: &Map<String, Value>,
        actual: &Map<String, Value>,
        at: &str,
    ) -> Result<(), String> {
        for (key, expected) in expected.iter().filter(|(key, _)| *key != "@extra") {
            let Some(actual) = actual.get(key) else { return Err(format!("at {at:?}: {key:?} is missing")) };
            self.value(expected, actual, &format!("{at}/{key}"))?;
        }
        let more = actual.keys().find(|key| !expected.contains_key(*key));
        match more.filter(|_| !expected.contains_key("@extra")) {
            Some(key) => Err(format!("at {at:?}: unexpected key {key:?}: {}", actual[key])),
            None => Ok(()),
        }
    }

    fn list(&self, expected: &Map<String, Value>, items: &[Value], at: &str) -> Result<(), String> {
        let known = ["@each", "@len", "@first"];
        assert!(expected.keys().all(|key| known.contains(&key.as_str())), "at {at:?}: {expected:?}");
        if let Some(len) = expected.get("@len").filter(|len| **len != items.len()) {
            return Err(format!("at {at:?}: {len} expected, got {}", items.len()));
        }
        if let Some(each) = expected.get("@each") {
            self.items(&vec![each.clone(); items.len()], items, at)?;
        }
        match expected.get("@first") {
            Some(Value::Array(first)) if first.len() <= items.len() => self.items(first, items, at),
            Some(first) => Err(format!("at {at:?}: expected {first} first, got {} items", items.len())),
            None => Ok(()),
        }
    }

    fn like(&self, expected: &Map<String, Value>) -> Map<String, Value> {
        let name = expected["@like"].as_str().expect("a shape's name");
        let mut whole = self.shape(name).clone();
        whole.extend(
            expected.iter().filter(|(key, _)| *key != "@like").map(|(key, p)| (key.clone(), p.clone())),
        );
        whole
    }

    fn shape(&self, name: &str) -> &Map<String, Value> {
        self.shapes
            .get(name)
            .and_then(Value::as_object)
            .unwrap_or_else(|| panic!("no pattern is called {name}"))
    }

    fn pattern(&self, pattern: &str, actual: &Value, at: &str) -> Result<(), String> {
        if let Some(part) = pattern.strip_prefix("with ") {
            let is_in = actual.as_str().is_some_and(|text| text.contains(part));
            return if is_in { Ok(()) } else { Err(format!("at {at:?}: no {part:?} in {actual}")) };
        }
        if let Some(pattern) = pattern.strip_suffix('?') {
            return if actual.is_null() { Ok(()) } else { self.pattern(pattern, actual, at) };
        }
        if let Some(pattern) = pattern.strip_suffix("[]") {
            let Value::Array(items) = actual else {
                return Err(format!("at {at:?}: expected a list, got {actual}"));
            };
            let mut items = items.iter().enumerate();
            return items.try_for_each(|(index, item)| self.pattern(pattern, item, &format!("{at}/{index}")));
        }
        let is_one = match pattern {
            "any" => true,
            "int" => actual.is_i64(),
            "positive" => actual.as_i64().is_some_and(|n| n > 0),
            "number" => actual.is_number(),
            "string" => actual.is_string(),
            "bool" => actual.is_boolean(),
            "object" => actual.is_object(),
            "array" => actual.is_array(),
            "flag" => *actual == 0 || *actual == 1,
            "timestamp" => actual.as_str().is_some_and(is_timestamp),
            name => return self.value(&Value::Object(self.shape(name).clone()), actual, at),
        };
        if is_one { Ok(()) } else { Err(format!("at {at:?}: expected @{pattern}, got {actual}")) }
    }
}

fn is_timestamp(text: &str) -> bool {
    Timestamp::parse(text).is_ok_and(|moment| moment.to_string() == text)
}

/// By value: `1` is `1.0`, and the last digits of a quotient do not matter.
fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() < 1e-12)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_match_what_they_say_and_nothing_else() {
        let at = "2026-03-15T20:30:00.000Z";
        for (expected, good, bad) in [
            (json!("a"), json!("a"), json!("b")),
            (json!(1), json!(1.0), json!(2)),
            (json!("@int"), json!(-1), json!(1.5)),
            (json!("@positive"), json!(1), json!(0)),
            (json!("@flag"), json!(0), json!(false)),
            (json!("@bool"), json!(true), json!(1)),
            (json!("@timestamp"), json!(at), json!("2026-03-15T20:30:00Z")),
            (json!("@string?"), json!(null), json!(1)),
            (json!("@int[]"), json!([1, 2]), json!([1, "2"])),
            (json!("@int[]"), json!([]), json!(1)),
            (json!("@with lo w"), json!("hello world"), json!("hello")),
            (json!({"a": 1, "b": "@any"}), json!({"b": 2, "a": 1}), json!({"a": 1})),
            (json!({"a": 1}), json!({"a": 1}), json!({"a": 1, "b": 2})),
            (json!({"a": 1, "@extra": true}), json!({"a": 1, "b": 2}), json!({"b": 2})),
            (json!({"@each": "@int", "@len": 2}), json!([1, 2]), json!([1])),
            (json!({"@first": [1]}), json!([1, 2]), json!([2, 1])),
            (json!({"@first": [1]}), json!([1]), json!([])),
            (json!([1, "@int"]), json!([1, 2]), json!([1, 2, 3])),
            (json!({"@like": "Pack", "name": "x"}), pack("x"), pack("y")),
            (json!("@Pack[]"), json!([pack("x")]), json!([{"id": 1}])),
        ] {
            assert_eq!(compare(&expected, &good), Ok(()), "{expected}");
            assert!(compare(&expected, &bad).is_err(), "{expected} and {bad}");
        }
    }

    fn pack(name: &str) -> Value {
        json!({"id": 1, "name": name, "favor_bias": 0, "created_at": "2026-03-15T20:30:00.000Z"})
    }
}
