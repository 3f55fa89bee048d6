//! What every worker program needs beside its work: its way from the command line to the exit code, signals that ask it to leave, log
//! lines, and the number of cores to compute with. Behind the feature `program`, for workers that are programs of their own.

mod cores;
mod logging;
mod run;
mod signals;

pub use cores::physical_cores;
pub use logging::{LogFilter, log_filter, log_to_stderr};
pub use run::run;
pub use signals::cancelled_by_signals;
