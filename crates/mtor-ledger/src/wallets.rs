//! What is stored about accounts: movements of coins, ids that were taken, API keys and settings.

use mtor_core::{Entry, Fact};
use mtor_protocol::http::{ApiKey, Movement, MovementKind, MovementPage};
use mtor_protocol::{AccountId, Did, Digest, JobId, Micro, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{account_bytes, id, id_bytes, integer, time, unsigned};
use crate::commitment::statement_digest;
use crate::defaults::PAGE_LINES_MAX;
use crate::error::QueryError;
use crate::journal::{Moved, bytes, parse_leaf};

/// A page of an account's movements, the newest first.
pub(crate) fn movements(
    connection: &Connection,
    account: AccountId,
    before: Option<u64>,
    limit: usize,
) -> Result<MovementPage, QueryError> {
    let limit = limit.clamp(1, PAGE_LINES_MAX);
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached(
        "SELECT movements.seq, kind, leaf, hash FROM movements JOIN journal USING (seq)
         WHERE account = ?1 AND movements.seq < ?2 ORDER BY movements.seq DESC, kind",
    )?;
    let before = before.map_or(i64::MAX, |before| integer(before.min(i64::MAX as u64)));
    let mut rows = statement.query(params![account_bytes(account), before])?;
    let mut page = MovementPage::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let seq = unsigned(row.get(0)?);
        // An entry with two movements of the same account is never cut in two.
        if page.movements.len() >= limit && last != Some(seq) {
            page.next = last;
            break;
        }
        last = Some(seq);
        let entry = parse_leaf(seq, bytes(row, 2)?, bytes(row, 3)?)?;
        let kind = Moved::from_number(row.get(1)?);
        let movement = kind.map(|kind| movement(&transaction, &entry, account, kind)).transpose()?.flatten();
        let fault = || QueryError::Damaged(format!("entry {seq} is no movement of account {account}"));
        page.movements.push(movement.ok_or_else(fault)?);
    }
    Ok(page)
}

/// What an entry moved for one account; `None` when it did not.
fn movement(
    connection: &Connection,
    entry: &Entry,
    account: AccountId,
    kind: Moved,
) -> Result<Option<Movement>, QueryError> {
    let parts = match (kind, &entry.fact) {
        (Moved::Issued, Fact::Issued { id, amount, .. }) => (MovementKind::Issued, *id, *amount, None),
        (Moved::Started, Fact::Started { id, amount, .. }) => (MovementKind::Started, *id, *amount, None),
        (Moved::Sent, Fact::Transferred { id, to, amount, .. }) => {
            (MovementKind::Sent, *id, *amount, Some(*to))
        }
        (Moved::Received, Fact::Transferred { id, from, amount, .. }) => {
            (MovementKind::Received, *id, *amount, Some(*from))
        }
        (Moved::Granted, Fact::Filled { grant, to, amount, .. }) => {
            (MovementKind::Granted, *grant, *amount, Some(*to))
        }
        (Moved::Received, Fact::Filled { grant, from, amount, .. }) => {
            (MovementKind::Received, *grant, *amount, Some(*from))
        }
        (Moved::Sent, Fact::Revoked { grant, to, amount, .. }) => {
            (MovementKind::Sent, *grant, *amount, Some(*to))
        }
        (Moved::Returned, Fact::Revoked { grant, from, amount, .. }) => {
            (MovementKind::Returned, *grant, *amount, Some(*from))
        }
        (Moved::Job, Fact::Settled { id, legs, .. }) => {
            (MovementKind::Job, *id, Micro(legs.iter().map(|leg| leg.amount.0).sum()), None)
        }
        (Moved::Earned, Fact::Settled { id, legs, .. }) => {
            let earned = legs.iter().filter(|leg| leg.to == account).map(|leg| leg.amount.0).sum();
            (MovementKind::Earned, *id, Micro(earned), payer(connection, *id)?)
        }
        (Moved::Forfeited, Fact::Forfeited { job, legs, .. }) => {
            (MovementKind::Forfeited, *job, Micro(legs.iter().map(|leg| leg.amount.0).sum()), None)
        }
        (Moved::Refunded, Fact::Forfeited { job, worker, legs }) => {
            let back = legs.iter().filter(|leg| leg.to == account).map(|leg| leg.amount.0).sum();
            (MovementKind::Refunded, *job, Micro(back), Some(*worker))
        }
        _ => return Ok(None),
    };
    let (kind, reference, amount, other) = parts;
    Ok(Some(Movement { entry: entry.seq, time: entry.time, kind, amount, reference, other }))
}

/// Whether an entry has paid an account for work.
pub(crate) fn earned(connection: &Connection, account: AccountId, seq: u64) -> rusqlite::Result<bool> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM movements WHERE account = ?1 AND seq = ?2 AND kind = ?3")?;
    statement.exists(params![account_bytes(account), integer(seq), Moved::Earned as u8])
}

