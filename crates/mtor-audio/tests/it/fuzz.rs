//! Whatever the bytes are, they give sound or an error, and never a panic.

use std::io::Cursor;
use std::path::Path;

use mtor_audio::decode::decode;
use proptest::prelude::*;

/// Two minutes of sound; no few bytes need to give more.
const SAMPLES_MAX: usize = 120 * 16_000;

fn beginnings() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sounds");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "sh"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..4_096)) {
        let _ = decode(Cursor::new(bytes), SAMPLES_MAX);
    }

    #[test]
    fn real_files_with_random_damage(
        which in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..24)
    ) {
        let files = beginnings();
        let mut bytes = which.get(&files).clone();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = decode(Cursor::new(bytes), SAMPLES_MAX);
    }
}
