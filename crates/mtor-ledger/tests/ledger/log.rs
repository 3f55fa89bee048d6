//! The log as others see it: tiles, bundles and checkpoints.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mtor_core::Fact;
use mtor_ledger::{
    Batch, Checkpoint, Ledger, ProofError, Reveal, Signed, VerifyError, check_proof, parse_bundle,
    verify_leaves,
};
use mtor_protocol::{Digest, JobId};
use sha2::{Digest as _, Sha256};

use crate::support::{ALICE, History, alice, commit, open, realm, worker};

type Hash = [u8; 32];

/// RFC 6962, word by word.
fn naive_root(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::new().chain_update([0]).chain_update(leaf).finalize().into(),
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            let (left, right) = (naive_root(&leaves[..split]), naive_root(&leaves[split..]));
            Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
        }
    }
}

fn grow(ledger: &Ledger, history: &mut History, size: u64) {
    while history.state.entries() < size {
        let count = (size - history.state.entries()).min(700);
        let entries =
            (0..count).map(|_| history.transfer(1_000_000 + u128::from(history.state.entries()))).collect();
        commit(ledger, Batch { entries, records: vec![] });
    }
}

/// All leaves, as somebody downloads them who has the checkpoint only.
fn download(ledger: &Ledger, size: u64) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    while (leaves.len() as u64) < size {
        let index = leaves.len() / 256;
        let width = (size - leaves.len() as u64).min(256);
        let suffix = if width < 256 { format!(".p/{width}") } else { String::new() };
        let bundle = ledger.tile(&format!("entries/{index:03}{suffix}")).unwrap().unwrap();
        leaves.extend(parse_bundle(&bundle).unwrap().into_iter().map(<[u8]>::to_vec));
    }
    leaves
}

#[test]
fn tiles_and_bundles_give_the_tree_of_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    for size in [3, 255, 256, 257, 511, 512, 1_500] {
        grow(&ledger, &mut history, size);
        let checkpoint = Checkpoint::open(&ledger.checkpoint(), &realm().public()).unwrap();
        let leaves = download(&ledger, size);
        assert_eq!(leaves.len() as u64, size);
        assert_eq!(checkpoint, Checkpoint { size, root: Digest(naive_root(&leaves)) });
        assert_eq!(ledger.info().root, checkpoint.root);

        let full = size / 256;
        for index in 0..full {
            let tile = ledger.tile(&format!("0/{index:03}")).unwrap().unwrap();
            let first = index as usize * 256;
            let expected: Vec<u8> = leaves[first..first + 256]
                .iter()
                .flat_map(|leaf| naive_root(std::slice::from_ref(leaf)))
                .collect();
            assert_eq!(tile, expected, "tile {index} of {size}");
        }
        if full > 0 {
            let tile = ledger.tile(&format!("1/000.p/{full}")).unwrap().unwrap();
            let expected: Vec<u8> = leaves.chunks_exact(256).flat_map(naive_root).collect();
            assert_eq!(tile, expected, "level 1 at {size}");
        }
        assert_eq!(ledger.tile(&format!("0/{full:03}")).unwrap(), None, "that tile is not full yet");
        assert_eq!(ledger.tile(&format!("1/000.p/{}", full + 1)).unwrap(), None);
        assert_eq!(ledger.tile("2/000.p/1").unwrap(), None);
        assert_eq!(ledger.tile("../ledger.sqlite").unwrap(), None);
    }
}

#[test]
fn the_tree_is_the_same_after_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut history, founding) = History::founded();
    let mut founding = Some(founding);
    for size in [200, 300, 600, 601] {
        let (ledger, _) = open(folder.path());
        if let Some(founding) = founding.take() {
            commit(&ledger, founding);
        }
        grow(&ledger, &mut history, size);
        let root = naive_root(&download(&ledger, size));
        assert_eq!(ledger.info().root, Digest(root), "at {size}");
        // Half of the times as a crash.
        match size % 200 {
            0 => ledger.close().unwrap(),
            _ => ledger.abandon(),
        }
    }
}

