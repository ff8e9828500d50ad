//! What a token allows: the rules of the configuration, and the built-in one that the host hears of his
//! game nights.

use fanfare_model::channel::{ChannelKind, ChannelName, Member};
use serde_json::{Map, Value, value::RawValue};

use super::{Denial, Grant};
use crate::{auth::Claims, config::Rule};

/// Lets in whom a rule lets in, the first that does.
///
/// # Errors
/// [`Denial::Unauthorized`] when the member's claims cannot be told to others.
pub(super) fn grant(rules: &[Rule], claims: &Claims, channel: &ChannelName) -> Result<Option<Grant>, Denial> {
    let built_in = (channel.is_reserved() && claims.is_admin()).then_some(&[][..]);
    let fitting = rules.iter().filter(|rule| fits(rule, claims, channel));
    for info_claims in built_in.into_iter().chain(fitting.map(|rule| rule.info_claims.as_slice())) {
        if channel.kind() != ChannelKind::Presence {
            return Ok(Some(Grant { member: None }));
        }
        if let Some(member) = member(claims, info_claims)? {
            return Ok(Some(Grant { member: Some(member) }));
        }
    }
    Ok(None)
}

/// Whether the rule is about this channel and the token says all that it asks for.
fn fits(rule: &Rule, claims: &Claims, channel: &str) -> bool {
    let says_it = |(name, value): (&str, String)| claims.0.get(name).is_some_and(|said| says(said, &value));
    rule.claims_for(channel).is_some_and(|mut wanted| wanted.all(|wanted| wanted.is_some_and(says_it)))
}

/// Whether a claim says this text: as a text, a number or a truth value, or as one of a list.
fn says(claim: &Value, text: &str) -> bool {
    match claim {
        Value::String(said) => said == text,
        Value::Number(_) | Value::Bool(_) => *claim.to_string() == *text,
        Value::Array(items) => items.iter().any(|item| !item.is_array() && says(item, text)),
        Value::Null | Value::Object(_) => false,
    }
}

/// The member that a token names, with those of its claims that the others are told.
///
/// # Errors
/// [`Denial::Unauthorized`] when they are too much.
pub(super) fn member(claims: &Claims, info_claims: &[String]) -> Result<Option<Member>, Denial> {
    let Some(id) = claims.subject() else { return Ok(None) };
    let told = info_claims.iter().filter_map(|name| Some((name.clone(), claims.0.get(name)?.clone())));
    let told: Map<String, Value> = told.collect();
    if told.is_empty() {
        return Ok(Some(Member { id, info: None }));
    }
    let too_much = |_| Denial::Unauthorized("The token says too much of the user".to_owned());
    let info = RawValue::from_string(Value::Object(told).to_string()).expect("it was just written");
    Member::new(&Value::String(id), Some(&info)).map(Some).map_err(too_much)
}

