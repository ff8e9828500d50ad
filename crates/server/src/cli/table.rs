//! Columns for a terminal.

use std::fmt::{self, Write as _};

use super::client::one_line;

/// Rows of as many columns as the head has; the last is not padded.
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(head: [&str; COLUMNS]) -> Self {
        Self { rows: vec![head.map(str::to_owned)] }
    }

    /// Texts from elsewhere; an empty one is shown as a dash.
    pub(super) fn row(&mut self, cells: [&str; COLUMNS]) {
        let shown = |text: &str| {
            let text = one_line(text);
            if text.is_empty() { "-".to_owned() } else { text }
        };
        self.rows.push(cells.map(shown));
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..COLUMNS).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["ID", "NAME", "URL"]);
        table.row(["1", "☂ bot", "http://a/"]);
        table.row(["12", "", "http://\u{1b}[2J\nb/"]);
        let expected = "ID  NAME   URL\n1   ☂ bot  http://a/\n12  -      http:// [2J b/\n";
        assert_eq!(table.to_string(), expected);
    }
}
