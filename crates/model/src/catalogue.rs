//! Lists of games as CSV: the one that ships with the program and those that hosts import. Reads
//! text into games or into what is wrong with it; knows no library to put them in.

use csv::StringRecord;

use crate::{
    game::NewGame,
    limits::{CATALOGUE_ERRORS_MAX, INTEGER_MAX},
};

const SHIPPED: &str = include_str!("../data/catalogue.csv");

/// The columns that are read; the first four must be there.
const COLUMNS: [&str; 9] = [
    "pack_name",
    "title",
    "min_players",
    "max_players",
    "length_minutes",
    "has_audience",
    "family_friendly",
    "game_type",
    "secondary_type",
];
const REQUIRED_COLUMNS: usize = 4;

/// A line that does not describe a game.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct LineError {
    /// Where the faulty row starts in the text, from 1, the header counted.
    pub line: usize,
    /// What is wrong with it.
    pub error: String,
}

/// The games that ship with the program.
pub fn shipped() -> Vec<NewGame> {
    parse(SHIPPED).expect("the shipped catalogue is well-formed")
}

/// Reads games from CSV whose first line names the columns, in any order. `pack_name`, `title`,
/// `min_players` and `max_players` must be there; `length_minutes`, `game_type` and
/// `secondary_type` may be missing or empty (unknown), `has_audience` and `family_friendly` too
/// (no). Booleans are `1`/`0`, `true`/`false` or `yes`/`no` in any case. Ignored are other columns,
/// a byte order mark, empty rows and spaces around a value. Whether a game comes twice is not
/// looked at.
///
/// # Errors
/// One [`LineError`] for each faulty row, reading no further after [`CATALOGUE_ERRORS_MAX`] of
/// them; a faulty header alone if it is one.
pub fn parse(csv: &str) -> Result<Vec<NewGame>, Vec<LineError>> {
    let text = csv.strip_prefix('\u{feff}').unwrap_or(csv);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut lines = Lines { bytes: text.as_bytes(), counted_bytes: 0, line: 1 };
    let columns = reader
        .headers()
        .map_err(|error| error.to_string())
        .and_then(Columns::find)
        .map_err(|error| vec![LineError { line: lines.line_at(0), error }])?;

    let (mut games, mut errors) = (Vec::new(), Vec::new());
    let mut row = StringRecord::new();
    while errors.len() < CATALOGUE_ERRORS_MAX {
        let start = usize::try_from(reader.position().byte()).expect("a place in a text in memory");
        let game = match reader.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) if row.iter().all(str::is_empty) => continue,
            Ok(true) => columns.game(&row),
            Err(error) => Err(error.to_string()),
        };
        match game {
            Ok(game) => games.push(game),
            Err(error) => errors.push(LineError { line: lines.line_at(start), error }),
        }
    }
    if errors.is_empty() { Ok(games) } else { Err(errors) }
}

/// Counts the lines of a text once, from front to back.
struct Lines<'a> {
    bytes: &'a [u8],
    counted_bytes: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line, from 1, of the first character from byte `start` on that ends no line; `start` never
    /// goes back. (The reader's own count stands before the line ends that it has yet to skip.)
    fn line_at(&mut self, start: usize) -> usize {
        let rest = &self.bytes[start..];
        let end = start + rest.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let ends_line = |at: usize| match self.bytes[at] {
            b'\n' => true,
            b'\r' => self.bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        self.line += (self.counted_bytes..end).filter(|at| ends_line(*at)).count();
        self.counted_bytes = end;
        self.line
    }
}

/// Where each of [`COLUMNS`] stands in a row.
struct Columns {
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, String> {
        if let Some(twice) =
            COLUMNS.iter().find(|name| header.iter().filter(|cell| cell == *name).count() > 1)
        {
            return Err(format!("the column {twice} is there twice"));
        }
        let places = COLUMNS.map(|name| header.iter().position(|cell| cell == name));
        match COLUMNS[..REQUIRED_COLUMNS].iter().zip(places).find(|(_, place)| place.is_none()) {
            Some((name, _)) => Err(format!("the column {name} is missing")),
            None => Ok(Self { places, count: header.len() }),
        }
    }

