//! `mtor ledger`: proof that nothing in the realm's record was changed, dropped or reordered.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mtor_identity::PublicKey;
use mtor_ledger::{Verified, VerifyError};
use mtor_protocol::http::RealmInfo;

use crate::client::{Api, RealmUrl, Who};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::terminal;

mod log;
mod prove;

const EXAMPLES: &str = "\
Examples:
  mtor ledger verify                                   the ledger in the data folder, also while the realm runs
  mtor ledger verify --realm http://attic:9000         the log that a realm publishes, from anywhere
  mtor ledger verify --realm http://attic:9000 --key did:key:z6Mk...

Prints `verified: N entries, M accounts, sum 0, root HASH` and exits with 0, or says what is wrong and exits with 1.";

const EXAMPLES_PROVE: &str = "\
Examples:
  mtor ledger prove 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11           two files that prove it, without a word of it
  mtor ledger prove 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11 --reveal  the same, showing question and answer
  mtor ledger prove JOB --realm http://attic:9000 --out receipts

Writes JOB.accepted.tlog-proof (that it was taken, at which price) and JOB.settled.tlog-proof (how it ended, who was paid
what): C2SP tlog-proofs, which `mtor ledger check` and others' tools check without the realm.";

const EXAMPLES_CHECK: &str = "\
Examples:
  mtor ledger check 019aab3e-....settled.tlog-proof                        which realm says what
  mtor ledger check *.tlog-proof --key did:key:z6Mk...                     only what this realm has signed
  mtor ledger check 019aab3e-....accepted.tlog-proof --json

Needs no network. Exits with 0 when every file holds, else with 1.";

const EXAMPLES_ALL: &str = "\
Examples:
  mtor ledger verify                                   the ledger in the data folder, also while the realm runs
  mtor ledger verify --realm http://attic:9000         the log that a realm publishes, from anywhere
  mtor ledger prove 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11 --reveal
  mtor ledger check 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11.settled.tlog-proof";

/// Verifies the ledger: rebuilds every balance from the log and compares it with the signed checkpoint. Proves single jobs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES_ALL)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Verify every entry, balance and signature
    #[command(after_help = EXAMPLES)]
    Verify {
        #[command(flatten)]
        data: DataArg,
        /// Verify what the realm at this address publishes, instead of a folder
        #[arg(long, value_name = "URL", value_parser = RealmUrl::parse)]
        realm: Option<RealmUrl>,
        /// The realm's key, if you know it; else the key that the realm names is believed
        #[arg(long, value_name = "DID", value_parser = key)]
        key: Option<PublicKey>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write files that prove to anybody what the ledger says of a job of yours
    #[command(after_help = EXAMPLES_PROVE)]
    Prove(prove::ProveArgs),
    /// Check such files, without the realm
    #[command(after_help = EXAMPLES_CHECK)]
    Check(prove::CheckArgs),
}

/// Verifies, proves, checks.
pub(crate) async fn run(args: LedgerArgs) -> anyhow::Result<()> {
    match args.action {
        Action::Verify { data, realm, key, json } => verify(&data, realm, key, json).await,
        Action::Prove(args) => prove::prove(args).await,
        Action::Check(args) => prove::check(args),
    }
}

async fn verify(
    data: &DataArg,
    realm: Option<RealmUrl>,
    key: Option<PublicKey>,
    json: bool,
) -> anyhow::Result<()> {
    let verified = match realm {
        Some(realm) => published(&realm, key).await,
        None => in_folder(data, key),
    };
    match verified {
        Ok(verified) if json => terminal::json(&serde_json::json!({
            "verified": true, "entries": verified.entries, "accounts": verified.accounts, "root": verified.root,
        })),
        Ok(verified) => terminal::line(&verified.to_string()),
        Err(error) if json && error.is::<VerifyError>() => {
            terminal::json(&serde_json::json!({ "verified": false, "wrong": error.to_string() }))?;
            Err(Fault::Said.into())
        }
        Err(error) if error.is::<VerifyError>() => Err(error.context("not verified")),
        Err(error) => Err(error),
    }
}

fn in_folder(data: &DataArg, key: Option<PublicKey>) -> anyhow::Result<Verified> {
    let folder = data.folder()?;
    if !folder.path().is_dir() {
        return Err(Fault::Usage(format!("there is no data folder at {}", folder.path().display())).into());
    }
    Ok(mtor_ledger::verify(folder.path(), key.as_ref())?)
}

async fn published(realm: &RealmUrl, key: Option<PublicKey>) -> anyhow::Result<Verified> {
    let api = Api::new(realm, Who::Owner)?;
    let key = match key {
        Some(key) => key,
        None => {
            let info: RealmInfo = api.get("/api/realm").await?;
            PublicKey::from_did(info.did.as_str()).context("the realm's key")?
        }
    };
    let checkpoint = String::from_utf8(api.get_bytes("/log/checkpoint").await?).context("the checkpoint")?;
    let leaves = log::download(&api, log::size_of(&checkpoint)?).await?;
    Ok(mtor_ledger::verify_leaves(leaves, &checkpoint, &key)?)
}

fn key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_did(text).map_err(|error| error.to_string())
}
