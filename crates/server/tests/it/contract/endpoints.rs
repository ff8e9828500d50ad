//! The table of all endpoints, `endpoints.json`.

use serde::Deserialize;
use serde_json::Value;

/// An endpoint, and what is the same for all of its kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoint {
    /// Its number among the 42; none for those beyond.
    pub(super) n: Option<u32>,
    /// Method and path, with parameters in braces.
    pub(super) route: String,
    /// Whether it asks for an admin's token.
    #[serde(default)]
    pub(super) token: bool,
    /// What its body may be.
    #[serde(default)]
    pub(super) reads: Reads,
    /// A body that it would take.
    #[serde(default)]
    pub(super) send: Option<Value>,
    /// What is not found when an id is unknown; its ids are tried when this is there.
    #[serde(default)]
    pub(super) unknown: Option<String>,
    /// Where its errors are stated.
    #[serde(default)]
    pub(super) errors: Errors,
}

/// What a body may be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reads {
    /// There is none, or it is not looked at.
    #[default]
    Nothing,
    /// An object of at most 1 MiB.
    Object,
    /// An object or a form of at most 1 MiB.
    Fields,
    /// An object of at most 10 MiB.
    Import,
    /// An object or an array of at most 10 MiB.
    List,
}

/// Where an endpoint's errors are stated.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Errors {
    /// In a scenario.
    #[default]
    Own,
    /// It has those only that all endpoints of its kind share, or none.
    Shared,
}

impl Endpoint {
    pub(super) fn method(&self) -> &str {
        self.route.split_once(' ').expect("a method and a path").0
    }

    pub(super) fn path(&self) -> &str {
        self.route.split_once(' ').expect("a method and a path").1
    }
}

/// How many segments of a route are as in `path`; none when one differs.
pub(super) fn likeness(route: &str, path: &str) -> Option<usize> {
    let (ours, theirs) = (route.split('/'), path.split('/'));
    if ours.clone().count() != theirs.clone().count() {
        return None;
    }
    let mut same = 0;
    for (ours, theirs) in ours.zip(theirs) {
        same += usize::from(ours == theirs);
        if ours != theirs && !ours.starts_with('{') {
            return None;
        }
    }
    Some(same)
}

/// All of them, in the order of the table.
pub(super) fn all() -> Vec<Endpoint> {
    serde_json::from_str(include_str!("endpoints.json")).expect("contract/endpoints.json")
}

/// The endpoint that answers a request to `path`.
pub(super) fn of<'a>(endpoints: &'a [Endpoint], method: &str, path: &str) -> Option<&'a Endpoint> {
    let path = path.split('?').next().unwrap_or_default();
    let ours = endpoints.iter().filter(|endpoint| endpoint.method() == method);
    let alike = ours.filter_map(|endpoint| Some((likeness(endpoint.path(), path)?, endpoint)));
    alike.max_by_key(|(same, _)| *same).map(|(_, endpoint)| endpoint)
}
