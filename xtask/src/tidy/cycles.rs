//! No import circle between the top-level modules of a crate.
//!
//! A module is `src/NAME.rs` or the folder `src/NAME/`. It imports another when its code writes a
//! path to it: `crate::NAME…`, `super::…` that climbs to the root, or a name that `lib.rs`
//! re-exports from it. Test code may import what it likes; `main.rs` is a crate of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    File, Finding,
    source::{Rust, closing, find_words, is_word, line_of},
};

/// Imports that are not counted: crate, importing module, imported module, and why.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[];

/// A path as written, in segments, and where it starts.
type Written = (usize, Vec<String>);

/// Imported modules of a module, each with the file and line of one import.
type Imports = BTreeMap<String, (String, usize)>;

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<(&str, &File, &Rust)>> = BTreeMap::new();
    for file in files {
        if let (Some((root, inside)), Some(rust)) = (file.path.split_once("/src/"), &file.rust) {
            crates.entry(root).or_default().push((inside, file, rust));
        }
    }
    crates.iter().filter_map(|(root, files)| check_crate(root, files)).collect()
}

fn check_crate(root: &str, files: &[(&str, &File, &Rust)]) -> Option<Finding> {
    let modules: BTreeSet<_> = files.iter().filter_map(|(inside, ..)| module(inside)).collect();
    let top = files.iter().find(|(inside, ..)| ["lib.rs", "main.rs"].contains(inside));
    let exports = top.map_or_else(BTreeMap::new, |(.., rust)| re_exports(&rust.code, &modules));
    let mut graph: BTreeMap<&str, Imports> = BTreeMap::new();
    for (inside, file, rust) in files {
        let Some(from) = module(inside).filter(|_| !file.is_test()) else { continue };
        for (line, name) in imports(rust, depth(inside)) {
            let to = exports.get(&name).map_or(name.as_str(), |module| *module);
            let excepted = EXCEPTIONS.iter().any(|(a, b, c, _)| (*a, *b, *c) == (root, from, to));
            if to != from && modules.contains(to) && !excepted {
                let place = (file.path.clone(), line);
                graph.entry(from).or_default().entry(to.to_owned()).or_insert(place);
            }
        }
    }
    let circle = shortest_circle(&graph)?;
    let (path, line) = graph[circle[0]][circle[1]].clone();
    Some(Finding { path, line, rule: "import-circle", what: circle.join(" → ") })
}

/// The top-level module that a file of `src` belongs to; `None` for a crate's root.
fn module(inside: &str) -> Option<&str> {
    match inside.split_once('/') {
        Some(("bin", _)) => None,
        Some((folder, _)) => Some(folder),
        None => inside.strip_suffix(".rs").filter(|name| !["lib", "main"].contains(name)),
    }
}

/// How many `super` lead from a file of `src` to the crate's root.
fn depth(inside: &str) -> usize {
    let slashes = inside.matches('/').count();
    if inside.ends_with("/mod.rs") { slashes } else { slashes + 1 }
}

/// Lines and first segments, counted from the crate's root, of the paths that a file writes.
fn imports(rust: &Rust, depth: usize) -> Vec<(usize, String)> {
    let climbs = vec!["super"; depth].join("::") + "::";
    let mut found = Vec::new();
    for prefix in ["crate::", &climbs] {
        for at in find_words(&rust.code, prefix) {
            // A longer climb than to the root would not compile, a path that goes on before is another's.
            if rust.code[..at].ends_with("::") {
                continue;
            }
            found.extend(tree(&rust.code, at + prefix.len()));
        }
    }
    let lines = found.into_iter().map(|(at, path)| (line_of(&rust.code, at), path));
    lines
        .filter(|(line, _)| !rust.test[line - 1])
        .filter_map(|(line, path)| Some((line, path.first()?.clone())))
        .collect()
}

/// Names that the root re-exports, and the modules they come from.
fn re_exports<'a>(code: &str, modules: &BTreeSet<&'a str>) -> BTreeMap<String, &'a str> {
    let mut names = BTreeMap::new();
    for at in find_words(code, "use ") {
        for (_, path) in tree(code, at + "use ".len()) {
            let path = path.strip_prefix(&["crate".to_owned()]).unwrap_or(&path);
            let from = path.first().and_then(|first| modules.get(first.as_str()));
            if let (Some(from), Some(name), true) = (from, path.last(), path.len() > 1) {
                names.insert(name.clone(), *from);
            }
        }
    }
    names
}

