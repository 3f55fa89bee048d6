//! Why a service did not do what it was asked for, in words for whoever asked.

use std::time::Duration;

use mtor_wyoming::{ConnectionError, Fault};

/// What can go wrong with a service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It can't be reached, the connection was lost, or what comes over it makes no sense.
    #[error("the Wyoming service: {0}")]
    Connection(#[from] ConnectionError),
    /// It says no.
    #[error("the Wyoming service says: {}", .0.text)]
    Refused(Fault),
    /// It hung up.
    #[error("the Wyoming service closed the connection before it had answered")]
    HungUp,
    /// It says nothing.
    #[error("the Wyoming service said nothing for {} s", .0.as_secs())]
    Silent(Duration),
    /// It offers nothing that a realm has a use for.
    #[error(
        "the Wyoming service offers neither speech to text nor text to speech; a realm has no use for anything else of it yet"
    )]
    NothingOfUse,
}
