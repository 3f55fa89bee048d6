//! `mtor wallet prove`: what the wallet had, for people who have nothing of the realm but its key.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use mtor_identity::PublicKey;
use mtor_ledger::{check_proof, prove_balance};
use mtor_protocol::http::WalletInfo;
use serde_json::json;

use super::Wallet;
use crate::commands::ledger::PublishedLog;
use crate::terminal;

#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    /// The folder to write to
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// The realm's key, if you know it; else the key that the realm names is believed
    #[arg(long, value_name = "DID", value_parser = crate::commands::ledger::key)]
    key: Option<PublicKey>,
}

/// Proves the balance out of the published log, and writes the proof down.
pub(super) async fn run(wallet: &Wallet, args: &ProveArgs) -> anyhow::Result<()> {
    let (api, did) = wallet.open().await?;
    let account = api.get::<WalletInfo>(&format!("/api/wallets/{did}")).await?.guid;
    let log = PublishedLog::download(&api, args.key).await?;
    let proof = prove_balance(&log.leaves, &log.checkpoint, &log.key, account)?;
    let proven = check_proof(&proof, Some(&log.key)).context("the proof proves nothing")?;
    fs::create_dir_all(&args.out).with_context(|| format!("making the folder {}", args.out.display()))?;
    let file = args.out.join(format!("balance-{}.tlog-proof", proven.entry.seq));
    fs::write(&file, &proof).with_context(|| format!("writing {}", file.display()))?;
    match wallet.json {
        true => terminal::json(&json!({ "file": file, "entry": proven.entry, "balance": proven.balance })),
        false => terminal::line(&format!("{}\n  {proven}", file.display())),
    }
}
