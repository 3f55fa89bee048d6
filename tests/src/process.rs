//! A child process whose words are kept, and which never outlives its test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::deadline::until;

/// A running program. Dropped, it is killed.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program that writes both its outputs to the end of `log`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let name =
            Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
        Self { name, child, log: log.to_owned() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it wrote so far.
    pub fn said(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    /// When it has ended before: it was to be killed in the middle of something.
    pub fn kill(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert_eq!(ended, None, "{} had ended before it was killed", self.name);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end in order (SIGTERM).
    pub fn terminate(&self) {
        signal(self.child.id(), Signal::TERM);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> ExitStatus {
        let what = format!("{} to end", self.name);
        until(&what, async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what {} said ---\n{}--- end of {} ---", self.name, self.said(), self.name);
        }
    }
}

/// `kill -9` for a process that is not our child.
///
/// # Panics
/// When there is no such process.
pub(crate) fn kill_hard(id: u32) {
    signal(id, Signal::KILL);
}

/// Ctrl-C for a process.
///
/// # Panics
/// When there is no such process.
pub fn interrupt(id: u32) {
    signal(id, Signal::INT);
}

fn signal(id: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    kill_process(pid, signal).unwrap_or_else(|error| panic!("process {id} can't be signalled: {error}"));
}
