//! Statements for many rows at once.

use std::fmt::Write as _;

/// Rows per statement; few sizes, since each is a statement of its own to prepare and keep.
const CHUNK_ROWS: [usize; 3] = [256, 16, 1];

/// The rows in their order, in parts of one of the few sizes.
pub(crate) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNK_ROWS.into_iter().find(|size| *size <= rows.len())?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

/// The values of so many rows, `(?1, ?2, 0), (?3, ?4, 0)`; `row` says what each value is in terms of a
/// parameter of its own, `?`, if it has one.
pub(crate) fn places(rows: usize, row: &[&str]) -> String {
    // Some statements are made for each batch: one text that grows, and no others.
    let length: usize = row.iter().map(|value| value.len() + 6).sum();
    let mut text = String::with_capacity(rows * (length + 4));
    let mut parameters = 0;
    for number in 0..rows {
        text.push_str(if number == 0 { "(" } else { ", (" });
        for (column, value) in row.iter().enumerate() {
            text.push_str(if column == 0 { "" } else { ", " });
            match value.split_once('?') {
                Some((before, after)) => {
                    parameters += 1;
                    write!(text, "{before}?{parameters}{after}").expect("a string takes all");
                }
                None => text.push_str(value),
            }
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_parted_in_their_order_into_few_sizes() {
        for (rows, expected) in [(0, &[][..]), (1, &[1]), (17, &[16, 1]), (530, &[256, 256, 16, 1, 1])] {
            let all: Vec<usize> = (0..rows).collect();
            assert_eq!(chunks(&all).map(<[_]>::len).collect::<Vec<_>>(), expected);
            assert_eq!(chunks(&all).flatten().copied().collect::<Vec<_>>(), all);
        }
    }

    #[test]
    fn each_value_has_its_own_place() {
        assert_eq!(
            places(2, &["?", "cast(? as bigint)"]),
            "(?1, cast(?2 as bigint)), (?3, cast(?4 as bigint))"
        );
        assert_eq!(places(1, &["?"]), "(?1)");
    }
}
