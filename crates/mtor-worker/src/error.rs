//! Why a worker can't go on, and what to do about it.

use mtor_identity::{RandomnessError, SessionError};
use mtor_protocol::Problem;

/// What ends [`serve`](crate::serve) before its time. A lost link is none of these: it is dialled again.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The realm's address can't be read.
    #[error("the realm's address {address:?} {fault}; write it as http://HOST:PORT")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The address asks for TLS.
    #[error(
        "the realm's address {0:?} asks for TLS, which is not built into this worker; run a TLS tunnel on this machine \
         (stunnel, or ssh -L) and give its address as http://127.0.0.1:PORT"
    )]
    Tls(String),
    /// The worker's own announcement breaks a limit of the wire.
    #[error("what this worker announces is not valid: {0}; correct Worker::announcement")]
    Announcement(String),
    /// Whatever answers at the address, it is no realm.
    #[error("{address} is no MTOR realm: {fault}; check host and port, and that the realm speaks mtor.v1")]
    NotARealm {
        /// The address that was dialled.
        address: String,
        /// What it did.
        fault: String,
    },
    /// The realm does not want this worker.
    #[error("the realm refuses this worker: {0}; ask its sysop to admit the worker's key")]
    Refused(Problem),
    /// The realm's challenge is broken, or it is another realm than the one that was meant.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No random numbers for the waits between two tries.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}
