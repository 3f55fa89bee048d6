//! Proofs that an entry is in the log, for people who have nothing of the log but the realm's key: a C2SP tlog-proof, which
//! has the path from the leaf to the root of a signed checkpoint. The leaf itself travels in the `extra` line, with what it
//! commits to if that is to be shown.

mod balance;
mod signed;

use std::fmt::{self, Write as _};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mtor_core::merkle::{Hash, leaf_hash, root_of_path};
use mtor_core::{BURN, Balance, Entry, Fact, KeyDecision, Leg, TREASURY};
use mtor_identity::PublicKey;
use mtor_protocol::{Digest, JobId};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::commitment::{Salt, commitment};
use crate::cosignature::{Cosignature, WitnessKey};

pub use balance::{BalanceProofError, prove_balance};
pub use signed::Signed;

use balance::ShownBalance;

/// The first line of the format.
const FORMAT: &str = "c2sp.org/tlog-proof@v1";
/// Longest proof that is looked at, in bytes: a leaf, a path of 64 hashes, a checkpoint, and the texts of a job.
pub const PROOF_BYTES_MAX: usize = 64 << 20;
/// Hashes in the longest path of a tree whose size fits into 64 bits.
const PATH_MAX: usize = 64;

/// What the leaf of a proof is, and what it commits to as far as that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The entry's JSON: the bytes that are hashed.
    pub leaf: String,
    /// The salt of the job's commitments, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// What was asked: the bytes that an `accepted` entry commits to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What was answered: the bytes that a `settled` entry commits to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The wallet's signature under what was asked: the bytes that an `accepted` entry commits to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What the worker has signed: the bytes that a `settled` entry commits to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// One wallet's line of the balances whose root a `balanced` entry has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<ShownBalance>,
}

/// How much the proofs of a job show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// The entries alone.
    Nothing,
    /// What the worker has signed, too: what the worker itself may have.
    Receipt,
    /// Question and answer, and both signatures.
    All,
}

/// Something that a proof proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Proven {
    /// The realm that signed it, by its key.
    pub realm: PublicKey,
    /// The entry that is in its log.
    pub entry: Entry,
    /// The log that it is in.
    pub checkpoint: Checkpoint,
    /// The text that the entry is shown to commit to.
    pub text: Option<String>,
    /// What is shown to be signed by the wallet that asked, or by the worker that was paid.
    pub signed: Option<Signed>,
    /// The wallet's line that is shown to be among the balances in the entry.
    pub balance: Option<Balance>,
}

/// Why a text proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It is not of the format.
    #[error("it is no proof: {0}")]
    Malformed(&'static str),
    /// Its checkpoint is none, or another's.
    #[error("its checkpoint does not hold: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The path does not lead to the root.
    #[error("it does not hold: the entry is not in the log that the checkpoint is of")]
    Path,
    /// The leaf is no entry of this number.
    #[error("it does not hold: its leaf is not entry {0} of a realm")]
    Leaf(u64),
    /// The text is not what the entry commits to.
    #[error("it does not hold: the text is not the one that the entry commits to")]
    Text,
    /// A signature is not the wallet's or the worker's, or another one.
    #[error("it does not hold: of the signature that is shown, {0}")]
    Signature(&'static str),
    /// The wallet's line is not among those that the entry has the root of.
    #[error("it does not hold: the wallet's line is not among the balances in the entry")]
    Balance,
}

/// Writes a proof of the entry with this number.
pub(crate) fn write(index: u64, shown: &Shown, path: &[Hash], checkpoint: &str) -> String {
    // These fields are texts: they can't fail to be written.
    let extra = STANDARD.encode(serde_json::to_vec(shown).unwrap_or_default());
    let mut text = format!("{FORMAT}\nextra {extra}\nindex {index}\n");
    for hash in path {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}", STANDARD.encode(hash));
    }
    text + "\n" + checkpoint
}

