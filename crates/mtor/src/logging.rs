//! Where log lines go. `$MTOR_LOG` says which: a level, or levels by module as in `warn,mtor_broker=debug`.

use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::log_file::LogFile;

const VARIABLE: &str = "MTOR_LOG";

/// Logs to standard error, from `info` on unless `$MTOR_LOG` says otherwise.
pub(crate) fn to_stderr() {
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    // The first one wins, as in tests that start several things.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter(LevelFilter::INFO))).try_init();
}

/// Logs to a file, and what a person should know to standard error as well.
pub(crate) fn to_file(file: LogFile) {
    let all =
        fmt::layer().with_writer(Mutex::new(file)).with_ansi(false).with_filter(filter(LevelFilter::INFO));
    let urgent = fmt::layer().with_writer(std::io::stderr).with_target(false).with_filter(LevelFilter::WARN);
    let _ = tracing_subscriber::registry().with(all).with(urgent).try_init();
}

fn filter(default: LevelFilter) -> EnvFilter {
    EnvFilter::builder().with_default_directive(default.into()).with_env_var(VARIABLE).from_env_lossy()
}
