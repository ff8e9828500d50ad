//! Moments, as the database keeps them (epoch milliseconds) and as the API writes them (ISO 8601).

use std::{borrow::Cow, fmt};

use jiff::{SignedDuration, civil::DateTime, fmt::temporal::Pieces};
use serde::{Serialize, Serializer};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type};

/// A date-time that is read, in bytes: room for any fraction that somebody means.
const TEXT_MAX_BYTES: usize = 1_000;
/// RFC 3339 has offsets of less than a day, in seconds.
const OFFSET_MAX_S: i32 = 24 * 60 * 60 - 1;
/// Moments are counted by the calendar, since `jiff`'s own end a day before the year 9999 does.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// Digits of a fraction of a second that `jiff` reads.
const FRACTION_MAX_DIGITS: usize = 9;

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 date-time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 date-time")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z
    pub const EPOCH: Self = Self(0);
    /// 0001-01-01T00:00:00.000Z, the earliest moment that is written with four digits of year.
    const MIN_MS: i64 = -62_135_596_800_000;
    /// 9999-12-31T23:59:59.999Z, the latest.
    const MAX_MS: i64 = 253_402_300_799_999;

    /// The moment `ms` milliseconds after the epoch, held to the years 1 to 9999.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.clamp(Self::MIN_MS, Self::MAX_MS))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: the unit of JWT and of `webhook-timestamp`.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and `ms` milliseconds more.
    #[must_use]
    pub fn plus_millis(self, ms: i64) -> Self {
        Self::from_millis(self.0.saturating_add(ms))
    }

    /// Reads an RFC 3339 date-time: `Z`, an offset or no zone at all (then it is UTC), any
    /// fraction of a second (cut to milliseconds). What is in UTC before the year 1 or after 9999 is
    /// held to them.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] for anything else, a date without a time included.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        // `jiff` also accepts annotations such as `[Europe/Berlin]`; RFC 3339 has none.
        if text.len() > TEXT_MAX_BYTES || text.contains('[') {
            return Err(InvalidTimestamp);
        }
        let text = with_short_fraction(text);
        let pieces = Pieces::parse(&*text).map_err(|_| InvalidTimestamp)?;
        let local = DateTime::from_parts(pieces.date(), pieces.time().ok_or(InvalidTimestamp)?);
        let offset_s = pieces.to_numeric_offset().map_or(0, jiff::tz::Offset::seconds);
        if offset_s.abs() > OFFSET_MAX_S {
            return Err(InvalidTimestamp);
        }
        let since = local.duration_since(EPOCH) - SignedDuration::from_secs(offset_s.into());
        Ok(Self::from_millis(floor_millis(since)))
    }
}

/// Cuts a fraction of a second to the nine digits that `jiff` reads.
fn with_short_fraction(text: &str) -> Cow<'_, str> {
    let Some(point) = text.find(['.', ',']) else { return Cow::Borrowed(text) };
    let (start, fraction) = text.split_at(point + 1);
    let zone = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
    if zone <= FRACTION_MAX_DIGITS {
        return Cow::Borrowed(text);
    }
    Cow::Owned([start, &fraction[..FRACTION_MAX_DIGITS], &fraction[zone..]].concat())
}

fn floor_millis(since: SignedDuration) -> i64 {
    let millis = since.as_nanos().div_euclid(1_000_000);
    millis.try_into().expect("the milliseconds of twenty thousand years")
}

