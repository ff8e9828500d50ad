//! The `Retry-After` header of a response (RFC 9110, section 10.2.3): how long its sender asks to be left
//! alone. What cannot be understood is as good as no header.

use jiff::civil::DateTime;

use crate::{Timestamp, limits::RETRY_AFTER_MAX_MS, text};

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the form that is sent today.
const IMF_FIXDATE: &str = "%a, %d %b %Y %H:%M:%S GMT";
/// `Sunday, 06-Nov-94 08:49:37 GMT` without its weekday, which depends on the century.
const RFC_850: &str = "%d-%b-%y %H:%M:%S GMT";
/// `Sun Nov  6 08:49:37 1994`
const ASCTIME: &str = "%a %b %e %H:%M:%S %Y";
/// No date is longer, in bytes.
const DATE_MAX_BYTES: usize = "Wednesday, 06-Nov-94 08:49:37 GMT".len();

/// How many milliseconds after `now` the next request is welcome: 0 to [`RETRY_AFTER_MAX_MS`], to which
/// longer waits are shortened. A moment that has passed is 0.
///
/// `header` is a count of seconds in digits only, or a date in one of the three forms that HTTP knows;
/// `None` for anything else, `-1` and `1.5` included.
pub fn parse(header: &str, now: Timestamp) -> Option<i64> {
    let header = header.trim_matches([' ', '\t']);
    let wait_ms = match text::digits(header) {
        Some(seconds) => i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000),
        None => date(header, now)?.as_millis() - now.as_millis(),
    };
    Some(wait_ms.clamp(0, RETRY_AFTER_MAX_MS))
}

fn date(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.len() > DATE_MAX_BYTES {
        return None;
    }
    let exact = [IMF_FIXDATE, ASCTIME].into_iter().find_map(|form| DateTime::strptime(form, text).ok());
    let date = exact.or_else(|| rfc_850(text, now))?;
    Timestamp::parse(&date.to_string()).ok()
}

/// Of two digits of a year, that year is meant which is at most 50 years in the future.
fn rfc_850(text: &str, now: Timestamp) -> Option<DateTime> {
    let (weekday, text) = text.split_once(", ")?;
    let date = DateTime::strptime(RFC_850, text).ok().filter(|_| weekday.ends_with("day"))?;
    let this_year: i16 = now.to_string().get(..4)?.parse().ok()?;
    let latest_year = this_year + 50;
    let year = latest_year - (latest_year - date.year()).rem_euclid(100);
    date.with().year(year).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 1994-11-06T08:49:37.000Z
    const AT_MS: i64 = 784_111_777_000;

    fn wait_ms(header: &str) -> Option<i64> {
        parse(header, Timestamp::from_millis(AT_MS - 90_500))
    }

    #[test]
    fn seconds_are_digits_only() {
        for (header, expected) in [
            ("0", Some(0)),
            ("1", Some(1_000)),
            (" 120\t", Some(120_000)),
            ("007", Some(7_000)),
            ("86399", Some(86_399_000)),
            ("86400", Some(RETRY_AFTER_MAX_MS)),
            ("86401", Some(RETRY_AFTER_MAX_MS)),
            ("1000000000000", Some(RETRY_AFTER_MAX_MS)),
            ("9223372036854775807", Some(RETRY_AFTER_MAX_MS)),
            ("99999999999999999999999999999999999999999999", Some(RETRY_AFTER_MAX_MS)),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1e3", None),
            ("0x10", None),
            ("1 2", None),
            ("1, 2", None),
            ("٣", None),
            ("", None),
            ("  ", None),
            ("soon", None),
            ("null", None),
        ] {
            assert_eq!(wait_ms(header), expected, "{header:?}");
        }
    }

    #[test]
    fn a_date_is_one_of_three_forms() {
        for header in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(wait_ms(header), Some(90_500), "{header}");
        }
        for (header, expected) in [
            ("Sun, 06 Nov 1994 08:48:06 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:48:07 GMT", Some(500)),
            ("Mon, 07 Nov 1994 08:48:06 GMT", Some(RETRY_AFTER_MAX_MS - 500)),
            ("Mon, 07 Nov 1994 08:48:07 GMT", Some(RETRY_AFTER_MAX_MS)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(RETRY_AFTER_MAX_MS)),
            ("Mon, 01 Jan 0001 00:00:00 GMT", Some(0)),
            ("Saturday, 01-Jan-44 00:00:00 GMT", Some(RETRY_AFTER_MAX_MS)),
            ("Sunday, 01-Jan-45 00:00:00 GMT", Some(0)),
            ("Sunday, 29-Feb-45 00:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 08:49:37 +0100", None),
            ("Sun, 06 Nov 1994 08:49:37 PST", None),
            ("06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 31 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Foo 1994 08:49:37 GMT", None),
            ("Sonntag, 06-Nov-94 08:49:37 GMT", None),
            ("1994-11-06T08:49:37Z", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT; x", None),
        ] {
            assert_eq!(wait_ms(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_a_bounded_wait_or_none(header: String, digits in "[0-9]{1,40}", now_ms: i64) {
            let now = Timestamp::from_millis(now_ms);
            for header in [&header, &digits] {
                if let Some(wait_ms) = parse(header, now) {
                    prop_assert!((0..=RETRY_AFTER_MAX_MS).contains(&wait_ms));
                }
            }
            prop_assert!(parse(&digits, now).is_some());
        }

        #[test]
        fn nearly_a_date_is_a_bounded_wait_or_none(
            header in "(Sun|Sunday|Mon)?,? ?[0-9]{1,2}[ -](Nov|Feb|nov)[ -]-?[0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2}( GMT)?",
            now_ms: i64,
        ) {
            let wait_ms = parse(&header, Timestamp::from_millis(now_ms));
            prop_assert!(wait_ms.is_none_or(|wait_ms| (0..=RETRY_AFTER_MAX_MS).contains(&wait_ms)));
        }

        #[test]
        fn every_date_is_as_far_away_as_it_says(
            at_s in -50_000_000_000_i64..=250_000_000_000,
            apart_ms in -2 * RETRY_AFTER_MAX_MS..=2 * RETRY_AFTER_MAX_MS,
        ) {
            let at = jiff::Timestamp::from_second(at_s).expect("in range").to_zoned(jiff::tz::TimeZone::UTC);
            let header = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let wait_ms = parse(&header, Timestamp::from_millis(at_s * 1_000 - apart_ms));
            prop_assert_eq!(wait_ms, Some(apart_ms.clamp(0, RETRY_AFTER_MAX_MS)), "{}", header);
        }
    }
}
