//! The engine: a table in an SQLite in memory, asked by queries that can read it and nothing else.

use std::time::Instant;

use mtor_worker::CancellationToken;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use super::kind::{Kind, Table};
use crate::defaults::{
    TABLE_COLUMNS_MAX, TABLE_HEAP_BYTES_MAX, TABLE_QUERY_TIMEOUT, TABLE_STEPS, TABLE_VALUE_BYTES_MAX,
};

/// What the table is called in queries.
pub(super) const TABLE: &str = "data";
const NOT_WANTED: &str = "nobody wants the answer any more";

/// What a query gives.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
    /// Whether there are more rows than are given.
    pub(super) more: bool,
}

/// A table that can be asked.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    /// Nobody wants an answer any more.
    stop: CancellationToken,
}

impl Database {
    /// Puts the table in, and then lets nothing change any more.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub(super) fn of(table: &Table, stop: CancellationToken) -> Result<Self, String> {
        let connection = Self::filled(table, &stop).map_err(|error| error.to_string())?;
        Ok(Self { connection, stop })
    }

    fn filled(table: &Table, stop: &CancellationToken) -> rusqlite::Result<Connection> {
        let mut connection = Connection::open_in_memory()?;
        // One bound for the whole program, since SQLite has no other.
        connection.query_row(&format!("PRAGMA hard_heap_limit = {TABLE_HEAP_BYTES_MAX}"), [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF")?;
        let column = |column: &super::kind::Column| {
            let affinity = match column.kind {
                Kind::Integer | Kind::Boolean => "INTEGER",
                Kind::Decimal { .. } => "REAL",
                Kind::Date(_) | Kind::Text => "TEXT COLLATE NOCASE",
            };
            format!("{} {affinity}", quoted(&column.name))
        };
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        connection.execute_batch(&format!("CREATE TABLE {TABLE} ({})", columns.join(", ")))?;
        let places = vec!["?"; table.columns.len()].join(", ");
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare(&format!("INSERT INTO {TABLE} VALUES ({places})"))?;
            for row in table.rows.iter().take_while(|_| !stop.is_cancelled()) {
                insert.execute(params_from_iter(row))?;
            }
        }
        transaction.commit()?;
        connection.execute_batch("PRAGMA query_only = ON")?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, TABLE_VALUE_BYTES_MAX)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_COLUMN, TABLE_COLUMNS_MAX as i32)?;
        connection.authorizer(Some(reads_only))?;
        Ok(connection)
    }

    /// Asks for at most so many rows.
    ///
    /// # Errors
    /// A sentence that says why there is no answer.
    pub(super) fn ask(&mut self, sql: &str, values: &[Value], rows_max: usize) -> Result<Found, String> {
        let stop = self.stop.clone();
        if stop.is_cancelled() {
            return Err(NOT_WANTED.to_owned());
        }
        let end = Instant::now() + TABLE_QUERY_TIMEOUT;
        let told = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) if stop.is_cancelled() => NOT_WANTED.to_owned(),
            Some(ErrorCode::OperationInterrupted) => {
                format!("the query takes longer than {} seconds", TABLE_QUERY_TIMEOUT.as_secs())
            }
            Some(ErrorCode::AuthorizationForStatementDenied) => "a query can only read the table".to_owned(),
            Some(ErrorCode::OutOfMemory | ErrorCode::TooBig) => "the query takes too much memory".to_owned(),
            _ => error.to_string(),
        };
        let stopped = self.stop.clone();
        let over = move || Instant::now() > end || stopped.is_cancelled();
        self.connection.progress_handler(TABLE_STEPS, Some(over)).map_err(told)?;
        let mut statement = self.connection.prepare(sql).map_err(told)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        if names.is_empty() {
            return Err("a query can only read the table".to_owned());
        }
        let mut found = Found { names, rows: Vec::new(), more: false };
        let mut rows = statement.query(params_from_iter(values)).map_err(told)?;
        while let Some(row) = rows.next().map_err(told)? {
            if found.rows.len() == rows_max {
                found.more = true;
                break;
            }
            let row: rusqlite::Result<Vec<Value>> = (0..found.names.len()).map(|at| row.get(at)).collect();
            found.rows.push(row.map_err(told)?);
        }
        Ok(found)
    }
}

/// A name as SQL takes it, whatever stands in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reading is allowed, and all functions that only compute. No file, no other database, no setting, no change.
fn reads_only(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;

    fn database(csv: &str) -> Database {
        Database::of(&Table::of(read(csv.as_bytes()).unwrap()), CancellationToken::new()).unwrap()
    }

    #[test]
    fn queries_read() {
        let mut database = database("name,\"say \"\"x\"\"; DROP\"\nA,1\nB,2\n");
        let found = database.ask("SELECT sum(\"say \"\"x\"\"; DROP\") AS s FROM data", &[], 100).unwrap();
        assert_eq!((found.names, found.rows), (vec!["s".into()], vec![vec![Value::Integer(3)]]));
    }

    #[test]
    fn queries_do_nothing_but_read() {
        let mut database = database("a\n1\n2\n");
        for wrong in [
            "DELETE FROM data",
            "DROP TABLE data",
            "CREATE TABLE x (a)",
            "ATTACH '/tmp/x.db' AS x",
            "PRAGMA query_only = OFF",
            "VACUUM INTO '/tmp/x.db'",
            "SELECT load_extension('x')",
            "SELECT 1; DELETE FROM data",
            "BEGIN",
        ] {
            assert!(database.ask(wrong, &[], 100).is_err(), "{wrong}");
        }
        assert_eq!(database.ask("SELECT count(*) FROM data", &[], 100).unwrap().rows, [[Value::Integer(2)]]);
    }

    #[test]
    fn a_query_without_end_is_stopped() {
        let mut database = database("a\n1\n");
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT ";
        let error = database.ask(&format!("{endless} sum(i) FROM n"), &[], 100).unwrap_err();
        assert!(error.contains("longer than 5 seconds"), "{error}");
        assert!(database.ask(&format!("{endless} i FROM n"), &[], 100).unwrap().more, "rows are bounded");
        let error = database.ask("SELECT zeroblob(100000000)", &[], 100).unwrap_err();
        assert!(error.contains("memory"), "{error}");
    }

    #[test]
    fn a_query_ends_when_nobody_wants_its_answer() {
        let mut database = database("a\n1\n");
        let stop = database.stop.clone();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n";
        let (begun, began) = std::sync::mpsc::channel();
        let asking = std::thread::spawn(move || {
            begun.send(()).unwrap();
            database.ask(endless, &[], 1)
        });
        began.recv().unwrap();
        stop.cancel();
        assert_eq!(asking.join().unwrap().unwrap_err(), NOT_WANTED);
    }
}
