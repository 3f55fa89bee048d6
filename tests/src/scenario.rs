//! Runs a browser: a script in `tests/browser` plays the person at the page, and the test plays the rest of the realm.
//!
//! They speak over the script's standard input and output. A line `> WORDS` of the script is a cue: the test does what
//! the words say, and answers with a line when it is done. Every other line is passed on to the test's output.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::clients::node_packages;
use crate::defaults::LONG_PATIENCE;
use crate::programs::workspace;

/// The browsers that are looked for, the first one first; `$MTOR_CHROMIUM` goes before all.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Plays a scenario to its end. `cue` does what the script asks for on the way.
///
/// # Panics
/// When the scenario fails; the script says where.
pub async fn play(name: &str, url: &str, cue: impl AsyncFnMut(&str)) {
    play_within(LONG_PATIENCE, name, url, &[], cue).await;
}

/// The same, of a scenario that takes arguments and knows how long it takes.
///
/// # Panics
/// When the scenario fails, or is not over in time.
pub async fn play_within(
    patience: Duration,
    name: &str,
    url: &str,
    arguments: &[String],
    mut cue: impl AsyncFnMut(&str),
) {
    let folder = workspace().join("tests/browser");
    node_packages(&folder);
    let profile = tempfile::Builder::new().prefix("mtor-e2e-profile-").tempdir().unwrap();
    let mut command = Command::new("node");
    command
        .arg(folder.join(name))
        .arg(url)
        .arg(profile.path())
        .args(arguments)
        .env("MTOR_CHROMIUM", browser())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("node can't be started: {error}"));
    let mut answers = child.stdin.take().expect("it is piped");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let played = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            match line.strip_prefix("> ") {
                Some(words) => {
                    cue(words).await;
                    answers.write_all(b"done\n").await.unwrap();
                }
                None => println!("{name}: {line}"),
            }
        }
        child.wait().await.unwrap()
    };
    let status = timeout(patience, played).await.unwrap_or_else(|_| panic!("{name} did not come to its end"));
    assert!(status.success(), "{name} failed ({status})");
}

/// Where the browser is.
///
/// # Panics
/// When there is none, saying what to do.
fn browser() -> OsString {
    if let Some(path) = std::env::var_os("MTOR_CHROMIUM").filter(|path| !path.is_empty()) {
        return path;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let found = BROWSERS
        .iter()
        .find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| is_program(path)));
    let found =
        found.unwrap_or_else(|| panic!("no Chromium is in PATH; install one, or name it in MTOR_CHROMIUM"));
    found.into()
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}
