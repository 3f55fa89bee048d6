//! `mtor wallet backup` and `restore --from`: a wallet in a file under a password.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::Context as _;
use mtor_identity::backup::check_new_password;
use mtor_identity::defaults::PASSWORD_BYTES_MAX;
use mtor_identity::{Backup, BackupError};
use zeroize::Zeroizing;

use super::{Wallet, keyfile, load_key};
use crate::exit::Fault;
use crate::terminal;

/// Writes the backup file, under a password that is asked for.
pub(super) fn write(wallet: &Wallet, file: &Path) -> anyhow::Result<()> {
    let key = load_key(&wallet.file)?;
    // Before a password is asked for in vain; `create` makes sure of it.
    if file.exists() {
        return Err(usage(BackupError::Exists { path: file.to_owned() }));
    }
    let password = new_password()?;
    let backup = Backup::seal(&key, &password).map_err(usage)?;
    backup.create(file).map_err(usage)?;
    if wallet.json {
        return terminal::json(&serde_json::json!({ "did": key.keypair().did(), "file": file }));
    }
    terminal::line(&format!("{} is in {}", key.keypair().did(), file.display()))?;
    eprintln!("Keep it apart from this machine, and the password apart from it: nobody can find a lost one.");
    Ok(())
}

/// Brings the wallet of a backup file back.
pub(super) async fn restore(wallet: &Wallet, file: &Path) -> anyhow::Result<()> {
    keyfile::refuse_taken(wallet)?;
    // The file first: nobody should type a password for something that is no backup.
    let backup = Backup::load(file).map_err(usage).with_context(|| file.display().to_string())?;
    let password = match io::stdin().is_terminal() {
        true => ask(&format!("The password of the backup of {} (it is not shown): ", backup.did()))?,
        false => from_input()?,
    };
    let key = backup.open(&password).map_err(usage)?;
    keyfile::bring_back(&key, wallet).await
}

/// Asked for twice, since nobody sees what they type; or read once from standard input.
fn new_password() -> anyhow::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        return from_input();
    }
    let password = ask("A new password for the file (it is not shown): ")?;
    check_new_password(&password).map_err(usage)?;
    if ask("The same once more: ")? != password {
        return Err(
            Fault::Usage("the two passwords differ, and nothing was written; try again".into()).into()
        );
    }
    Ok(password)
}

fn ask(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    Ok(first_line(&Zeroizing::new(terminal::read_hidden(prompt)?)))
}

/// The first line of standard input.
fn from_input() -> anyhow::Result<Zeroizing<String>> {
    // Room for one byte too many, and for the line's end: what is too long is refused, not cut.
    let bytes_max = PASSWORD_BYTES_MAX + 3;
    let mut input = Zeroizing::new(Vec::with_capacity(bytes_max));
    io::stdin().lock().take(bytes_max as u64).read_to_end(&mut input).context("reading the password")?;
    let text = std::str::from_utf8(&input)
        .map_err(|_| Fault::Usage("the password on standard input is not UTF-8 text".into()))?;
    Ok(first_line(text))
}

/// Spaces belong to a password, the end of the line does not.
fn first_line(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
}

/// What the caller can do something about is wrong usage; what the machine refuses is a failure.
fn usage(error: BackupError) -> anyhow::Error {
    match error {
        BackupError::Io { .. } | BackupError::Randomness(_) => error.into(),
        _ => Fault::Usage(error.to_string()).into(),
    }
}
