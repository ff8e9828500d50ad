//! Node is asked what `JSON.stringify(JSON.parse(text))` gives, for texts of every kind.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use fanfare_model::javascript::normalise;
use proptest::{collection::vec, prelude::*};

/// What Node makes of each text; `None` where it throws.
fn node(texts: &[String]) -> Vec<Option<String>> {
    let mut child = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/normalise.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node 20 or newer is there");
    let mut input = child.stdin.take().expect("piped");
    let lines: String = texts.iter().map(|text| serde_json::json!(text).to_string() + "\n").collect();
    // Node answers while it reads: who only writes would wait for it, and it for them.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(lines.as_bytes()).expect("Node reads"));
        child.wait_with_output().expect("Node ends")
    });
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).expect("UTF-8");
    let answers: Vec<_> = output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), texts.len());
    answers
}

/// The texts of which Node says something else, with both answers.
fn differences(texts: &[String]) -> Vec<String> {
    let answers = node(texts);
    let differs = |(text, expected): (&String, Option<String>)| {
        let found = normalise(text).ok();
        (found != expected).then(|| format!("{text}\n  Node: {expected:?}\n  here: {found:?}"))
    };
    texts.iter().zip(answers).filter_map(differs).collect()
}

fn numbers() -> impl Strategy<Value = String> {
    prop_oneof![
        r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?",
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        // Where a decimal lies between two doubles.
        any::<u64>().prop_map(|bits| format!("{}e-{}", bits, bits % 340)),
    ]
}

fn strings() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[ -~]{0,6}".prop_map(|text| text.replace(['"', '\\'], "")),
        r#"\\["\\/bfnrt]"#,
        r"\\u00[0-9a-fA-F]{2}",
        r"\\u[0-9a-fA-F]{4}",
        r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
        any::<char>()
            .prop_filter("allowed as it is", |c| *c >= ' ' && !"\"\\".contains(*c))
            .prop_map(String::from),
    ];
    vec(part, 0..6).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

const ODD_KEYS: &[&str] = &[
    "",
    "a",
    "b",
    r"\u0061",
    "0",
    r"\u0030",
    "1",
    "2",
    "10",
    "01",
    "-0",
    "-1",
    "1.0",
    "1e3",
    " 1",
    "+1",
    "4294967293",
    "4294967294",
    "4294967295",
    "4294967296",
    "9007199254740991",
    "18446744073709551616",
    "__proto__",
    "constructor",
    "toJSON",
    "length",
    "é",
    r"\u00e9",
    r"\ud83c",
    "Infinity",
    "NaN",
];
fn keys() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(ODD_KEYS).prop_map(|key| format!("\"{key}\"")),
        1 => any::<u32>().prop_map(|key| format!("\"{key}\"")),
        1 => strings(),
    ]
}

fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(&["true", "false", "null"][..]).prop_map(String::from),
        numbers(),
        strings(),
    ];
    leaf.prop_recursive(5, 60, 8, |value| {
        let spaced = |part: String, blank: String| format!("{blank}{part}");
        let value = (value, "[ \t\r\n]{0,2}").prop_map(move |(part, blank)| spaced(part, blank));
        let member = (keys(), "[ \t\r\n]{0,2}", value.clone())
            .prop_map(|(key, blank, value)| format!("{key}{blank}:{value}"));
        prop_oneof![
            vec(value, 0..8).prop_map(|items| format!("[{}]", items.join(","))),
            vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// Much of it is no JSON.
fn nonsense() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"[\[\]{},:" \\/u0-9a-fA-F.+trulsn\x00-\x1f-]{0,16}"#,
        "[0-9eE.+-]{1,8}",
        any::<String>(),
        // One character of a document is taken out or doubled.
        (documents(), any::<prop::sample::Index>(), 0_usize..3).prop_map(|(text, at, times)| {
            let mut characters: Vec<char> = text.chars().collect();
            let at = at.index(characters.len());
            let changed = vec![characters[at]; times];
            characters.splice(at..=at, changed);
            characters.into_iter().collect()
        }),
    ]
}

#[test]
fn numbers_at_every_edge_are_written_as_node_writes_them() {
    let mut texts = Vec::new();
    for exponent in -345..=320 {
        for digits in [
            "1",
            "2.5",
            "9.999999999999999",
            "9.9999999999999999",
            "1.7976931348623157",
            "1.7976931348623159",
            "4.9",
            "2.2250738585072014",
        ] {
            texts.push(format!("{digits}e{exponent}"));
        }
    }
    for power in 0..1_024 {
        let double = 2_f64.powi(power);
        texts.extend([double.to_string(), (double + 1.0).to_string(), format!("-{double}.5")]);
        texts.extend([f64::from_bits(double.to_bits() - 1).to_string(), (1.0 / double).to_string()]);
    }
    assert_eq!(differences(&texts), Vec::<String>::new());
}

proptest! {
    // A start of Node a case.
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn node_writes_every_document_so(documents in vec(documents(), 400), nonsense in vec(nonsense(), 400)) {
        prop_assert_eq!(differences(&documents), Vec::<String>::new());
        prop_assert_eq!(differences(&nonsense), Vec::<String>::new());
    }
}
