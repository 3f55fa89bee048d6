//! `mtor worker new`: a folder with a worker of one's own, that runs as it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  mtor worker new lamp                     in Rust, in the folder lamp
  mtor worker new lamp --lang python       in Python, with the SDK beside it
  mtor worker new dice --lang wasm         a skill for the sandbox, that others can run without trusting it

It offers one tool, tool.NAME, and runs at once; the README in it says how.";

/// Begins a worker of one's own: a folder with a program that runs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewArgs {
    /// Its name: lower-case letters, digits, `_` and `-`, a letter first
    #[arg(value_parser = parse_name)]
    name: String,
    /// The language that it is written in
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// The folder to make [default: ./NAME]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Rust: a folder with the sources of mtor-worker, rather than those of its repository
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

/// A language that there is an SDK for, or the text of WebAssembly, which needs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    Python,
    Wasm,
}

/// What stands for the name in the templates, as it is and as a name in the language.
const NAME: &str = "NAME_OF_WORKER";
const IDENTIFIER: &str = "IDENTIFIER_OF_WORKER";
/// What stands for the place of the Rust SDK.
const SDK: &str = "SDK_OF_WORKER";

type File = (&'static str, &'static str);

const RUST: [File; 4] = [
    ("Cargo.toml", include_str!("new/rust/Cargo.toml.in")),
    ("src/main.rs", include_str!("new/rust/main.rs.in")),
    ("README.md", include_str!("new/rust/README.md.in")),
    (".gitignore", "/target\n*.key\n"),
];

const WASM: [File; 2] = [
    ("skill.wat", include_str!("new/wasm/skill.wat.in")),
    ("README.md", include_str!("new/wasm/README.md.in")),
];

const PYTHON: [File; 10] = [
    ("worker.py", include_str!("new/python/worker.py.in")),
    ("README.md", include_str!("new/python/README.md.in")),
    ("requirements.txt", "websockets>=13\ncryptography>=42\n"),
    (".gitignore", "__pycache__\n.venv\n*.key\n"),
    ("mtor_worker/__init__.py", include_str!("../../../../../sdk/python/src/mtor_worker/__init__.py")),
    ("mtor_worker/keys.py", include_str!("../../../../../sdk/python/src/mtor_worker/keys.py")),
    ("mtor_worker/py.typed", ""),
    ("mtor_worker/session.py", include_str!("../../../../../sdk/python/src/mtor_worker/session.py")),
    ("mtor_worker/tools.py", include_str!("../../../../../sdk/python/src/mtor_worker/tools.py")),
    ("mtor_worker/worker.py", include_str!("../../../../../sdk/python/src/mtor_worker/worker.py")),
];

/// Makes it.
///
/// # Errors
/// When its folder is there already, or can't be written.
pub(crate) fn run(args: &NewArgs) -> anyhow::Result<()> {
    let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    if folder.exists() {
        bail!("{} is there already; choose another --folder", folder.display());
    }
    let files: &[File] = match args.lang {
        Language::Rust => &RUST,
        Language::Python => &PYTHON,
        Language::Wasm => &WASM,
    };
    let sdk = place_of_sdk(args.sdk.as_deref())?;
    let identifier = args.name.replace('-', "_");
    for (place, template) in files {
        let text = template.replace(NAME, &args.name).replace(IDENTIFIER, &identifier).replace(SDK, &sdk);
        let place = folder.join(place);
        let parent = place.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        fs::write(&place, text).with_context(|| format!("writing {}", place.display()))?;
    }
    let start = match args.lang {
        Language::Rust => "cargo run",
        Language::Python => {
            "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python worker.py"
        }
        Language::Wasm => "mtor worker sandbox -- --skill skill.wat",
    };
    terminal::line(&format!(
        "{} is a worker with the tool tool.{}. Start it:\n\n  cd {} && {start}",
        folder.display(),
        args.name,
        folder.display()
    ))
}

/// Where Cargo finds the SDK.
fn place_of_sdk(folder: Option<&Path>) -> anyhow::Result<String> {
    let Some(folder) = folder else {
        return Ok(format!("git = {:?}", env!("CARGO_PKG_REPOSITORY")));
    };
    let folder = fs::canonicalize(folder).with_context(|| format!("looking for {}", folder.display()))?;
    if !folder.join("Cargo.toml").is_file() {
        bail!("{} has no Cargo.toml; name the folder of the crate mtor-worker", folder.display());
    }
    Ok(format!("path = {:?}", folder.to_string_lossy()))
}

fn parse_name(name: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    match begins && name.len() <= 40 && name.bytes().all(allowed) {
        true => Ok(name.to_owned()),
        false => Err("1 to 40 lower-case letters, digits, '_' and '-', a letter first".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_names_itself_and_nothing_is_written_over() {
        let place = tempfile::tempdir().unwrap();
        for lang in [Language::Rust, Language::Python, Language::Wasm] {
            let folder = place.path().join(format!("{lang:?}"));
            let args = NewArgs { name: "my-lamp".into(), lang, folder: Some(folder.clone()), sdk: None };
            run(&args).unwrap();
            let main = match lang {
                Language::Rust => "src/main.rs",
                Language::Python => "worker.py",
                Language::Wasm => "skill.wat",
            };
            let text = fs::read_to_string(folder.join(main)).unwrap();
            assert!(text.contains("my-lamp") && !text.contains("_OF_WORKER"), "{text}");
            assert!(run(&args).unwrap_err().to_string().contains("there already"));
        }
        assert!(parse_name("Lamp").is_err() && parse_name("../x").is_err() && parse_name("a-1").is_ok());
    }

    #[test]
    fn all_of_the_python_sdk_comes_with_it() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/python/src/mtor_worker");
        for file in fs::read_dir(source).unwrap() {
            let name = file.unwrap().file_name();
            if name == "__pycache__" {
                continue;
            }
            let place = format!("mtor_worker/{}", name.to_string_lossy());
            assert!(PYTHON.iter().any(|(known, _)| *known == place), "{place} is left out");
        }
    }
}
