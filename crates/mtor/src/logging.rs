//! Where log lines go. `$MTOR_LOG` says which: a level, or levels by module as in `warn,mtor_broker=debug`.

use std::sync::Mutex;

use mtor_worker::program::log_filter;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::log_file::LogFile;

pub(crate) use mtor_worker::program::log_to_stderr as to_stderr;

/// What is logged unless `$MTOR_LOG` says otherwise.
pub(crate) const LOGGED: &str = "info";

/// Logs to a file, and what a person should know to standard error as well.
pub(crate) fn to_file(file: LogFile) {
    let all = fmt::layer().with_writer(Mutex::new(file)).with_ansi(false).with_filter(log_filter(LOGGED));
    let urgent = fmt::layer().with_writer(std::io::stderr).with_target(false).with_filter(LevelFilter::WARN);
    let _ = tracing_subscriber::registry().with(all).with(urgent).try_init();
}
