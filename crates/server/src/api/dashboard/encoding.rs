//! In which encoding a client wants a file, by its `Accept-Encoding` (RFC 9110, section 12.5.3).

use axum::http::{HeaderMap, header::ACCEPT_ENCODING};

/// A way in which files are compressed beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The smaller result first.
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the compressed file's name has after the plain one's.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Whether a file of that name is the compressed form of another one.
    pub(super) fn is_written_in(name: &str) -> bool {
        Self::ALL.iter().any(|encoding| name.ends_with(encoding.suffix()))
    }
}

/// The best one of those that are there; `None`: the file as it is, which is also what a client gets
/// that wants none of them.
pub(super) fn preferred(headers: &HeaderMap, is_there: impl Fn(Encoding) -> bool) -> Option<Encoding> {
    let accepted: Vec<_> = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(weighed)
        .collect();
    let of = |name: &str| accepted.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let weight =
        |encoding: &Encoding| of(encoding.name()).or_else(|| of("*")).map_or(0.0, |(_, weight)| *weight);
    // The first of the heaviest; `max_by` would take the last.
    let best = Encoding::ALL.into_iter().filter(|encoding| is_there(*encoding)).rev();
    let best = best.max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
    // Where a client does not speak of the plain file, anything that it names is dearer to it.
    let plain = of("identity").map_or(0.0, |(_, weight)| *weight);
    (weight(&best) > 0.0 && weight(&best) >= plain).then_some(best)
}

/// An element of the list: its name, and how dear it is, from 0 (not wanted) to 1. What cannot be
/// understood is not wanted.
fn weighed(element: &str) -> (&str, f32) {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = weight.map_or(Some(1.0), |text| text.parse().ok());
    (name, weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use Encoding::{Brotli, Gzip};

    use super::*;

    fn chosen(accepted: &[&'static str], there: &[Encoding]) -> Option<Encoding> {
        let mut headers = HeaderMap::new();
        for list in accepted {
            headers.append(ACCEPT_ENCODING, list.parse().expect("a value"));
        }
        preferred(&headers, |encoding| there.contains(&encoding))
    }

    #[test]
    fn the_client_decides_and_among_equals_the_smaller_one() {
        for (accepted, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["gzip, deflate, br, zstd"], Some(Brotli)),
            (&["gzip", "br"], Some(Brotli)),
            (&["GZIP"], Some(Gzip)),
            (&["gzip;q=1.0, br;q=0.9"], Some(Gzip)),
            (&["br;q=0, gzip;q=0.001"], Some(Gzip)),
            (&["br ; q=0.5 , gzip;Q=0.7"], Some(Gzip)),
            (&["*"], Some(Brotli)),
            (&["br;q=0, *;q=0.1"], Some(Gzip)),
            (&["*;q=0"], None),
            (&["identity"], None),
            (&["identity, gzip"], Some(Gzip)),
            (&["identity, gzip;q=0.5"], None),
            (&["identity;q=0"], None),
            (&["deflate, zstd"], None),
            (&["br;q=NaN, gzip;q=2, *;q=x"], None),
        ] {
            assert_eq!(chosen(accepted, &[Brotli, Gzip]), expected, "{accepted:?}");
        }
    }

    #[test]
    fn only_what_is_there_is_chosen() {
        assert_eq!(chosen(&["br, gzip;q=0.1"], &[Gzip]), Some(Gzip));
        assert_eq!(chosen(&["br, gzip"], &[]), None);
    }
}
