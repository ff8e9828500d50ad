//! What an authoriser has said lately, by a digest of the question. Bounded in number and in time.

use std::collections::HashMap;

use fanfare_model::channel::Member;

use crate::timers::Tick;

/// Verdicts that are remembered at once.
const VERDICTS_MAX: usize = 10_000;

/// A question in 32 bytes (SHA-256).
pub(super) type Digest = [u8; 32];

/// What an authoriser says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The socket may subscribe, as this member if it names one.
    Granted(Option<Member>),
    /// It may not.
    Refused,
}

/// Two generations: when the younger one has half of what may be remembered, the older one is
/// forgotten and it takes its place.
#[derive(Default)]
pub(super) struct Verdicts {
    young: HashMap<Digest, (Tick, Verdict)>,
    old: HashMap<Digest, (Tick, Verdict)>,
}

impl Verdicts {
    /// Keeps a verdict until `until`.
    pub(super) fn keep(&mut self, question: Digest, verdict: Verdict, until: Tick) {
        if self.young.len() >= VERDICTS_MAX / 2 && !self.young.contains_key(&question) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(question, (until, verdict));
    }

    /// The verdict that still counts at `now`.
    pub(super) fn get(&self, question: &Digest, now: Tick) -> Option<&Verdict> {
        let (until, verdict) = self.young.get(question).or_else(|| self.old.get(question))?;
        (now < *until).then_some(verdict)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use fanfare_model::Timestamp;

    use super::*;
    use crate::timers::Clock;

    fn question(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
        digest
    }

    #[test]
    fn a_verdict_counts_until_its_end() {
        let start = Clock::manual(Timestamp::EPOCH).tick();
        let mut verdicts = Verdicts::default();
        verdicts.keep(question(1), Verdict::Refused, start.plus_millis(10));
        assert_eq!(verdicts.get(&question(1), start.plus_millis(9)), Some(&Verdict::Refused));
        assert_eq!(verdicts.get(&question(1), start.plus_millis(10)), None);
        assert_eq!(verdicts.get(&question(2), start), None);
        verdicts.keep(question(1), Verdict::Granted(None), start.plus_millis(20));
        assert_eq!(verdicts.get(&question(1), start.plus_millis(19)), Some(&Verdict::Granted(None)));
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let start = Clock::manual(Timestamp::EPOCH).tick();
        let mut verdicts = Verdicts::default();
        for number in 0..3 * VERDICTS_MAX {
            verdicts.keep(question(number), Verdict::Refused, start.plus_millis(1));
            assert!(verdicts.len() <= VERDICTS_MAX);
        }
        assert_eq!(verdicts.get(&question(0), start), None);
        for number in 3 * VERDICTS_MAX - VERDICTS_MAX / 2..3 * VERDICTS_MAX {
            assert!(verdicts.get(&question(number), start).is_some(), "{number}");
        }
    }
}