    fn game(&self, row: &StringRecord) -> Result<NewGame, String> {
        if row.iter().skip(self.count).any(|cell| !cell.is_empty()) {
            return Err("more values than the header has columns".into());
        }
        if row.iter().any(|cell| cell.contains('\0')) {
            return Err("a value holds the character U+0000".into());
        }
        let game = NewGame {
            pack_name: self.text(row, "pack_name").ok_or("pack_name is empty")?,
            title: self.text(row, "title").ok_or("title is empty")?,
            min_players: self.number(row, "min_players")?.ok_or("min_players is empty")?,
            max_players: self.number(row, "max_players")?.ok_or("max_players is empty")?,
            length_minutes: self.number(row, "length_minutes")?,
            has_audience: self.flag(row, "has_audience")?,
            family_friendly: self.flag(row, "family_friendly")?,
            game_type: self.text(row, "game_type"),
            secondary_type: self.text(row, "secondary_type"),
        };
        if game.min_players > game.max_players {
            return Err("min_players is greater than max_players".into());
        }
        Ok(game)
    }

    fn cell<'a>(&self, row: &'a StringRecord, column: &str) -> &'a str {
        let place = COLUMNS.iter().position(|name| *name == column).and_then(|at| self.places[at]);
        place.and_then(|at| row.get(at)).unwrap_or_default()
    }

    fn text(&self, row: &StringRecord, column: &str) -> Option<String> {
        Some(self.cell(row, column)).filter(|cell| !cell.is_empty()).map(str::to_owned)
    }

    fn number(&self, row: &StringRecord, column: &str) -> Result<Option<i64>, String> {
        let cell = self.cell(row, column);
        if cell.is_empty() {
            return Ok(None);
        }
        match cell.parse() {
            Ok(number) if (1..=INTEGER_MAX).contains(&number) => Ok(Some(number)),
            _ => Err(format!("{column} is not a whole number from 1")),
        }
    }

    fn flag(&self, row: &StringRecord, column: &str) -> Result<bool, String> {
        match self.cell(row, column).to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" => Ok(true),
            "" | "0" | "false" | "no" => Ok(false),
            _ => Err(format!("{column} is neither 1 nor 0")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "pack_name,title,min_players,max_players,length_minutes,has_audience,\
                          family_friendly,game_type,secondary_type";

    fn errors(csv: &str) -> Vec<String> {
        parse(csv).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_shipped_catalogue_has_63_games_each_once() {
        let games = shipped();
        assert_eq!(games.len(), 63);
        let names: HashSet<_> = games.iter().map(|game| (&game.pack_name, &game.title)).collect();
        assert_eq!(names.len(), 63);
        assert_eq!(
            games[1],
            NewGame {
                pack_name: "The Jackbox Party Pack".into(),
                title: "Drawful".into(),
                min_players: 3,
                max_players: 8,
                length_minutes: Some(23),
                has_audience: false,
                family_friendly: false,
                game_type: Some("Drawing".into()),
                secondary_type: Some("Writing".into()),
            }
        );
        assert_eq!(games[0].secondary_type, None);
    }

    #[test]
    fn spreadsheets_of_all_kinds_are_understood() {
        let csv = "\u{feff}colour,title , max_players,min_players,pack_name,has_audience\r\n\
                   red,\"Quip, \"\"lash\"\"\r\n2\",8,3,Standalone,YES\r\n\
                   \r\n\
                   ,,,,,\r\n\
                   blue,  Émile 🎮 ,4,4,\"Pack\"\r\n";
        let games = parse(csv).expect("valid");
        assert_eq!(games.len(), 2);
        assert_eq!(games[0].title, "Quip, \"lash\"\r\n2");
        assert_eq!((games[0].min_players, games[0].max_players), (3, 8));
        assert!(games[0].has_audience && !games[0].family_friendly);
        assert_eq!((games[1].title.as_str(), games[1].pack_name.as_str()), ("Émile 🎮", "Pack"));
        assert_eq!((games[1].length_minutes, games[1].has_audience), (None, false));
        assert_eq!(parse(HEADER), Ok(vec![]));
    }

    #[test]
    fn a_faulty_header_is_the_only_error() {
        for (csv, expected) in [
            ("", "line 1: the column pack_name is missing"),
            ("\n\npack_name,title,max_players\nx", "line 3: the column min_players is missing"),
            ("Pack_Name,title\n", "line 1: the column pack_name is missing"),
            ("pack_name,title,min_players,max_players,title\n", "line 1: the column title is there twice"),
        ] {
            assert_eq!(errors(csv), [expected], "{csv}");
        }
    }

    #[test]
    fn a_faulty_row_says_what_is_wrong_with_it() {
        for (row, expected) in [
            (",T,1,2,,,,,", "pack_name is empty"),
            ("P,  ,1,2,,,,,", "title is empty"),
            ("P,T", "min_players is empty"),
            ("P,T,1,,,,,,", "max_players is empty"),
            ("P,T,two,2,,,,,", "min_players is not a whole number from 1"),
            ("P,T,0,2,,,,,", "min_players is not a whole number from 1"),
            ("P,T,1,2.5,,,,,", "max_players is not a whole number from 1"),
            ("P,T,1,9007199254740992,,,,,", "max_players is not a whole number from 1"),
            ("P,T,1,99999999999999999999,,,,,", "max_players is not a whole number from 1"),
            ("P,T,3,2,,,,,", "min_players is greater than max_players"),
            ("P,T,1,2,-5,,,,", "length_minutes is not a whole number from 1"),
            ("P,T,1,2,,2,,,", "has_audience is neither 1 nor 0"),
            ("P,T,1,2,,,maybe,,", "family_friendly is neither 1 nor 0"),
            ("P,T,1,2,,,,,,,x", "more values than the header has columns"),
            ("P,T\0,1,2,,,,,", "a value holds the character U+0000"),
        ] {
            assert_eq!(errors(&format!("{HEADER}\n{row}\n")), [format!("line 2: {expected}")], "{row}");
        }
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let rows = [HEADER, "P,T,x,2", "", "\"P\nQ\",T,x,2", "P,T,1,2", "P,T,x,2"];
        for line_end in ["\n", "\r\n", "\r"] {
            let csv = rows.map(|row| row.replace('\n', line_end)).join(line_end);
            let lines: Vec<usize> = parse(&csv).expect_err("faulty").iter().map(|error| error.line).collect();
            assert_eq!(lines, [2, 4, 7], "{line_end:?}");
        }
    }

    #[test]
    fn a_hopeless_file_is_not_read_to_the_end() {
        let csv = format!("{HEADER}\n{}", "nonsense\n".repeat(CATALOGUE_ERRORS_MAX + 7));
        assert_eq!(errors(&csv).len(), CATALOGUE_ERRORS_MAX);
    }

    proptest! {
        #[test]
        fn any_text_ends_in_games_or_errors(text: String, cells in "[PT0-9,\"\\r\\n ]{0,200}") {
            let _ = parse(&text);
            for error in parse(&format!("{HEADER}\n{cells}")).err().unwrap_or_default() {
                prop_assert!(error.line >= 2, "{}", error);
            }
        }

        #[test]
        fn any_title_comes_through_quoted(title in "[^\\s\0][^\0]{0,40}[^\\s\0]") {
            let csv = format!("{HEADER}\n\"P\",\"{}\",1,2,,,,,\n", title.replace('"', "\"\""));
            let games = parse(&csv).expect("valid");
            prop_assert_eq!(&games[0].title, &title);
        }
    }
}
