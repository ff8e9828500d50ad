//! What `GET /api/votes` can be asked for.

use super::{VoteType, user_key};
use crate::{
    game::InvalidFilter,
    limits::{INTEGER_MAX, VOTES_PAGE_DEFAULT_ROWS, VOTES_PAGE_MAX_ROWS},
    text,
};

/// A page of the votes that pass every filter; what is `None` lets every vote through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteQuery {
    /// Votes of this session only.
    pub session_id: Option<i64>,
    /// Votes on this game only.
    pub game_id: Option<i64>,
    /// Votes of this user only, see [`user_key`].
    pub user_key: Option<String>,
    /// Votes for or against only.
    pub vote_type: Option<VoteType>,
    /// From 1.
    pub page: i64,
    /// Votes per page.
    pub limit: i64,
}

impl VoteQuery {
    /// Reads the query parameters of `GET /api/votes`; other parameters are ignored, and of one given
    /// twice the last counts.
    ///
    /// # Errors
    /// [`InvalidFilter`] names the first parameter with a value that it does not take.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidFilter> {
        let mut query = Self {
            session_id: None,
            game_id: None,
            user_key: None,
            vote_type: None,
            page: 1,
            limit: VOTES_PAGE_DEFAULT_ROWS,
        };
        for (name, value) in pairs {
            match name {
                "session_id" => query.session_id = Some(positive("session_id", value)?),
                "game_id" => query.game_id = Some(positive("game_id", value)?),
                "username" if value.contains('\0') => {
                    return Err(InvalidFilter { name: "username", expected: "text without U+0000" });
                }
                "username" => query.user_key = Some(user_key(value)),
                "vote_type" => {
                    let invalid = InvalidFilter { name: "vote_type", expected: "up or down" };
                    query.vote_type = Some(VoteType::parse(value).ok_or(invalid)?);
                }
                "page" => query.page = positive("page", value)?,
                "limit" => {
                    let invalid = InvalidFilter { name: "limit", expected: "an integer from 1 to 100" };
                    query.limit = text::integer(value, 1..=VOTES_PAGE_MAX_ROWS).ok_or(invalid)?;
                }
                _ => {}
            }
        }
        Ok(query)
    }

    /// Votes on the pages before this one.
    pub fn offset(&self) -> i64 {
        self.limit.saturating_mul(self.page - 1)
    }

    /// How many pages `total` votes fill.
    pub fn pages(&self, total: i64) -> i64 {
        (total + self.limit - 1) / self.limit
    }
}

fn positive(name: &'static str, value: &str) -> Result<i64, InvalidFilter> {
    text::integer(value, 1..=INTEGER_MAX).ok_or(InvalidFilter { name, expected: "a positive integer" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<VoteQuery, InvalidFilter> {
        VoteQuery::parse(
            query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, ""))),
        )
    }

    #[test]
    fn every_parameter_is_read() {
        let all = parse("session_id=3&game_id=5&username= ÉMILE &vote_type=down&page=2&limit=100&x=y");
        let expected = VoteQuery {
            session_id: Some(3),
            game_id: Some(5),
            user_key: Some("émile".into()),
            vote_type: Some(VoteType::Down),
            page: 2,
            limit: 100,
        };
        assert_eq!(all, Ok(expected));
        let none = parse("").expect("nothing is needed");
        assert_eq!((none.page, none.limit, none.user_key), (1, VOTES_PAGE_DEFAULT_ROWS, None));
    }

    #[test]
    fn a_bad_value_names_its_parameter() {
        for (query, name) in [
            ("session_id=", "session_id"),
            ("session_id=0", "session_id"),
            ("game_id=abc", "game_id"),
            ("game_id=9007199254740992", "game_id"),
            ("username=a\0", "username"),
            ("vote_type=UP", "vote_type"),
            ("page=0", "page"),
            ("page=+1", "page"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
        ] {
            assert_eq!(parse(query).map_err(|error| error.name), Err(name), "{query}");
        }
    }

    #[test]
    fn pages_are_counted_from_one_and_the_last_may_be_short() {
        let query = parse("page=3&limit=10").expect("it is fine");
        assert_eq!(query.offset(), 20);
        for (total, pages) in [(0, 0), (1, 1), (10, 1), (11, 2)] {
            assert_eq!(query.pages(total), pages, "{total}");
        }
        let far = parse("page=9007199254740991&limit=100").expect("it is fine");
        assert_eq!(far.offset(), 900_719_925_474_099_000);
    }
}
