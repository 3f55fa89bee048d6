//! Making a wallet, and the twelve words that are one.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::Context as _;
use mtor_identity::{KeyFile, KeyFileError, Phrase};
use mtor_protocol::http::WalletInfo;

use super::{Wallet, identity, load_key, rotate, say};
use crate::client::{Api, Who};
use crate::exit::Fault;
use crate::terminal;

/// More bytes than twelve words can have, however they are spaced.
const PHRASE_BYTES_MAX: u64 = 1024;

/// Makes a wallet where there is none. At home, the realm's owner fills it.
pub(super) async fn new(wallet: &Wallet) -> anyhow::Result<()> {
    let key = KeyFile::generate()?;
    create(&key, wallet)?;
    let mut shown = identity(key.keypair(), &wallet.file);
    if wallet.realm.realm.is_loopback() {
        // Nobody has to be at home yet: without a realm the wallet is simply empty.
        let welcome = Api::new(&wallet.realm.realm, Who::Owner)?;
        let route = format!("/api/wallets/{}/welcome", shown.did);
        shown.available = welcome.post_empty::<WalletInfo>(&route).await.ok().map(|info| info.available);
    }
    if wallet.json {
        return terminal::json(&shown);
    }
    say(&shown)?;
    eprintln!(
        "`mtor wallet phrase` shows twelve words that bring it back: write them down and keep them safe. Or keep a file: \
         `mtor wallet backup FILE`."
    );
    Ok(())
}

/// Shows the twelve words, after a warning.
pub(super) fn phrase(wallet: &Wallet, yes: bool) -> anyhow::Result<()> {
    let key = load_key(&wallet.file)?;
    let phrase = key.phrase().ok_or_else(|| {
        Fault::Usage(format!(
            "the key in {} was not made from words; keep a copy of the file itself",
            wallet.file.display()
        ))
    })?;
    eprintln!("Whoever sees these twelve words can spend everything in the wallet.");
    if !yes && terminal::can_ask() && !terminal::confirm("Is nobody looking? Show them?")? {
        return Err(Fault::Interrupted.into());
    }
    terminal::line(&phrase.words())
}

/// Brings a wallet back from its words, which come from a prompt or from standard input, never from the arguments:
/// those can be seen by every user of the machine.
pub(super) async fn restore(wallet: &Wallet) -> anyhow::Result<()> {
    refuse_taken(wallet)?;
    bring_back(&KeyFile::from_phrase(ask_words("The twelve words")?), wallet).await
}

/// Twelve words, from a prompt or from standard input.
pub(super) fn ask_words(what: &str) -> anyhow::Result<Phrase> {
    let mut words = String::new();
    if io::stdin().is_terminal() {
        words = terminal::read_hidden(&format!("{what}, with spaces between them (they are not shown): "))?;
    } else {
        io::stdin().lock().take(PHRASE_BYTES_MAX).read_to_string(&mut words).context("reading the words")?;
    }
    words.parse().map_err(|error: mtor_identity::PhraseError| Fault::Usage(error.to_string()).into())
}

/// Whether there is room for a wallet: asked before anybody is asked for its secret.
pub(super) fn refuse_taken(wallet: &Wallet) -> anyhow::Result<()> {
    if wallet.file.exists() { Err(taken(wallet).into()) } else { Ok(()) }
}

/// Puts a wallet where none is, and shows whose it is: by itself, or as the realm knows it if one answers, where its key may have
/// been changed.
pub(super) async fn bring_back(key: &KeyFile, wallet: &Wallet) -> anyhow::Result<()> {
    create(key, wallet)?;
    let mut shown = identity(key.keypair(), &wallet.file);
    let api = Api::new(&wallet.realm.realm, Who::of_file(&wallet.file)?)?;
    match api.get::<WalletInfo>(&format!("/api/wallets/{}", shown.did)).await {
        Ok(info) => (shown.guid, shown.available) = (info.guid.to_string(), Some(info.available)),
        Err(error) if rotate::is_of_another_key(&error) => eprintln!("careful: {error:#}"),
        Err(_) => {}
    }
    if wallet.json { terminal::json(&shown) } else { say(&shown) }
}

/// Writes a wallet's key where none is.
pub(super) fn create(key: &KeyFile, wallet: &Wallet) -> anyhow::Result<()> {
    match key.create(&wallet.file) {
        Ok(()) => Ok(()),
        Err(KeyFileError::Exists { .. }) => Err(taken(wallet).into()),
        Err(error) => Err(error.into()),
    }
}

fn taken(wallet: &Wallet) -> Fault {
    Fault::Usage(format!(
        "there is a wallet at {} already, and it stays; choose another file with --wallet FILE",
        wallet.file.display()
    ))
}
