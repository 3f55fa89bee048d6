//! Keeps one worker program running: starts it again when it ends, with growing pauses, and lets it end in order.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::child_log::ChildLog;
use crate::defaults::{RESTART_FIRST, RESTART_MAX, RESTART_RESET, WORKER_GRACE};

/// Tells a worker that its standard input is a pipe from the program that started it: when that pipe ends, so does the
/// worker. So it never outlives a realm that was killed.
pub(super) const PARENT_PIPE: &str = "MTOR_PARENT_PIPE";

/// Says a line about a worker to the person.
pub(super) type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// A program to keep running.
pub(super) struct Supervisor {
    pub(super) program: PathBuf,
    pub(super) options: Vec<OsString>,
    /// What it has in its environment beside what this process has.
    pub(super) environment: Vec<(&'static str, OsString)>,
    pub(super) log: ChildLog,
    pub(super) say: Say,
}

impl Supervisor {
    /// Runs the program until `stop`; then asks it to end, and waits until it has.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut pause = RESTART_FIRST;
        loop {
            let started = Instant::now();
            let why = match self.spawn() {
                Ok((mut child, pipe)) => match stop.run_until_cancelled(child.wait()).await {
                    None => return end(child, pipe).await,
                    Some(status) => self.describe(status),
                },
                Err(error) => format!("it can't be started: {error}"),
            };
            if started.elapsed() >= RESTART_RESET {
                pause = RESTART_FIRST;
            }
            (self.say)(&format!("{why}; starting it again in {} s", pause.as_secs()));
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).min(RESTART_MAX);
        }
    }

    /// The program, and the pipe that it watches. Kept apart: waiting for a child would close its standard input.
    fn spawn(&self) -> std::io::Result<(Child, Option<ChildStdin>)> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.options)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(PARENT_PIPE, "1")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A process group of its own: Ctrl-C on the terminal reaches this process alone, which drains first.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        if let Some(output) = child.stdout.take() {
            tokio::spawn(self.log.clone().read(output, self.say.clone()));
        }
        if let Some(errors) = child.stderr.take() {
            tokio::spawn(self.log.clone().read(errors, self.say.clone()));
        }
        let pipe = child.stdin.take();
        Ok((child, pipe))
    }

    fn describe(&self, status: std::io::Result<ExitStatus>) -> String {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        match self.log.take_last() {
            Some(last) => format!("it ended ({status}) after saying: {last}"),
            None => format!("it ended ({status})"),
        }
    }
}

/// Asks a program to end, and ends it when it does not within its grace.
async fn end(mut child: Child, pipe: Option<ChildStdin>) {
    ask_to_end(&child);
    // A program that watches its standard input needs no signal.
    drop(pipe);
    if timeout(WORKER_GRACE, child.wait()).await.is_err() {
        // It is gone already, or will be in a moment.
        let _ = timeout(Duration::from_secs(1), child.kill()).await;
    }
}

#[cfg(unix)]
fn ask_to_end(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself in this moment.
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn ask_to_end(_child: &Child) {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_file::LogFile;
    use std::sync::Mutex;
    use tokio::sync::Notify;

    #[derive(Clone, Default)]
    struct Heard(Arc<(Mutex<Vec<String>>, Notify)>);

    impl Heard {
        fn sayer(&self) -> Say {
            let heard = self.0.clone();
            Arc::new(move |line: &str| {
                heard.0.lock().unwrap().push(line.to_owned());
                heard.1.notify_one();
            })
        }

        /// Waits until a line with these words was said.
        async fn line(&self, words: &str) -> String {
            let found = async {
                loop {
                    let line = self.0.0.lock().unwrap().iter().find(|line| line.contains(words)).cloned();
                    match line {
                        Some(line) => return line,
                        None => self.0.1.notified().await,
                    }
                }
            };
            timeout(Duration::from_secs(30), found).await.expect("it should have been said")
        }
    }

    fn shell(script: &str, folder: &std::path::Path, heard: &Heard) -> Supervisor {
        Supervisor {
            program: "/bin/sh".into(),
            options: vec!["-c".into(), script.into()],
            environment: Vec::new(),
            log: ChildLog::new(LogFile::open(&folder.join("worker.log")).unwrap()),
            say: heard.sayer(),
        }
    }

    #[tokio::test]
    async fn a_worker_that_fails_is_started_again_and_its_reason_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let heard = Heard::default();
        let mark = folder.path().join("mark");
        let script = format!(
            "if [ -e {0} ]; then echo 'error: second life'; exec cat; fi; touch {0}; echo 'error: the model is broken'; exit 3",
            mark.display()
        );
        let stop = CancellationToken::new();
        let running = tokio::spawn(shell(&script, folder.path(), &heard).run(stop.clone()));
        let said = heard.line("it ended").await;
        assert_eq!(
            said,
            "it ended (exit status: 3) after saying: error: the model is broken; starting it again in 1 s"
        );
        heard.line("second life").await;
        stop.cancel();
        timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_worker_is_asked_to_end_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let heard = Heard::default();
        let mark = folder.path().join("mark");
        let script = format!(
            "trap 'echo drained > {}; exit 0' TERM; echo 'error: ready'; while :; do read line || :; done",
            mark.display()
        );
        let stop = CancellationToken::new();
        let running = tokio::spawn(shell(&script, folder.path(), &heard).run(stop.clone()));
        heard.line("ready").await;
        stop.cancel();
        timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(mark).unwrap(), "drained\n");
    }

    #[tokio::test]
    async fn a_workers_standard_input_stays_open_while_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let heard = Heard::default();
        let script = "timeout 0.2 cat; echo \"error: cat ended with $?\"; exec cat";
        let stop = CancellationToken::new();
        let running = tokio::spawn(shell(script, folder.path(), &heard).run(stop.clone()));
        assert_eq!(
            heard.line("cat ended").await,
            "error: cat ended with 124",
            "124: it was timeout that ended it"
        );
        stop.cancel();
        timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_said_plainly() {
        let folder = tempfile::tempdir().unwrap();
        let heard = Heard::default();
        let mut supervisor = shell("", folder.path(), &heard);
        supervisor.program = folder.path().join("nowhere");
        let stop = CancellationToken::new();
        let running = tokio::spawn(supervisor.run(stop.clone()));
        heard.line("it can't be started").await;
        stop.cancel();
        timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
    }
}
