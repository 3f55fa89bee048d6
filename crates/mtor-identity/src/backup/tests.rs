use super::*;

/// Made by the console, and by this program: each side's tests open both. The password has a letter that can be composed.
const FROM_THE_CONSOLE: &str = include_str!("../../vectors/backup-console.json");
const FROM_THE_COMMAND: &str = include_str!("../../vectors/backup-command.json");
const PASSWORD: &str = "caf\u{e9} with four horses";
const PASSWORD_IN_PARTS: &str = "cafe\u{301} with four horses";

/// The wallet in both.
fn wallet() -> KeyFile {
    let words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    KeyFile::from_phrase(words.parse().unwrap())
}

/// A backup with one thing changed in its text.
fn changed(from: &str, to: &str) -> String {
    assert!(FROM_THE_CONSOLE.contains(from), "{from}");
    FROM_THE_CONSOLE.replace(from, to)
}

#[test]
fn files_of_the_console_and_of_the_command_open() {
    for text in [FROM_THE_CONSOLE, FROM_THE_COMMAND] {
        let backup = Backup::parse(text).unwrap();
        assert_eq!(backup.did(), wallet().keypair().did().as_str());
        for password in [PASSWORD, PASSWORD_IN_PARTS] {
            let opened = backup.open(password).unwrap();
            assert_eq!(opened.phrase().unwrap().words(), wallet().phrase().unwrap().words());
        }
        assert!(matches!(backup.open("cafe with four horses"), Err(BackupError::WrongPassword)));
    }
}

#[test]
fn a_key_without_a_phrase_comes_back_too() {
    let key = KeyFile::from_keypair(Keypair::from_seed([9; 32]));
    let opened =
        Backup::parse(&Backup::seal(&key, PASSWORD).unwrap().to_text()).unwrap().open(PASSWORD).unwrap();
    assert!(opened.phrase().is_none());
    assert_eq!(*opened.into_keypair().seed(), [9; 32]);
}

#[test]
fn the_same_wallet_and_password_give_another_file_each_time() {
    let [first, second] = [0, 1].map(|_| Backup::seal(&wallet(), PASSWORD).unwrap());
    assert_ne!(first.kdf.salt, second.kdf.salt);
    assert_ne!(first.cipher.nonce, second.cipher.nonce);
    assert_ne!(first.sealed, second.sealed);
}

#[test]
fn nothing_of_the_secret_is_in_the_text() {
    let text = Backup::seal(&wallet(), PASSWORD).unwrap().to_text();
    assert!(text.len() < BACKUP_BYTES_MAX / 4, "{} bytes", text.len());
    assert!(!text.contains(&URL_SAFE_NO_PAD.encode(wallet().phrase().unwrap().entropy())));
}

#[test]
fn a_password_that_is_guessed_soon_is_refused() {
    for (password, found) in [("", 0), ("123456789", 9), ("cafe\u{301}cafe\u{301}", 8)] {
        let error = Backup::seal(&wallet(), password).unwrap_err();
        assert!(matches!(error, BackupError::PasswordTooShort { found: it } if it == found), "{error}");
    }
    let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
    assert!(matches!(Backup::seal(&wallet(), &long), Err(BackupError::PasswordTooLong)));
    let backup = Backup::parse(FROM_THE_CONSOLE).unwrap();
    assert!(matches!(backup.open(&long), Err(BackupError::PasswordTooLong)));
    assert!(matches!(backup.open(""), Err(BackupError::WrongPassword)));
}

#[test]
fn what_is_not_a_backup_is_told_apart() {
    let wrong =
        ["", "{}", "[]", "MTOR key file: secret", &FROM_THE_CONSOLE[..200], &changed("aes-256", "aes-128")];
    for text in
        wrong.into_iter().chain([&*changed("mtor-wallet", "other-wallet"), &changed("phrase-", "other-")])
    {
        assert!(matches!(Backup::parse(text), Err(BackupError::NotABackup(_))), "{text}");
    }
    let newer = changed("\"version\": 1", "\"version\": 2");
    assert!(matches!(Backup::parse(&newer), Err(BackupError::Version { found: 2 })));
}

#[test]
fn costs_beyond_reason_are_refused_before_they_are_paid() {
    for (from, to, what) in [
        ("\"memory_kib\": 65536", "\"memory_kib\": 4194304", "KiB of memory"),
        ("\"memory_kib\": 65536", "\"memory_kib\": 8", "KiB of memory"),
        ("\"passes\": 3", "\"passes\": 4000000000", "passes"),
        ("\"passes\": 3", "\"passes\": 0", "passes"),
        ("\"lanes\": 1", "\"lanes\": 255", "lanes"),
    ] {
        let error = Backup::parse(&changed(from, to)).unwrap_err();
        assert!(matches!(error, BackupError::Cost { what: it, .. } if it == what), "{error}");
    }
}

#[test]
fn a_file_that_was_changed_does_not_open() {
    let backup = Backup::parse(FROM_THE_CONSOLE).unwrap();
    let other = Keypair::from_seed([1; 32]).did();
    let salt = format!("{}A", &backup.kdf.salt[..21]);
    let sealed = format!("{}AA", &backup.sealed[..backup.sealed.len() - 2]);
    for (from, to) in [
        (backup.did(), other.as_str()),
        ("\"phrase-entropy\"", "\"seed\""),
        (&backup.kdf.salt, &salt),
        (&backup.sealed, &sealed),
        ("\"passes\": 3", "\"passes\": 2"),
    ] {
        let error = Backup::parse(&changed(from, to)).unwrap().open(PASSWORD).unwrap_err();
        assert!(matches!(error, BackupError::WrongPassword), "{to}: {error}");
    }
    let torn = Backup::parse(&changed(&backup.kdf.salt, "AAAA")).unwrap().open(PASSWORD).unwrap_err();
    assert!(matches!(torn, BackupError::NotABackup(_)), "{torn}");
}

#[test]
fn the_file_is_its_owners_only_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.json");
    let backup = Backup::seal(&wallet(), PASSWORD).unwrap();
    backup.create(&path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(Backup::load(&path).unwrap().to_text(), backup.to_text());
    assert!(matches!(backup.create(&path), Err(BackupError::Exists { .. })));

    assert!(matches!(Backup::load(&folder.path().join("none")), Err(BackupError::Io { .. })));
    fs::write(folder.path().join("large"), [b' '; BACKUP_BYTES_MAX + 1]).unwrap();
    assert!(matches!(Backup::load(&folder.path().join("large")), Err(BackupError::NotABackup(_))));
    fs::write(folder.path().join("binary"), [0xFF; 9]).unwrap();
    assert!(matches!(Backup::load(&folder.path().join("binary")), Err(BackupError::NotABackup(_))));
}

#[test]
fn the_text_stays_as_it_is() {
    assert_eq!(Backup::parse(FROM_THE_COMMAND).unwrap().to_text(), FROM_THE_COMMAND);
}
