//! `mtor ledger`: proof that nothing in the realm's record was changed, dropped or reordered.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use mtor_identity::PublicKey;
use mtor_ledger::{Since, Verified, VerifyError, WitnessKey, verifier_key};
use mtor_protocol::Timestamp;
use serde_json::json;

use crate::client::{Api, RealmUrl, Who};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::terminal;

mod log;
mod prove;

pub(crate) use log::PublishedLog;

/// Longest file of older checkpoints, in bytes; one takes about 300.
const CHECKPOINTS_BYTES_MAX: usize = 64 << 20;

const EXAMPLES: &str = "\
Examples:
  mtor ledger verify                                   the ledger in the data folder, also while the realm runs
  mtor ledger verify --realm http://attic:9000         the log that a realm publishes, from anywhere
  mtor ledger verify --realm http://attic:9000 --key did:key:z6Mk...
  mtor ledger verify --realm http://attic:9000 --since checkpoints.txt
  mtor ledger verify --realm http://attic:9000 --witness witness.example/w1+1a2b3c4d+BA...

Prints `verified: N entries, M accounts, sum 0, root HASH` and exits with 0, or says what is wrong and exits with 1.
Keep checkpoints with: curl -sf http://attic:9000/log/checkpoint >> checkpoints.txt";

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
        /// A file of checkpoints that you kept: the log must still begin with what it was then. May be given several times
        #[arg(long, value_name = "FILE")]
        since: Vec<PathBuf>,
        /// The key of a witness that must have cosigned what the realm publishes. May be given several times
        #[arg(long, value_name = "KEY", value_parser = witness_key, requires = "realm")]
        witness: Vec<WitnessKey>,
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
        Action::Verify { data, realm, key, since, witness, json } => {
            let since = kept(&since)?;
            let verified = match realm {
                Some(realm) => published(&realm, key, &since, &witness).await,
                None => in_folder(&data, key, &since),
            };
            report(verified, since.len(), json)
        }
        Action::Prove(args) => prove::prove(args).await,
        Action::Check(args) => prove::check(args),
    }
}

/// What was verified, and who has cosigned it.
struct Report {
    verified: Verified,
    cosigned: Vec<Cosigned>,
}

/// A witness, and when it has cosigned the checkpoint.
struct Cosigned {
    witness: String,
    time: Timestamp,
}

/// Says how it went.
fn report(report: anyhow::Result<Report>, older: usize, json: bool) -> anyhow::Result<()> {
    match report {
        Ok(Report { verified, cosigned }) if json => terminal::json(&json!({
            "verified": true, "entries": verified.entries, "accounts": verified.accounts, "root": verified.root,
            "realm": verified.realm.to_did(), "verifier_key": verifier_key(&verified.realm),
            "older_checkpoints": older,
            "witnesses": cosigned.iter().map(|by| json!({ "name": by.witness, "time": by.time })).collect::<Vec<_>>(),
        })),
        Ok(Report { verified, cosigned }) => {
            let mut text = format!("{verified}\n");
            match older {
                0 => {}
                1 => text += "the older checkpoint is of the same history\n",
                count => text += &format!("the {count} older checkpoints are of the same history\n"),
            }
            for Cosigned { witness, time } in cosigned {
                text += &format!("cosigned by {witness} at {time}\n");
            }
            terminal::write(&text)
        }
        Err(error) if json && error.is::<VerifyError>() => {
            terminal::json(&json!({ "verified": false, "wrong": error.to_string() }))?;
            Err(Fault::Said.into())
        }
        Err(error) if error.is::<VerifyError>() => Err(error.context("not verified")),
        Err(error) => Err(error),
    }
}

/// The checkpoints in files.
fn kept(files: &[PathBuf]) -> anyhow::Result<Since> {
    let mut since = Since::default();
    for file in files {
        let text = read_text(file, CHECKPOINTS_BYTES_MAX)?;
        if since.add(&file.display().to_string(), &text) == 0 {
            let what = "there is no checkpoint in it; /log/checkpoint of a realm gives one";
            return Err(Fault::Usage(format!("{}: {what}", file.display())).into());
        }
    }
    Ok(since)
}

/// A text file of at most so many bytes.
fn read_text(file: &Path, bytes_max: usize) -> anyhow::Result<String> {
    let unreadable = |why: String| Fault::Usage(format!("{} can't be read: {why}", file.display()));
    let length = fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    if length > bytes_max as u64 {
        return Err(unreadable(format!("it is longer than {bytes_max} bytes")).into());
    }
    Ok(fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?)
}

fn in_folder(data: &DataArg, key: Option<PublicKey>, since: &Since) -> anyhow::Result<Report> {
    let folder = data.folder()?;
    if !folder.path().is_dir() {
        return Err(Fault::Usage(format!("there is no data folder at {}", folder.path().display())).into());
    }
    let verified = mtor_ledger::verify_since(folder.path(), key.as_ref(), since)?;
    Ok(Report { verified, cosigned: Vec::new() })
}

async fn published(
    realm: &RealmUrl,
    key: Option<PublicKey>,
    since: &Since,
    witnesses: &[WitnessKey],
) -> anyhow::Result<Report> {
    let log = PublishedLog::download(&Api::new(realm, Who::Owner)?, key).await?;
    let verified = mtor_ledger::verify_leaves_since(log.leaves, &log.checkpoint, &log.key, since)?;
    let cosigned = witnesses.iter().map(|witness| match witness.find(&log.checkpoint, &log.checkpoint) {
        Some(by) => {
            let time = Timestamp(by.time_s.saturating_mul(1_000));
            Ok(Cosigned { witness: witness.name().to_owned(), time })
        }
        None => Err(VerifyError::Wrong {
            place: "the checkpoint".to_owned(),
            what: format!(
                "the witness {} has not cosigned it. The realm may have begun a moment ago to show it: try again in a minute",
                witness.name()
            ),
        }),
    });
    let cosigned = cosigned.collect::<Result<_, _>>()?;
    Ok(Report { verified, cosigned })
}

fn witness_key(text: &str) -> Result<WitnessKey, String> {
    WitnessKey::try_from(text.to_owned()).map_err(|error| error.to_string())
}

pub(crate) fn key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_did(text).map_err(|error| error.to_string())
}
