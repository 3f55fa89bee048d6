//! Waiting for something, but not for ever.

use std::time::Instant;

use tokio::time::{sleep, timeout};

use crate::defaults::{LOOK, PATIENCE};

/// What `work` gives; panics, naming `what`, when it takes too long.
///
/// # Panics
/// At the deadline.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, work).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s for {what}", PATIENCE.as_secs()),
    }
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// At the deadline, naming `what`.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = within(what, look()).await {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        sleep(LOOK).await;
    }
}