/// Who pays for a job.
fn payer(connection: &Connection, job: JobId) -> Result<Option<AccountId>, QueryError> {
    Ok(taken(connection, job)?.and_then(|entry| match entry.fact {
        Fact::Accepted { job, .. } => Some(job.payer()),
        _ => None,
    }))
}

/// The entry that took an id.
fn taken(connection: &Connection, id: JobId) -> Result<Option<Entry>, QueryError> {
    let mut statement = connection
        .prepare_cached("SELECT seq, leaf, hash FROM ids JOIN journal USING (seq) WHERE id = ?1")?;
    let mut rows = statement.query([id_bytes(id)])?;
    match rows.next()? {
        Some(row) => parse_leaf(unsigned(row.get(0)?), bytes(row, 1)?, bytes(row, 2)?).map(Some),
        None => Ok(None),
    }
}

/// What the entry that took an id commits to.
pub(crate) fn known_id(connection: &Connection, id: JobId) -> Result<Option<Digest>, QueryError> {
    Ok(taken(connection, id)?.map(|entry| match entry.fact {
        Fact::Accepted { job, .. } => job.request,
        Fact::Transferred { memo, .. } => memo,
        Fact::Granted { about, .. } => about,
        Fact::Keys { statement: Some(statement), .. } => statement_digest(&statement),
        _ => Digest([0; 32]),
    }))
}

/// The key whose secret has this hash.
pub(crate) fn key_by_hash(
    connection: &Connection,
    hash: Digest,
) -> Result<Option<crate::KeyRecord>, QueryError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account, did, name, created, granted, wallet FROM keys WHERE hash = ?1",
    )?;
    let found = statement.query_row([hash.0], |row| {
        Ok(crate::KeyRecord {
            id: id(row.get(0)?),
            account: crate::columns::account(row.get(1)?),
            did: Did(row.get(2)?),
            name: row.get(3)?,
            hash,
            created: time(row.get(4)?),
            grant: row.get::<_, Option<[u8; 16]>>(5)?.map(id),
            wallet: crate::columns::account(row.get(6)?),
        })
    });
    Ok(found.optional()?)
}

/// A wallet's keys, the oldest first.
pub(crate) fn keys(connection: &Connection, wallet: AccountId) -> Result<Vec<ApiKey>, QueryError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, created, granted FROM keys WHERE wallet = ?1 ORDER BY created, id",
    )?;
    let rows = statement.query_map([account_bytes(wallet)], |row| {
        let grant = row.get::<_, Option<[u8; 16]>>(3)?.map(id);
        Ok(ApiKey { id: id(row.get(0)?), name: row.get(1)?, created: time(row.get(2)?), grant, secret: None })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What is stored about grants: those that a wallet gave, or one of them.
pub(crate) fn grants(connection: &Connection, ids: &[JobId]) -> Result<Vec<crate::GrantRecord>, QueryError> {
    let mut statement =
        connection.prepare_cached("SELECT granter, account, salt, about FROM grants WHERE id = ?1")?;
    let read = |grant: &JobId| {
        let found = statement.query_row([id_bytes(*grant)], |row| {
            Ok(crate::GrantRecord {
                id: *grant,
                granter: crate::columns::account(row.get(0)?),
                account: crate::columns::account(row.get(1)?),
                salt: row.get(2)?,
                about: row.get(3)?,
            })
        });
        found.optional().transpose()
    };
    Ok(ids.iter().filter_map(read).collect::<rusqlite::Result<_>>()?)
}

/// What a passkey has sealed.
pub(crate) fn passkey(
    connection: &Connection,
    id: Digest,
) -> Result<Option<crate::PasskeyRecord>, QueryError> {
    let mut statement =
        connection.prepare_cached("SELECT wallet, sealed, created FROM passkeys WHERE id = ?1")?;
    let found = statement.query_row([id.0], |row| {
        let wallet = crate::columns::account(row.get(0)?);
        Ok(crate::PasskeyRecord { id, wallet, sealed: row.get(1)?, created: time(row.get(2)?) })
    });
    Ok(found.optional()?)
}

/// The passkeys under which a wallet has something sealed, the oldest first, with when each was.
pub(crate) fn passkeys(
    connection: &Connection,
    wallet: AccountId,
) -> Result<Vec<(Digest, Timestamp)>, QueryError> {
    let mut statement = connection
        .prepare_cached("SELECT id, created FROM passkeys WHERE wallet = ?1 ORDER BY created, id")?;
    let rows =
        statement.query_map([account_bytes(wallet)], |row| Ok((Digest(row.get(0)?), time(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A value by its name.
pub(crate) fn setting(connection: &Connection, name: &str) -> Result<Option<String>, QueryError> {
    let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}
