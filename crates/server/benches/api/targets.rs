//! The paths that are measured.

use crate::{server::Scene, shared::connection::head};

/// One path.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// What a small machine should reach on SQLite.
    pub(crate) expected_per_second: Option<u32>,
    /// Writes the whole request with this number; no two have the same one.
    write: fn(&Scene, u64, &mut String),
    /// Requests made so far.
    made: u64,
}

/// All of them, the one that costs nothing but HTTP first.
pub(crate) fn targets() -> [Target; 5] {
    let get = |name, expected_per_second, write| Target { name, expected_per_second, write, made: 0 };
    [
        get("GET /health", None, |_, _, text| head(text, "GET /health", "", "")),
        get("GET /api/games", Some(4_000), |_, _, text| head(text, "GET /api/games", "", "")),
        get("GET /api/games/{id}", Some(20_000), |_, number, text| {
            head(text, &format!("GET /api/games/{}", 1 + number % 63), "", "");
        }),
        get("POST /api/pick", Some(12_000), |_, _, text| head(text, "POST /api/pick", "", "{}")),
        get("POST /api/votes/live", Some(8_000), |scene, number, text| {
            let body = format!(
                r#"{{"username":"viewer{number}","vote":"up","timestamp":"{}"}}"#,
                scene.vote_at.plus_millis(i64::try_from(number).unwrap_or(0))
            );
            head(text, "POST /api/votes/live", &scene.token, &body);
        }),
    ]
}

impl Target {
    /// Writes the next request.
    pub(crate) fn write(&mut self, scene: &Scene, text: &mut String) {
        text.clear();
        (self.write)(scene, self.made, text);
        self.made += 1;
    }

    pub(crate) fn is_floor(&self) -> bool {
        self.expected_per_second.is_none()
    }

    /// The floor is always measured: all is compared with it.
    pub(crate) fn is_wanted(&self, only: Option<&str>) -> bool {
        self.is_floor() || only.is_none_or(|only| self.name.contains(only))
    }
}
