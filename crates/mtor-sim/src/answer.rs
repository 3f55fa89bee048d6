//! The right answer to a job: the same whoever writes it, different at every place, so that a word that is lost, doubled
//! or out of place is seen at once.

use std::sync::{Arc, OnceLock};

use mtor_core::NewJob;
use mtor_identity::Keypair;
use mtor_protocol::{Digest, JobId};

/// Bytes of one token.
pub(crate) const TOKEN_BYTES: usize = 4;
/// What every grant is called.
pub(crate) const GRANT_NAME: &str = "a grant";
/// The longest answer, in tokens.
const TOKENS_MAX: u64 = 24;

/// The answer's token at this place.
pub(crate) fn token(job: JobId, place: u64) -> String {
    format!("{:03x} ", spread(job.0 as u64, place) & 0xfff)
}

/// How many tokens a model would write if nobody stopped it.
pub(crate) fn natural_tokens(job: JobId) -> u64 {
    spread(job.0 as u64, u64::MAX) % TOKENS_MAX
}

/// The whole answer as the client should get it.
pub(crate) fn whole(job: &NewJob) -> String {
    let tokens = natural_tokens(job.id).min(job.output_tokens_max.into());
    (0..tokens).map(|place| token(job.id, place)).collect()
}

/// Whether this is how the answer begins.
pub(crate) fn is_beginning(job: JobId, text: &str) -> bool {
    let pieces = text.as_bytes().chunks(TOKEN_BYTES);
    pieces.zip(0..).all(|(piece, place)| piece == token(job, place).as_bytes())
}

/// The realm's key: the same in every run.
pub(crate) fn realm_key() -> Arc<Keypair> {
    static KEY: OnceLock<Arc<Keypair>> = OnceLock::new();
    KEY.get_or_init(|| Arc::new(Keypair::from_seed([42; 32]))).clone()
}

/// The salted commitment to a text that belongs to a job, as the broker makes it.
pub(crate) fn commitment(job: JobId, text: &str) -> Digest {
    mtor_ledger::commitment(&mtor_ledger::salt(&realm_key(), job), text.as_bytes())
}

/// What was asked. Requests with the same id and another length are other requests.
pub(crate) fn intent(job: JobId, input_bytes: u32) -> String {
    format!(r#"{{"question":"{job}","bytes":{input_bytes}}}"#)
}

fn spread(a: u64, b: u64) -> u64 {
    let z = (a ^ b.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 32)
}