#[test]
fn downloaded_leaves_are_verified_against_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    grow(&ledger, &mut history, 300);
    let (note, key) = (ledger.checkpoint(), realm().public());
    let leaves = download(&ledger, 300);
    let verified = verify_leaves(&leaves, &note, &key).unwrap();
    assert_eq!((verified.entries, verified.accounts), (300, 4));

    let wrong = |leaves: &[Vec<u8>]| match verify_leaves(leaves, &note, &key) {
        Err(VerifyError::Wrong { place, .. }) => place,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(&leaves[..299]), "the checkpoint", "the last one is missing");
    assert_eq!(wrong(&leaves[1..]), "entry 0", "the first one is missing");
    let mut swapped = leaves.clone();
    swapped.swap(100, 101);
    assert_eq!(wrong(&swapped), "entry 100");
    let text = |leaf: &[u8]| String::from_utf8(leaf.to_vec()).unwrap();
    let mut richer = leaves.clone();
    richer[1] = text(&leaves[1]).replace("\"1000000000000\"", "\"2000000000000\"").into_bytes();
    assert_ne!(richer[1], leaves[1]);
    assert_eq!(wrong(&richer), "the checkpoint", "it adds up, but is not what was signed");
    let mut spaced = leaves.clone();
    spaced[7] = text(&leaves[7]).replace("\":", "\": ").into_bytes();
    assert_eq!(wrong(&spaced), "entry 7");
    let mut greedy = leaves.clone();
    greedy[2] = text(&leaves[2]).replace("\"1000000000\"", "\"9000000000000\"").into_bytes();
    assert_ne!(greedy[2], leaves[2]);
    assert_eq!(wrong(&greedy), "entry 2", "more than was there");
    assert!(verify_leaves(&leaves, &note, &mtor_identity::Keypair::from_seed([1; 32]).public()).is_err());
}

#[test]
fn a_bundle_that_is_cut_short_is_none() {
    assert_eq!(parse_bundle(&[]), Some(vec![]));
    assert_eq!(parse_bundle(&[0, 2, 7, 8, 0, 0]), Some(vec![&[7, 8][..], &[][..]]));
    for cut in [&[0][..], &[0, 1], &[0, 3, 1, 2]] {
        assert_eq!(parse_bundle(cut), None);
    }
}

#[test]
fn a_job_is_proven_to_whoever_has_the_realms_key() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    grow(&ledger, &mut history, 300);
    commit(&ledger, history.exchange(77, "What is the capital of France?", "Paris."));
    grow(&ledger, &mut history, 700);
    let job = ledger.job(JobId(77)).unwrap().unwrap();
    assert_eq!((job.accepted_seq, job.settled_seq), (300, Some(301)));

    let key = realm().public();
    let shown = ledger.job_proofs(&job, Reveal::All, None).unwrap();
    let accepted = check_proof(&shown.accepted, Some(&key)).unwrap();
    assert!(matches!(&accepted.entry.fact, Fact::Accepted { job, .. } if job.id == JobId(77)));
    assert_eq!(accepted.text, job.request_json);
    let settled = check_proof(shown.settled.as_ref().unwrap(), None).unwrap();
    assert!(matches!(&settled.entry.fact, Fact::Settled { id: JobId(77), legs, .. } if legs.len() == 2));
    assert_eq!((settled.text.as_deref(), settled.realm, settled.checkpoint.size), (Some("Paris."), key, 700));

    assert_eq!(accepted.signed, Some(Signed::Order(alice().did())));
    let Some(Signed::Receipt(receipt)) = &settled.signed else { panic!("no receipt: {settled}") };
    assert_eq!((&receipt.by, receipt.usage.output_tokens), (&worker().did(), 9));

    // What the worker may have says who was paid for what, and nothing of what was asked.
    let workers = ledger.job_proofs(&job, Reveal::Receipt, None).unwrap();
    let [accepted_bare, settled_bare] = [&workers.accepted, workers.settled.as_ref().unwrap()]
        .map(|proof| check_proof(proof, Some(&key)).unwrap());
    assert_eq!((accepted_bare.text, accepted_bare.signed), (None, None));
    assert_eq!((settled_bare.text, settled_bare.signed), (None, settled.signed.clone()));

    let hidden = ledger.job_proofs(&job, Reveal::Nothing, None).unwrap();
    assert_eq!(check_proof(&hidden.accepted, Some(&key)).unwrap().signed, None);
    assert!(!hidden.accepted.contains("France"));
    let proven = check_proof(&hidden.accepted, Some(&key)).unwrap();
    assert_eq!((proven.text.as_ref(), proven.commitment()), (None, accepted.commitment()));

    let other = mtor_identity::Keypair::from_seed([3; 32]).public();
    let error = check_proof(&shown.accepted, Some(&other)).unwrap_err();
    assert!(matches!(error, ProofError::Checkpoint(_)), "{error}");
}

