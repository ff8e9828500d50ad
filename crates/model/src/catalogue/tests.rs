use std::collections::HashSet;

use super::*;
use crate::fixture;
use proptest::prelude::*;

const HEADER: &str = "pack_name,title,min_players,max_players,length_minutes,has_audience,\
                      family_friendly,game_type,secondary_type";

/// The games of a text without faults.
fn games(csv: &str) -> Vec<NewGame> {
    let catalogue = parse(csv).expect("a good header");
    assert_eq!(catalogue.errors, []);
    catalogue.games.into_iter().map(|entry| entry.game).collect()
}

fn errors(csv: &str) -> Vec<String> {
    match parse(csv) {
        Ok(catalogue) => catalogue.errors.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
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
    let games = games(csv);
    assert_eq!(games.len(), 2);
    assert_eq!(games[0].title, "Quip, \"lash\"\r\n2");
    assert_eq!((games[0].min_players, games[0].max_players), (3, 8));
    assert!(games[0].has_audience && !games[0].family_friendly);
    assert_eq!((games[1].title.as_str(), games[1].pack_name.as_str()), ("Émile 🎮", "Pack"));
    assert_eq!((games[1].length_minutes, games[1].has_audience), (None, false));
    assert_eq!(parse(HEADER), Ok(Catalogue::default()));
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
fn a_quote_that_is_never_closed_is_an_error_where_it_opens() {
    let csv = format!("{HEADER}\nP,\"a\nb\",1,2\nP,\"T,1,2\nP,U,1,2\n");
    assert_eq!(errors(&csv), ["line 4: the quote that opens here is never closed"]);
    assert!(parse(&csv).is_err(), "what follows it is not known, so nothing can be done");
    assert_eq!(errors("\"pack_name,title\n"), ["line 1: the quote that opens here is never closed"]);
}

#[test]
fn columns_are_bounded() {
    let csv = |columns: usize| format!("{HEADER}{}\nP,T,1,2", ",x".repeat(columns - 9));
    assert_eq!(games(&csv(CATALOGUE_COLUMNS_MAX)).len(), 1);
    assert_eq!(errors(&csv(CATALOGUE_COLUMNS_MAX + 1)), ["line 1: more than 100 columns"]);
    assert_eq!(errors(&format!("\n{}", ",".repeat(1 << 20))), ["line 2: more than 100 columns"]);
}

#[test]
fn faulty_rows_that_can_be_told_apart_are_named() {
    let csv = format!("{HEADER}\nP,T,x,2\nP,,1,2\nnonsense\nP,'=U,1,2,,,,,,more\nQ,V,1,2\nQ,V,1,3\n");
    let catalogue = parse(&csv).expect("a good header");
    let names = [("P", "T"), ("P", "=U"), ("Q", "V")].map(|(pack, title)| (pack.into(), title.into()));
    assert_eq!((catalogue.faulty_names, catalogue.faulty_rows), (names.to_vec(), 5));
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
        ("P,{long},1,2,,,,,", "title is longer than 200 characters"),
        ("P,T,1,2,,2,,,", "has_audience is neither 1 nor 0"),
        ("P,T,1,2,,,maybe,,", "family_friendly is neither 1 nor 0"),
        ("P,T,1,2,,,,,,,x", "more values than the header has columns"),
        ("P,T\0,1,2,,,,,", "a value holds the character U+0000"),
    ] {
        assert_eq!(
            errors(&format!("{HEADER}\n{}\n", row.replace("{long}", &"x".repeat(201)))),
            [format!("line 2: {expected}")],
            "{row}"
        );
    }
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let rows = [HEADER, "P,T,x,2", "", "\"P\nQ\",T,x,2", "P,T,1,2", "P,T,x,2"];
    for line_end in ["\n", "\r\n", "\r"] {
        let csv = rows.map(|row| row.replace('\n', line_end)).join(line_end);
        let lines: Vec<usize> =
            parse(&csv).expect("a good header").errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 4, 7], "{line_end:?}");
    }
}

#[test]
fn of_a_hopeless_file_not_every_line_is_told() {
    let csv = format!("{HEADER}\n{}P,T,1,2\n", "nonsense\n".repeat(CATALOGUE_ERRORS_MAX + 7));
    let catalogue = parse(&csv).expect("a good header");
    assert_eq!(catalogue.errors.len(), CATALOGUE_ERRORS_MAX);
    assert_eq!((catalogue.faulty_rows, catalogue.games.len()), (CATALOGUE_ERRORS_MAX + 7, 1));
    let csv = format!("{HEADER}\n{}", "nonsense\n".repeat(LIBRARY_MAX_GAMES + 1));
    assert_eq!(errors(&csv), [format!("line {}: more than 10000 rows", LIBRARY_MAX_GAMES + 2)]);
}

