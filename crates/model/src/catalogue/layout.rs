//! What can be told of a CSV text before it is read: how many columns it has and whether a quote is
//! left open. Takes the same steps from byte to byte as the reader, and keeps nothing.

/// The outline of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Cells of its first row that is not empty.
    pub(super) columns: usize,
    /// Where the quote stands that is still open at its end.
    pub(super) open_quote: Option<usize>,
}

/// Where in a row the last byte was.
#[derive(Clone, Copy)]
enum Place {
    RowStart,
    CellStart,
    Cell,
    /// Within a quote that opened there.
    Quoted(usize),
    /// Behind a quote within a quote: the end of it, or the first half of a doubled one.
    QuoteInQuoted(usize),
}

impl Layout {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut layout = Self::default();
        let mut is_first_row = true;
        let mut place = Place::RowStart;
        for (at, byte) in text.iter().enumerate() {
            if is_first_row && matches!(place, Place::RowStart) && !matches!(byte, b'\r' | b'\n') {
                layout.columns = 1;
            }
            place = match (place, byte) {
                (Place::Quoted(start), b'"') => Place::QuoteInQuoted(start),
                (Place::Quoted(start), _) | (Place::QuoteInQuoted(start), b'"') => Place::Quoted(start),
                (Place::RowStart | Place::CellStart, b'"') => Place::Quoted(at),
                (_, b',') => {
                    layout.columns += usize::from(is_first_row);
                    Place::CellStart
                }
                (_, b'\r' | b'\n') => {
                    is_first_row &= layout.columns == 0;
                    Place::RowStart
                }
                _ => Place::Cell,
            };
        }
        if let Place::Quoted(start) = place {
            layout.open_quote = Some(start);
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lengths of the rows that the reader finds.
    fn rows(text: &str) -> Vec<usize> {
        let mut builder = csv::ReaderBuilder::new();
        let reader = builder.has_headers(false).flexible(true).from_reader(text.as_bytes());
        reader.into_records().map(|row| row.expect("text").len()).collect()
    }

    #[test]
    fn a_quote_opens_only_at_the_start_of_a_cell() {
        for (text, columns, open_quote) in [
            ("", 0, None),
            ("\n\r\na,b\nc", 2, None),
            ("a,\"b\nc", 2, Some(2)),
            ("a,\"b\"\"", 2, Some(2)),
            ("a,\"b\"\"\"\n", 2, None),
            ("a, \"b\n", 2, None),
            ("a,b\"\n\"", 2, Some(5)),
        ] {
            assert_eq!(Layout::of(text.as_bytes()), Layout { columns, open_quote }, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_reader_sees_it_the_same_way(text in "[a\", \r\n]{0,40}") {
            let layout = Layout::of(text.as_bytes());
            let (before, after) = (rows(&text), rows(&format!("{text}\nmore")));
            prop_assert_eq!(layout.columns, before.first().copied().unwrap_or_default());
            let added = usize::from(layout.open_quote.is_none());
            prop_assert_eq!(after.len(), before.len() + added);
        }
    }
}
