//! From the command line to the exit code.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use super::log_to_stderr;

/// Runs the work of a program to its end, on one thread, with its log on standard error ([`log_to_stderr`], which takes `levels`).
/// Threads that still compute what nobody waits for any more are not waited for.
///
/// Exits with 0 when it went well, with 2 when the user can mend it by asking for something else, and with 1 otherwise; an error is
/// printed with all that led to it.
pub fn run<E: Display + From<io::Error>>(
    levels: &str,
    work: impl Future<Output = Result<(), E>>,
    is_bad_input: impl FnOnce(&E) -> bool,
) -> ExitCode {
    log_to_stderr(levels);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(E::from).and_then(|runtime| {
        let outcome = runtime.block_on(work);
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if is_bad_input(&error) { 2 } else { 1 })
        }
    }
}
