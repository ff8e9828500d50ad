//! Texts and what Node 20 makes of them; `tests/node.rs` asks Node itself about many more.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn numbers_are_doubles_in_javascripts_spelling() {
    for (text, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0e5", "0"),
        ("1.0", "1"),
        ("10e-1", "1"),
        ("0.1e-6", "1e-7"),
        ("0.000001", "0.000001"),
        ("1e20", "100000000000000000000"),
        ("1E+21", "1e+21"),
        ("9007199254740993", "9007199254740992"),
        ("123456789012345678901", "123456789012345680000"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("5e-324", "5e-324"),
        ("2e-324", "0"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("1e400", "null"),
        ("-1e400", "null"),
        ("[1e400,1]", "[null,1]"),
    ] {
        assert_eq!(normalise(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(normalise(&"9".repeat(400)).as_deref(), Ok("null"));
    assert_eq!(normalise(&format!("1{}e-400", "0".repeat(400))).as_deref(), Ok("1"));
}

#[test]
fn keys_stand_where_javascript_puts_them() {
    for (text, expected) in [
        (r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
        (r#"{"b":1,"10":2,"9":3}"#, r#"{"9":3,"10":2,"b":1}"#),
        (r#"{"1":1,"2":2,"a":3}"#, r#"{"1":1,"2":2,"a":3}"#),
        (r#"{"4294967295":1,"4294967294":2}"#, r#"{"4294967294":2,"4294967295":1}"#),
        (r#"{"01":1,"-0":2,"1.0":3,"":4,"+1":5,"0":6}"#, r#"{"0":6,"01":1,"-0":2,"1.0":3,"":4,"+1":5}"#),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"a":[1,2],"b":{},"\u0061":null}"#, r#"{"a":null,"b":{}}"#),
        (
            r#"{"x":{"b":1,"2":2},"\u0031":[{"b":1,"3":2,"b":3}]}"#,
            r#"{"1":[{"3":2,"b":3}],"x":{"2":2,"b":1}}"#,
        ),
        (r#"{"__proto__":1,"toJSON":2,"__proto__":3}"#, r#"{"__proto__":3,"toJSON":2}"#),
    ] {
        assert_eq!(normalise(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn text_is_escaped_no_more_than_it_must_be() {
    for (text, expected) in [
        (r#""\u00e9\u20AC\/\u0041""#, "\"é€/A\""),
        (r#""\u0008\u0009\u000A\u000c\u000d\u000b\u001F\u0000""#, r#""\b\t\n\f\r\u000b\u001f\u0000""#),
        (r#""\u0022\u005c""#, r#""\"\\""#),
        (r#""\u2028\u007f\u009f\ufeff""#, "\"\u{2028}\u{7f}\u{9f}\u{feff}\""),
        (r#""\ud83C\udfae""#, "\"🎮\""),
        (r#""\uD83C""#, r#""\ud83c""#),
        (r#""\udfae\ud83c\ud83c\udfae\n""#, "\"\\udfae\\ud83c🎮\\n\""),
        (r#""\ud83c\\udfae""#, r#""\ud83c\\udfae""#),
        ("\"\u{10ffff}🎮\"", "\"\u{10ffff}🎮\""),
    ] {
        assert_eq!(normalise(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(normalise(" [ true ,\r\n\tfalse , null , { } ] ").as_deref(), Ok("[true,false,null,{}]"));
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    for (text, at) in [
        ("", 0),
        ("  ", 2),
        ("tru", 3),
        ("nul!", 3),
        ("01", 1),
        ("+1", 0),
        (".5", 0),
        ("5.", 2),
        ("-", 1),
        ("1e", 2),
        ("1e+", 3),
        ("NaN", 0),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("[1", 2),
        (r#"{"a":1,}"#, 7),
        (r#"{"a" 1}"#, 5),
        ("{a:1}", 1),
        ("{}{}", 2),
        ("'a'", 0),
        (r#""abc"#, 4),
        ("\"a\nb\"", 2),
        (r#""\x""#, 2),
        (r#""\u12g4""#, 5),
        (r#""\ud83c\u12""#, 11),
        (r#""\"#, 2),
        ("\u{feff}1", 0),
        ("\u{a0}1", 0),
    ] {
        assert_eq!(normalise(text), Err(Invalid::Syntax { at }), "{text:?}");
    }
    assert_eq!(normalise("[1,]").map_err(|error| error.to_string()), Err("not valid JSON at byte 3".into()));
}

#[test]
fn depth_is_bounded() {
    let nested = |levels| format!("{}{}", r#"[{"a":"#.repeat(levels / 2), "[".repeat(levels % 2));
    let closed = |levels| format!("{}0{}{}", nested(levels), "]".repeat(levels % 2), "}]".repeat(levels / 2));
    for levels in [JSON_DEPTH_MAX - 1, JSON_DEPTH_MAX] {
        assert_eq!(normalise(&closed(levels)).as_ref(), Ok(&closed(levels)));
        let envelope = format!(r#"{{"data":{}}}"#, closed(levels));
        assert!(serde_json::from_str::<Value>(&envelope).is_ok(), "others can read it");
    }
    assert_eq!(normalise(&closed(JSON_DEPTH_MAX + 1)), Err(Invalid::TooDeep));
    assert_eq!(normalise(&nested(1_000_000)), Err(Invalid::TooDeep));
    assert_eq!(Invalid::TooDeep.to_string(), "JSON nested more than 100 deep");
    assert_eq!(normalise(&format!("[{}[]]", "[],".repeat(1_000))).map(|text| text.len()), Ok(3_004));
}

#[test]
fn a_value_is_written_as_its_text() {
    let value = json!({"b": 1.0, "1": -0.0, "c": u64::MAX, "é\u{b}": [null, true]});
    assert_eq!(
        stringify(&value).as_deref(),
        Ok("{\"1\":0,\"b\":1,\"c\":18446744073709552000,\"é\\u000b\":[null,true]}")
    );
}

#[test]
fn halves_of_pairs_are_replaced() {
    for (normal, expected) in [
        (
            r#"{"\ud83c":"\udfae\\ud83c\\\ud83c\n\u001fx"}"#,
            "{\"\u{fffd}\":\"\u{fffd}\\\\ud83c\\\\\u{fffd}\\n\\u001fx\"}",
        ),
        (r#""\\\\ud83c\"\ud83c""#, "\"\\\\\\\\ud83c\\\"\u{fffd}\""),
        (r#""plain \n""#, r#""plain \n""#),
    ] {
        assert_eq!(normalise(normal).as_deref(), Ok(normal), "is normal");
        assert_eq!(well_formed(normal), expected);
    }
}

proptest! {
    #[test]
    fn any_text_is_taken_or_told(text: String, json in r#"[\[\]{},:" \\u0-9a-fA-F.+tn-]{0,40}"#) {
        for text in [text, json] {
            match normalise(&text) {
                Ok(normal) => {
                    prop_assert!(normal.len() <= 6 * text.len());
                    prop_assert_eq!(normalise(&normal), Ok(normal.clone()), "once is enough");
                    prop_assert!(serde_json::from_str::<Value>(&well_formed(&normal)).is_ok());
                }
                Err(Invalid::Syntax { at }) => prop_assert!(at <= text.len()),
                Err(Invalid::TooDeep) => prop_assert!(false, "40 characters nest 40 deep at most"),
            }
        }
    }

    #[test]
    fn every_double_is_read_back(bits: u64) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let normal = normalise(&format!("{number:e}")).expect("a number");
        let read: f64 = normal.parse().expect("a number");
        prop_assert_eq!(read.partial_cmp(&number), Some(std::cmp::Ordering::Equal), "{}", normal);
    }
}
