//! The locks of this crate, in one place: the tests that try every interleaving put others here.

pub(crate) use std::sync::{Mutex, MutexGuard};

/// No code under these locks leaves a half-made change behind when it panics.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
