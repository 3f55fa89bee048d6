//! The one place where the broker reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use mtor_protocol::Timestamp;

/// Now. Before 1970 there was no MTOR.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Now in whole seconds since the Unix epoch.
pub(crate) fn now_s() -> u64 {
    now().0 / 1_000
}