#[cfg(test)]
mod tests {
    use fanfare_model::channel::ChannelPattern;
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        Claims(serde_json::from_value(value).expect("an object"))
    }

    fn rule(channel: &str, asked: &[(&str, &str)]) -> Rule {
        let rule = Rule::new(ChannelPattern::parse(channel).expect("a pattern"));
        asked.iter().fold(rule, |rule, (name, value)| rule.with_claim(*name, *value))
    }

    #[test]
    fn a_rule_asks_for_claims() {
        let user: &[_] = &[("sub", "{id}")];
        let both: &[_] = &[("org", "{org}"), ("roles", "staff")];
        for (channel, asked, said, name, expected) in [
            ("private-user.{id}", user, json!({"sub": "7"}), "private-user.7", true),
            ("private-user.{id}", user, json!({"sub": 7}), "private-user.7", true),
            ("private-user.{id}", user, json!({"sub": ["6", 7]}), "private-user.7", true),
            ("private-user.{id}", user, json!({"sub": [["7"]]}), "private-user.7", false),
            ("private-user.{id}", user, json!({"sub": "07"}), "private-user.7", false),
            ("private-user.{id}", user, json!({"sub": null}), "private-user.null", false),
            ("private-user.{id}", user, json!({"sub": {"id": "7"}}), "private-user.7", false),
            ("private-user.{id}", user, json!({"id": "7"}), "private-user.7", false),
            ("private-user.{id}", user, json!({"sub": "7"}), "private-user.7.x", false),
            ("private-user.{id}", user, json!({"sub": "7"}), "private-admin.7", false),
            ("private-user.{id}", user, json!({"sub": "{id}"}), "private-user.7", false),
            ("private-{org}.a", both, json!({"org": "x", "roles": ["a", "staff"]}), "private-x.a", true),
            ("private-{org}.a", both, json!({"org": "x", "roles": "a"}), "private-x.a", false),
            ("private-{org}.a", both, json!({"org": "y", "roles": "staff"}), "private-x.a", false),
            ("private-flag", &[("vip", "true")], json!({"vip": true}), "private-flag", true),
            ("private-flag", &[("vip", "true")], json!({"vip": false}), "private-flag", false),
            ("private-flag", &[], json!({}), "private-flag", true),
            // What the file refuses, an embedding program can make; nobody fits it.
            ("private-flag", &[("sub", "{id}")], json!({"sub": "{id}"}), "private-flag", false),
        ] {
            let channel_name = ChannelName::parse(name).expect(name);
            let said = claims(said);
            let granted = grant(&[rule(channel, asked)], &said, &channel_name).expect("decided");
            assert_eq!(granted.is_some(), expected, "{channel} {asked:?}: {said:?} on {name}");
        }
    }

    #[test]
    fn a_member_is_the_subject_of_the_token() {
        let open = Rule { info_claims: vec!["name".into(), "age".into()], ..rule("presence-{a}", &[]) };
        let lobby = ChannelName::parse("presence-lobby").expect("a name");
        let member = |said: Value| grant(std::slice::from_ref(&open), &claims(said), &lobby);
        for (said, expected) in [
            (json!({"sub": "ann"}), Some(("ann", None))),
            (json!({"sub": 7, "name": "Ann"}), Some(("7", Some(r#"{"name":"Ann"}"#)))),
            (
                json!({"sub": "7", "age": 5, "x": 1, "name": null}),
                Some(("7", Some(r#"{"name":null,"age":5}"#))),
            ),
            (json!({"name": "Ann"}), None),
            (json!({"sub": ""}), None),
            (json!({"sub": ["7"]}), None),
            (json!({"sub": "x".repeat(129)}), None),
        ] {
            let granted = member(said.clone()).expect("decided").map(|grant| grant.member.expect("a member"));
            let shown = granted.as_ref().map(|member| (member.id.as_str(), member.info.as_deref()));
            assert_eq!(shown, expected, "{said}");
        }
        let long = member(json!({"sub": "7", "name": "x".repeat(1_024)}));
        assert_eq!(long, Err(Denial::Unauthorized("The token says too much of the user".to_owned())));
    }

    #[test]
    fn the_host_hears_of_his_game_nights() {
        for (said, name, expected) in [
            (json!({"role": "admin"}), "private-session.31", true),
            (json!({"role": "admin"}), "private-sessions", true),
            (json!({"role": "admin"}), "private-session.x", false),
            (json!({"role": "admin"}), "private-orders.31", false),
            (json!({"role": "user"}), "private-session.31", false),
            (json!({"roles": ["admin"]}), "private-session.31", false),
            (json!({"role": "admin"}), "presence-session.31", false),
            (json!({"role": "admin", "sub": "host"}), "presence-session.31", true),
            (json!({"role": "admin", "sub": "host"}), "presence-sessions", true),
        ] {
            let channel = ChannelName::parse(name).expect(name);
            let granted = grant(&[], &claims(said.clone()), &channel).expect("decided");
            assert_eq!(granted.is_some(), expected, "{said} on {name}");
        }
    }
}
