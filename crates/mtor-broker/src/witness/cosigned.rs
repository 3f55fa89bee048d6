//! Which checkpoint is published: the newest one that is cosigned, while witnesses do their work.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mtor_identity::PublicKey;
use mtor_ledger::{Checkpoint, Cosignature, Ledger, QueryError, WitnessKey};
use mtor_protocol::{Problem, Timestamp};

use crate::clock;
use crate::defaults::COSIGNED_AGE_MS_MAX;
use crate::realm::RealmHandle;
use crate::settings::LogSection;

/// What is published of the log's checkpoints.
#[derive(Debug, Default)]
pub struct Cosigned {
    witnesses: Vec<WitnessKey>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest checkpoint with cosignatures.
    newest: Option<CosignedNote>,
    /// Entries of the largest checkpoint that was published without any: a smaller one would look as if the log had shrunk.
    bare_size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct CosignedNote {
    note: String,
    size: u64,
    /// When it was last cosigned.
    time: Timestamp,
}

impl Cosigned {
    /// Nothing is cosigned yet.
    pub(crate) fn new(section: &LogSection) -> Self {
        let witnesses = section.witnesses.iter().map(|witness| witness.key.clone()).collect();
        Self { witnesses, state: Mutex::default() }
    }

    /// Brings back what the ledger has kept, as far as it is still of this log, and cosigned by those who are witnesses now.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(crate) async fn recall(&self, realm: &RealmHandle, key: PublicKey) -> Result<(), Problem> {
        if self.witnesses.is_empty() {
            return Ok(());
        }
        match realm.ledger_read(move |ledger| kept(ledger, &key)).await? {
            Kept::Nothing => {}
            Kept::Checkpoint(note, size) => self.publish(&note, size),
            Kept::Useless(why) => {
                tracing::error!("the checkpoint that witnesses have cosigned is not of this log: {why}");
            }
        }
        Ok(())
    }

    /// The checkpoint for everybody: the newest that is cosigned; without witnesses, or when they have not cosigned for long,
    /// the newest.
    pub(crate) fn published(&self, ledger: &Ledger) -> String {
        let newest = ledger.checkpoint();
        if self.witnesses.is_empty() {
            return newest.to_string();
        }
        let size = size_of(&newest);
        let mut state = self.state();
        let is_fresh = |cosigned: &CosignedNote| {
            let is_young = clock::now().since_ms(cosigned.time) <= COSIGNED_AGE_MS_MAX;
            cosigned.size == size || (is_young && cosigned.size >= state.bare_size)
        };
        match &state.newest {
            Some(cosigned) if is_fresh(cosigned) => cosigned.note.clone(),
            _ => {
                state.bare_size = state.bare_size.max(size);
                newest.to_string()
            }
        }
    }

    /// The entries that the newest cosigned checkpoint is over.
    pub(crate) fn size(&self) -> u64 {
        self.state().newest.as_ref().map_or(0, |cosigned| cosigned.size)
    }

    /// The entries that this witness is known to have seen.
    pub(super) fn size_of(&self, witness: &WitnessKey) -> u64 {
        let state = self.state();
        let seen =
            state.newest.as_ref().filter(|cosigned| witness.find(&cosigned.note, &cosigned.note).is_some());
        seen.map_or(0, |cosigned| cosigned.size)
    }

    /// A checkpoint with these cosignatures, and those that it has already.
    pub(super) fn with(&self, note: &str, size: u64, cosignatures: &[Cosignature]) -> String {
        let mut cosigned = note.to_owned();
        let state = self.state();
        if let Some(known) = state.newest.as_ref().filter(|known| known.size == size) {
            let earlier = self.witnesses.iter().filter_map(|witness| witness.find(note, &known.note));
            let is_new = |line: &String| cosignatures.iter().any(|new| name_of(&new.line) == name_of(line));
            earlier
                .map(|earlier| earlier.line)
                .filter(|line| !is_new(line))
                .for_each(|line| cosigned += &line);
        }
        cosignatures.iter().for_each(|cosignature| cosigned += &cosignature.line);
        cosigned
    }

    /// Publishes a checkpoint over so many entries, if it is cosigned.
    pub(super) fn publish(&self, note: &str, size: u64) {
        let found = self.witnesses.iter().filter_map(|witness| witness.find(note, note));
        let Some(time_s) = found.map(|cosignature| cosignature.time_s).max() else { return };
        // A witness's clock may be ahead of ours; then it counts as now.
        let time = Timestamp(time_s.saturating_mul(1_000)).min(clock::now());
        self.state().newest = Some(CosignedNote { note: note.to_owned(), size, time });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the ledger has kept.
enum Kept {
    Nothing,
    /// A cosigned checkpoint, with its size: the beginning of this log.
    Checkpoint(String, u64),
    /// One of another log, and why.
    Useless(String),
}

fn kept(ledger: &Ledger, realm: &PublicKey) -> Result<Kept, QueryError> {
    let Some(note) = ledger.setting(super::SETTING)? else { return Ok(Kept::Nothing) };
    let checkpoint = match Checkpoint::open(&note, realm) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return Ok(Kept::Useless(error.to_string())),
    };
    let size = checkpoint.size;
    Ok(match ledger.root_at(size)? {
        Some(root) if root == checkpoint.root => Kept::Checkpoint(note, size),
        Some(_) => Kept::Useless(format!("it is of another history of the first {size} entries")),
        None => Kept::Useless(format!(
            "it is of {size} entries, and there are fewer: was an older backup restored?"
        )),
    })
}

/// The size that a checkpoint of our own making says on its second line.
fn size_of(note: &str) -> u64 {
    note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0)
}

/// The name at the beginning of a signature line.
fn name_of(line: &str) -> Option<&str> {
    line.split(' ').nth(1)
}

#[cfg(test)]
pub(super) mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::settings::WitnessSection;

    /// A witness's key as its keeper gives it out.
    fn vkey(name: &str, key: &PublicKey) -> String {
        let bytes = [&[4][..], &key.to_bytes()].concat();
        let id = Sha256::new().chain_update(name).chain_update(b"\n").chain_update(&bytes).finalize();
        let id = u32::from_be_bytes([id[0], id[1], id[2], id[3]]);
        format!("{name}+{id:08x}+{}", STANDARD.encode(bytes))
    }

    pub(in crate::witness) fn section(name: &str, key: &PublicKey) -> WitnessSection {
        WitnessSection {
            url: "https://witness.example".to_owned().try_into().unwrap(),
            key: vkey(name, key).try_into().unwrap(),
        }
    }
}
