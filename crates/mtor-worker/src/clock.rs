//! What time it is, for the stamps on events. Nothing here decides by it.

use std::time::{SystemTime, UNIX_EPOCH};

use mtor_protocol::Timestamp;

/// Now, on this machine's clock; the epoch itself when that stands before it.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
