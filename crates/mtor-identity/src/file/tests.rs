use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// A file with this content that only its owner may read.
fn private_file(folder: &Path, content: &[u8]) -> PathBuf {
    let path = folder.join("wallet.key");
    let _ = fs::remove_file(&path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path).unwrap().write_all(content).unwrap();
    path
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_key_comes_back_with_its_phrase() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/wallet.key");
    let created = KeyFile::load_or_create(&path).unwrap();
    let loaded = KeyFile::load(&path).unwrap();
    assert_eq!(loaded.keypair().did(), created.keypair().did());
    assert_eq!(loaded.phrase().unwrap().words(), created.phrase().unwrap().words());
    assert_eq!(names_in(path.parent().unwrap()), ["wallet.key"], "no draft stays behind");
}

#[test]
fn a_key_without_a_phrase_comes_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("realm.key");
    KeyFile::from_keypair(Keypair::from_seed([9; 32])).create(&path).unwrap();
    let loaded = KeyFile::load(&path).unwrap();
    assert!(loaded.phrase().is_none());
    assert_eq!(*loaded.into_keypair().seed(), [9; 32]);
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_only_and_others_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private/wallet.key");
    KeyFile::load_or_create(&path).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);

    for open in [0o640, 0o604, 0o620, 0o601, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let error = KeyFile::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::TooOpen { mode, .. } if mode == open), "{error}");
        assert!(error.to_string().ends_with(&format!("chmod 600 {}", path.display())), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    KeyFile::load(&path).unwrap();
}

#[test]
fn nothing_is_ever_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = private_file(folder.path(), b"precious");
    let error = KeyFile::generate().unwrap().create(&path).unwrap_err();
    assert!(matches!(error, KeyFileError::Exists { .. }), "{error}");
    assert!(matches!(KeyFile::load_or_create(&path), Err(KeyFileError::Corrupt { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(names_in(folder.path()), ["wallet.key"]);
}

#[test]
fn many_at_once_get_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.key");
    let names: HashSet<Did> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| KeyFile::load_or_create(&path).unwrap().keypair().did())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(names.len(), 1);
}

#[test]
fn each_damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyFile::from_phrase(Phrase::from_entropy([3; 16]));
    let good = key.to_text();
    let did = key.keypair().did();
    let other = Keypair::from_seed([4; 32]).did();
    let cases = [
        (String::new(), "its first line"),
        (good.replace("MTOR", "SSH"), "its first line"),
        (good.replace("version: 1", "version: 2"), "version 2, and this program reads version 1"),
        (good.replace("version: 1\n", ""), "version: is missing"),
        (good.replace("did: ", "DID: "), "did: is missing"),
        (good.replace(did.as_str(), other.as_str()), "the file was changed or damaged"),
        (good.replace(": AwMD", ": BwMD"), "the file was changed or damaged"),
        (good.replace(": AwMD", ": "), "phrase-entropy: is not 16 bytes"),
        (good.replace(": AwMD", ": A*MD"), "phrase-entropy: is not 16 bytes"),
        (good.replace("phrase-entropy", "seed"), "seed: is not 32 bytes"),
        (good.replace("phrase-entropy", "phrase"), "phrase-entropy: or seed: is missing"),
        (format!("{}more\n", *good), "more lines follow"),
        (" ".repeat(KEY_FILE_BYTES_MAX + 1), "too large"),
    ];
    for (content, said) in cases {
        assert_ne!(content, *good, "the case for {said:?} changes nothing");
        let path = private_file(folder.path(), content.as_bytes());
        let error = KeyFile::load(&path).unwrap_err().to_string();
        assert!(error.contains(said), "{error:?} should say {said:?}");
        assert!(error.contains("wallet.key"), "{error:?} should name the file");
    }
    let path = private_file(folder.path(), &[0xFF; 40]);
    assert!(KeyFile::load(&path).unwrap_err().to_string().contains("not text"));
    assert!(KeyFile::load(folder.path()).unwrap_err().to_string().contains("no regular file"));
}

#[test]
fn a_missing_file_and_an_unusable_folder_are_io_errors() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.key");
    assert!(matches!(KeyFile::load(&missing), Err(KeyFileError::Io { .. })));
    let file = private_file(folder.path(), b"a file, not a folder");
    assert!(matches!(KeyFile::load_or_create(&file.join("wallet.key")), Err(KeyFileError::Io { .. })));
}

#[test]
fn errors_and_debug_keep_the_secret() {
    let key = KeyFile::from_keypair(Keypair::from_seed([0xAB; 32]));
    let text = key.to_text();
    let secret = field(text.lines().last(), SEED_FIELD).unwrap();
    assert!(!format!("{key:?}").contains(secret));
    let damaged = text.replace("did: did", "did: dad");
    let error = KeyFile::from_text(&damaged, Path::new("wallet.key")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(secret));
}

proptest! {
    #[test]
    fn the_text_form_brings_a_seed_back(seed: [u8; 32]) {
        let text = KeyFile::from_keypair(Keypair::from_seed(seed)).to_text();
        let again = KeyFile::from_text(&text, Path::new("wallet.key")).unwrap();
        prop_assert_eq!(*again.keypair().seed(), seed);
    }

    #[test]
    fn a_flipped_bit_never_gives_another_key(position in 0usize..180, bit in 0u8..7) {
        let original = KeyFile::from_keypair(Keypair::from_seed([5; 32]));
        let mut content = original.to_text().as_bytes().to_vec();
        let position = position % content.len();
        content[position] ^= 1 << bit;
        if let Ok(text) = std::str::from_utf8(&content)
            && let Ok(loaded) = KeyFile::from_text(text, Path::new("wallet.key"))
        {
            prop_assert_eq!(loaded.keypair().did(), original.keypair().did());
        }
    }
}
