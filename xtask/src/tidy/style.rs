//! Rules about how things are written, wherever they are.

use super::{
    File, Finding,
    source::{Rust, find_words, line_of},
};

/// Written by programs.
const GENERATED: &[&str] = &[
    "Cargo.lock",
    "crates/server/tests/node/package-lock.json",
    "crates/ui/web/package-lock.json",
    "crates/ui/web/src/api/schema.d.ts",
    "examples/announcer/package-lock.json",
    "examples/discord/package-lock.json",
];

/// Words for work left undone, in halves so that they do not stand here themselves.
const UNFINISHED: &[(&str, &str)] = &[("to", "do"), ("fix", "me"), ("xx", "x")];

/// Lines that may hold such a word: file, the line as it stands, and why.
const UNFINISHED_EXCEPTIONS: &[(&str, &str, &str)] =
    &[("Cargo.toml", concat!("to", "do = \"warn\""), "the name of the lint that forbids the macro")];

/// What makes a static hold state.
const STATE: &[&str] =
    &["Mutex", "RwLock", "OnceLock", "OnceCell", "Atomic", "thread_local!", "RefCell", "static mut "];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = unfinished(file);
    if let Some(rust) = &file.rust {
        findings.extend(allow(file, rust));
        findings.extend(state(file, rust));
        // The name of a `tests.rs` says it all.
        if !file.text.starts_with("//!") && !file.path.ends_with("/tests.rs") {
            findings.push(file.finding(1, "module-doc", "the first lines say what the module is for: `//!`"));
        }
    }
    findings
}

fn unfinished(file: &File) -> Vec<Finding> {
    if file.is_in(GENERATED) {
        return Vec::new();
    }
    let excepted =
        |line: &str| UNFINISHED_EXCEPTIONS.iter().any(|(path, text, _)| (*path, *text) == (&file.path, line));
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let folded = line.to_lowercase();
        for (a, b) in UNFINISHED {
            let word = format!("{a}{b}");
            if !find_words(&folded, &word).is_empty() && !excepted(line) {
                findings.push(file.finding(
                    index + 1,
                    "unfinished",
                    format!("`{word}`: finish it, or open an issue"),
                ));
            }
        }
    }
    findings
}

fn allow(file: &File, rust: &Rust) -> Vec<Finding> {
    let found = find_words(&rust.code, "allow").into_iter().filter(|at| {
        let before = rust.code[..*at].trim_end();
        let attribute = before.rfind("#[").max(before.rfind("#!["));
        rust.code[at + "allow".len()..].starts_with('(')
            && attribute.is_some_and(|open| !before[open..].contains(']'))
    });
    let what = "`#[expect(lint, reason = \"…\")]` instead, which says why and goes when it is not needed";
    found.map(|at| file.finding(line_of(&rust.code, at), "allow", what)).collect()
}

fn state(file: &File, rust: &Rust) -> Vec<Finding> {
    let stateful = |text: &str| STATE.iter().any(|state| text.contains(state));
    let statics = find_words(&rust.code, "static ").into_iter().filter(|at| {
        let item = &rust.code[*at..];
        let item = &item[..item.find('=').or(item.find(';')).unwrap_or(item.len())];
        !rust.code[..*at].ends_with('\'') && item.contains(':') && stateful(item)
    });
    let local = find_words(&rust.code, "thread_local!");
    let found = statics.chain(local);
    found
        .map(|at| file.finding(line_of(&rust.code, at), "global", "no globals with state: pass it along"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_rule, faults};
    use super::UNFINISHED;

    const PATH: &str = "crates/server/src/app/mod.rs";

    #[test]
    fn lints_are_expected_not_allowed() {
        assert_rule(
            "allow",
            &[
                (PATH, "#![allow(dead_code)]", "#![expect(dead_code, reason = \"#[allow(x)]\")]"),
                (PATH, "#[allow(dead_code)]", "fn f() { allow(1) } // #[allow(dead_code)]"),
                (PATH, "#[cfg_attr(test, allow(dead_code))]", "#[derive(Debug)]\nfn f() { x.allow(1) }"),
            ],
        );
    }

    #[test]
    fn statics_hold_no_state() {
        assert_rule(
            "global",
            &[
                (PATH, "static A: Mutex<u8> = Mutex::new(1);", "static A: [u8; 3] = [1, 2, 3];"),
                (PATH, "static A: AtomicU64 = AtomicU64::new(1);", "fn f(a: &'static Mutex<u8>) {}"),
                (PATH, "thread_local! { }", "// static A: Mutex<u8>"),
            ],
        );
    }

    #[test]
    fn modules_say_what_they_are_for() {
        assert_eq!(faults(PATH, "use a;\n"), ["1: module-doc"]);
        assert_eq!(faults(PATH, "//! Why.\nuse a;\n"), [""; 0]);
        assert_eq!(faults("crates/server/src/app/tests.rs", "use a;\n"), [""; 0]);
    }

    #[test]
    fn nothing_is_left_unfinished() {
        for (a, b) in UNFINISHED {
            let upper = format!("{a}{b}").to_uppercase();
            for (path, text) in
                [(PATH, format!("//! A.\n// {upper}: x")), ("README.md", format!("A\n- {a}{b}"))]
            {
                assert_eq!(faults(path, &text), ["2: unfinished"], "{text}");
            }
            assert_eq!(faults("README.md", &format!("a\n{a}{b}pad {a} {b}")), [""; 0]);
        }
        let (a, b) = UNFINISHED[0];
        let lint = format!("{a}{b} = \"warn\"");
        assert_eq!(faults("Cargo.toml", &lint), [""; 0]);
        assert_eq!(faults("README.md", &lint), ["1: unfinished"]);
    }
}