impl Timestamp {
    /// Written by hand: a list of games holds one in each row, and the general formatter took an eighth
    /// of the time that the whole answer took.
    fn text(self) -> [u8; 24] {
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let civil = EPOCH.checked_add(SignedDuration::from_millis(self.0));
        let civil = civil.expect("in the years 1 to 9999");
        let parts: [(usize, usize, u16); 7] = [
            (0, 4, civil.year().unsigned_abs()),
            (5, 2, civil.month().unsigned_abs().into()),
            (8, 2, civil.day().unsigned_abs().into()),
            (11, 2, civil.hour().unsigned_abs().into()),
            (14, 2, civil.minute().unsigned_abs().into()),
            (17, 2, civil.second().unsigned_abs().into()),
            (20, 3, civil.millisecond().unsigned_abs()),
        ];
        for (at, digits, mut number) in parts {
            for digit in text[at..at + digits].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        text
    }
}

/// `2026-03-15T20:30:00.000Z`
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples(["2026-03-15T20:30:00.000Z"])
            .build()
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.text()).map_err(serde::ser::Error::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_milliseconds_and_z() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_773_606_600_000, "2026-03-15T20:30:00.000Z"),
            (1_773_606_600_007, "2026-03-15T20:30:00.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MIN, "0001-01-01T00:00:00.000Z"),
            (253_402_207_200_001, "9999-12-30T22:00:00.001Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(ms).to_string(), text);
        }
    }

    #[test]
    fn reads_rfc_3339_in_all_its_spellings() {
        for (text, ms) in [
            ("2025-11-01T20:30:00Z", 1_762_029_000_000),
            ("2025-11-01T21:30:00+01:00", 1_762_029_000_000),
            ("2025-11-01T20:30:00.1239Z", 1_762_029_000_123),
            ("2025-11-01T20:30:00", 1_762_029_000_000),
            ("2025-11-01 20:30:00Z", 1_762_029_000_000),
            ("2025-11-01T20:30:00.123999999999999999999+00:00", 1_762_029_000_123),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2025-11-02T20:29:00+23:59", 1_762_029_000_000),
            ("9999-12-31T11:00:00Z", Timestamp::MAX_MS - 13 * 3_600_000 + 1),
            ("9999-12-31T23:00:00Z", Timestamp::MAX_MS - 3_600_000 + 1),
            ("9999-12-31T23:59:59.999Z", Timestamp::MAX_MS),
            ("9999-12-31T23:59:59-23:59", Timestamp::MAX_MS),
            ("0001-01-01T00:00:00+14:00", Timestamp::MIN_MS),
        ] {
            assert_eq!(Timestamp::parse(text), Ok(Timestamp::from_millis(ms)), "{text}");
        }
        let with_digits = |digits| format!("2025-11-01T20:30:00.{}Z", "1".repeat(digits));
        let longest = with_digits(TEXT_MAX_BYTES - "2025-11-01T20:30:00.Z".len());
        assert_eq!(Timestamp::parse(&longest), Ok(Timestamp::from_millis(1_762_029_000_111)));
        let long = with_digits(TEXT_MAX_BYTES);
        for text in [
            &*long,
            "2025-11-01T20:30:00.Z",
            "",
            "now",
            "2025-11-01",
            "2025-13-01T00:00:00Z",
            "2025-11-01T20:30:00Z[UTC]",
            "2025-11-01T20:30:00+24:00",
            "2025-11-01T20:30:00-24:00",
            "2025-11-01T20:30:00+01:60",
            "1762029000",
        ] {
            assert_eq!(Timestamp::parse(text), Err(InvalidTimestamp), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_is_written_as_the_general_formatter_writes_it(ms: i64, near_ms in -9_000_000_000_000_i64..9_000_000_000_000) {
            for ms in [ms, near_ms] {
                let moment = Timestamp::from_millis(ms);
                if let Ok(general) = jiff::Timestamp::from_millisecond(moment.as_millis()) {
                    prop_assert_eq!(moment.to_string(), format!("{general:.3}"));
                }
            }
        }

        #[test]
        fn every_moment_is_read_back_from_its_text(
            ms: i64,
            near_ms in -9_000_000_000_000_i64..9_000_000_000_000,
            late_ms in Timestamp::MAX_MS - 200_000_000..=Timestamp::MAX_MS,
        ) {
            for ms in [ms, near_ms, late_ms] {
                let moment = Timestamp::from_millis(ms);
                prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
            }
        }

        #[test]
        fn what_parses_can_be_written(text in "[0-9+-]{1,7}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9](:[0-6][0-9])?(.[0-9]{1,12})?(Z|[+-][0-9:]{2,5})?") {
            if let Ok(moment) = Timestamp::parse(&text) {
                prop_assert_eq!(moment.to_string().len(), "2026-03-15T20:30:00.000Z".len());
            }
        }
    }
}
