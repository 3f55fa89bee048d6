//! Ctrl-C and SIGTERM.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::exit::Fault;

/// A signal that follows the first this soon is the same one: `timeout` and some shells send it to the process and to its
/// group.
const SAME_SIGNAL: Duration = Duration::from_millis(300);

/// Two tokens: the first is cancelled by the first signal, the second by the second one.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts {
    /// Please end in order.
    pub(crate) first: CancellationToken,
    /// End now.
    pub(crate) second: CancellationToken,
}

impl Interrupts {
    /// Takes Ctrl-C and SIGTERM over from the system, from now to the end of the process.
    ///
    /// # Errors
    /// When the system does not let a handler be installed.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let interrupts = Self { first: CancellationToken::new(), second: CancellationToken::new() };
        let Self { first, second } = interrupts.clone();
        let mut signals = Signals::new()?;
        tokio::spawn(async move {
            signals.next().await;
            first.cancel();
            let at = Instant::now();
            signals.next().await;
            while at.elapsed() < SAME_SIGNAL {
                signals.next().await;
            }
            second.cancel();
        });
        Ok(interrupts)
    }

    /// Does the work to its end, or to the second signal.
    ///
    /// # Errors
    /// The work's own, or [`Fault::Interrupted`].
    pub(crate) async fn or_at_once<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        match self.second.run_until_cancelled(work).await {
            Some(result) => result,
            None => Err(Fault::Interrupted.into()),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
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
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
