//! `mtor wallet`: keys and coins.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mtor_identity::{Keypair, guid};
use mtor_protocol::http::WalletInfo;
use mtor_protocol::trust::LatePay;
use mtor_protocol::{Did, Micro, RecoveryPending};
use serde::Serialize;

use crate::client::{Api, RealmArg, Who, did, load_key};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::terminal;

mod api_keys;
mod backup;
mod export;
mod grants;
mod history;
mod keyfile;
mod prove;
mod recovery;
mod rotate;
mod send;
mod start;

pub(crate) use recovery::asked;

const EXAMPLES: &str = "\
Examples:
  mtor wallet new                          make a wallet in the data folder
  mtor wallet show                         its name, its account, its balance
  mtor wallet phrase                       the twelve words that bring it back
  mtor wallet restore                      bring it back; the words are asked for, never given as arguments
  mtor wallet backup wallet-backup.json    a file under a password that brings it back, here or in the console
  mtor wallet send did:key:z6Mk... 12.5    send coins
  mtor wallet start                        work for the coins that a new wallet begins with
  mtor wallet export > coins.csv           what came in and went out, for a spreadsheet
  mtor wallet key new my-script            an API key for programs that can't sign
  mtor wallet grant new kids --limit 5 --per week --to did:key:z6Mk...
                                           let others spend of its coins, up to a limit
  mtor wallet rotate                       another key, when somebody may have this one
  mtor wallet recovery set                 a key that can ask for the wallet when its own is lost

Without --wallet FILE this is wallet.key in the data folder. Where there is none and the realm is on this machine,
`show`, `history`, `export`, `prove`, `send`, `start`, `key` and `grant` mean the realm owner's wallet.";

/// Makes, shows, restores and spends wallets. A wallet is a key pair; its did:key names it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WalletArgs {
    #[command(subcommand)]
    action: Action,
    /// The wallet's key file [default: wallet.key in the data folder]
    #[arg(long, global = true, value_name = "FILE", env = "MTOR_WALLET", hide_env_values = true)]
    wallet: Option<PathBuf>,
    /// Use the realm owner's key from the data folder
    #[arg(long, global = true)]
    owner: bool,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    realm: RealmArg,
    /// Print JSON, with amounts in micro (1,000,000 to the coin)
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a new wallet; never writes over one that is there
    #[command(
        after_help = "Examples:\n  mtor wallet new                         in the data folder\n  mtor wallet new --wallet backup.key     in a file of its own\n\nThe twelve words that it shows are the wallet: write them down."
    )]
    New,
    /// Show the wallet's name, account and balance
    #[command(
        after_help = "Examples:\n  mtor wallet show\n  mtor wallet --owner show                the realm owner's\n  mtor wallet show --realm http://attic:9000 --json"
    )]
    Show,
    /// Show the twelve words that are the wallet
    #[command(
        after_help = "Examples:\n  mtor wallet phrase                      asks first whether anybody is looking\n  mtor wallet --owner phrase --yes"
    )]
    Phrase {
        /// Don't ask whether anybody is looking
        #[arg(long)]
        yes: bool,
    },
    /// Write a backup file that a password opens; never writes over one that is there
    #[command(
        after_help = "Examples:\n  mtor wallet backup wallet-backup.json               asks for a new password, twice\n  mtor wallet --owner backup /media/stick/owner.json\n  mtor wallet backup wallet-backup.json < password.txt\n\n`mtor wallet restore --from FILE` brings the wallet back from it, and so does the\nconsole's wallet page. Nobody can open it without its password, and nobody can find a lost one."
    )]
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Bring a wallet back, from its twelve words or from a backup file
    #[command(
        after_help = "Examples:\n  mtor wallet restore                                 asks for the words, and does not show them\n  mtor wallet restore --from wallet-backup.json       asks for the file's password\n  mtor wallet restore --wallet old.key < words.txt\n\nWords and passwords are asked for, or read from standard input; they are never\narguments, which others can see."
    )]
    Restore {
        /// A backup file, of `mtor wallet backup` or of the console
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// What came in and went out, the newest first
    #[command(
        after_help = "Examples:\n  mtor wallet history\n  mtor wallet history --grant kids        what others spent of a grant\n  mtor wallet history --jobs --limit 5\n  mtor wallet history --json"
    )]
    History(history::HistoryArgs),
    /// Everything that moved its coins, for a spreadsheet or for bookkeeping, the oldest first
    #[command(
        after_help = "Examples:\n  mtor wallet export > coins.csv\n  mtor wallet export --format hledger > coins.journal\n  hledger -f coins.journal balance"
    )]
    Export(export::ExportArgs),
    /// Write a file that proves to anybody what the wallet had when the realm last wrote its balances down
    #[command(
        after_help = "Examples:\n  mtor wallet prove\n  mtor wallet prove --realm http://attic:9000 --out receipts\n  mtor ledger check balance-12345.tlog-proof\n\nReads the realm's whole log, and verifies it on the way. `mtor ledger check` needs neither the realm nor a network."
    )]
    Prove(prove::ProveArgs),
    /// Send coins to another wallet
    #[command(
        after_help = "Examples:\n  mtor wallet send did:key:z6Mk... 12.5\n  mtor wallet send did:key:z6Mk... 3 --memo \"for the pictures\" --yes"
    )]
    Send(send::SendArgs),
    /// Work for the coins that a new wallet begins with, in a realm that gives some
    #[command(
        after_help = "Examples:\n  mtor wallet start\n  mtor wallet start --realm http://attic:9000\n\nEvery wallet gets them once, for half a minute of work or so: the more wallets of the same\nnetwork ask on one day, the longer. They can be spent, not sent."
    )]
    Start,
    /// API keys for programs that can't sign
    #[command(
        subcommand,
        after_help = "Examples:\n  mtor wallet key new my-script\n  mtor wallet key new my-script --grant scripts   one that spends from that grant alone\n  mtor wallet key list\n  mtor wallet key revoke 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11"
    )]
    Key(api_keys::KeyAction),
    /// Give the wallet another key at once: account, coins and history stay, and the key of before is good for nothing
    #[command(
        after_help = "Examples:\n  mtor wallet rotate\n  mtor wallet --owner rotate              the realm owner's\n  mtor wallet rotate --wallet team.key --realm http://attic:9000\n\nThe file gets the new key; the old one stays beside it, for realms that still know it.\nWhen it breaks off, do it again."
    )]
    Rotate,
    /// A key that can ask for the wallet when its own is lost, and saying no to it
    #[command(subcommand)]
    Recovery(recovery::RecoveryAction),
    /// Let others spend of its coins, up to a limit: children, departments, programs
    #[command(subcommand, after_help = grants::EXAMPLES)]
    Grant(grants::GrantAction),
}

