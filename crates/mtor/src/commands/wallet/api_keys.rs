//! `mtor wallet key`: API keys for programs that can't sign.

use clap::Subcommand;
use mtor_protocol::JobId;
use mtor_protocol::http::{ApiKey, KeyRequest};

use super::Wallet;
use super::grants::GrantArg;
use crate::terminal::{self, Align};

#[derive(Debug, Subcommand)]
pub(super) enum KeyAction {
    /// Make a key; its secret is shown once, now
    New {
        /// What it is for, so that you know later which to revoke
        name: String,
        #[command(flatten)]
        grant: GrantArg,
    },
    /// List the keys, without their secrets
    List,
    /// Revoke a key at once
    Revoke {
        /// The key's id, as `mtor wallet key list` shows it
        id: JobId,
    },
}

/// Does it.
pub(super) async fn run(wallet: &Wallet, action: KeyAction) -> anyhow::Result<()> {
    let (api, did) = wallet.open().await?;
    let route = format!("/api/wallets/{did}/keys");
    match action {
        KeyAction::New { name, grant } => {
            let grant = grant.id(&api, &did).await?;
            let key: ApiKey = api.post(&route, &KeyRequest { name, grant }).await?;
            if wallet.json {
                return terminal::json(&key);
            }
            eprintln!("This secret is not shown again. Programs give it as \"Authorization: Bearer ...\".");
            terminal::line(key.secret.as_deref().unwrap_or_default())
        }
        KeyAction::List => show(wallet, &api.get::<Vec<ApiKey>>(&route).await?),
        KeyAction::Revoke { id } => {
            let left: Vec<ApiKey> = api.delete(&format!("{route}/{id}")).await?;
            eprintln!("revoked");
            show(wallet, &left)
        }
    }
}

fn show(wallet: &Wallet, keys: &[ApiKey]) -> anyhow::Result<()> {
    if wallet.json {
        return terminal::json(&keys);
    }
    if keys.is_empty() {
        return terminal::line("this wallet has no API keys");
    }
    let columns =
        [("id", Align::Left), ("made", Align::Left), ("for", Align::Left), ("spends from", Align::Left)];
    let row = |key: &ApiKey| {
        let from = key.grant.map_or_else(|| "the wallet".to_owned(), |grant| format!("the grant {grant}"));
        vec![key.id.to_string(), key.created.to_string(), terminal::harmless(&key.name), from]
    };
    terminal::write(&terminal::table(&columns, &keys.iter().map(row).collect::<Vec<_>>()))
}
