//! Reading what came as text: numbers in it, and whether two are the same but for case.

use std::ops::RangeInclusive;

use unicase::UniCase;

/// A number in digits only: no sign, no exponent, no fraction, no space. One too large for the type is
/// its largest.
pub fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// A number in digits only that lies in `range`.
pub fn integer<T: TryFrom<u64> + PartialOrd>(text: &str, range: RangeInclusive<T>) -> Option<T> {
    digits(text).and_then(|number| T::try_from(number).ok()).filter(|number| range.contains(number))
}

/// What spellings in different cases have in common: Unicode's full case folding (`CaseFolding.txt`,
/// C and F), under which `Straße` is `STRASSE`.
pub fn case_folded(text: &str) -> String {
    UniCase::new(text).to_folded_case()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number() {
        for (text, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.0", None),
            (" 1", None),
            ("٣", None),
            ("abc", None),
        ] {
            assert_eq!(digits(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_range_holds_its_ends() {
        for (text, expected) in [("1", Some(1)), ("9", Some(9)), ("0", None), ("10", None), ("x", None)] {
            assert_eq!(integer(text, 1..=9), expected, "{text}");
        }
        assert_eq!(integer("9223372036854775807", 1..=i64::MAX), Some(i64::MAX));
        assert_eq!(integer("9223372036854775808", 1..=i64::MAX), None);
    }
}
