//! `docs/webhook-formats.md` says what is so.

use std::collections::BTreeSet;

use super::{super::subset, *};
use crate::limits::{
    TEMPLATE_DATA_MAX_BYTES, TEMPLATE_DEPTH_MAX, TEMPLATE_FUEL, TEMPLATE_MAX_BYTES,
    TEMPLATE_OUTPUT_MAX_BYTES, TEMPLATE_TAG_MAX_TOKENS,
};

const PAGE: &str = include_str!("../../../../../docs/webhook-formats.md");

/// The blocks of the page, each with its language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let fenced = PAGE.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).collect()
}

/// The cells of the rows that begin with `first`.
fn rows(first: &str) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    PAGE.lines()
        .filter(|line| line.starts_with('|'))
        .map(cells)
        .filter(|row| row[0].starts_with(first))
        .collect()
}

#[test]
fn the_templates_send_what_stands_below_them() {
    let blocks = blocks();
    let data = blocks.iter().find(|(language, _)| *language == "json").expect("the data").1;
    let data = Event { data: data.to_owned(), ..event(kind::GAME_ADDED, &json!({})) };
    let pairs: Vec<_> = blocks.windows(2).filter(|pair| pair[0].0 == "jinja").collect();
    assert_eq!(pairs.len(), 2);
    for pair in pairs {
        let template = Template::parse(pair[0].1.trim_end()).expect("a template");
        assert_eq!(template.render(&data).as_deref(), Ok(pair[1].1.trim_end()));
    }
}

#[test]
fn the_bodies_are_those_of_the_page() {
    let event = event(kind::GAME_ADDED, &added("Quiplash 3"));
    let expected: Vec<_> =
        [Format::Discord, Format::Slack].iter().filter_map(|format| format.render(&event).ok()).collect();
    let shown: Vec<_> = blocks().iter().take(2).map(|(_, body)| body.trim_end()).collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_lines_of_the_page_are_said() {
    let said: BTreeSet<_> =
        lines().into_iter().map(|(name, _, line)| (name, line.replace('*', "**"))).collect();
    let mut name = "";
    let mut told = BTreeSet::new();
    for row in PAGE.lines().skip_while(|line| !line.starts_with("| Event |")).skip(2) {
        let Some((first, line)) = row.trim_matches('|').split_once('|') else { break };
        name = first.split('`').nth(1).unwrap_or(name);
        if first.trim() == "any other" {
            break;
        }
        assert!(said.contains(&(name, line.trim().to_owned())), "{name}: {line}");
        told.insert(name);
    }
    let all: BTreeSet<_> =
        said.iter().map(|(name, _)| *name).filter(|name| *name != "something.else").collect();
    assert_eq!(told, all);
}

#[test]
fn the_words_and_bounds_of_the_page_are_those_of_the_code() {
    let names = |list: &[&'static str]| list.iter().copied().collect::<BTreeSet<_>>();
    let listed = |first| rows(first)[0][1].split('`').skip(1).step_by(2).collect::<BTreeSet<_>>();
    assert_eq!(listed("Filters"), &names(subset::SCALAR_FILTERS) | &names(subset::OTHER_FILTERS));
    assert_eq!(listed("Tests"), names(subset::TESTS));
    let numbers = |first: &str| {
        let text = rows(first)[0][1].replace(',', "");
        text.split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect::<Vec<usize>>()
    };
    let steps = usize::try_from(TEMPLATE_FUEL).expect("a small number");
    assert_eq!(numbers("A template"), [TEMPLATE_MAX_BYTES, TEMPLATE_TAG_MAX_TOKENS, TEMPLATE_DEPTH_MAX]);
    assert_eq!(numbers("The `data`"), [TEMPLATE_DATA_MAX_BYTES]);
    assert_eq!(numbers("Steps"), [steps, 64]);
    assert_eq!(numbers("What it writes"), [TEMPLATE_OUTPUT_MAX_BYTES]);
}
