//! The book's reference pages that follow from the program as it runs: the command line, and the metrics of a broker.
//! A test fails when one has drifted, and `MTOR_BLESS=1 cargo test -p mtor --test docs` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[path = "../../mtor-protocol/tests/docs/page.rs"]
mod page;

use page::{Page, table};

/// The program, in a window wide enough for its own lines, whoever runs the test.
fn mtor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtor"));
    command.env("COLUMNS", "130").stdin(Stdio::null());
    command
}

#[test]
fn command_line() {
    let mut text = String::new();
    describe(&[], &mut text);
    Page::open("reference/cli.md").with("cli", &text).check();
}

/// What a command says of itself, then its subcommands.
fn describe(path: &[&str], text: &mut String) {
    let output = mtor().args(path).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !help.is_empty(), "mtor {} --help", path.join(" "));
    let title = std::iter::once("mtor").chain(path.iter().copied()).collect::<Vec<_>>().join(" ");
    let lines: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
    let level = "#".repeat(2 + path.len().min(1));
    let _ = writeln!(text, "{level} {title}\n\n```text\n{}\n```\n", lines.join("\n"));
    for name in subcommands(&lines) {
        describe(&[path, &[name]].concat(), text);
    }
}

/// The names under `Commands:` in a help text, but for `help` itself.
fn subcommands<'a>(help: &[&'a str]) -> Vec<&'a str> {
    let listed =
        help.iter().skip_while(|line| **line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A description that goes on in a further line is indented more than a name.
    let names = listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").collect()
}

/// A broker that is ended when the test is.
struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn metrics() {
    let folder = tempfile::tempdir().unwrap();
    let mut started = mtor();
    started.arg("broker").arg("--data").arg(folder.path()).args(["--listen", "127.0.0.1:0"]);
    let mut broker = Broker(started.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut said = String::new();
    BufReader::new(broker.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let address =
        said.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("it said {said:?}"));

    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();

    let help = answer.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let kind = |name: &str| {
        let mut types = answer.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        types.find(|(of, _)| *of == name).map_or_else(String::new, |(_, kind)| kind.to_owned())
    };
    let rows: Vec<_> =
        help.map(|(name, help)| vec![format!("`{name}`"), kind(name), help.to_owned()]).collect();
    assert!(!rows.is_empty(), "{answer}");
    Page::open("reference/metrics.md")
        .with("metrics", &table(&["name", "kind", "what"], rows.into_iter()))
        .check();
}
