//! The database file: how it is made, opened and checked, and its tables.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mtor_identity::{PublicKey, guid};
use mtor_protocol::Did;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::columns::account_bytes;
use crate::defaults::{BLOB_FOLDER, DATABASE_FILE, SQLITE_VERSION_MIN};
use crate::error::OpenError;

/// The format that this program writes. A change of the tables adds a step to [`MIGRATIONS`].
const FORMAT: u32 = MIGRATIONS.len() as u32;

/// Step N makes format N + 1 of format N; all of them together make a new database.
pub(crate) const MIGRATIONS: &[&str] = &[FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4];

const FORMAT_1: &str = "
-- Facts about the ledger itself.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- Values that the realm remembers by name.
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The one source of truth, append-only: each entry's JSON, and its hash as a leaf of the Merkle tree.
CREATE TABLE journal (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
-- The hashes in tiles above the leaves; those of level 1 are the roots of 256 leaves each.
CREATE TABLE nodes (level INTEGER, idx INTEGER, hash BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
-- The state after so many entries as JSON, with its SHA-256. They only shorten replay.
CREATE TABLE snapshots (entries INTEGER PRIMARY KEY, state BLOB NOT NULL, hash BLOB NOT NULL) STRICT;

-- Which entry took an id of a job or transfer.
CREATE TABLE ids (id BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- Which entries moved an account's coins; how many, the entry says.
CREATE TABLE movements (account BLOB, seq INTEGER, kind INTEGER, PRIMARY KEY (account, seq, kind)) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    account BLOB NOT NULL,
    did TEXT NOT NULL,
    capability TEXT NOT NULL,
    model TEXT NOT NULL,
    class TEXT NOT NULL,
    privacy TEXT NOT NULL,
    submitted INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    hold INTEGER NOT NULL,
    salt BLOB NOT NULL,
    question TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    forgotten INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    sequence INTEGER NOT NULL DEFAULT 0,
    settled INTEGER,
    finish TEXT,
    usage TEXT,
    cost INTEGER,
    output BLOB,
    problem TEXT,
    workers TEXT NOT NULL DEFAULT '[]',
    answer TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX jobs_by_account ON jobs (account, id);
-- What was asked (key = 2 * job number) and answered (one more): here, or in the blob folder under its SHA-256.
CREATE TABLE texts (key INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, blob BLOB, text TEXT) STRICT;
CREATE INDEX texts_by_blob ON texts (blob) WHERE blob IS NOT NULL;

CREATE TABLE keys (
    id BLOB PRIMARY KEY,
    account BLOB NOT NULL,
    did TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_account ON keys (account, created);
";

/// A job's row has the number of the entry that accepted it, so that the index of ids leads to it, and no index of its own
/// has to be kept.
const FORMAT_2: &str = "
CREATE TABLE jobs_2 (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    account BLOB NOT NULL,
    did TEXT NOT NULL,
    capability TEXT NOT NULL,
    model TEXT NOT NULL,
    class TEXT NOT NULL,
    privacy TEXT NOT NULL,
    submitted INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    hold INTEGER NOT NULL,
    salt BLOB NOT NULL,
    question TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    forgotten INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    sequence INTEGER NOT NULL DEFAULT 0,
    settled INTEGER,
    finish TEXT,
    usage TEXT,
    cost INTEGER,
    output BLOB,
    problem TEXT,
    workers TEXT NOT NULL DEFAULT '[]',
    answer TEXT NOT NULL DEFAULT '',
    -- The entry that settled it; not known of jobs of the first format.
    settled_seq INTEGER
) STRICT;
INSERT INTO jobs_2
    SELECT ids.seq, jobs.id, account, did, capability, model, class, privacy, submitted, deadline, hold, salt, question, state,
           forgotten, output_tokens, sequence, settled, finish, usage, cost, output, problem, workers, answer, NULL
    FROM jobs JOIN ids ON ids.id = jobs.id;
-- What was asked (key = 2 * the job's seq) and answered (one more): here, or in the blob folder under its SHA-256.
CREATE TABLE texts_2 (key INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, blob BLOB, text TEXT) STRICT;
INSERT INTO texts_2
    SELECT 2 * ids.seq + texts.key % 2, bytes, blob, text
    FROM texts JOIN jobs ON jobs.number = texts.key / 2 JOIN ids ON ids.id = jobs.id;
DROP TABLE jobs;
DROP TABLE texts;
ALTER TABLE jobs_2 RENAME TO jobs;
ALTER TABLE texts_2 RENAME TO texts;
CREATE INDEX jobs_by_account ON jobs (account, id);
CREATE INDEX texts_by_blob ON texts (blob) WHERE blob IS NOT NULL;
";

/// Grants, and keys that spend from them; what wallets and workers have signed for jobs. The journal may have balances from
/// here on.
const FORMAT_3: &str = "
CREATE TABLE grants (
    id BLOB PRIMARY KEY,
    granter BLOB NOT NULL,
    account BLOB NOT NULL,
    salt BLOB NOT NULL,
    about TEXT NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE jobs ADD COLUMN signed TEXT;
ALTER TABLE jobs ADD COLUMN receipt TEXT;
ALTER TABLE keys ADD COLUMN granted BLOB;
DROP INDEX keys_by_account;
CREATE INDEX keys_by_did ON keys (did, created);
";

/// Wallets whose key can change: API keys are their wallet's, whatever its key is by now ([`name_wallets`] fills that in for the
/// keys of older formats). What passkeys have sealed. The journal may have changes of keys from here on.
/// What came out of jobs beside text: the bytes are in the blob folder. Requests of several steps, as they
/// stand. What wares cost of late: a row for each minute of the last day, and for each quarter of an hour before that.
const FORMAT_4: &str = "
ALTER TABLE keys ADD COLUMN wallet BLOB;
DROP INDEX keys_by_did;
CREATE INDEX keys_by_wallet ON keys (wallet, created);
CREATE TABLE passkeys (
    id BLOB PRIMARY KEY,
    wallet BLOB NOT NULL,
    sealed TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_by_wallet ON passkeys (wallet, created);
CREATE TABLE parts (
    seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    blob BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    text_offset INTEGER NOT NULL,
    PRIMARY KEY (seq, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX parts_by_blob ON parts (blob);
CREATE TABLE plans (
    id BLOB PRIMARY KEY,
    account BLOB NOT NULL,
    did TEXT NOT NULL,
    open INTEGER NOT NULL,
    plan TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX plans_by_account ON plans (account, id);
CREATE INDEX plans_open ON plans (open) WHERE open;
CREATE TABLE prices (
    ware TEXT,
    time INTEGER,
    factor_permille INTEGER NOT NULL,
    base_permille INTEGER NOT NULL,
    load_percent INTEGER NOT NULL,
    PRIMARY KEY (ware, time)
) STRICT, WITHOUT ROWID;
CREATE INDEX prices_by_time ON prices (time);
";

/// Where things are in a ledger's folder.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) folder: PathBuf,
    pub(crate) database: PathBuf,
    pub(crate) blobs: PathBuf,
}

impl Paths {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            database: folder.join(DATABASE_FILE),
            blobs: folder.join(BLOB_FOLDER),
        }
    }
}

/// Opens the database for the writer; makes it first in an empty folder. The caller holds the folder's lock.
pub(crate) fn open_writer(paths: &Paths, realm: &Did) -> Result<Connection, OpenError> {
    check_sqlite()?;
    if !paths.database.try_exists().map_err(OpenError::unreadable(&paths.database))? {
        refuse_if_lost(paths)?;
        create(paths, realm)?;
    }
    check_file(&paths.database)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(&paths.database, flags).map_err(|error| classify(paths, &error))?;
    prepare(&connection, paths, realm)?;
    Ok(connection)
}

/// Opens the database for queries.
pub(crate) fn open_reader(database: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    // Readers wait only while the write-ahead log is being recovered, which takes moments.
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch("PRAGMA query_only = 1; PRAGMA cache_size = -1024;")?;
    Ok(connection)
}

fn check_sqlite() -> Result<(), OpenError> {
    match rusqlite::version_number() >= SQLITE_VERSION_MIN {
        true => Ok(()),
        false => {
            Err(OpenError::Sqlite(format!("SQLite {}, which can damage its own log", rusqlite::version())))
        }
    }
}

/// A folder with the remains of a ledger but without its database is not a new one.
fn refuse_if_lost(paths: &Paths) -> Result<(), OpenError> {
    let log = paths.folder.join(format!("{DATABASE_FILE}-wal"));
    let has_blobs = fs::read_dir(&paths.blobs).is_ok_and(|mut entries| entries.next().is_some());
    if has_blobs || log.exists() {
        let what = "it is missing, but other parts of the ledger are there";
        return Err(OpenError::damaged(&paths.database, what));
    }
    Ok(())
}

/// Makes a new database beside its final name and moves it there once it is whole: whatever is found under that name
/// later was whole once.
fn create(paths: &Paths, realm: &Did) -> Result<(), OpenError> {
    let draft = paths.folder.join(format!("{DATABASE_FILE}.new"));
    remove_draft(&draft).map_err(OpenError::unreadable(&draft))?;
    let make = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(&draft)?;
        connection.execute_batch("PRAGMA synchronous = FULL;")?;
        let transaction = connection.transaction()?;
        for step in MIGRATIONS {
            transaction.execute_batch(step)?;
        }
        transaction
            .execute("INSERT INTO meta VALUES ('realm', ?1), ('text_bytes', '0')", [realm.as_str()])?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
        connection.close().map_err(|(_, error)| error)
    };
    make().map_err(|error| classify(paths, &error))?;
    fs::rename(&draft, &paths.database)
        .and_then(|()| sync_folder(&paths.folder))
        .map_err(OpenError::unreadable(&paths.database))
}

fn remove_draft(draft: &Path) -> std::io::Result<()> {
    for suffix in ["", "-journal"] {
        let mut name = draft.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes names in a folder durable. Where folders can't be opened (Windows) the file system sees to that itself.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// An empty file would be taken for a new database.
fn check_file(database: &Path) -> Result<(), OpenError> {
    let metadata = fs::metadata(database).map_err(OpenError::unreadable(database))?;
    if !metadata.is_file() {
        return Err(OpenError::damaged(database, "it is not a file"));
    }
    match metadata.len() {
        0 => Err(OpenError::damaged(database, "it is empty")),
        _ => Ok(()),
    }
}

fn prepare(connection: &Connection, paths: &Paths, realm: &Did) -> Result<(), OpenError> {
    check_format(connection, paths)?;
    let failed = |error: rusqlite::Error| classify(paths, &error);
    let found: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'realm'", [], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    match found {
        Some(found) if found == realm.as_str() => {}
        Some(found) => {
            let path = paths.database.clone();
            return Err(OpenError::OtherRealm { path, found, expected: realm.0.clone() });
        }
        None => return Err(OpenError::damaged(&paths.database, "it does not say whose it is")),
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;
             PRAGMA journal_size_limit = 16777216;",
        )
        .map_err(failed)?;
    // The promise of every acknowledgement rests on these two, so they are looked at rather than believed.
    let synchronous: i64 =
        connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).map_err(failed)?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(failed)?;
    match (synchronous, mode.as_str()) {
        (2, "wal") => Ok(()),
        (synchronous, mode) => Err(OpenError::Sqlite(format!(
            "an SQLite that gives synchronous={synchronous}, journal_mode={mode} where 2 and wal were asked"
        ))),
    }
}

/// Brings an older format up to this one.
fn check_format(connection: &Connection, paths: &Paths) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| classify(paths, &error);
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if found == 0 {
        return Err(OpenError::damaged(&paths.database, "it is a database, but not a ledger"));
    }
    if found > FORMAT {
        return Err(OpenError::Newer { path: paths.database.clone(), found, known: FORMAT });
    }
    for (format, step) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let migrate = || -> rusqlite::Result<()> {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(step)?;
            if step == &FORMAT_4 {
                name_wallets(&transaction)?;
            }
            transaction.pragma_update(None, "user_version", format)?;
            transaction.commit()
        };
        migrate().map_err(failed)?;
    }
    Ok(())
}

/// Says of API keys whose they are. Of those that are there before this format no wallet had another key than its first.
fn name_wallets(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT DISTINCT did FROM keys WHERE wallet IS NULL")?;
    let dids: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for did in dids {
        let key = PublicKey::from_did(&did)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let wallet = account_bytes(guid(&key));
        connection.execute("UPDATE keys SET wallet = ?2 WHERE did = ?1", params![did, wallet])?;
    }
    Ok(())
}

/// What an error of the database means for whoever wants to open it.
pub(crate) fn classify(paths: &Paths, error: &rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => {
            OpenError::InUse { folder: paths.folder.clone(), process: None }
        }
        Some(DatabaseCorrupt | NotADatabase) | None => OpenError::damaged(&paths.database, error),
        Some(_) => OpenError::Unreadable {
            path: paths.database.clone(),
            source: std::io::Error::other(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_keys_of_older_formats_are_their_wallets() {
        let database = Connection::open_in_memory().unwrap();
        for step in [FORMAT_1, FORMAT_2, FORMAT_3] {
            database.execute_batch(step).unwrap();
        }
        let key = mtor_identity::Keypair::from_seed([7; 32]).public();
        let did = key.to_did();
        let insert = "INSERT INTO keys VALUES (?1, x'01', ?2, 'name', ?1, 1, NULL)";
        for id in [vec![1_u8], vec![2]] {
            database.execute(insert, params![id, did.as_str()]).unwrap();
        }
        database.execute_batch(FORMAT_4).unwrap();
        name_wallets(&database).unwrap();
        let count = "SELECT count(*) FROM keys WHERE wallet = ?1";
        let found: i64 = database.query_row(count, [account_bytes(guid(&key))], |row| row.get(0)).unwrap();
        assert_eq!(found, 2);
    }

    #[test]
    fn jobs_of_the_first_format_keep_their_words() {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(FORMAT_1).unwrap();
        database
            .execute_batch(
                "INSERT INTO ids VALUES (x'0a', 7), (x'0b', 5), (x'0c', 9);
                 INSERT INTO jobs (number, id, account, did, capability, model, class, privacy, submitted, deadline, hold, salt, question, answer)
                 VALUES (1, x'0b', x'01', 'me', 'chat', 'default', 'batch', 'realm', 1, 2, 3, x'00', 'first', 'yes'),
                        (2, x'0a', x'01', 'me', 'chat', 'default', 'batch', 'realm', 1, 2, 3, x'00', 'second', '');
                 INSERT INTO texts VALUES (2, 5, NULL, 'first'), (3, 3, NULL, 'yes'), (4, 6, NULL, 'second');",
            )
            .unwrap();
        database.execute_batch(FORMAT_2).unwrap();
        let list = |query: &str| -> Vec<(i64, String)> {
            let mut statement = database.prepare(query).unwrap();
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
                .map(Result::unwrap)
                .collect()
        };
        let owned = |rows: &[(i64, &str)]| {
            rows.iter().map(|(key, text)| (*key, (*text).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(
            list("SELECT seq, question FROM jobs ORDER BY seq"),
            owned(&[(5, "first"), (7, "second")])
        );
        let texts = owned(&[(10, "first"), (11, "yes"), (14, "second")]);
        assert_eq!(list("SELECT key, text FROM texts ORDER BY key"), texts);
    }
}
