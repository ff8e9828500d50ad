//! Lists of games as CSV: the one that ships with the program and those that hosts import and
//! export. Reads text into games or into what is wrong with it; knows no library to put them in.

mod layout;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::HashMap};

use csv::StringRecord;

use crate::{
    game::{Game, GameEntry, NewGame},
    limits::{
        CATALOGUE_COLUMNS_MAX, CATALOGUE_ERRORS_MAX, GAME_TEXT_MAX_CHARS, INTEGER_MAX, LIBRARY_MAX_GAMES,
    },
};
use layout::Layout;

const SHIPPED: &str = include_str!("../data/catalogue.csv");

/// The columns that are read and written; the first four must be there.
const COLUMNS: [&str; 11] = [
    "pack_name",
    "title",
    "min_players",
    "max_players",
    "length_minutes",
    "has_audience",
    "family_friendly",
    "game_type",
    "secondary_type",
    "enabled",
    "favor_bias",
];
const REQUIRED_COLUMNS: usize = 4;
/// What makes a spreadsheet take a cell for a formula when it comes first.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A line that does not describe a game.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct LineError {
    /// Where the faulty row starts in the text, from 1, the header counted.
    pub line: usize,
    /// What is wrong with it.
    pub error: String,
}

/// What a text holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Its games, none of them twice.
    pub games: Vec<GameEntry>,
    /// The first [`CATALOGUE_ERRORS_MAX`] faulty rows.
    pub errors: Vec<LineError>,
    /// How many rows are faulty.
    pub faulty_rows: usize,
    /// Pack and title of the faulty rows that have both. One of them may be among the games, too.
    pub faulty_names: Vec<(String, String)>,
}

/// The games that ship with the program.
pub fn shipped() -> Vec<NewGame> {
    let catalogue = parse(SHIPPED).expect("the shipped catalogue is well-formed");
    catalogue.games.into_iter().map(|entry| entry.game).collect()
}

/// Reads games from CSV whose first line names the columns, in any order. `pack_name`, `title`,
/// `min_players` and `max_players` must be there; `length_minutes`, `game_type` and
/// `secondary_type` may be missing or empty (unknown), `has_audience` and `family_friendly` too
/// (no), and so may `enabled` and `favor_bias` (not said). Booleans are `1`/`0`, `true`/`false` or
/// `yes`/`no` in any case. Ignored are other columns, a byte order mark, empty rows and spaces around
/// a value. Of apostrophes before what a spreadsheet takes for a formula, the first is taken away,
/// which [`to_csv`] puts there. A game that is there twice is faulty the second time.
///
/// # Errors
/// A [`LineError`] when nothing can be made of the text: a faulty header, a quote that is never
/// closed, or more than [`CATALOGUE_COLUMNS_MAX`] columns or [`LIBRARY_MAX_GAMES`] rows.
pub fn parse(csv: &str) -> Result<Catalogue, LineError> {
    let text = csv.strip_prefix('\u{feff}').unwrap_or(csv);
    check(text.as_bytes())?;
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut lines = Lines::of(text.as_bytes());
    let columns = reader
        .headers()
        .map_err(|error| error.to_string())
        .and_then(Columns::find)
        .map_err(|error| LineError { line: lines.line_at(0), error })?;

    let mut catalogue = Catalogue::default();
    let mut lines_by_name = HashMap::new();
    let mut row = StringRecord::new();
    loop {
        let start = usize::try_from(reader.position().byte()).expect("a place in a text in memory");
        let entry = match reader.read_record(&mut row) {
            Ok(false) => return Ok(catalogue),
            Ok(true) if row.iter().all(str::is_empty) => continue,
            Ok(true) => columns.entry(&row),
            Err(error) => Err(error.to_string()),
        };
        let line = lines.line_at(start);
        if catalogue.games.len() + catalogue.faulty_rows == LIBRARY_MAX_GAMES {
            return Err(LineError { line, error: format!("more than {LIBRARY_MAX_GAMES} rows") });
        }
        let entry = entry.and_then(|entry| {
            let name = (entry.game.pack_name.clone(), entry.game.title.clone());
            match lines_by_name.insert(name, line) {
                Some(before) => Err(format!("the same pack and title as on line {before}")),
                None => Ok(entry),
            }
        });
        match entry {
            Ok(entry) => catalogue.games.push(entry),
            Err(error) => {
                catalogue.faulty_rows += 1;
                catalogue.faulty_names.extend(columns.name(&row));
                if catalogue.errors.len() < CATALOGUE_ERRORS_MAX {
                    catalogue.errors.push(LineError { line, error });
                }
            }
        }
    }
}

