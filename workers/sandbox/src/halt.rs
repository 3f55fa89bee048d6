//! Why a skill was stopped.

use mtor_worker::JobError;
use mtor_worker::protocol::ProblemKind;
use wasmi::errors::{ErrorKind, HostError, InstantiationError, MemoryError, TableError};
use wasmi::{Error, TrapCode};

use crate::defaults;
use crate::limits::Limits;

/// Why a skill was stopped, in words for whoever asked it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// It computed for too long.
    #[error("it worked for more than {0} steps, as one does that never ends")]
    Fuel(u64),
    /// It took too long, computing and waiting together.
    #[error("it took more than {0} ms")]
    Time(u128),
    /// It wanted too much memory.
    #[error("it wanted more than {0} bytes of memory")]
    Memory(usize),
    /// Its functions called each other too deep.
    #[error("its functions called each other more than {} deep", defaults::CALLS_DEEP_MAX)]
    Depth,
    /// It called to the outside too often.
    #[error("it called the worker more than {} times", defaults::HOST_CALLS_MAX)]
    HostCalls,
    /// It fetched too much.
    #[error("it fetched more than {} pages or {} bytes", defaults::FETCHES_MAX, defaults::FETCHED_BYTES_MAX)]
    Fetched,
    /// It wrote too much.
    #[error("it wrote more than {0} bytes")]
    Output(usize),
    /// It asked for what it may not read.
    #[error("it asked for what it may not: {0}")]
    Host(String),
    /// It broke by itself.
    #[error("it broke: {0}")]
    Broken(String),
    /// It does not keep to the interface.
    #[error("it does not keep to the interface: {0}")]
    Interface(String),
    /// It refused the arguments.
    #[error("{0}")]
    Refused(String),
    /// Nobody wants the answer any more.
    #[error("nobody waits for the answer")]
    Unwanted,
}

impl HostError for Halt {}

impl Halt {
    /// Out of an error of the interpreter.
    pub(crate) fn of(error: &Error, limits: &Limits) -> Self {
        if let Some(halt) = error.downcast_ref::<Self>() {
            return halt.clone();
        }
        let refused_memory = |error: &MemoryError| {
            matches!(error, MemoryError::ResourceLimiterDeniedAllocation | MemoryError::OutOfSystemMemory)
        };
        let refused_table = |error: &TableError| {
            matches!(error, TableError::ResourceLimiterDeniedAllocation | TableError::OutOfSystemMemory)
        };
        let too_much = match error.kind() {
            ErrorKind::Memory(error)
            | ErrorKind::Instantiation(InstantiationError::FailedToInstantiateMemory(error)) => {
                refused_memory(error)
            }
            ErrorKind::Table(error)
            | ErrorKind::Instantiation(InstantiationError::FailedToInstantiateTable(error)) => {
                refused_table(error)
            }
            _ => false,
        };
        match error.as_trap_code() {
            Some(TrapCode::OutOfFuel) => Self::Fuel(limits.fuel),
            Some(TrapCode::StackOverflow) => Self::Depth,
            Some(TrapCode::GrowthOperationLimited) => Self::Memory(limits.memory_bytes),
            _ if too_much => Self::Memory(limits.memory_bytes),
            _ => Self::Broken(error.to_string()),
        }
    }

    /// What the realm is told. A skill does the same everywhere, so that no other worker is asked.
    pub(crate) fn told(self, tool: &str) -> JobError {
        match self {
            Self::Unwanted => mtor_worker::Stopped.into(),
            Self::Refused(why) => JobError::refused(ProblemKind::InvalidRequest, format!("{tool}: {why}")),
            stopped => JobError::refused(ProblemKind::SkillStopped, format!("{tool}: {stopped}")),
        }
    }
}
