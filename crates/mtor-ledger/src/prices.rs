//! What wares cost of late. No part of the journal: it is for charts, and for the market to go on from after a restart. Bounded:
//! minutes are kept for a day, quarters of an hour for some weeks.

use mtor_core::PriceNote;
use mtor_protocol::Timestamp;
use mtor_protocol::http::PricePoint;
use rusqlite::{Connection, params};

use crate::columns::{integer, unsigned};
use crate::defaults::{PRICE_DAYS_MAX, PRICE_MINUTES_KEPT_MS};
use crate::error::QueryError;

/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Between two points of the coarse history, in milliseconds.
const COARSE_MS: u64 = 15 * 60_000;

/// Writes down what wares cost, and forgets what is too old. Writing the same twice changes nothing.
pub(crate) fn store(connection: &Connection, notes: &[PriceNote]) -> rusqlite::Result<()> {
    let Some(newest) = notes.iter().map(|note| note.point.time.0).max() else { return Ok(()) };
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO prices VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for PriceNote { ware, point, base_permille } in notes {
        let PricePoint { time, factor_permille, load_percent } = point;
        let row = params![ware.to_string(), integer(time.0), factor_permille, base_permille, load_percent];
        insert.execute(row)?;
    }
    // Often enough.
    match notes.iter().any(|note| note.point.time.0.is_multiple_of(COARSE_MS)) {
        true => forget(connection, newest),
        false => Ok(()),
    }
}

fn forget(connection: &Connection, newest_ms: u64) -> rusqlite::Result<()> {
    let oldest = newest_ms.saturating_sub(u64::from(PRICE_DAYS_MAX) * DAY_MS);
    let thin_before = newest_ms.saturating_sub(PRICE_MINUTES_KEPT_MS);
    connection
        .prepare_cached("DELETE FROM prices WHERE time < ?1 OR (time < ?2 AND time % ?3 != 0)")?
        .execute([integer(oldest), integer(thin_before), integer(COARSE_MS)])
        .map(drop)
}

/// What wares cost since then, the oldest first: every minute, or every quarter of an hour.
pub(crate) fn since(
    connection: &Connection,
    since: Timestamp,
    coarse: bool,
) -> Result<Vec<PriceNote>, QueryError> {
    let step = if coarse { COARSE_MS } else { 1 };
    let mut statement = connection.prepare_cached(
        "SELECT ware, time, factor_permille, base_permille, load_percent FROM prices
         WHERE time >= ?1 AND time % ?2 = 0 ORDER BY time, ware",
    )?;
    let mut rows = statement.query([integer(since.0), integer(step)])?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        let ware: String = row.get(0)?;
        let ware =
            ware.parse().map_err(|_| QueryError::Damaged(format!("table prices: no ware {ware:?}")))?;
        let time = Timestamp(unsigned(row.get(1)?));
        let point = PricePoint { time, factor_permille: row.get(2)?, load_percent: row.get(4)? };
        notes.push(PriceNote { ware, point, base_permille: row.get(3)? });
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use mtor_protocol::Ware;

    use super::*;

    const MINUTE_MS: u64 = 60_000;

    fn note(ware: &str, minute: u64) -> PriceNote {
        let time = Timestamp(minute * MINUTE_MS);
        let point = PricePoint { time, factor_permille: 1_200, load_percent: 95 };
        PriceNote { ware: ware.parse::<Ware>().unwrap(), point, base_permille: 1_050 }
    }

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        crate::database::MIGRATIONS.iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection
    }

    #[test]
    fn what_is_stored_comes_back_once_and_in_order() {
        let connection = table();
        let notes = [note("chat", 5), note("chat/large", 5), note("chat", 6)];
        store(&connection, &notes).unwrap();
        store(&connection, &notes[..2]).unwrap();
        assert_eq!(since(&connection, Timestamp(0), false).unwrap(), notes);
        assert_eq!(since(&connection, Timestamp(6 * MINUTE_MS), false).unwrap(), notes[2..]);
    }

    #[test]
    fn minutes_become_quarters_of_an_hour_and_those_have_their_end() {
        let connection = table();
        let days = u64::from(PRICE_DAYS_MAX) + 5;
        for hour in 0..days * 24 {
            let minutes: Vec<PriceNote> = (0..60).map(|minute| note("chat", hour * 60 + minute)).collect();
            store(&connection, &minutes).unwrap();
        }
        let kept = since(&connection, Timestamp(0), false).unwrap();
        let most = 24 * 60 + 1 + 24 * 4 * u64::from(PRICE_DAYS_MAX);
        assert!((most - 24 * 4..=most).contains(&(kept.len() as u64)), "{}", kept.len());
        let day = kept.len() - 24 * 60 - 1;
        assert!(kept[day..].windows(2).all(|two| two[1].point.time.0 - two[0].point.time.0 == MINUTE_MS));
        assert!(kept[..day].windows(2).all(|two| two[1].point.time.0 - two[0].point.time.0 == COARSE_MS));
        let coarse = since(&connection, Timestamp(0), true).unwrap();
        assert!(coarse.windows(2).all(|two| two[1].point.time.0 - two[0].point.time.0 == COARSE_MS));
    }
}
