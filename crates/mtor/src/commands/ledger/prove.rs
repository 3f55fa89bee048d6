//! `mtor ledger prove` and `mtor ledger check`: what the ledger says of one job, for people who have nothing of the realm but
//! its key.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use mtor_identity::PublicKey;
use mtor_ledger::{PROOF_BYTES_MAX, ProofError, Proven, WitnessKey, check_proof, proof_cosignature};
use mtor_protocol::JobId;
use mtor_protocol::http::JobProofs;
use serde_json::json;

use crate::client::{Api, RealmArg, WhoArg};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::terminal;

/// Writes proofs.
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// The job; `mtor wallet history` and the console's history name it
    job: JobId,
    /// Show in the proofs what was asked and answered
    #[arg(long)]
    reveal: bool,
    /// The folder to write to
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    who: WhoArg,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    realm: RealmArg,
}

/// Checks proofs.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files that `mtor ledger prove` wrote
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The realm's key, if you know it; else whichever realm signed a proof is named
    #[arg(long, value_name = "DID", value_parser = super::key)]
    key: Option<PublicKey>,
    /// The key of a witness that must have cosigned the checkpoint. May be given several times
    #[arg(long, value_name = "KEY", value_parser = super::witness_key)]
    witness: Vec<WitnessKey>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Has the realm prove a job, looks at the proofs, and writes them down.
pub(super) async fn prove(args: ProveArgs) -> anyhow::Result<()> {
    let ProveArgs { job, reveal, out, who, data, realm } = args;
    let who = who.who(&realm.realm, &data.folder()?)?;
    let api = Api::new(&realm.realm, who)?;
    let proofs: JobProofs = api.get(&format!("/api/jobs/{job}/proofs?reveal={reveal}")).await?;
    fs::create_dir_all(&out).with_context(|| format!("making the folder {}", out.display()))?;
    let parts = [("accepted", Some(proofs.accepted)), ("settled", proofs.settled)];
    for (name, proof) in parts {
        let Some(proof) = proof else {
            terminal::line(&format!("the job has not ended yet, so there is no proof that it is {name}"))?;
            continue;
        };
        // What a realm gives out is not believed here either.
        let proven = check_proof(&proof, None).context("the realm gave a proof that proves nothing")?;
        if proven.job() != Some(job) {
            bail!("the realm gave a proof of something else: {proven}");
        }
        let file = out.join(format!("{job}.{name}.tlog-proof"));
        fs::write(&file, &proof).with_context(|| format!("writing {}", file.display()))?;
        terminal::line(&format!("{}\n  {proven}", file.display()))?;
    }
    Ok(())
}

/// Checks each file, and says what it proves.
pub(super) fn check(args: CheckArgs) -> anyhow::Result<()> {
    let mut all_hold = true;
    let mut reports = Vec::new();
    for file in &args.files {
        let text = super::read_text(file, PROOF_BYTES_MAX)?;
        let checked = check_witnessed(&text, args.key.as_ref(), &args.witness);
        all_hold &= checked.is_ok();
        match args.json {
            true => reports.push(report(file, &checked)),
            false => terminal::line(&match &checked {
                Ok(proven) => format!("{}: holds\n  {proven}", file.display()),
                Err(error) => format!("{}: {error}", file.display()),
            })?,
        }
    }
    if args.json {
        terminal::json(&reports)?;
    }
    if all_hold { Ok(()) } else { Err(Fault::Said.into()) }
}

/// Why a proof is not taken.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(
        "it holds, but the witness {0} has not cosigned its checkpoint; make the proof again a minute after the job has ended"
    )]
    Witness(String),
}

/// A proof that holds, under a checkpoint that all of these have cosigned.
fn check_witnessed(
    text: &str,
    key: Option<&PublicKey>,
    witnesses: &[WitnessKey],
) -> Result<Proven, CheckError> {
    let proven = check_proof(text, key)?;
    match witnesses.iter().find(|witness| proof_cosignature(text, witness).is_none()) {
        Some(missing) => Err(CheckError::Witness(missing.name().to_owned())),
        None => Ok(proven),
    }
}

fn report(file: &Path, checked: &Result<Proven, CheckError>) -> serde_json::Value {
    match checked {
        Ok(proven) => json!({
            "file": file, "holds": true, "realm": proven.realm.to_did(), "entry": proven.entry,
            "log_entries": proven.checkpoint.size, "log_root": proven.checkpoint.root, "text": proven.text,
            "balance": proven.balance,
        }),
        Err(error) => json!({ "file": file, "holds": false, "why": error.to_string() }),
    }
}