/// Checks a proof, offline. Without a key it is that of whatever realm it names: look at [`Proven::realm`].
///
/// # Errors
/// [`ProofError`] says why it proves nothing.
pub fn check_proof(text: &str, realm: Option<&PublicKey>) -> Result<Proven, ProofError> {
    use ProofError::Malformed;
    if text.len() > PROOF_BYTES_MAX {
        return Err(Malformed("it is too long"));
    }
    let (head, note) =
        text.split_once("\n\n").ok_or(Malformed("there is no checkpoint after a blank line"))?;
    let mut lines = head.lines();
    if lines.next() != Some(FORMAT) {
        return Err(Malformed("its first line is not c2sp.org/tlog-proof@v1"));
    }
    let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
    let extra = extra.ok_or(Malformed("its second line does not begin with \"extra\""))?;
    let extra = STANDARD.decode(extra).map_err(|_| Malformed("its extra line is no base64"))?;
    let shown: Shown = serde_json::from_slice(&extra).map_err(|_| Malformed("its extra line has no leaf"))?;
    let index = lines.next().and_then(|line| line.strip_prefix("index "));
    let index = index.and_then(|text| text.parse::<u64>().ok().filter(|index| index.to_string() == text));
    let index = index.ok_or(Malformed("its third line does not say the entry's number"))?;
    let hash = |line: &str| STANDARD.decode(line).ok().and_then(|bytes| Hash::try_from(bytes).ok());
    let path: Option<Vec<Hash>> = lines.take(PATH_MAX + 1).map(hash).collect();
    let path = path.ok_or(Malformed("a line of its path is no hash"))?;

    let realm = match realm {
        Some(realm) => *realm,
        None => {
            let origin = note.lines().next().unwrap_or_default();
            PublicKey::from_did(origin)
                .map_err(|_| Malformed("its checkpoint does not name a realm by its key"))?
        }
    };
    let checkpoint = Checkpoint::open(note, &realm)?;
    let root = root_of_path(leaf_hash(shown.leaf.as_bytes()), index, checkpoint.size, &path);
    if root != Some(checkpoint.root.0) {
        return Err(ProofError::Path);
    }
    let entry: Entry = serde_json::from_str(&shown.leaf).map_err(|_| ProofError::Leaf(index))?;
    if entry.seq != index {
        return Err(ProofError::Leaf(index));
    }
    let balance = shown.balance.as_ref().map(|shown| shown.check(&entry)).transpose()?;
    let signed = signed::shown_signature(&entry, &shown, &realm)?;
    let text = shown_text(&entry, shown)?;
    Ok(Proven { realm, entry, checkpoint, text, signed, balance })
}

/// The cosignature by this witness under a proof's checkpoint, if it has one. It says nothing of the rest of the proof: that is for
/// [`check_proof`].
pub fn proof_cosignature(text: &str, witness: &WitnessKey) -> Option<Cosignature> {
    let (_, note) = text.split_once("\n\n")?;
    witness.find(note, note)
}

/// The text that is shown, if it is the one that the entry commits to.
fn shown_text(entry: &Entry, shown: Shown) -> Result<Option<String>, ProofError> {
    let (text, committed) = match &entry.fact {
        Fact::Accepted { job, .. } => (shown.request, Some(job.request)),
        Fact::Settled { output, .. } => (shown.answer, *output),
        _ => (None, None),
    };
    let Some(text) = text else { return Ok(None) };
    let salt = shown.salt.as_deref().and_then(salt_of).ok_or(ProofError::Text)?;
    match committed == Some(commitment(&salt, text.as_bytes())) {
        true => Ok(Some(text)),
        false => Err(ProofError::Text),
    }
}