/// What the actions share.
struct Wallet {
    file: PathBuf,
    /// Whether the file was chosen by the user, not by us.
    chosen: bool,
    realm: RealmArg,
    json: bool,
}

/// Does it.
pub(crate) async fn run(args: WalletArgs) -> anyhow::Result<()> {
    let folder = args.data.folder()?;
    let chosen = args.owner || args.wallet.is_some();
    let file = match args.wallet {
        _ if args.owner => folder.owner_key(),
        Some(file) => file,
        None => folder.wallet_key(),
    };
    let wallet = Wallet { file, chosen, realm: args.realm, json: args.json };
    match args.action {
        Action::New => keyfile::new(&wallet).await,
        Action::Phrase { yes } => keyfile::phrase(&wallet, yes),
        Action::Backup { file } => backup::write(&wallet, &file),
        Action::Restore { from: Some(file) } => backup::restore(&wallet, &file).await,
        Action::Restore { from: None } => keyfile::restore(&wallet).await,
        Action::Show => show(&wallet).await,
        Action::History(args) => history::run(&wallet, &args).await,
        Action::Export(args) => export::run(&wallet, &args).await,
        Action::Prove(args) => prove::run(&wallet, &args).await,
        Action::Start => start::run(&wallet).await,
        Action::Send(args) => send::run(&wallet, args).await,
        Action::Key(action) => api_keys::run(&wallet, action).await,
        Action::Rotate => rotate::run(&wallet).await,
        Action::Recovery(action) => recovery::run(&wallet, action).await,
        Action::Grant(action) => grants::run(&wallet, action).await,
    }
}

/// What `mtor wallet show` says; the balance is absent when no realm answers.
#[derive(Debug, Serialize)]
struct Shown {
    did: Did,
    guid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<Micro>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Micro>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Micro>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    late: Vec<LatePay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_stake: Option<Micro>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starter: Option<Micro>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery: Option<RecoveryPending>,
}

