//! SQL is text of the store alone.

use super::{File, Finding};

const ALLOWED: &[&str] = &["crates/store/", "xtask/src/tidy/"];

pub(super) fn check(file: &File) -> Vec<Finding> {
    if file.is_in(ALLOWED) {
        return Vec::new();
    }
    if file.path.to_lowercase().ends_with(".sql") {
        return vec![file.finding(1, "sql", "SQL files belong in crates/store")];
    }
    let strings = file.rust.iter().flat_map(|rust| &rust.strings);
    let sql = strings.filter(|(_, content)| is_sql(content));
    sql.map(|(line, _)| file.finding(*line, "sql", "SQL belongs in crates/store")).collect()
}

/// Whether a literal holds a statement: its verb in one case, so that a sentence which begins
/// with "Select" or "Update" is none.
fn is_sql(content: &str) -> bool {
    content.split(';').any(|statement| {
        let words: Vec<_> = statement.split_whitespace().collect();
        let cased = |word: &&&str| ***word == *word.to_lowercase() || ***word == *word.to_uppercase();
        let Some(verb) = words.first().filter(cased) else { return false };
        let second = words.get(1).map_or(String::new(), |word| word.to_lowercase());
        let later = |wanted: &str| words.iter().filter(cased).any(|word| word.to_lowercase() == wanted);
        match verb.to_lowercase().as_str() {
            "select" => later("from"),
            "insert" => second == "into",
            "delete" => second == "from",
            "update" => later("set"),
            "create" | "alter" | "drop" => second == "table" || second == "index",
            "with" => later("as") && (later("select") || later("(select")),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_rule, faults};

    #[test]
    fn statements_are_found_outside_the_store() {
        let path = "crates/server/src/app/games.rs";
        assert_rule(
            "sql",
            &[
                (
                    path,
                    r#"const A: &str = "select id from games";"#,
                    r#"const A: &str = "Select one from the list";"#,
                ),
                (
                    path,
                    r#"const A: &str = "INSERT INTO a (b) VALUES (1)";"#,
                    r#"const A: &str = "insert a coin";"#,
                ),
                (
                    path,
                    r#"const A: &str = r"  update a set b = 1";"#,
                    "// update a set b = 1\nconst A: u8 = 1;",
                ),
                (path, r#"const A: &str = "begin; delete from a";"#, r#"const A: &str = "deleted from a";"#),
                (path, r#"const A: &str = "create table a (b)";"#, r#"const A: &str = "create a table";"#),
                (
                    path,
                    r#"const A: &str = "with a as (select 1) b";"#,
                    r#"const A: &str = "with a key as given";"#,
                ),
            ],
        );
    }

    #[test]
    fn the_store_and_its_benchmarks_may() {
        let text = "//! Sample.\nconst A: &str = \"select id from games\";\n";
        assert_eq!(faults("crates/store/src/games.rs", text), [""; 0]);
        assert_eq!(faults("crates/store/benches/add_game.rs", text), [""; 0]);
        assert_eq!(faults("crates/server/migrations/1.sql", ""), ["1: sql"]);
    }
}