/// A salt in hexadecimal.
pub(crate) fn salt_text(salt: &Salt) -> String {
    salt.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn salt_of(text: &str) -> Option<Salt> {
    let bytes: Option<Vec<u8>> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
    Salt::try_from(bytes?).ok()
}

impl Proven {
    /// The job that the entry is about, if it is about one.
    pub fn job(&self) -> Option<JobId> {
        match &self.entry.fact {
            Fact::Accepted { job, .. } => Some(job.id),
            Fact::Settled { id, .. } => Some(*id),
            Fact::Appealed { job } | Fact::Pardoned { job, .. } | Fact::Forfeited { job, .. } => Some(*job),
            _ => None,
        }
    }

    /// What the entry commits to, if anything: shown or not, the same digest.
    pub fn commitment(&self) -> Option<Digest> {
        match &self.entry.fact {
            Fact::Accepted { job, .. } => Some(job.request),
            Fact::Settled { output, .. } => *output,
            Fact::Transferred { memo, .. } => Some(*memo),
            Fact::Granted { about, .. } => Some(*about),
            Fact::Validated { evidence, .. } => Some(*evidence),
            _ => None,
        }
    }
}

fn write_legs(f: &mut fmt::Formatter<'_>, legs: &[Leg]) -> fmt::Result {
    for Leg { to, amount, late } in legs {
        match *to {
            TREASURY => write!(f, ", {amount} coins to the treasury")?,
            BURN => write!(f, ", {amount} coins burnt")?,
            to => write!(f, ", {amount} coins to {to}")?,
        }
        if *late {
            write!(f, ", paid late")?;
        }
    }
    Ok(())
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { realm, entry: Entry { seq, time, fact }, checkpoint, text, signed, balance } = self;
        match fact {
            Fact::Founded { owner } => write!(f, "the realm was founded for the account {owner}")?,
            Fact::Issued { to, amount, .. } => write!(f, "{amount} coins were issued to {to}")?,
            Fact::Started { to, amount, .. } => write!(f, "{amount} starter coins went to {to}")?,
            Fact::Transferred { from, to, amount, .. } => {
                write!(f, "{amount} coins went from {from} to {to}")?
            }
            Fact::Granted { id, from, terms, .. } => {
                write!(f, "{from} lets others spend up to {} coins, as the grant {id}", terms.limit)?;
            }
            Fact::Filled { grant, from, amount, .. } => {
                write!(f, "{amount} coins of {from} were set aside for the grant {grant}")?;
            }
            Fact::Revoked { grant, to, amount, .. } => {
                write!(f, "the grant {grant} ended, and {amount} coins went back to {to}")?;
            }
            Fact::Accepted { job, hold, .. } => {
                let (id, kind, model, payer) = (job.id, &job.capability, &job.model, job.payer());
                write!(f, "job {id} was taken: {kind} of the model {model}, for {payer}, {hold} coins held")?;
            }
            Fact::Matured { worker, capability, payments, amount } => {
                write!(
                    f,
                    "{payments} payments for {capability} that were held back, {amount} coins, are {worker}'s own"
                )?;
            }
            Fact::Appealed { job } => {
                write!(f, "the worker objected: its answer to the job {job} was right")?
            }
            Fact::Pardoned { job, worker, amount } => {
                write!(
                    f,
                    "the proof against the answer to the job {job} was taken back, and {worker} has its {amount} coins"
                )?;
            }
            Fact::Forfeited { job, worker, legs } => {
                write!(f, "{worker} lost what was held back, since its answer to the job {job} was wrong")?;
                write_legs(f, legs)?;
            }
            Fact::Validated { capability, results, .. } => {
                write!(f, "answers of {capability} were compared")?;
                for of in results {
                    let verdict = format!("{:?}", of.verdict).to_lowercase();
                    write!(f, ", that of {} to the job {} was {verdict}", of.worker, of.job)?;
                }
            }
            Fact::Keys { account, decision, .. } => match decision {
                KeyDecision::Rotated { key } => {
                    write!(f, "the wallet {account} has the key {key} from then on")?
                }
                KeyDecision::RecoveryNamed { key: Some(key) } => {
                    write!(f, "the wallet {account} named {key} as its recovery key")?;
                }
                KeyDecision::RecoveryNamed { key: None } => {
                    write!(f, "the wallet {account} has no recovery key from then on")?;
                }
                KeyDecision::RecoveryAsked { key, due, .. } => {
                    write!(
                        f,
                        "its recovery key asked for the wallet {account} to have the key {key} at {due}"
                    )?;
                }
                KeyDecision::Vetoed { ask } => {
                    write!(f, "the wallet {account} said no to the recovery {ask}")?
                }
                KeyDecision::Recovered { key, .. } => {
                    write!(f, "the wallet {account} was recovered, and has the key {key} from then on")?;
                }
            },
            Fact::Peered { account, limit } => {
                write!(f, "the realm with the account {account} is a peer, and may owe up to {limit} coins")?;
            }
            Fact::Parted { account } => write!(f, "the realm with the account {account} is a peer no more")?,
            Fact::Balanced { balances, .. } => {
                let wallets = if balances.accounts == 1 { "wallet" } else { "wallets" };
                write!(f, "{} {wallets} had {} coins together", balances.accounts, balances.liabilities)?;
            }
            Fact::Settled { id, outcome, usage, legs, .. } => {
                let outcome = format!("{outcome:?}").to_lowercase();
                write!(f, "job {id} ended ({outcome}): {} tokens read", usage.input_tokens)?;
                write!(f, ", {} written", usage.output_tokens)?;
                if usage.audio_ms > 0 {
                    write!(f, ", {} ms of sound", usage.audio_ms)?;
                }
                write_legs(f, legs)?;
            }
        }
        if let Some(Balance { account, available, held }) = balance {
            write!(f, "; of them the wallet {account} had {available} to spend, and {held} held for jobs")?;
        }
        write!(f, "\n  entry {seq}, {time}, in the log of {realm} with {} entries", checkpoint.size)?;
        match signed {
            Some(Signed::Order(by)) => write!(f, "\n  signed by the wallet {by}")?,
            Some(Signed::Receipt(receipt)) => {
                let (by, usage) = (&receipt.by, &receipt.usage);
                write!(f, "\n  signed by the worker {by}, which counted {} tokens read", usage.input_tokens)?;
                write!(f, ", {} written", usage.output_tokens)?;
            }
            None => {}
        }
        match text {
            Some(text) => write!(f, "\n  shown to be: {text}"),
            None => Ok(()),
        }
    }
}