/// Refuses what the reader would take for something else than was meant, or would take long to read:
/// to it, the end of the text closes a quote.
fn check(text: &[u8]) -> Result<(), LineError> {
    let layout = Layout::of(text);
    let error_at = |start, error| LineError { line: Lines::of(text).line_at(start), error };
    if layout.columns > CATALOGUE_COLUMNS_MAX {
        return Err(error_at(0, format!("more than {CATALOGUE_COLUMNS_MAX} columns")));
    }
    match layout.open_quote {
        Some(start) => Err(error_at(start, "the quote that opens here is never closed".into())),
        None => Ok(()),
    }
}

/// Writes games so that [`parse`] reads the same; what else is known of them (votes, plays) is left
/// out. An apostrophe goes before what a spreadsheet would take for a formula, and before
/// apostrophes before that.
pub fn to_csv(games: &[Game]) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let flag = |flag: bool| Cow::from(if flag { "1" } else { "0" });
    let number = |number: i64| Cow::from(number.to_string());
    writer.write_record(COLUMNS).expect("memory takes everything");
    for game in games {
        let cells: [Cow<'_, str>; COLUMNS.len()] = [
            game.pack_name.as_str().into(),
            game.title.as_str().into(),
            number(game.min_players),
            number(game.max_players),
            game.length_minutes.map(number).unwrap_or_default(),
            flag(game.has_audience),
            flag(game.family_friendly),
            game.game_type.as_deref().unwrap_or_default().into(),
            game.secondary_type.as_deref().unwrap_or_default().into(),
            flag(game.enabled),
            number(game.favor_bias),
        ];
        let cells = cells.map(|cell| if is_formula(&cell) { format!("'{cell}").into() } else { cell });
        writer.write_record(cells.iter().map(|cell| cell.as_bytes())).expect("memory takes everything");
    }
    String::from_utf8(writer.into_inner().expect("memory takes everything")).expect("made of texts")
}

/// Whether a spreadsheet would take a cell for a formula, but for apostrophes before it.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(FORMULA)
}

/// Counts the lines of a text once, from front to back.
struct Lines<'a> {
    bytes: &'a [u8],
    counted_bytes: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, counted_bytes: 0, line: 1 }
    }

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

    /// Pack and title of a row, if it has both.
    fn name(&self, row: &StringRecord) -> Option<(String, String)> {
        let [pack, title] = [self.cell(row, "pack_name"), self.cell(row, "title")];
        (!pack.is_empty() && !title.is_empty()).then(|| (pack.to_owned(), title.to_owned()))
    }

    fn entry(&self, row: &StringRecord) -> Result<GameEntry, String> {
        if row.iter().skip(self.count).any(|cell| !cell.is_empty()) {
            return Err("more values than the header has columns".into());
        }
        if row.iter().any(|cell| cell.contains('\0')) {
            return Err("a value holds the character U+0000".into());
        }
        let game = NewGame {
            pack_name: self.text(row, "pack_name")?.ok_or("pack_name is empty")?,
            title: self.text(row, "title")?.ok_or("title is empty")?,
            min_players: self.number(row, "min_players")?.ok_or("min_players is empty")?,
            max_players: self.number(row, "max_players")?.ok_or("max_players is empty")?,
            length_minutes: self.number(row, "length_minutes")?,
            has_audience: self.flag(row, "has_audience")?.unwrap_or(false),
            family_friendly: self.flag(row, "family_friendly")?.unwrap_or(false),
            game_type: self.text(row, "game_type")?,
            secondary_type: self.text(row, "secondary_type")?,
        };
        if game.min_players > game.max_players {
            return Err("min_players is greater than max_players".into());
        }
        let favor_bias = match self.cell(row, "favor_bias") {
            "" => None,
            "-1" => Some(-1),
            "0" => Some(0),
            "1" => Some(1),
            _ => return Err("favor_bias is neither -1, 0 nor 1".into()),
        };
        Ok(GameEntry { game, enabled: self.flag(row, "enabled")?, favor_bias })
    }

    fn cell<'a>(&self, row: &'a StringRecord, column: &str) -> &'a str {
        let place = COLUMNS.iter().position(|name| *name == column).and_then(|at| self.places[at]);
        let cell = place.and_then(|at| row.get(at)).unwrap_or_default();
        cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell).trim()
    }

    fn text(&self, row: &StringRecord, column: &str) -> Result<Option<String>, String> {
        let cell = self.cell(row, column);
        if cell.chars().count() > GAME_TEXT_MAX_CHARS {
            return Err(format!("{column} is longer than {GAME_TEXT_MAX_CHARS} characters"));
        }
        Ok(Some(cell).filter(|cell| !cell.is_empty()).map(str::to_owned))
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

    fn flag(&self, row: &StringRecord, column: &str) -> Result<Option<bool>, String> {
        match self.cell(row, column).to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "1" | "true" | "yes" => Ok(Some(true)),
            "0" | "false" | "no" => Ok(Some(false)),
            _ => Err(format!("{column} is neither 1 nor 0")),
        }
    }
}
