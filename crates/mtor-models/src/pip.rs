//! Where the user's Python packages come from. The answer is the user's, not this project's: pip is asked.

use std::path::Path;
use std::process::Stdio;

use reqwest::Url;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::defaults::PIP_TIMEOUT;
use crate::error::{ModelError, SourceError};

/// The ways to call pip, in the order of trial.
const PIPS: [&[&str]; 4] = [&["pip3"], &["pip"], &["python3", "-m", "pip"], &["python", "-m", "pip"]];

const NO_PIP: &str = "pip is not installed or gives no answer, so the package index is not known; install it (Debian, Ubuntu: \
    `sudo apt install python3-pip`; Fedora: `sudo dnf install python3-pip`; macOS: `brew install python`) or set PIP_INDEX_URL";

/// The index that `PIP_INDEX_URL`, pip's settings or else pip's own help names. `folder` is where pip runs: one
/// without anybody's Python files, as `-m` would prefer those.
pub(crate) async fn index_url(folder: &Path, cancel: &CancellationToken) -> Result<Url, SourceError> {
    if let Ok(url) = std::env::var("PIP_INDEX_URL")
        && !url.trim().is_empty()
    {
        return parse_index(&url);
    }
    ask(&PIPS, folder, cancel).await
}

async fn ask(pips: &[&[&str]], folder: &Path, cancel: &CancellationToken) -> Result<Url, SourceError> {
    for pip in pips {
        if let Some(answer) = run(pip, &["config", "get", "global.index-url"], folder, cancel).await?
            && let Some(url) = answer.lines().map(str::trim).rfind(|line| !line.is_empty())
        {
            return parse_index(url);
        }
        if let Some(help) = run(pip, &["install", "--help"], folder, cancel).await?
            && let Some(url) = default_in_help(&help)
        {
            return parse_index(&url);
        }
    }
    Err(SourceError::Unusable(NO_PIP.to_owned()))
}

/// The address with a slash at its end, so that package names can be joined to it.
pub(crate) fn parse_index(address: &str) -> Result<Url, SourceError> {
    let address = address.trim().trim_end_matches('/');
    match Url::parse(&format!("{address}/")) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(SourceError::Unusable("pip's package index is not an http or https address".to_owned())),
    }
}

/// What pip prints, or nothing when it is missing, fails or takes too long.
async fn run(
    pip: &[&str],
    args: &[&str],
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<Option<String>, SourceError> {
    let output = Command::new(pip[0])
        .args(&pip[1..])
        .args(args)
        .current_dir(folder)
        .env("COLUMNS", "1000")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::select! {
        () = cancel.cancelled() => return Err(ModelError::Cancelled.into()),
        output = tokio::time::timeout(PIP_TIMEOUT, output) => output,
    };
    Ok(match output {
        Ok(Ok(output)) if output.status.success() => String::from_utf8(output.stdout).ok(),
        _ => None,
    })
}

/// The default in the help of `--index-url`, which may be broken over lines anywhere.
fn default_in_help(help: &str) -> Option<String> {
    let text = &help[help.find("--index-url <")?..];
    let text = &text[text.find("(default")? + "(default".len()..];
    let url: String = text[..text.find(')')?].split_whitespace().collect();
    let url = url.trim_start_matches(':');
    (!url.is_empty()).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_read_from_the_help_however_it_is_wrapped() {
        let help = "Usage:\n  pip install --index-url URL x\n\n  -i, --index-url <url>       Base URL of the Index (default\n      \
                    https://packages.exam-\n        ple.org/simple). This should point to\n  --extra-index-url <url>  Extra";
        assert_eq!(default_in_help(help).as_deref(), Some("https://packages.exam-ple.org/simple"));
        let one_line = "--index-url <url> Base URL (default https://p.example/simple). More (default no).";
        assert_eq!(default_in_help(one_line).as_deref(), Some("https://p.example/simple"));
        assert_eq!(default_in_help("--index-url <url> Base URL"), None);
    }

    #[tokio::test]
    async fn without_pip_the_error_says_how_to_install_it() {
        let error =
            ask(&[&["mtor-test-no-such-pip"]], Path::new("."), &CancellationToken::new()).await.unwrap_err();
        assert!(error.why().contains("sudo apt install python3-pip"), "{}", error.why());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn pips_settings_come_before_its_default_and_a_broken_pip_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let broken = script("broken", "exit 1");
        let plain = script(
            "plain",
            "[ $1 = install ] && echo '--index-url <url> Base (default https://a.example/s)'",
        );
        let set = script(
            "set",
            "[ $1 = config ] && echo https://b.example/s/ || echo '--index-url <url> (default x)'",
        );
        let cancel = CancellationToken::new();
        let answer = ask(&[&["sh", &broken], &["sh", &plain]], folder.path(), &cancel).await.unwrap();
        assert_eq!(answer.as_str(), "https://a.example/s/");
        let answer = ask(&[&["sh", &set]], folder.path(), &cancel).await.unwrap();
        assert_eq!(answer.as_str(), "https://b.example/s/");
    }

    #[test]
    fn an_index_gets_one_slash_at_its_end_and_must_be_http() {
        assert_eq!(parse_index("https://p.example/simple").unwrap().as_str(), "https://p.example/simple/");
        assert_eq!(parse_index(" http://p.example/simple// ").unwrap().as_str(), "http://p.example/simple/");
        assert!(parse_index("/srv/mirror").is_err());
    }
}
