//! Clients that others wrote: installed once, at pinned versions, and run as their users run them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::process::Process;
use crate::programs::{cache, mtor, workspace};

/// Where Debian puts the sources of Go libraries.
const GO_PACKAGES: &str = "/usr/share/gocode";

/// Runs a script with the official Python clients of OpenAI's interface and of Wyoming, to its end, and gives what it
/// printed.
///
/// # Panics
/// When it fails; what it said is printed.
pub async fn python(script: &str, arguments: &[&str]) -> String {
    run(python_command(script, arguments)).await
}

/// Starts such a script that runs for as long as the test needs it. What it says goes to `log`.
///
/// # Panics
/// When it can't be started.
pub fn python_beside(script: &str, arguments: &[&str], log: &Path) -> Process {
    Process::start(python_command(script, arguments), log)
}

/// Starts a program in Python that stands elsewhere, with the same packages, in its own folder.
///
/// # Panics
/// When it can't be started.
pub fn python_program_beside(program: &Path, arguments: &[&str], log: &Path) -> Process {
    let mut command = python_alone();
    command.arg(program).args(arguments).current_dir(program.parent().unwrap());
    without_proxies(&mut command);
    Process::start(command, log)
}

/// Runs the tests of the SDK for Python, each with a broker of its own.
///
/// # Panics
/// When one fails.
pub async fn python_sdk_tests() {
    let mut command = python_alone();
    command
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .current_dir(workspace().join("sdk/python"));
    command.env("MTOR_BIN", mtor()).env("PYTHONDONTWRITEBYTECODE", "1");
    run(command).await;
}

fn python_command(script: &str, arguments: &[&str]) -> Command {
    let mut command = python_alone();
    command.arg(workspace().join("tests/clients").join(script)).args(arguments);
    command
}

/// How such a script is started by somebody else: Python, and the script's place.
///
/// # Panics
/// When the packages can't be installed.
pub fn python_words(script: &str) -> Vec<String> {
    let command = python_command(script, &[]);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Python with the packages that the clients need.
fn python_alone() -> Command {
    let folder = workspace().join("tests/clients");
    let venv = cache("python");
    let requirements = folder.join("requirements.txt");
    once(&venv, &requirements, |venv| {
        finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        finish(pip.arg(&requirements));
    });
    Command::new(venv.join("bin/python"))
}

/// Runs a script with the official Node client of OpenAI's interface, to its end.
///
/// # Panics
/// When it fails; what it said is printed.
pub async fn node(script: &str, arguments: &[&str]) {
    let folder = workspace().join("tests/clients");
    node_packages(&folder);
    let mut command = Command::new("node");
    command.arg(folder.join(script)).args(arguments);
    run(command).await;
}

/// Runs the program in `clients/log`, which is written in Go with Go's own libraries, to its end, and gives how it ended.
///
/// # Panics
/// When Go is not there; `./mtor test e2e` installs it.
pub async fn log_tool(arguments: &[&str]) -> Output {
    let mut command = log_tool_command(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Starts that program, for as long as the test needs it. What it says goes to `log`.
///
/// # Panics
/// When it can't be started.
pub fn log_tool_beside(arguments: &[&str], log: &Path) -> Process {
    Process::start(log_tool_command(arguments), log)
}

fn log_tool_command(arguments: &[&str]) -> Command {
    let program = cache("log-tool");
    let locks = cache("locks");
    std::fs::create_dir_all(&locks).unwrap();
    let lock = File::create(locks.join("log-tool")).unwrap();
    lock.lock().unwrap();
    // Go looks by itself whether there is anything to do. Without modules, nothing is fetched: Debian has the libraries' sources.
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&program).arg("./tests/clients/log").current_dir(workspace());
    go.env("GO111MODULE", "off").env("GOPATH", GO_PACKAGES).env("GOCACHE", cache("go"));
    finish(&mut go);
    drop(lock);
    let mut command = Command::new(program);
    command.args(arguments);
    without_proxies(&mut command);
    command
}

/// Installs what the `package-lock.json` of a folder names, unless it was done before.
pub(crate) fn node_packages(folder: &Path) {
    once(&folder.join("node_modules"), &folder.join("package-lock.json"), |_| {
        let options =
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional", "--loglevel=error"];
        finish(Command::new("npm").args(options).current_dir(folder));
    });
}

/// Installs something, unless the same was installed before. Tests that run at the same time wait for one another.
fn once(place: &Path, pinned: &Path, install: impl FnOnce(&Path)) {
    let locks = cache("locks");
    std::fs::create_dir_all(&locks).unwrap();
    let name = place.to_string_lossy().replace('/', "_");
    let lock = File::create(locks.join(name)).unwrap();
    lock.lock().unwrap();
    let wanted = std::fs::read(pinned).unwrap();
    let mark: PathBuf = place.join(".installed");
    if std::fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return;
    }
    install(place);
    std::fs::write(mark, wanted).unwrap();
}

/// Runs a command to its end, and gives what it printed.
fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?} failed: {said}\n{printed}");
    printed.into_owned()
}

/// Off the test's own thread, on which its workers live.
async fn run(mut command: Command) -> String {
    // No key of somebody's real account: the realm on this machine is meant.
    command.env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL");
    without_proxies(&mut command);
    tokio::task::spawn_blocking(move || finish(&mut command)).await.unwrap()
}

/// The realm is on this machine.
fn without_proxies(command: &mut Command) {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
}
