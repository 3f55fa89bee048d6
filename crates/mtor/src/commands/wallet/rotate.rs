//! `mtor wallet rotate`: the wallet keeps its account, and gets another key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mtor_identity::{KeyFile, Keypair, guid, sign_keys};
use mtor_protocol::http::RealmInfo;
use mtor_protocol::{AccountId, JobId, KeyChange, KeyStatement, Problem, ProblemKind, WalletKeysInfo};
use serde_json::json;

use super::{Wallet, load_key};
use crate::client::{Api, Who};
use crate::exit::Fault;
use crate::terminal;

/// Makes a new key, has the realm take it, and puts it in the place of the old one, which stays beside it. When that breaks off
/// anywhere, doing it again ends it.
pub(super) async fn run(wallet: &Wallet) -> anyhow::Result<()> {
    if matches!(wallet.who()?, Who::Owner) {
        let detail = "this is the realm owner's wallet: `mtor wallet --owner rotate` changes its key";
        return Err(Fault::Usage(detail.to_owned()).into());
    }
    let old = Arc::new(load_key(&wallet.file)?.into_keypair());
    let draft = beside(&wallet.file, "next");
    // Durable before the realm hears of it: whatever happens then, the key is there.
    let next = Arc::new(KeyFile::load_or_create(&draft)?.into_keypair());
    let realm = &wallet.realm.realm;
    let api = Api::new(realm, Who::Wallet(old.clone()))?;
    let change = KeyChange::Rotate { next: next.did() };
    let info = match say(&api, &old, Some(&next), guid(&old.public()), change).await {
        Ok(info) => info,
        // It was taken before, and the answer was lost.
        Err(error) if is_replaced(&error) => {
            let api = Api::new(realm, Who::Wallet(next.clone()))?;
            let taken = api.get::<WalletKeysInfo>(&format!("/api/wallets/{}/recovery", old.did())).await;
            taken.map_err(|_| error)?
        }
        Err(error) => return Err(error),
    };
    let name = old.did().0;
    let kept = beside(&wallet.file, &format!("replaced-{}", &name[name.len().saturating_sub(8)..]));
    KeyFile::succeed(&wallet.file, &draft, &kept)?;
    let (file, did) = (&wallet.file, next.did());
    if wallet.json {
        return terminal::json(&json!({ "did": did, "guid": info.account, "file": file, "replaced": kept }));
    }
    terminal::write(&format!(
        "name     {did}\naccount  {}, as before\nkey      {}\nbefore   {}, good for nothing in this realm any more\n",
        info.account,
        file.display(),
        kept.display(),
    ))?;
    eprintln!(
        "The twelve words, backups and linked devices of before hold the old key: make new ones. `mtor wallet phrase` shows \
         the new words. Other realms where this wallet has coins still know the old key."
    );
    Ok(())
}

/// Says that a wallet's keys change: signed by `by`, and by the key that comes.
///
/// # Errors
/// When the realm refuses, or can't be reached.
pub(super) async fn say(
    api: &Api,
    by: &Keypair,
    next: Option<&Keypair>,
    wallet: AccountId,
    change: KeyChange,
) -> anyhow::Result<WalletKeysInfo> {
    let realm = api.get::<RealmInfo>("/api/realm").await?.did;
    let statement: KeyStatement = sign_keys(by, next, realm.as_str(), JobId::generate(), wallet, change);
    api.post("/api/keys", &statement).await
}

fn is_replaced(error: &anyhow::Error) -> bool {
    kind(error) == Some(ProblemKind::KeyReplaced)
}

/// Whether a key speaks for its wallet no more, or not yet.
pub(super) fn is_of_another_key(error: &anyhow::Error) -> bool {
    matches!(kind(error), Some(ProblemKind::KeyReplaced | ProblemKind::KeyWaiting))
}

fn kind(error: &anyhow::Error) -> Option<ProblemKind> {
    error.downcast_ref::<Problem>().and_then(Problem::known_kind)
}

/// A file beside another, named after it.
fn beside(file: &Path, what: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}
