//! Where log lines go, and which.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Which log lines are shown.
pub type LogFilter = tracing_subscriber::filter::Targets;

/// Says which log lines are shown: a level, or levels by module as in `warn,mtor_worker=debug`.
const VARIABLE: &str = "MTOR_LOG";

/// Log lines go to standard error, those of `default` unless `$MTOR_LOG` says otherwise. `default` is written as that is:
/// `info,whisper_rs=error`.
pub fn log_to_stderr(default: &str) {
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    // The first one wins, as in tests that start several things.
    let _ = tracing_subscriber::registry().with(lines.with_filter(log_filter(default))).try_init();
}

/// What `$MTOR_LOG` asks for beside `default`. Where it can't be understood it is told so on standard error, and
/// `default` holds.
pub fn log_filter(default: &str) -> LogFilter {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    parse(default, &wanted).unwrap_or_else(|why| {
        eprintln!("{VARIABLE} is not understood ({why}): write a level, or levels by module as in warn,mtor_worker=debug");
        parse(default, "").unwrap_or_default()
    })
}

/// What comes later wins.
fn parse(default: &str, wanted: &str) -> Result<LogFilter, String> {
    let directives: Vec<_> =
        [default, wanted].iter().flat_map(|text| text.split(',')).filter(|part| !part.is_empty()).collect();
    directives.join(",").parse().map_err(|error: tracing_subscriber::filter::ParseError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn what_is_asked_for_goes_before_the_default() {
        let shows = |wanted: &str, module: &str, level: Level| {
            parse("info,whisper_rs=error", wanted).unwrap().would_enable(module, &level)
        };
        assert!(shows("", "mtor_ears", Level::INFO) && !shows("", "mtor_ears", Level::DEBUG));
        assert!(!shows("", "whisper_rs", Level::INFO));
        assert!(!shows("warn", "mtor_ears", Level::INFO) && !shows("warn", "whisper_rs", Level::WARN));
        assert!(shows("mtor_ears=trace", "mtor_ears::vad", Level::TRACE));
        assert!(shows("mtor_ears=trace", "tokio", Level::INFO));
        assert!(shows("whisper_rs=info,", "whisper_rs", Level::INFO));
        assert!(parse("info", "mtor_ears=loud").is_err());
    }
}