impl Wallet {
    /// Who asks: the wallet of the file; where there is none and none was chosen, the owner of the realm here.
    fn who(&self) -> anyhow::Result<Who> {
        let owner = !self.chosen && !self.file.exists() && self.realm.realm.is_loopback();
        if owner { Ok(Who::Owner) } else { Who::of_file(&self.file) }
    }

    /// The realm as this wallet sees it, and the wallet's name.
    async fn open(&self) -> anyhow::Result<(Api, Did)> {
        let api = Api::new(&self.realm.realm, self.who()?)?;
        let did = match api.who().keypair() {
            Some(keypair) => keypair.did(),
            None => api.get::<mtor_protocol::http::RealmInfo>("/api/realm").await?.owner,
        };
        Ok((api, did))
    }
}

async fn show(wallet: &Wallet) -> anyhow::Result<()> {
    let (api, did) = match wallet.open().await {
        Ok(open) => open,
        Err(error)
            if matches!(error.downcast_ref(), Some(Fault::Unreachable { .. })) && !wallet.file.exists() =>
        {
            return Err(error.context(format!("there is no wallet at {}", wallet.file.display())));
        }
        Err(error) => return Err(error),
    };
    let balance = api.get::<WalletInfo>(&format!("/api/wallets/{did}")).await;
    let shown = Shown {
        // A wallet whose key was changed has the account of its first.
        guid: balance.as_ref().map_or_else(|_| account_of(&did), |info| info.guid.to_string()),
        file: api.who().keypair().map(|_| wallet.file.clone()),
        available: balance.as_ref().ok().map(|info| info.available),
        held: balance.as_ref().ok().map(|info| info.held),
        bound: balance.as_ref().ok().map(|info| info.bound),
        late: balance.as_ref().map(|info| info.late.clone()).unwrap_or_default(),
        at_stake: balance.as_ref().ok().map(|info| info.at_stake),
        starter: balance.as_ref().ok().and_then(|info| info.starter),
        recovery: balance.as_ref().ok().and_then(|info| info.recovery),
        did,
    };
    if wallet.json {
        terminal::json(&shown)?;
    } else {
        say(&shown)?;
    }
    balance.map(drop)
}

fn say(shown: &Shown) -> anyhow::Result<()> {
    let whose = match &shown.file {
        Some(file) => file.display().to_string(),
        None => "the realm owner's".to_owned(),
    };
    let mut text = format!("wallet   {whose}\nname     {}\naccount  {}\n", shown.did, shown.guid);
    if let Some(available) = shown.available {
        text.push_str(&format!("balance  {available} coins\n"));
    }
    if let Some(held) = shown.held.filter(|held| *held != Micro::ZERO) {
        text.push_str(&format!("held     {held} coins, for jobs that are not settled\n"));
    }
    if let Some(bound) = shown.bound.filter(|bound| *bound != Micro::ZERO) {
        text.push_str(&format!("bound    {bound} coins of the balance, which can be spent, not sent\n"));
    }
    for late in &shown.late {
        let LatePay { capability, payments, amount, first, last } = late;
        let (first, last) = (history::time(*first), history::time(*last));
        text.push_str(&format!(
            "late     {amount} coins for {payments} jobs of {capability}: yours from {first} to {last}, or by newer jobs\n"
        ));
    }
    if let Some(at_stake) = shown.at_stake.filter(|at_stake| *at_stake != Micro::ZERO) {
        text.push_str(&format!(
            "at stake {at_stake} coins, since answers were proven wrong: mtor trust list\n"
        ));
    }
    if let Some(starter) = shown.starter.filter(|_| shown.available == Some(Micro::ZERO)) {
        text.push_str(&format!("starter  {starter} coins for some work: mtor wallet start\n"));
    }
    if let Some(pending) = &shown.recovery {
        text.push_str(&format!("careful  {}\n", recovery::asked(pending)));
    }
    terminal::write(&text)
}

/// The public account of a wallet whose first key this is.
fn account_of(did: &Did) -> String {
    mtor_identity::PublicKey::from_did(did.as_str()).map(|key| guid(&key).to_string()).unwrap_or_default()
}

/// Name and account of a key that is in our hands.
fn identity(keypair: &Keypair, file: &std::path::Path) -> Shown {
    let did = keypair.did();
    Shown {
        guid: account_of(&did),
        did,
        file: Some(file.to_owned()),
        available: None,
        held: None,
        bound: None,
        late: Vec::new(),
        at_stake: None,
        starter: None,
        recovery: None,
    }
}
