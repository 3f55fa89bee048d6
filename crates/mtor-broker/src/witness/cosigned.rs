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
    /// The largest checkpoint that was published without any, with its size: a smaller one after it would look as if the log had
    /// shrunk.
    bare: Option<(String, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct CosignedNote {
    note: String,
    size: u64,
    /// Since when the log is known to be larger.
    outgrown: Option<Timestamp>,
}

impl State {
    /// What is published at this moment, where this is the newest checkpoint.
    fn published(&mut self, newest: &str, now: Timestamp) -> String {
        let size = size_of(newest);
        let is_young = |since: Timestamp| now.since_ms(since) <= COSIGNED_AGE_MS_MAX;
        match (&self.newest, &self.bare) {
            (Some(cosigned), _) if cosigned.size == size => cosigned.note.clone(),
            (Some(cosigned), bare) if cosigned.outgrown.is_none_or(is_young) => match bare {
                // Until the witnesses have caught up with what was published without them.
                Some((bare, bare_size)) if *bare_size > cosigned.size => bare.clone(),
                _ => cosigned.note.clone(),
            },
            _ => {
                self.bare = Some((newest.to_owned(), size));
                newest.to_owned()
            }
        }
    }

    /// The log has so many entries.
    fn grown(&mut self, size: u64, now: Timestamp) {
        if let Some(cosigned) = self.newest.as_mut().filter(|cosigned| cosigned.size < size) {
            cosigned.outgrown.get_or_insert(now);
        }
    }
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
            Kept::Checkpoint(note, size) => {
                let time = self.publish(&note, size);
                // If the log has grown since, it may have done so right after that. A witness's clock may be ahead of ours.
                let since = time.unwrap_or_default().min(clock::now());
                self.state().grown(realm.ledger.stats().entries, since);
            }
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
        self.state().published(&newest, clock::now())
    }

    /// The log has so many entries now.
    pub(super) fn grown(&self, size: u64) {
        self.state().grown(size, clock::now());
    }

    /// The newest checkpoint that is cosigned, however old.
    pub(crate) fn newest(&self) -> Option<String> {
        self.state().newest.as_ref().map(|cosigned| cosigned.note.clone())
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

    /// Publishes a checkpoint over so many entries, if it is cosigned. Gives by when it was.
    pub(super) fn publish(&self, note: &str, size: u64) -> Option<Timestamp> {
        let found = self.witnesses.iter().filter_map(|witness| witness.find(note, note));
        let time_s = found.map(|cosignature| cosignature.time_s).max()?;
        self.state().newest = Some(CosignedNote { note: note.to_owned(), size, outgrown: None });
        Some(Timestamp(time_s.saturating_mul(1_000)))
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
    use mtor_identity::Keypair;
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

    fn note(size: u64) -> String {
        format!("origin\n{size}\nroot\n\nsignatures\n")
    }

    fn cosigned(size: u64) -> Option<CosignedNote> {
        Some(CosignedNote { note: note(size) + "witness\n", size, outgrown: None })
    }

    #[test]
    fn the_newest_with_cosignatures_is_published_unless_witnesses_fail_for_long() {
        let mut state = State::default();
        let at = |ms| Timestamp(1_000_000).plus_ms(ms);
        let with_witness = |size| note(size) + "witness\n";
        assert_eq!(state.published(&note(3), at(0)), note(3), "nobody has cosigned anything yet");
        state.newest = cosigned(5);
        assert_eq!(state.published(&note(5), at(1)), with_witness(5));
        assert_eq!(state.published(&note(9), at(2)), with_witness(5));
        state.grown(9, at(2));
        state.grown(10, at(3));
        assert_eq!(state.published(&note(10), at(2 + COSIGNED_AGE_MS_MAX)), with_witness(5));
        assert_eq!(state.published(&note(11), at(3 + COSIGNED_AGE_MS_MAX)), note(11));

        // Witnesses are back, but what they have seen is less than what was published without them.
        state.newest = cosigned(10);
        assert_eq!(state.published(&note(12), at(4 + COSIGNED_AGE_MS_MAX)), note(11), "no log shrinks");
        state.newest = cosigned(12);
        assert_eq!(state.published(&note(13), at(5 + COSIGNED_AGE_MS_MAX)), with_witness(12));
    }

    /// A signature line of a witness over a checkpoint.
    fn cosign(section: &WitnessSection, keypair: &Keypair, note: &str, time_s: u64) -> Cosignature {
        let (text, _) = note.split_once("\n\n").unwrap();
        let signature = keypair.sign(format!("cosignature/v1\ntime {time_s}\n{text}\n").as_bytes());
        let vkey = section.key.to_string();
        let id = u32::from_str_radix(vkey.split('+').nth(1).unwrap(), 16).unwrap();
        let bytes = [&id.to_be_bytes()[..], &time_s.to_be_bytes(), &signature.to_bytes()].concat();
        let line = format!("\u{2014} {} {}\n", section.key.name(), STANDARD.encode(bytes));
        Cosignature { line, time_s }
    }

    #[test]
    fn cosignatures_of_one_checkpoint_come_together_and_each_witness_has_one() {
        let keys = [Keypair::from_seed([1; 32]), Keypair::from_seed([2; 32])];
        let witnesses = vec![section("w1", &keys[0].public()), section("w2", &keys[1].public())];
        let log = LogSection { witnesses };
        let cosign = |witness: usize, note: &str, time_s| {
            cosign(&log.witnesses[witness], &keys[witness], note, time_s)
        };
        let cosigned = Cosigned::new(&log);
        let lines = |note: &str| note.lines().filter(|line| line.starts_with("\u{2014} w")).count();
        let (five, six) = (note(5), note(6));

        let first = cosigned.with(&five, 5, &[cosign(0, &five, 1_000)]);
        assert_eq!((cosigned.publish(&first, 5), lines(&first)), (Some(Timestamp(1_000_000)), 1));
        let both = cosigned.with(&five, 5, &[cosign(1, &five, 2_000)]);
        assert_eq!((cosigned.publish(&both, 5), lines(&both)), (Some(Timestamp(2_000_000)), 2));
        assert!(log.witnesses.iter().all(|witness| cosigned.size_of(&witness.key) == 5));
        let again = cosigned.with(&five, 5, &[cosign(0, &five, 3_000)]);
        assert_eq!((cosigned.publish(&again, 5), lines(&again)), (Some(Timestamp(3_000_000)), 2));

        let next = cosigned.with(&six, 6, &[cosign(1, &six, 4_000)]);
        assert_eq!((cosigned.publish(&next, 6), lines(&next)), (Some(Timestamp(4_000_000)), 1));
        assert_eq!(
            log.witnesses.iter().map(|witness| cosigned.size_of(&witness.key)).collect::<Vec<_>>(),
            [0, 6]
        );
        assert_eq!(cosigned.publish(&note(7), 7), None, "nobody has cosigned it");
        assert_eq!(cosigned.size(), 6);
    }

    pub(in crate::witness) fn section(name: &str, key: &PublicKey) -> WitnessSection {
        WitnessSection {
            url: "https://witness.example".to_owned().try_into().unwrap(),
            key: vkey(name, key).try_into().unwrap(),
        }
    }
}
