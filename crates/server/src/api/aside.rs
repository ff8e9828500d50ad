//! Work that keeps a processor busy, away from the threads that everybody waits for: reading what is
//! large and writing what is long.

use std::panic::resume_unwind;

/// Does `work` on a thread of its own and waits for it; its panic becomes the caller's.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use std::thread::current;

    use super::*;

    #[tokio::test]
    async fn it_is_done_on_another_thread() {
        assert_ne!(aside(|| current().id()).await, current().id());
    }

    #[tokio::test]
    #[should_panic(expected = "on purpose")]
    async fn its_panic_is_the_callers() {
        aside(|| panic!("on purpose")).await;
    }
}
