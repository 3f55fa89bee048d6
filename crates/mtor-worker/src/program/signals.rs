//! Ctrl-C and SIGTERM: no new jobs, the running ones finish. A second one ends the program at once. The end of the
//! program that started this one counts as a first.

use std::io;

use tokio_util::sync::CancellationToken;

/// How programs that a signal ended are told from others: 128 and the number of the signal, here of Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Set by a program that starts this one with a pipe as standard input, and never writes to it: when the pipe ends, that
/// program has ended, in whatever way, and this one must not outlive it.
const PARENT_PIPE: &str = "MTOR_PARENT_PIPE";

/// A token that the first signal cancels, or the end of the program that started this one.
///
/// # Errors
/// When the system lets no handler be installed.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn cancelled_by_signals() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let asked = token.clone();
    if std::env::var_os(PARENT_PIPE).is_some() {
        let orphaned = token.clone();
        // A thread of its own, since a read of standard input can't be interrupted; it ends with the process.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            orphaned.cancel();
        });
    }
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("asked to leave: finishing the jobs at hand");
        asked.cancel();
        signals.next().await;
        tracing::warn!("asked to leave again: leaving at once");
        std::process::exit(INTERRUPTED);
    });
    Ok(token)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without Ctrl-C nothing asks; the task then waits for ever.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
