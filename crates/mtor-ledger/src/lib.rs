//! The durable record of a realm: the journal of what was decided, the log that makes it tamper-evident, and the texts
//! and keys kept beside it.
//!
//! A [`Ledger`] is a folder with one SQLite database and one writer. [`Ledger::commit`] takes a [`Batch`] and calls
//! back once it is on disk; batches that come while a commit runs share the next one (group commit). The journal's
//! entries are the leaves of a Merkle tree (RFC 6962), served as C2SP tiles with signed checkpoints; [`verify`] and
//! [`verify_leaves`] prove that nothing in it was changed, dropped or reordered, and [`check_proof`] that a single entry is in it.
//!
//! What must not live here: decisions (mtor-core makes them), sockets, async, randomness. A clock is read for pauses and
//! intervals alone, never for what is stored.

pub mod defaults;

mod blobs;
mod checkpoint;
mod columns;
mod commitment;
mod cosignature;
mod database;
mod error;
mod jobs;
mod journal;
mod ledger;
mod lock;
mod parts;
mod plans;
mod prices;
mod proof;
mod queue;
mod readers;
mod record;
mod records;
mod recovery;
mod retention;
mod settings;
mod shared;
mod shared_log;
mod snapshot;
mod texts;
mod tile_path;
mod tiles;
mod verify;
mod wallets;
mod writer;

pub use checkpoint::{Checkpoint, CheckpointError, verifier_key};
pub use commitment::{Salt, answer_commitment, commitment, digest, memory_key, salt, statement_digest};
pub use cosignature::{Cosignature, WitnessKey, WitnessKeyError};
pub use error::{CloseError, OpenError, QueryError, Unavailable};
pub use ledger::{Ledger, OnDurable, Recovered, Stats};
pub use proof::{
    BalanceProofError, PROOF_BYTES_MAX, ProofError, Proven, Reveal, Shown, Signed, check_proof,
    proof_cosignature, prove_balance,
};
pub use record::{
    Batch, GrantRecord, KeyRecord, PartRecord, PartialRecord, PasskeyRecord, PlanRecord, Record,
    RequestRecord, ResultRecord, StoredJob, StoredPart,
};
pub use settings::Settings;
pub use shared_log::{FollowError, Group, SharedLog, SharedLogError};
pub use tiles::parse_bundle;
pub use verify::{Since, Verified, VerifyError, verify, verify_leaves, verify_leaves_since, verify_since};