/// The paths of the use tree (or plain path) at `at`; an alias replaces the last segment.
fn tree(code: &str, at: usize) -> Vec<Written> {
    let bytes = code.as_bytes();
    let skip = |at: usize| at + bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let word = |at: usize| at + bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
    let start = skip(at);
    if bytes.get(start) == Some(&b'{') {
        let end = closing(code, start);
        return branches(code, start + 1, end - 1);
    }
    let end = word(start);
    if end == start {
        return Vec::new();
    }
    let name = code[start..end].to_owned();
    if code[end..].starts_with("::") {
        let rest = tree(code, end + 2);
        if !rest.is_empty() {
            let prepend = |(at, path): Written| (at, [vec![name.clone()], path].concat());
            return rest.into_iter().map(prepend).collect();
        }
    }
    let alias = code[end..].strip_prefix(" as ").map(|_| code[end + 4..word(end + 4)].to_owned());
    let mut path = vec![name];
    if let Some(alias) = alias {
        path.push(alias);
    }
    vec![(start, path)]
}

/// The trees between two braces.
fn branches(code: &str, start: usize, end: usize) -> Vec<Written> {
    let (mut paths, mut from, mut at) = (Vec::new(), start, start);
    while at <= end {
        match code.as_bytes().get(at) {
            Some(b'{') if at < end => at = closing(code, at),
            Some(b',' | b'}') | None => {
                paths.extend(tree(code, from));
                at += 1;
                from = at;
            }
            Some(_) => at += 1,
        }
    }
    paths
}

/// The shortest way from a module back to itself, both ends named.
fn shortest_circle<'a>(graph: &'a BTreeMap<&str, Imports>) -> Option<Vec<&'a str>> {
    let from = |start: &'a str| {
        let mut ways = VecDeque::from([vec![start]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            for next in graph.get(way[way.len() - 1]).into_iter().flat_map(BTreeMap::keys) {
                let longer = [&way[..], &[next.as_str()]].concat();
                if next == start {
                    return Some(longer);
                }
                if seen.insert(next) {
                    ways.push_back(longer);
                }
            }
        }
        None
    };
    graph.keys().filter_map(|start| from(start)).min_by_key(Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circle found in a crate of these files, if any.
    fn circle(files: &[(&str, &str)]) -> Option<String> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| File::new(&format!("crates/x/src/{path}"), text)).collect();
        check(&files).first().map(ToString::to_string)
    }

    fn paths(text: &str) -> Vec<String> {
        tree(text, 0).into_iter().map(|(_, path)| path.join("::")).collect()
    }

    #[test]
    fn use_trees_are_expanded() {
        assert_eq!(paths("a::b;"), ["a::b"]);
        assert_eq!(paths("{a, b::{c, d::E}, f::*};"), ["a", "b::c", "b::d::E", "f"]);
        assert_eq!(paths("a::B as C;"), ["a::B::C"]);
        assert_eq!(paths("a::b(x, y)"), ["a::b"]);
        assert_eq!(paths("{\n    a::{self, B},\n    c,\n}"), ["a::self", "a::B", "c"]);
    }

    #[test]
    fn circles_are_found() {
        let expected = "crates/x/src/a.rs:1: import-circle: a → b → a";
        for (a, b) in [
            ("use crate::b::B;", "use crate::a;"),
            ("use crate::{c, b};", "fn f() { crate::a::g() }"),
            ("use super::b;", "use crate::A;"),
        ] {
            let found = circle(&[("lib.rs", "pub use a::A;"), ("a.rs", a), ("b.rs", b), ("c.rs", "")]);
            assert_eq!(found.as_deref(), Some(expected), "{a} {b}");
        }
        let long = [
            ("a.rs", "use crate::b;"),
            ("b/mod.rs", ""),
            ("b/d.rs", "use super::super::c;"),
            ("c.rs", "use crate::a;"),
        ];
        assert_eq!(circle(&long).as_deref(), Some("crates/x/src/a.rs:1: import-circle: a → b → c → a"));
    }

    #[test]
    fn trees_are_not_circles() {
        for (a, b) in [
            ("use crate::b::B;", "use crate::c;"),
            ("use crate::b::B;", "use other::a; // crate::a"),
            ("use crate::b::B;", "#[cfg(test)]\nmod tests {\n    use crate::a;\n}"),
            ("use crate::b::B;", "use crate::b::a; use self::a;"),
        ] {
            assert_eq!(
                circle(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b), ("c.rs", "")]),
                None,
                "{a} {b}"
            );
        }
        assert_eq!(circle(&[("a/mod.rs", "use super::b;"), ("b/c.rs", "use super::a; mod d { }")]), None);
    }
}
