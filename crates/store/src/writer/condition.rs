//! Whether writing works, by how the last transaction ended.

use std::sync::{Mutex, PoisonError};

use crate::{Hindrance, engine::Failure};

/// What the writers found last; tells the log when that changes.
#[derive(Default)]
pub(crate) struct Condition(Mutex<Option<Hindrance>>);

impl Condition {
    /// What hinders writing; `None` while it works, or nothing was written yet.
    pub(crate) fn hindrance(&self) -> Option<Hindrance> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction was committed.
    pub(crate) fn works(&self) {
        if self.set(None).is_some() {
            tracing::info!("the database can be written again");
        }
    }

    /// A transaction was not, or a statement of it failed.
    pub(crate) fn failed(&self, failure: &Failure) {
        let hindrance = failure.fault.hindrance();
        if hindrance.is_some() && self.set(hindrance) != hindrance {
            tracing::error!(error = %failure.error, ?hindrance, "the database cannot be written");
        }
    }

    fn set(&self, hindrance: Option<Hindrance>) -> Option<Hindrance> {
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), hindrance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, engine::Fault};

    #[test]
    fn what_concerns_one_transaction_alone_is_no_hindrance() {
        let condition = Condition::default();
        let failed = |fault| condition.failed(&Failure { error: Error::Unavailable("x".into()), fault });
        for (fault, hindrance) in [
            (Fault::Statement, None),
            (Fault::Contention, None),
            (Fault::DiskFull, Some(Hindrance::DiskFull)),
            (Fault::Statement, Some(Hindrance::DiskFull)),
            (Fault::Locked, Some(Hindrance::Locked)),
            (Fault::ConnectionLost, Some(Hindrance::Refused)),
        ] {
            failed(fault);
            assert_eq!(condition.hindrance(), hindrance, "{fault:?}");
        }
        condition.works();
        assert_eq!(condition.hindrance(), None);
    }
}
