//! Templates: what they can say, and that nothing in them takes for ever.

use super::{
    super::subset::{OTHER_FILTERS, SCALAR_FILTERS, TESTS},
    *,
};
use crate::limits::{TEMPLATE_DATA_MAX_BYTES, TEMPLATE_MAX_BYTES};

fn render(source: &str, data: &Value) -> Result<String, String> {
    let template = Template::parse(source).map_err(|error| error.to_string())?;
    template.render(&event(kind::GAME_ADDED, data)).map_err(|error| error.to_string())
}

fn a_game() -> Value {
    let mut data = added("Say \"hi\"\n\\o/ 🎮");
    data["tags"] = json!(["a\"", 2, null, true, {"b": 0.5}]);
    data["big"] = json!(1e21);
    data
}

#[test]
fn a_template_writes_what_it_is_given() {
    for (source, body) in [
        ("plain \"text\" {", "plain \"text\" {"),
        (
            r#"{"content":"{{ data.game.title }} #{{ data.session.id }}"}"#,
            r#"{"content":"Say \"hi\"\n\\o/ 🎮 #3"}"#,
        ),
        ("{{ event }} {{ timestamp }} {{ id }}", "game.added 2026-03-15T20:30:00.000Z evt_1"),
        (r#"{"title":{{ data.game.title|tojson }}}"#, r#"{"title":"Say \"hi\"\n\\o/ 🎮"}"#),
        ("{{ data.tags|tojson }}", r#"["a\"",2,null,true,{"b":0.5}]"#),
        ("{{ data.tags }}", r#"[\"a\\\"\",2,null,true,{\"b\":0.5}]"#),
        ("{{ data.big }} {{ data.big|tojson }} {{ 7 / 2 }} {{ 4 / 2 }}", "1e+21 1e+21 3.5 2"),
        ("{{ none }} {{ true }} {{ 'a\"b' }}", "null true a\\\"b"),
        ("{{ data.game.title|safe }}", "Say \"hi\"\n\\o/ 🎮"),
        (
            "{% for tag in data.tags %}{{ loop.index + 1 }}{{ tag }}{% if not loop.last %},{% endif %}{% endfor %}",
            "2a\\\",32,4null,5true,6{\\\"b\\\":0.5}",
        ),
        ("{% if event in ['game.added', 'game.removed'] %}yes{% else %}no{% endif %}", "yes"),
        ("{% set n = data.session.games_played %}{{ n }} {{ 'game' if n == 1 else 'games' }}", "2 games"),
        (
            "{{ data.nope|default('none') }}{% if data.nope is defined %}!{% endif %}{% if data.nope %}!{% endif %}",
            "none",
        ),
        (
            "{{ data.game.title|upper|truncate(7) }} {{ 'abc'|truncate(3) }} {{ 'abc'|truncate(0) }}.",
            "SAY \\\"H… abc .",
        ),
        (
            "{{ data.tags|length }} {{ data.game.title|trim|lower }} {{ data.tags|first }} {{ [1, 2]|join('-') }}",
            "5 say \\\"hi\\\"\\n\\\\o/ 🎮 a\\\" 1-2",
        ),
        ("{{ (data.game.min_players|int) * 2 + 1 }} {{ 'a' ~ data.session.id }}", "7 a3"),
        (
            "{{ data.tags|length == data.session.id }} {{ 2 in data.tags }} {{ 1 < data.session.id < 4 }}",
            "false true true",
        ),
        ("{% raw %}{{ x }}{% endraw %}{# note #}", "{{ x }}"),
    ] {
        assert_eq!(render(source, &a_game()).as_deref(), Ok(body), "{source}");
    }
}

#[test]
fn a_fault_is_told_in_one_line_when_it_is_saved() {
    for (source, message) in [
        (
            "a\n{{ data. }}",
            "line 2: syntax error: unexpected end of variable block, expected identifier or integer",
        ),
        ("\n\n{% if x %}", "line 3: syntax error: unexpected end of input, expected end of block"),
        ("{% endif %}", "line 1: syntax error: unknown statement endif"),
        ("{% include 'x' %}", "line 1: syntax error: unknown statement include"),
        ("{% macro x() %}{% endmacro %}", "line 1: syntax error: unknown statement macro"),
        ("\n{{ x|nope }}", "line 2: there is no filter nope"),
        ("{{ x is nope }}", "line 1: there is no test nope"),
        ("{{ x|pprint }}", "line 1: there is no filter pprint"),
        ("{{ range(9) }}", "line 1: functions are not supported"),
        ("{{ x.y() }}", "line 1: functions are not supported"),
        ("{{ [x] }}", "line 1: lists and maps can hold constants only"),
        ("{{ {'a': x} }}", "line 1: lists and maps can hold constants only"),
        ("{% set a = a, a %}", "line 1: lists and maps can hold constants only"),
        ("{% set a, b = x %}", "line 1: only a name can be set"),
        (
            "{{ x + y }}",
            "line 1: + needs a constant or the result of a filter on one side; texts are joined by ~",
        ),
        ("{{ x * 2 }}", "line 1: * needs constants or results of filters, such as x|int, on both sides"),
        ("{{ [1] * 2 }}", "line 1: * needs constants or results of filters, such as x|int, on both sides"),
        ("{{ x[1:] }}", "line 1: slices are not supported; texts are cut by truncate"),
        ("{{ x == y }}", COMPARISON),
        ("{{ 1 < x < y }}", COMPARISON),
        ("{{ x in y }}", COMPARISON),
        ("{{ x if x != y }}", COMPARISON),
        ("{% for x in y recursive %}{% endfor %}", "line 1: recursive loops are not supported"),
        ("{% set x %}{% endset %}", "line 1: set without = is not supported"),
        ("{% with x = 1 %}{% endwith %}", "line 1: with is not supported"),
        ("{% autoescape false %}{% endautoescape %}", "line 1: autoescape is not supported"),
        ("{% filter upper %}{% endfilter %}", "line 1: filter as a tag is not supported"),
        ("{% do x() %}", "line 1: do is not supported"),
        ("{{ x|join(*y) }}", "line 1: * before an argument is not supported"),
    ] {
        assert_eq!(render(source, &a_game()), Err(format!("template, {message}")), "{source}");
    }
    let longest = "a".repeat(TEMPLATE_MAX_BYTES);
    assert_eq!(render(&longest, &a_game()).as_ref(), Ok(&longest));
    let message = "template must not be longer than 8192 bytes";
    assert_eq!(render(&(longest + "a"), &a_game()), Err(message.into()));
}

#[test]
fn a_fault_is_told_in_one_line_when_it_is_rendered() {
    for (source, message) in [
        ("\n{{ data.nope }}", "line 2: undefined value: `data.nope` is undefined"),
        ("{{ nope }}", "line 1: undefined value: `nope` is undefined"),
        ("{% if data.nope.x %}{% endif %}", "line 1: undefined value: `data.nope` is undefined"),
        ("{% for x in data.nope %}{% endfor %}", "line 1: undefined value: `data.nope` is undefined"),
        ("{{ 1 / 0 }}", "line 1: invalid operation: unable to calculate 1 / 0"),
        (
            "{{ data.tags * data.tags }}",
            "line 1: * needs constants or results of filters, such as x|int, on both sides",
        ),
    ] {
        assert_eq!(render(source, &a_game()), Err(format!("template, {message}")), "{source}");
    }
}

const COMPARISON: &str =
    "line 1: a comparison needs a constant or the result of a filter, such as x|trim, on one side";

/// Source for a value in which `depth` lists hold the one before twice, by whatever `doubled` writes.
fn doubling(doubled: &str, depth: usize) -> String {
    format!("{{% set a = data.tags %}}{}", format!("{{% set a = {doubled} %}}").repeat(depth))
}

#[test]
fn nothing_takes_for_ever_or_grows_without_end() {
    let for_each = "{% for x in data.many %}";
    let end = "{% endfor %}";
    let mut data = a_game();
    data["many"] = json!(vec![0; 1_000]);
    data["long"] = json!("x".repeat(50_000));
    let steps = "template, line 1: takes more than 10000 steps";
    for source in [
        for_each.repeat(4) + &end.repeat(4),
        format!("{0}{0}{1}{2}{2}", for_each, "{% if 1 in data.many %}{% endif %}", end),
        format!("{for_each}{for_each}{{% if data.long ~ data.long %}}{{% endif %}}{end}{end}"),
        format!("{for_each}{{% if data|tojson %}}{{% endif %}}{end}"),
        "{{ 'x' * 10000000000 }}".into(),
        "{{ 'x' * 9999999 * 9999999 }}".into(),
        "{{ data.long|replace('x', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') }}"
            .into(),
    ] {
        assert_eq!(render(&source, &data), Err(steps.into()), "{source}");
    }
    let written = format!("{for_each}{{{{ data.long }}}}{end}");
    assert_eq!(render(&written, &data), Err("template: writes more than 262144 bytes".into()));
    for source in [
        "[a, a]",
        "a + a",
        "(a, a)",
        "{'x': a, 'y': a}",
        "a * 2",
        "[a] + [a]",
        "a[:]",
        "a|int(a) + a",
        "a|int(default=a) + a",
    ]
    .map(|how| doubling(how, 60))
    {
        assert!(Template::parse(&source).is_err(), "{source}");
    }
    // Nothing of this is tried out while it is read.
    for source in [
        "[1] * 999999999 == [1] * 999999999",
        "([1] * 999999999) ~ ''",
        "1 in [0] * 999999999",
        "2 ** 99999999",
    ] {
        assert!(render(&format!("{{{{ {source} }}}}"), &data).is_err(), "{source}");
        assert!(render(&format!("{{{{ x if {source} == 1 }}}}"), &data).is_err(), "{source}");
    }
    // Texts that double are paid for.
    let doubled = doubling("a ~ a", 60) + "{{ a }}";
    assert_eq!(render(&doubled, &data), Err(steps.into()));
    for allowed in ["a|default(a)", "a or a", "a|first"] {
        let source = doubling(allowed, 60) + "{{ a|tojson }}";
        assert!(render(&source, &data).is_ok_and(|body| body.len() < 1_000), "{source}");
    }
}

#[test]
fn deep_templates_are_refused_and_break_nothing() {
    let tag = "template, line 1: more than 200 words and signs in a tag";
    let times = |part: &str| part.repeat((TEMPLATE_MAX_BYTES - 50) / part.len());
    for source in [
        format!("{{{{ {}1 }}}}", times("-")),
        format!("{{{{ {}1 }}}}", times("not ")),
        format!("{{{{ 1{} }}}}", times("+1")),
        format!("{{{{ 1{} }}}}", times("~1")),
        format!("{{{{ 1{} }}}}", times("**1")),
        format!("{{{{ data{} }}}}", times(".a")),
        format!("{{{{ data{} }}}}", times("|upper")),
        format!("{{{{ {} }}}}", times("[")),
        format!("{{{{ {}1 }}}}", times("1 if 1 else ")),
        format!("{{% if {}1 %}}{{% endif %}}", times("1 and ")),
    ] {
        assert_eq!(render(&source, &a_game()), Err(tag.into()), "{source}");
    }
    let nested = |depth: usize| "{% if 1 %}".repeat(depth) + &"{% endif %}".repeat(depth);
    assert_eq!(render(&nested(50), &a_game()).as_deref(), Ok(""));
    assert_eq!(render(&nested(51), &a_game()), Err("template, line 1: tags nested more than 50 deep".into()));
    for source in [
        "{% if 1 %}".to_owned() + &times("{% elif 1 %}") + "{% endif %}",
        times("{% for x in data %}"),
        times("{{"),
        times("{%"),
        times("{% raw %}"),
        times("{#"),
        times("{{ 1 }}{%- if 1 -%}"),
    ] {
        assert!(Template::parse(&source).is_err(), "{source}");
    }
    let deepest = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let event = Event { data: deepest.clone(), ..event("x", &json!({})) };
    let template = Template::parse("{{ data|tojson }}").expect("valid");
    assert_eq!(template.render(&event), Ok(deepest));
}

#[test]
fn every_filter_and_test_is_there() {
    for (list, sign) in [(SCALAR_FILTERS, "|"), (OTHER_FILTERS, "|"), (TESTS, " is ")] {
        for name in list {
            let args = match *name {
                "startingwith" | "endingwith" => "('1')",
                "replace" => "('1', '2')",
                "truncate" => "(3)",
                _ => "",
            };
            // Those for numbers refuse the text, and those for texts the number.
            let taken = ["'1'", "1"]
                .iter()
                .any(|value| render(&format!("{{{{ {value}{sign}{name}{args} }}}}"), &json!({})).is_ok());
            assert!(taken, "{name}");
        }
    }
}

#[test]
fn much_data_is_refused() {
    let template = Template::parse("{{ data|length }}").expect("valid");
    let of_length =
        |bytes: usize| Event { data: json!("x".repeat(bytes - 2)).to_string(), ..event("x", &json!({})) };
    assert_eq!(template.render(&of_length(TEMPLATE_DATA_MAX_BYTES)).as_deref(), Ok("65534"));
    let message = "the event's data is larger than the 65536 bytes that a template reads";
    let error = template.render(&of_length(TEMPLATE_DATA_MAX_BYTES + 1)).expect_err("too large");
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_template_is_its_source() {
    let template = Template::parse("{{ id }}").expect("valid");
    assert_eq!(template, template.clone());
    assert_eq!(Template::parse("{{ id }}").as_ref(), Ok(&template));
    assert_ne!(Template::parse("{{ id  }}").as_ref(), Ok(&template));
    assert_eq!(format!("{template:?}"), r#"Template("{{ id }}")"#);
    assert_eq!(template.source(), "{{ id }}");
    let is_shared = |_: &(dyn Send + Sync)| {};
    is_shared(&template);
}

proptest! {
    #[test]
    fn any_source_is_a_template_or_a_fault_in_one_line(
        text: String,
        parts in prop::collection::vec(
            r"\{\{|\}\}|\{%|%\}|if |for x in |endfor|endif|set a = |data|\.tags|\[|\]|\(|\)|[-+*~|,:=<>]|upper|first|'a'|1| ",
            0..40,
        ),
    ) {
        for source in [text, parts.concat()] {
            match render(&source, &a_game()) {
                Ok(body) => prop_assert!(body.len() <= TEMPLATE_OUTPUT_MAX),
                Err(message) => prop_assert!(!message.contains(char::is_control), "{:?}", message),
            }
        }
    }

    #[test]
    fn what_is_written_into_a_string_stays_in_it(title: String) {
        let data = added(&title);
        let body = render(r#"{"a":"{{ data.game.title }}","b":{{ data.game.title|tojson }}}"#, &data).expect("renders");
        prop_assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON"), json!({"a": title, "b": title}));
        prop_assert_eq!(javascript::normalise(&body), Ok(body.clone()));
    }
}

const TEMPLATE_OUTPUT_MAX: usize = crate::limits::TEMPLATE_OUTPUT_MAX_BYTES;