#[test]
fn a_game_is_told_the_second_time() {
    let csv = format!("{HEADER}\nP,T,1,2\nQ,T,1,2\n P ,\"T\",3,4\np,T,1,2\n");
    assert_eq!(errors(&csv), ["line 4: the same pack and title as on line 2"]);
    assert_eq!(parse(&csv).expect("a good header").games.len(), 3);
}

#[test]
fn how_a_game_stands_may_be_said() {
    let csv = "title,enabled,favor_bias,pack_name,min_players,max_players\n\
               A,,,P,1,2\nB,no,-1,P,1,2\nC,1,'-1,P,1,2\nD,TRUE,1,P,1,2\n";
    let catalogue = parse(csv).expect("a good header");
    let standings: Vec<_> = catalogue.games.iter().map(|entry| (entry.enabled, entry.favor_bias)).collect();
    let expected = [(None, None), (Some(false), Some(-1)), (Some(true), Some(-1)), (Some(true), Some(1))];
    assert_eq!(standings, expected);
    assert_eq!(
        errors("title,favor_bias,pack_name,min_players,max_players\nA,2,P,1,2\n"),
        ["line 2: favor_bias is neither -1, 0 nor 1"]
    );
}

#[test]
fn formulas_are_neutralised() {
    let titles = ["=1+1", "+x", "-x", "@x", "'=x", "''@", "'x", "x=1", "'"];
    let csv = to_csv(&titles.map(|title| game("P", title)));
    for cell in ["'=1+1", "'+x", "'-x", "'@x", "''=x", "'''@", "'x", "x=1", "'"] {
        assert!(csv.contains(&format!("\r\nP,{cell},")), "{cell} in {csv}");
    }
    let read: Vec<_> = games(&csv).into_iter().map(|game| game.title).collect();
    assert_eq!(read, titles);
}

fn game(pack_name: &str, title: &str) -> Game {
    Game {
        pack_name: pack_name.into(),
        title: title.into(),
        play_count: 5,
        upvotes: 3,
        downvotes: 1,
        ..fixture::game()
    }
}

proptest! {
    #[test]
    fn any_text_ends_in_games_or_errors(text: String, cells in "[PT0-9,\"\\r\\n ]{0,200}") {
        let _ = parse(&text);
        let parsed = parse(&format!("{HEADER}\n{cells}"));
        for error in parsed.map_or_else(|open_quote| vec![open_quote], |catalogue| catalogue.errors) {
            prop_assert!(error.line >= 2, "{}", error);
        }
    }

    #[test]
    fn what_is_exported_is_imported(
        pack in "['=+@\\-\"a, \t\r\n]{0,6}[a-zé🎮]['=+@\\-\",]{0,3}",
        kind in proptest::option::of("['=+@-]{1,3}|[A-Z]{1,5}"),
        numbers in (1_i64..100, 0_i64..100, proptest::option::of(1_i64..100), -1_i64..=1),
        flags: (bool, bool, bool),
    ) {
        let game = Game {
            min_players: numbers.0,
            max_players: numbers.0 + numbers.1,
            length_minutes: numbers.2,
            favor_bias: numbers.3,
            has_audience: flags.0,
            family_friendly: flags.1,
            enabled: flags.2,
            game_type: kind,
            ..game(pack.trim(), "T")
        };
        let games = [game.clone(), Game { title: "U".into(), ..game }];
        let read = parse(&to_csv(&games)).expect("a good header");
        prop_assert_eq!(&read.errors, &[]);
        prop_assert_eq!(read.games.len(), 2);
        for (game, entry) in games.into_iter().zip(read.games) {
            let expected = GameEntry {
                game: NewGame {
                    pack_name: game.pack_name,
                    title: game.title,
                    min_players: game.min_players,
                    max_players: game.max_players,
                    length_minutes: game.length_minutes,
                    has_audience: game.has_audience,
                    family_friendly: game.family_friendly,
                    game_type: game.game_type,
                    secondary_type: game.secondary_type,
                },
                enabled: Some(game.enabled),
                favor_bias: Some(game.favor_bias),
            };
            prop_assert_eq!(entry, expected);
        }
    }

    #[test]
    fn any_title_comes_through_quoted(title in "[^\\s\0'][^\0]{0,40}[^\\s\0]") {
        let csv = format!("{HEADER}\n\"P\",\"{}\",1,2,,,,,\n", title.replace('"', "\"\""));
        let games = games(&csv);
        prop_assert_eq!(&games[0].title, &title);
    }
}
