//! How our types stand in the database's columns: ids and hashes as bytes, so that they sort as they should; amounts and
//! times as 64-bit integers; states by their names, so that a person with a database tool can read them.

use mtor_protocol::http::JobState;
use mtor_protocol::{AccountId, FinishReason, JobId, Micro, Privacy, ServiceClass, Timestamp};

use crate::error::QueryError;

/// An id as bytes: the order of the bytes is the order of the ids.
pub(crate) fn id_bytes(id: JobId) -> [u8; 16] {
    id.0.to_be_bytes()
}

/// An account as bytes.
pub(crate) fn account_bytes(account: AccountId) -> [u8; 16] {
    account.0.to_be_bytes()
}

pub(crate) fn id(bytes: [u8; 16]) -> JobId {
    JobId(u128::from_be_bytes(bytes))
}

pub(crate) fn account(bytes: [u8; 16]) -> AccountId {
    AccountId(u128::from_be_bytes(bytes))
}

/// 64 bits as the database's signed integer. Amounts of 2^63 micro and more look negative there, and come back right.
pub(crate) const fn integer(value: u64) -> i64 {
    value.cast_signed()
}

/// What [`integer`] stored.
pub(crate) const fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}

pub(crate) const fn micro(value: i64) -> Micro {
    Micro(unsigned(value))
}

pub(crate) const fn time(value: i64) -> Timestamp {
    Timestamp(unsigned(value))
}

/// A value that is stored by its name.
pub(crate) trait Named: Copy + PartialEq + 'static {
    /// Every value with its name.
    const NAMES: &'static [(Self, &'static str)];

    fn name(self) -> &'static str {
        // Every variant stands in the table: the macro below makes the table from a match that has to be complete.
        Self::NAMES.iter().find(|(value, _)| *value == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Result<Self, QueryError> {
        let found = Self::NAMES.iter().find(|(_, known)| *known == name);
        found
            .map(|(value, _)| *value)
            .ok_or_else(|| QueryError::Damaged(format!("{name:?} is no known value")))
    }
}

macro_rules! names {
    ($type:ident: $($variant:ident = $name:literal),+) => {
        impl Named for $type {
            const NAMES: &'static [(Self, &'static str)] = {
                // A new variant does not compile until it has a name here.
                const fn complete(value: $type) { match value { $($type::$variant => {})+ } }
                $(complete($type::$variant);)+
                &[$(($type::$variant, $name)),+]
            };
        }
    };
}

names!(JobState: Queued = "queued", Running = "running", Completed = "completed", Failed = "failed", Cancelled = "cancelled");
names!(ServiceClass: Voice = "voice", Interactive = "interactive", Batch = "batch");
names!(Privacy: Own = "own", Realm = "realm", Peers = "peers", Any = "any");
names!(FinishReason: Stop = "stop", Length = "length");