/// What the console's own check is held to (`web/test/proof.test.ts`): proofs of one job, and a log that grew.
#[test]
fn the_vectors_of_other_implementations_are_what_the_ledger_says() {
    const LAST: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(
        &ledger,
        history.exchange(77, "What is the capital of France?", "Paris, \"of course\":\n\u{1f5fc}"),
    );
    grow(&ledger, &mut history, 25);
    let job = ledger.job(JobId(77)).unwrap().unwrap();
    let proofs = ledger.job_proofs(&job, Reveal::All, None).unwrap();
    let checkpoints: Vec<_> = [25, 26, 255, 256, 257, LAST]
        .into_iter()
        .map(|size| {
            grow(&ledger, &mut history, size);
            ledger.checkpoint().to_string()
        })
        .collect();
    // The hashes of all leaves, and of the one full tile; a narrower tile is the beginning of these.
    let tile = |path: &str| STANDARD.encode(ledger.tile(path).unwrap().unwrap());
    let vectors = serde_json::json!({
        "realm": realm().did(), "account": ALICE, "job": job.id, "request": job.request_json, "answer": job.text,
        "wallet": alice().did(), "worker": worker().did(), "accepted": proofs.accepted, "settled": proofs.settled, "checkpoints": checkpoints,
        "tiles": { "0/000": tile("0/000"), "0/001": tile("0/001.p/44"), "1/000": tile("1/000.p/1") },
    });
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/proofs.json");
    if std::env::var_os("MTOR_BLESS").is_some() {
        return std::fs::write(path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept, text, "run MTOR_BLESS=1 cargo test -p mtor-ledger --test ledger");
}

#[test]
fn a_changed_proof_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(77, "What is the capital of France?", "Paris."));
    grow(&ledger, &mut history, 20);
    let job = ledger.job(JobId(77)).unwrap().unwrap();
    let proof = ledger.job_proofs(&job, Reveal::All, None).unwrap().settled.unwrap();
    let key = realm().public();
    let whole = check_proof(&proof, Some(&key)).unwrap();
    for at in 0..proof.len() {
        let mut bytes = proof.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        // Where base64 has room for a bit that means nothing, the change is none.
        if let Ok(proven) = check_proof(&changed, Some(&key)) {
            assert_eq!(proven, whole, "byte {at}");
        }
    }
    for nonsense in ["", "c2sp.org/tlog-proof@v1\n", "hello\n\nworld", &proof.replace("index", "place")] {
        assert!(check_proof(nonsense, Some(&key)).is_err(), "{nonsense}");
    }
}

#[test]
fn a_proof_is_made_for_the_checkpoint_that_is_cosigned_if_that_has_the_entries() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let before = ledger.checkpoint();
    commit(&ledger, history.exchange(77, "What is the capital of France?", "Paris."));
    let between = ledger.checkpoint();
    grow(&ledger, &mut history, 20);
    let (job, key) = (ledger.job(JobId(77)).unwrap().unwrap(), realm().public());
    for (cosigned, size) in [(Some(&*between), 5), (Some(&*before), 20), (None, 20)] {
        let proofs = ledger.job_proofs(&job, Reveal::Nothing, cosigned).unwrap();
        for proof in [proofs.accepted, proofs.settled.unwrap()] {
            assert_eq!(check_proof(&proof, Some(&key)).unwrap().checkpoint.size, size);
        }
    }
}
