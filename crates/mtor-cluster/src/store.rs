//! The database that the brokers share: who leads, and the log of what was decided.
//!
//! Two tables. `mtor_realm` has one row: whose realm it is, who leads, since which epoch, and until when without being heard of.
//! `mtor_log` has a row for each group of decisions. A group goes in by one statement that reads the epoch under a lock: once
//! somebody has raised it, nothing of the one who led before goes in any more, however late it comes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use mtor_ledger::{Group, SharedLogError};
use mtor_protocol::Did;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls};

use crate::defaults::{FORGET_GROUPS, GROUPS_PER_READ, LEASE, STORE_CONNECT_TIMEOUT, STORE_TIMEOUT};

/// Made by whoever comes first; the lock keeps two from making it at once.
const SCHEMA: &str = "
BEGIN;
SELECT pg_advisory_xact_lock(6871147);
CREATE TABLE IF NOT EXISTS mtor_realm (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    did text NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    holder text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    until timestamptz NOT NULL DEFAULT 'epoch'
);
CREATE TABLE IF NOT EXISTS mtor_log (
    number bigint PRIMARY KEY,
    epoch bigint NOT NULL,
    entries bigint NOT NULL,
    time timestamptz NOT NULL DEFAULT now(),
    forgotten boolean NOT NULL DEFAULT false,
    bytes bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS mtor_log_remembered ON mtor_log (time) WHERE NOT forgotten;
COMMIT;";

const APPEND: &str = "
WITH mine AS (SELECT epoch FROM mtor_realm WHERE epoch = $1 FOR SHARE)
INSERT INTO mtor_log (number, epoch, entries, bytes) SELECT $2, epoch, $3, $4 FROM mine ON CONFLICT DO NOTHING";

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leader {
    /// The how-manieth.
    pub(crate) epoch: i64,
    /// What it is called; empty when it has stepped down.
    pub(crate) name: String,
    /// Where it takes connections of other brokers.
    pub(crate) address: String,
    /// Whether it has been heard of lately.
    pub(crate) is_alive: bool,
}

/// One connection to the database, made anew when it is lost.
pub(crate) struct Store {
    config: Config,
    client: Mutex<Option<Arc<Client>>>,
}

impl Store {
    /// The database at `url`. Nothing is connected yet.
    ///
    /// # Errors
    /// When that is no address of a database.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let mut config: Config = url.parse().map_err(|_| {
            anyhow!("the database's address can't be read; write postgres://USER@HOST/DATABASE")
        })?;
        config.connect_timeout(STORE_CONNECT_TIMEOUT).application_name("mtor");
        if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
            bail!(
                "connections to the database are not encrypted by this program; take a socket or a private network, and no sslmode=require"
            );
        }
        Ok(Self { config, client: Mutex::new(None) })
    }

    /// Makes the tables where there are none, and checks that they are this realm's and that the database keeps what it says it keeps.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(crate) async fn prepare(&self, realm: &Did) -> Result<()> {
        let client = self.client().await?;
        client.batch_execute(SCHEMA).await.context("the tables can't be made in the database")?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value: String = client.query_one(&format!("SHOW {setting}"), &[]).await?.get(0);
            if value == "off" {
                bail!("the database has {setting} = off: what it acknowledges could be lost; switch it on");
            }
        }
        client
            .execute("INSERT INTO mtor_realm (did) VALUES ($1) ON CONFLICT DO NOTHING", &[&realm.as_str()])
            .await?;
        let found: String = client.query_one("SELECT did FROM mtor_realm", &[]).await?.get(0);
        if found != realm.as_str() {
            bail!(
                "the database belongs to the realm {found}, but the key here is {realm}: copy realm.key and owner.key from one of its \
                 brokers into this one's data folder, or name another database"
            );
        }
        Ok(())
    }

    /// Who leads, or did last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn leader(&self) -> Result<Leader> {
        let client = self.client().await?;
        let query = client.query_one("SELECT epoch, holder, address, until > now() FROM mtor_realm", &[]);
        let row = self.within(query).await?;
        Ok(Leader { epoch: row.get(0), name: row.get(1), address: row.get(2), is_alive: row.get(3) })
    }

    /// Becomes the leader, unless somebody has become it since `seen`. Gives the epoch.
    ///
    /// # Errors
    /// When the database does not answer: then it may have happened all the same, and is over by itself with the lease.
    pub(crate) async fn take_the_lead(
        &self,
        seen: &Leader,
        name: &str,
        address: &str,
    ) -> Result<Option<i64>> {
        let client = self.client().await?;
        let statement = "UPDATE mtor_realm SET epoch = epoch + 1, holder = $2, address = $3, until = now() + $4 * interval '1 second'
                         WHERE epoch = $1 AND until <= now() RETURNING epoch";
        let lease = LEASE.as_secs_f64();
        let row = self.within(client.query_opt(statement, &[&seen.epoch, &name, &address, &lease])).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Stays the leader for another while. Gives whether it still is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn renew(&self, epoch: i64) -> Result<bool> {
        let client = self.client().await?;
        let statement = "UPDATE mtor_realm SET until = now() + $2 * interval '1 second' WHERE epoch = $1";
        Ok(self.within(client.execute(statement, &[&epoch, &LEASE.as_secs_f64()])).await? == 1)
    }

    /// Steps down, so that somebody else can lead at once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn step_down(&self, epoch: i64) -> Result<()> {
        let client = self.client().await?;
        let statement = "UPDATE mtor_realm SET holder = '', until = 'epoch' WHERE epoch = $1";
        self.within(client.execute(statement, &[&epoch])).await.map(drop)
    }

    /// The groups after this number, in order, at most so many as are read at once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn after(&self, number: u64) -> Result<Vec<Group>> {
        let client = self.client().await?;
        let statement =
            "SELECT number, entries, bytes FROM mtor_log WHERE number > $1 ORDER BY number LIMIT $2";
        let rows = self.within(client.query(statement, &[&signed(number), &GROUPS_PER_READ])).await?;
        let group = |row: &tokio_postgres::Row| Group {
            number: row.get::<_, i64>(0).unsigned_abs(),
            entries: row.get::<_, i64>(1).unsigned_abs(),
            bytes: row.get(2),
        };
        Ok(rows.iter().map(group).collect())
    }

    /// The number of the last group; 0 when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn last(&self) -> Result<u64> {
        let client = self.client().await?;
        let row = self.within(client.query_one("SELECT coalesce(max(number), 0) FROM mtor_log", &[])).await?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    /// Makes a group durable, as the leader of this epoch. One that is there already counts.
    ///
    /// # Errors
    /// [`SharedLogError`]
    pub(crate) async fn append(&self, epoch: i64, group: &Group) -> Result<(), SharedLogError> {
        let unreachable = |error: anyhow::Error| SharedLogError::Unreachable(format!("{error:#}"));
        let client = self.client().await.map_err(unreachable)?;
        let (number, entries) = (signed(group.number), signed(group.entries));
        let inserted = self.within(client.execute(APPEND, &[&epoch, &number, &entries, &group.bytes])).await;
        if inserted.map_err(unreachable)? == 1 {
            return Ok(());
        }
        // An earlier try may have come through without saying so.
        let query = "SELECT epoch FROM mtor_log WHERE number = $1";
        let found = self.within(client.query_opt(query, &[&number])).await.map_err(unreachable)?;
        match found.map(|row| row.get::<_, i64>(0)) == Some(epoch) {
            true => Ok(()),
            false => Err(SharedLogError::Deposed),
        }
    }

    /// Has the log forget the texts of groups that are older. Gives whether there may be more.
    ///
    /// # Errors
    /// When the database does not answer, or a group can't be read.
    pub(crate) async fn forget(&self, age: Duration) -> Result<bool> {
        let client = self.client().await?;
        let statement = "SELECT number, entries, bytes FROM mtor_log
                         WHERE NOT forgotten AND time < now() - $1 * interval '1 second' ORDER BY time LIMIT $2";
        let rows = self.within(client.query(statement, &[&age.as_secs_f64(), &FORGET_GROUPS])).await?;
        for row in &rows {
            let number: i64 = row.get(0);
            let entries = row.get::<_, i64>(1).unsigned_abs();
            let group =
                Group { number: number.unsigned_abs(), entries, bytes: row.get(2) }.without_texts()?;
            let update = "UPDATE mtor_log SET forgotten = true, bytes = $2 WHERE number = $1";
            self.within(client.execute(update, &[&number, &group.bytes])).await?;
        }
        Ok(rows.len() as i64 == FORGET_GROUPS)
    }

    /// The connection, made anew when there is none any more.
    async fn client(&self) -> Result<Arc<Client>> {
        let mut kept = self.client.lock().await;
        if let Some(client) = kept.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let connected = timeout(STORE_CONNECT_TIMEOUT, self.config.connect(NoTls)).await;
        let (client, connection) = connected
            .context("the database does not answer")?
            .map_err(|error| anyhow!(said(&error)).context("the database can't be reached"))?;
        // Ends with the client, which is the only one to hold its other end.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let client = Arc::new(client);
        *kept = Some(client.clone());
        Ok(client)
    }

    /// Waits for an answer, but not for ever: a connection that gave none is not used again.
    async fn within<T>(&self, request: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        match timeout(STORE_TIMEOUT, request).await {
            Ok(answer) => answer.map_err(|error| anyhow!(said(&error))),
            Err(_) => {
                *self.client.lock().await = None;
                bail!("the database does not answer")
            }
        }
    }
}

/// What the database said, or what became of the connection.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}

/// A number as the database holds it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_without_repeating_it() {
        let refused = |url: &str| Store::new(url).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused("no address with a secret=x").contains("postgres://"));
        assert!(!refused("postgres://me:secret@host:port/x").contains("secret"));
        assert!(refused("postgres://me@host/x?sslmode=require").contains("not encrypted"));
        assert_eq!(refused("postgres://me@host/x"), "");
    }
}
