//! Requests of several steps: one row each, which is replaced as the plan goes on. The steps themselves are jobs, in the
//! journal and in the table of jobs like all others.

use mtor_protocol::{AccountId, Did, JobId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::columns::{account, account_bytes, id, id_bytes};
use crate::defaults::PLANS_KEPT_MAX;
use crate::error::QueryError;
use crate::record::PlanRecord;

const COLUMNS: &str = "id, account, did, open, plan";

/// Writes a plan as it stands. When one of an account is over, the oldest of those beyond the bound are forgotten.
pub(crate) fn write(connection: &Connection, record: &PlanRecord) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO plans VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let account = account_bytes(record.account);
    insert.execute(params![id_bytes(record.id), account, record.did.as_str(), record.open, record.plan])?;
    if record.open {
        return Ok(());
    }
    let mut forget = connection.prepare_cached(
        "DELETE FROM plans WHERE account = ?1 AND NOT open AND id <
             (SELECT id FROM plans WHERE account = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?;
    forget.execute(params![account, PLANS_KEPT_MAX])?;
    Ok(())
}

/// One plan.
pub(crate) fn plan(connection: &Connection, wanted: JobId) -> Result<Option<PlanRecord>, QueryError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM plans WHERE id = ?1"))?;
    Ok(statement.query_row([id_bytes(wanted)], read).optional()?)
}

/// Plans that are not over.
pub(crate) fn open(
    connection: &Connection,
    account: Option<AccountId>,
) -> Result<Vec<PlanRecord>, QueryError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM plans WHERE open AND (?1 IS NULL OR account = ?1) ORDER BY id"
    ))?;
    let rows = statement.query_map([account.map(account_bytes)], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Plans of an account, the newest first.
pub(crate) fn page(
    connection: &Connection,
    of: AccountId,
    before: Option<JobId>,
    limit: usize,
) -> Result<Vec<PlanRecord>, QueryError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM plans WHERE account = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![account_bytes(of), before.map(id_bytes), limit], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<PlanRecord> {
    Ok(PlanRecord {
        id: id(row.get(0)?),
        account: account(row.get(1)?),
        did: Did(row.get(2)?),
        open: row.get(3)?,
        plan: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::MIGRATIONS;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        MIGRATIONS.iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection
    }

    fn record(number: u128, account: u128, open: bool) -> PlanRecord {
        let (id, account) = (JobId(number), AccountId(account));
        PlanRecord {
            id,
            account,
            did: Did("did:key:z1".to_owned()),
            open,
            plan: format!("{{\"n\":{number}}}"),
        }
    }

    #[test]
    fn a_plan_is_what_was_written_last_and_open_ones_are_found() {
        let connection = database();
        for plan in [record(2, 7, true), record(1, 7, true), record(3, 8, true)] {
            write(&connection, &plan).unwrap();
        }
        let over = PlanRecord { plan: "{}".to_owned(), ..record(2, 7, false) };
        write(&connection, &over).unwrap();
        assert_eq!(plan(&connection, JobId(2)).unwrap(), Some(over));
        assert_eq!(plan(&connection, JobId(4)).unwrap(), None);
        let ids =
            |account| open(&connection, account).unwrap().iter().map(|plan| plan.id.0).collect::<Vec<_>>();
        assert_eq!((ids(Some(AccountId(7))), ids(None)), (vec![1], vec![1, 3]));
    }

    #[test]
    fn plans_of_an_account_come_in_pages_the_newest_first() {
        let connection = database();
        for number in 1..=5 {
            write(&connection, &record(number, 7, number == 2)).unwrap();
        }
        write(&connection, &record(6, 8, true)).unwrap();
        let ids = |before: Option<u128>, limit| {
            let page = page(&connection, AccountId(7), before.map(JobId), limit).unwrap();
            page.iter().map(|plan| plan.id.0).collect::<Vec<_>>()
        };
        assert_eq!((ids(None, 2), ids(Some(4), 9)), (vec![5, 4], vec![3, 2, 1]));
    }

    #[test]
    fn of_plans_that_are_over_the_newest_are_kept() {
        let connection = database();
        write(&connection, &record(1, 7, true)).unwrap();
        write(&connection, &record(2, 8, false)).unwrap();
        let last = 10 + u128::from(PLANS_KEPT_MAX) + 5;
        (10..last).for_each(|number| write(&connection, &record(number, 7, false)).unwrap());
        let kept = |number| plan(&connection, JobId(number)).unwrap().is_some();
        assert!(kept(1) && kept(2), "neither an open one nor another wallet's is forgotten");
        assert!(!kept(10) && !kept(13) && kept(last - 1) && kept(last - u128::from(PLANS_KEPT_MAX)));
    }
}
