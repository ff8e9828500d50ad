//! How long files and functions may get. Blank lines and comments are free: a limit must not
//! make anybody say less.

use super::{
    File, Finding,
    source::{Rust, closing, find_words, is_word, line_of},
};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Written by programs.
const GENERATED: &[&str] = &["crates/ui/web/src/api/schema.d.ts"];

/// Written by people, though not Rust: every line counts that is not blank.
const OTHER_CODE: &[&str] = &[".css", ".js", ".mjs", ".svelte", ".ts", ".tsx"];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let lines = match &file.rust {
        Some(rust) => rust.filled.iter().filter(|filled| **filled).count(),
        None if OTHER_CODE.iter().any(|end| file.path.ends_with(end)) && !file.is_in(GENERATED) => {
            file.text.lines().filter(|line| !line.trim().is_empty()).count()
        }
        None => 0,
    };
    let mut findings = Vec::new();
    if lines > FILE_LINES_MAX {
        let what = format!("{lines} lines of code; {FILE_LINES_MAX} are enough: two things live here");
        findings.push(file.finding(1, "file-size", what));
    }
    for (line, name, lines) in file.rust.iter().flat_map(functions) {
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{name}` has {lines} lines of code; {FUNCTION_LINES_MAX} are enough");
            findings.push(file.finding(line, "function-size", what));
        }
    }
    findings
}

/// Line, name and lines of code of each function with a body, from `fn` to the closing brace.
fn functions(rust: &Rust) -> Vec<(usize, &str, usize)> {
    let measure = |at: usize| {
        let name_at = at + "fn ".len();
        let name = rust.code.get(name_at..)?.split(|c: char| !c.is_ascii() || !is_word(c as u8)).next()?;
        let end = closing(&rust.code, body(&rust.code, at).filter(|_| !name.is_empty())?);
        let (first, last) = (line_of(&rust.code, at), line_of(&rust.code, end - 1));
        let filled = rust.filled[first - 1..last].iter().filter(|filled| **filled).count();
        Some((first, name, filled))
    };
    find_words(&rust.code, "fn ").into_iter().filter_map(measure).collect()
}

/// Where the body of the function at `at` opens; `None` for one without.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (index, byte) in code.as_bytes()[at..].iter().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at + index),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::faults;

    #[test]
    fn long_files_are_found() {
        let text = |lines| format!("//! Sample.\n\n{}", "const A: u8 = 1;\n// why\n".repeat(lines));
        assert_eq!(faults("crates/model/src/a.rs", &text(501)), ["1: file-size"]);
        assert_eq!(faults("crates/model/src/a.rs", &text(500)), [""; 0]);
        assert_eq!(faults("crates/ui/web/a.ts", &"let a = 1;\n".repeat(501)), ["1: file-size"]);
        assert_eq!(faults("data/a.csv", &"a,b\n".repeat(501)), [""; 0]);
    }

    #[test]
    fn long_functions_are_found() {
        let text = |lines| {
            let body = "    let s = \"}\"; // {\n\n".repeat(lines);
            format!(
                "//! Sample.\ntrait T {{\n    fn a(x: [u8; 3]);\n}}\nfn b(x: [u8; 3]) {{\n{body}}}\nfn c() {{}}\n"
            )
        };
        assert_eq!(faults("crates/model/src/a.rs", &text(69)), ["5: function-size"]);
        assert_eq!(faults("crates/model/src/a.rs", &text(68)), [""; 0]);
    }
}
