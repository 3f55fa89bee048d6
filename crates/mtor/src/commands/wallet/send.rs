//! `mtor wallet send`: coins to another wallet.

use clap::Args;
use mtor_protocol::http::{TransferRequest, WalletInfo};
use mtor_protocol::{Did, JobId, Micro};

use super::{Wallet, did};
use crate::exit::Fault;
use crate::terminal;

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// The wallet that gets them, did:key:z6Mk...
    #[arg(value_parser = did)]
    to: Did,
    /// How many coins, such as 12 or 0.25
    amount: Micro,
    /// What for; the ledger keeps only its salted hash
    #[arg(long, default_value = "", hide_default_value = true)]
    memo: String,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Asks whether it is meant, sends, and says what is left.
pub(super) async fn run(wallet: &Wallet, args: SendArgs) -> anyhow::Result<()> {
    if args.amount == Micro::ZERO {
        return Err(Fault::Usage("sending nothing is not a transfer; give an amount above 0".into()).into());
    }
    let (api, from) = wallet.open().await?;
    if from == args.to {
        return Err(Fault::Usage("that is this wallet itself".into()).into());
    }
    if !args.yes {
        if !terminal::can_ask() {
            return Err(Fault::Usage(
                "nobody is there to confirm it; add --yes to send without asking".into(),
            )
            .into());
        }
        if !terminal::confirm(&format!("Send {} coins from {from} to {}?", args.amount, args.to))? {
            return Err(Fault::Interrupted.into());
        }
    }
    let transfer =
        TransferRequest { id: JobId::generate(), to: args.to, amount: args.amount, memo: args.memo };
    // Once more when the connection broke: the same id is the same transfer, so it can't be made twice.
    let left: WalletInfo = match api.post("/api/transfers", &transfer).await {
        Err(error) if matches!(error.downcast_ref(), Some(Fault::Unreachable { .. })) => {
            api.post("/api/transfers", &transfer).await?
        }
        answer => answer?,
    };
    if wallet.json {
        return terminal::json(&serde_json::json!({ "id": transfer.id, "wallet": left }));
    }
    terminal::line(&format!(
        "sent {} coins to {}\n{} coins are left; transfer {}",
        transfer.amount, transfer.to, left.available, transfer.id
    ))
}
