//! `mtor wallet recovery`: a key that can ask for the wallet when its own is lost, and the wallet's way to say no.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;
use mtor_identity::{KeyFile, Keypair, PublicKey, guid};
use mtor_protocol::{AccountId, Did, KeyChange, RecoveryPending, WalletKeysInfo};

use super::{Wallet, keyfile, load_key, rotate};
use crate::client::{Api, Who, did};
use crate::exit::Fault;
use crate::terminal;

#[derive(Debug, Subcommand)]
pub(super) enum RecoveryAction {
    /// Name a recovery key; without one that is named, make one and show its twelve words, once
    #[command(
        after_help = "Examples:\n  mtor wallet recovery set                        shows twelve words: keep them apart from the wallet's\n  mtor wallet recovery set did:key:z6Mk...        the key of somebody whom you trust\n  mtor wallet recovery set --none                 none any more"
    )]
    Set {
        /// The recovery key, by its name
        #[arg(value_parser = did)]
        key: Option<Did>,
        /// Name none: only the wallet's own key can do anything from then on
        #[arg(long, conflicts_with = "key")]
        none: bool,
    },
    /// Ask for a wallet whose key is lost, with its recovery key; it is yours after the realm's delay, unless the wallet says no
    #[command(
        after_help = "Examples:\n  mtor wallet recovery ask 0f0e1a52-...           asks for the recovery key's twelve words\n  mtor wallet recovery ask did:key:z6Mk... --with friend.key\n  mtor wallet recovery ask did:key:z6Mk... < words.txt\n\nMakes a new key for the wallet, in the file that --wallet names, which must be free.\nWords are asked for, or read from standard input; they are never arguments, which others can see."
    )]
    Ask {
        /// The wallet, by its account, or by the name of any key that it had
        #[arg(value_parser = account)]
        lost: AccountId,
        /// The key file of the recovery key, instead of its words
        #[arg(long, value_name = "FILE")]
        with: Option<PathBuf>,
    },
    /// Say no to a recovery; the recovery key that asked is none any more
    Veto,
    /// How the wallet's keys stand
    Show,
}

/// Does it.
pub(super) async fn run(wallet: &Wallet, action: RecoveryAction) -> anyhow::Result<()> {
    match action {
        RecoveryAction::Set { key: Some(key), .. } => name(wallet, Some(key)).await,
        RecoveryAction::Set { none: true, .. } => name(wallet, None).await,
        RecoveryAction::Set { .. } => make(wallet).await,
        RecoveryAction::Ask { lost, with } => ask(wallet, lost, with).await,
        RecoveryAction::Veto => veto(wallet).await,
        RecoveryAction::Show => show(wallet, &stand(wallet).await?),
    }
}

async fn name(wallet: &Wallet, key: Option<Did>) -> anyhow::Result<()> {
    let (api, own) = own(wallet)?;
    let change = KeyChange::NameRecovery { key };
    show(wallet, &rotate::say(&api, &own, None, guid(&own.public()), change).await?)
}

/// The words of a new recovery key are shown first: what is not written down shall not be named.
async fn make(wallet: &Wallet) -> anyhow::Result<()> {
    // Before any words are shown in vain.
    own(wallet)?;
    let key = KeyFile::generate()?;
    let words = key.phrase().map(mtor_identity::Phrase::words).unwrap_or_default();
    terminal::line(&words)?;
    eprintln!(
        "These twelve words are the recovery key. They are not shown again, and are stored nowhere: write them down, and keep \
         them apart from the wallet and its own words. Whoever has them can ask for the wallet."
    );
    if terminal::can_ask() && !terminal::confirm("Are they written down?")? {
        return Err(Fault::Interrupted.into());
    }
    name(wallet, Some(key.keypair().did())).await
}

async fn ask(wallet: &Wallet, lost: AccountId, with: Option<PathBuf>) -> anyhow::Result<()> {
    keyfile::refuse_taken(wallet)?;
    let recovery = match with {
        Some(file) => load_key(&file)?,
        None => KeyFile::from_phrase(keyfile::ask_words("The recovery key's twelve words")?),
    };
    let recovery = Arc::new(recovery.into_keypair());
    let next = KeyFile::generate()?;
    let api = Api::new(&wallet.realm.realm, Who::Wallet(recovery.clone()))?;
    // Durable before the realm hears of it: whatever happens then, the key is there.
    keyfile::create(&next, wallet)?;
    let change = KeyChange::AskRecovery { next: next.keypair().did() };
    let asked = rotate::say(&api, &recovery, Some(next.keypair()), lost, change).await;
    if asked.as_ref().is_err_and(|error| error.downcast_ref::<mtor_protocol::Problem>().is_some()) {
        // The realm has said no, so that nothing hangs on this key.
        std::fs::remove_file(&wallet.file).context("removing the new key, which is good for nothing")?;
    }
    show(wallet, &asked?)?;
    eprintln!("The wallet's new key is in {}. `mtor wallet phrase` shows its words.", wallet.file.display());
    Ok(())
}

async fn veto(wallet: &Wallet) -> anyhow::Result<()> {
    let Some(RecoveryPending { ask, .. }) = stand(wallet).await?.pending else {
        return Err(Fault::Usage("nobody has asked for this wallet".to_owned()).into());
    };
    let (api, own) = own(wallet)?;
    let change = KeyChange::Veto { ask };
    show(wallet, &rotate::say(&api, &own, None, guid(&own.public()), change).await?)
}

async fn stand(wallet: &Wallet) -> anyhow::Result<WalletKeysInfo> {
    let (api, did) = wallet.open().await?;
    api.get(&format!("/api/wallets/{did}/recovery")).await
}

/// The wallet's key, which has to sign, and the realm as its holder sees it.
fn own(wallet: &Wallet) -> anyhow::Result<(Api, Arc<Keypair>)> {
    if matches!(wallet.who()?, Who::Owner) {
        let detail = "this is the realm owner's wallet, and its key has to sign: add --owner";
        return Err(Fault::Usage(detail.to_owned()).into());
    }
    let own = Arc::new(load_key(&wallet.file)?.into_keypair());
    Ok((Api::new(&wallet.realm.realm, Who::Wallet(own.clone()))?, own))
}

fn show(wallet: &Wallet, keys: &WalletKeysInfo) -> anyhow::Result<()> {
    if wallet.json {
        return terminal::json(keys);
    }
    let recovery = keys.recovery.map_or("none".to_owned(), |key| key.to_string());
    let mut text = format!("account   {}\nkey       {}\nrecovery  {recovery}\n", keys.account, keys.key);
    if let Some(pending) = &keys.pending {
        text.push_str(&format!("asked     {}\n", asked(pending)));
    }
    terminal::write(&text)
}

/// A recovery that was asked for, in words.
pub(crate) fn asked(pending: &RecoveryPending) -> String {
    let RecoveryPending { next, asked, due, .. } = pending;
    format!(
        "at {asked} its recovery key asked for it: from {due} on its key is {next}, unless `mtor wallet recovery veto` says no"
    )
}

/// A wallet, by its account or by the name of one of its keys.
fn account(text: &str) -> Result<AccountId, String> {
    if let Ok(account) = text.parse() {
        return Ok(account);
    }
    PublicKey::from_did(text)
        .map(|key| guid(&key))
        .map_err(|_| format!("{text:?} is neither an account nor the name of a key"))
}
