//! The log that several brokers of one realm share. The one that leads appends what it decides before it says that it is
//! durable; the others take it from there into ledgers of their own, so that any of them can lead next.
//!
//! Where the log is kept is not this crate's business: whoever opens the ledger brings something that [appends](SharedLog).

use mtor_protocol::JobId;

use crate::record::{Batch, Record};

/// Where the broker that leads makes durable what it decides, for all brokers of the realm.
pub trait SharedLog: Send + Sync {
    /// Makes a group durable under its number, or says why not. Called by the ledger's writer, again and again with the same
    /// group until it succeeds: it may block, and a group that is there already counts as appended.
    ///
    /// # Errors
    /// [`SharedLogError`]
    fn append(&self, group: &Group) -> Result<(), SharedLogError>;
}

/// Why a group is not in the shared log.
#[derive(Debug, thiserror::Error)]
pub enum SharedLogError {
    /// Another broker leads: this one must not decide any more.
    #[error("another broker leads the realm now")]
    Deposed,
    /// It can't be reached; trying again makes sense.
    #[error("the shared log can't be written: {0}")]
    Unreachable(String),
}

/// What becomes durable at once, for all brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its number in the shared log, from 1, without gaps.
    pub number: u64,
    /// How many entries the journal has with it.
    pub entries: u64,
    /// What is in it; only a ledger reads that.
    pub bytes: Vec<u8>,
}

/// Why a group can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// It is not the next one.
    #[error("group {found} of the shared log comes where group {expected} should")]
    OutOfOrder {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// What is in it can't be read.
    #[error("group {number} of the shared log can't be read ({reason}); was it written by a newer version?")]
    Unreadable {
        /// Its number.
        number: u64,
        /// Why.
        reason: String,
    },
    /// This ledger and the shared log have gone different ways.
    #[error(
        "this ledger has {here} entries before group {number} of the shared log, which makes {there}: it has a history of its own; start with an empty folder"
    )]
    Parted {
        /// Of the group.
        number: u64,
        /// Entries of this ledger, with those of the group.
        here: u64,
        /// Entries that the group says there are.
        there: u64,
    },
    /// It was not taken.
    #[error(transparent)]
    Unavailable(#[from] crate::error::Unavailable),
    /// The ledger ended before it was durable.
    #[error("the ledger was closed")]
    Closed,
}

impl Group {
    /// The group with these batches in it.
    pub(crate) fn of<'b>(
        number: u64,
        entries: u64,
        batches: impl Iterator<Item = &'b Batch>,
    ) -> serde_json::Result<Self> {
        let batches: Vec<&Batch> = batches.filter(|batch| **batch != Batch::default()).collect();
        Ok(Self { number, entries, bytes: serde_json::to_vec(&batches)? })
    }

    /// Everything in it as one batch: within a transaction, records come after entries all the same.
    pub(crate) fn batch(&self) -> Result<Batch, FollowError> {
        let unreadable = |error: serde_json::Error| FollowError::Unreadable {
            number: self.number,
            reason: error.to_string(),
        };
        let batches: Vec<Batch> = serde_json::from_slice(&self.bytes).map_err(unreadable)?;
        Ok(batches.into_iter().fold(Batch::default(), |mut whole, batch| {
            whole.entries.extend(batch.entries);
            whole.records.extend(batch.records);
            whole
        }))
    }

    /// The same group without what people wrote and were answered, as [retention](crate::Settings::text_age_ms_max) forgets it
    /// in a ledger. What the journal says, keys and grants stay.
    ///
    /// # Errors
    /// [`FollowError::Unreadable`]
    pub fn without_texts(&self) -> Result<Self, FollowError> {
        let Batch { entries, records } = self.batch()?;
        let records = records.into_iter().flat_map(forget_texts).collect();
        let batch = Batch { entries, records };
        Self::of(self.number, self.entries, std::iter::once(&batch))
            .map_err(|error| FollowError::Unreadable { number: self.number, reason: error.to_string() })
    }
}

fn forget_texts(record: Record) -> Vec<Record> {
    match record {
        Record::Partial(_) => Vec::new(),
        Record::Request(mut request) => {
            request.request_json.clear();
            request.question.clear();
            request.order_json = None;
            vec![Record::Request(request)]
        }
        Record::Result(mut result) => {
            result.text.clear();
            result.answer.clear();
            result.parts.clear();
            result.receipt_json = None;
            let job: JobId = result.job;
            vec![Record::Result(result), Record::Forgotten(job)]
        }
        other => vec![other],
    }
}

/// Bytes as text within JSON.
pub(crate) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        STANDARD.encode(bytes).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}
