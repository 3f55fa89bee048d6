//! Witnesses of the log (C2SP tlog-witness): others who are shown its checkpoints, see for themselves that it only grows, and
//! say so with signatures of their own. One task shows them; nothing else waits for it.

mod client;
mod cosigned;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::join_all;
use mtor_ledger::{Checkpoint, Cosignature, Record};
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::defaults::{WITNESS_INTERVAL, WITNESS_PAUSE_MAX, WITNESS_SETTLE, WITNESSES_MAX};
use crate::settings::{LogSection, WitnessSection};
use client::WitnessClient;

pub use cosigned::Cosigned;

/// Where the ledger keeps the newest cosigned checkpoint.
const SETTING: &str = "log.cosigned";

/// A witness, and how it stands with it.
#[derive(Debug)]
struct Witness {
    section: WitnessSection,
    /// Entries of the newest checkpoint that it has cosigned, as far as is known here.
    size: u64,
    /// Failures since it last answered as it should.
    failures: u32,
    /// After a failure: when it is asked again.
    not_before: Option<Instant>,
}

/// Looks whether these witnesses can be asked.
///
/// # Errors
/// In words for the sysop.
pub(crate) fn check(section: &LogSection) -> Result<()> {
    let count = section.witnesses.len();
    ensure!(count <= WITNESSES_MAX, "realm.toml: log.witnesses: at most {WITNESSES_MAX}, not {count}");
    for (index, witness) in section.witnesses.iter().enumerate() {
        let is_twice = section.witnesses[..index].iter().any(|other| other.key.name() == witness.key.name());
        ensure!(!is_twice, "realm.toml: log.witnesses: {} stands there twice", witness.key.name());
    }
    Ok(())
}

/// Shows the log's checkpoints to its witnesses until the broker goes down. Ends at once when there are none.
///
/// # Errors
/// When no HTTP client can be set up.
pub(crate) fn start(app: &Arc<App>) -> Result<()> {
    let sections = &app.settings.file.log.witnesses;
    if sections.is_empty() {
        return Ok(());
    }
    let client = WitnessClient::new()?;
    let witness = |section: &WitnessSection| Witness {
        size: app.cosigned.size_of(&section.key),
        section: section.clone(),
        failures: 0,
        not_before: None,
    };
    let witnesses = sections.iter().map(witness).collect();
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let closing = app.closing.clone();
        closing.run_until_cancelled(Rounds { app, client, witnesses, last: None }.run()).await;
    });
    Ok(())
}

/// One round after the other.
struct Rounds {
    app: Arc<App>,
    client: WitnessClient,
    witnesses: Vec<Witness>,
    /// When the last one began.
    last: Option<Instant>,
}

impl Rounds {
    async fn run(mut self) {
        let mut revision = self.app.realm.watch_revision();
        loop {
            let size = self.app.realm.ledger.stats().entries;
            self.app.cosigned.grown(size);
            match next_round(&self.witnesses, size, self.last) {
                Some(due) => {
                    sleep_until(due.max(Instant::now())).await;
                    self.round().await;
                }
                // All have seen all of it: there is nothing to wait for but a change.
                None => {
                    if revision.changed().await.is_err() {
                        return;
                    }
                    tokio::time::sleep(WITNESS_SETTLE).await;
                }
            }
        }
    }

    /// Shows the newest checkpoint to everybody whose turn it is.
    async fn round(&mut self) {
        let now = Instant::now();
        self.last = Some(now);
        let note = self.app.realm.ledger.checkpoint();
        let Ok(checkpoint) = Checkpoint::open(&note, &self.app.key.public()) else {
            tracing::error!("the realm can't read its own checkpoint: witnesses are not asked");
            return;
        };
        let (app, client) = (&self.app, &self.client);
        let asked = self.witnesses.iter_mut().filter(|witness| is_behind(witness, checkpoint.size, now));
        let answers = join_all(asked.map(|witness| async {
            let shown = client.show(&app.realm, &witness.section, &note, checkpoint.size, witness.size).await;
            witness.answered(shown, checkpoint.size, now, app)
        }));
        let cosignatures: Vec<Cosignature> = answers.await.into_iter().flatten().collect();
        if cosignatures.is_empty() {
            return;
        }
        let cosigned = self.app.cosigned.with(&note, checkpoint.size, &cosignatures);
        let record = Record::Setting { name: SETTING.to_owned(), value: cosigned.clone() };
        // What is published is kept, so that it is the same after a restart. Without the ledger, nothing is published any more.
        if self.app.realm.record(record).await.is_ok() {
            self.app.cosigned.publish(&cosigned, checkpoint.size);
        }
    }
}

impl Witness {
    /// Notes how it went.
    fn answered(
        &mut self,
        shown: Result<Cosignature, String>,
        size: u64,
        now: Instant,
        app: &App,
    ) -> Option<Cosignature> {
        match shown {
            Ok(cosignature) => {
                if self.failures > 0 {
                    tracing::info!(witness = self.section.key.name(), "the witness cosigns the log again");
                }
                (self.size, self.failures, self.not_before) = (size, 0, None);
                Some(cosignature)
            }
            Err(why) => {
                self.failures = self.failures.saturating_add(1);
                let pause = pause_after(self.failures);
                self.not_before = Some(now + pause);
                app.metrics.witness_failures.inc();
                let (witness, pause_s) = (self.section.key.name(), pause.as_secs());
                tracing::warn!(witness, pause_s, "the witness has not cosigned the log: {why}");
                None
            }
        }
    }
}

/// Whether a witness has not seen all of a log of this size, and may be asked now.
fn is_behind(witness: &Witness, size: u64, now: Instant) -> bool {
    witness.size < size && witness.not_before.is_none_or(|moment| moment <= now)
}

/// When the next round begins; `None` while every witness has seen all of a log of this size.
fn next_round(witnesses: &[Witness], size: u64, last: Option<Instant>) -> Option<Instant> {
    let again = last.map(|last| last + WITNESS_INTERVAL);
    let behind = witnesses.iter().filter(|witness| witness.size < size);
    let due = behind.map(|witness| witness.not_before.max(again).unwrap_or_else(Instant::now));
    due.min()
}

/// How long a witness is left alone after so many failures in a row.
fn pause_after(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    WITNESS_INTERVAL.saturating_mul(doubled).min(WITNESS_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(size: u64) -> Witness {
        let key = mtor_identity::Keypair::from_seed([3; 32]).public();
        let section = cosigned::tests::section("witness.example/w1", &key);
        Witness { section, size, failures: 0, not_before: None }
    }

    #[test]
    fn a_round_is_due_only_when_the_log_has_grown_and_at_most_once_a_minute() {
        let now = Instant::now();
        assert_eq!(next_round(&[witness(7)], 7, Some(now)), None, "it has seen everything");
        assert_eq!(next_round(&[witness(7)], 8, Some(now)), Some(now + WITNESS_INTERVAL));
        assert_eq!(next_round(&[witness(7), witness(8)], 8, Some(now)), Some(now + WITNESS_INTERVAL));
        assert!(
            next_round(&[witness(0)], 8, None).is_some_and(|due| due <= Instant::now()),
            "the first at once"
        );

        let failing = Witness { not_before: Some(now + WITNESS_PAUSE_MAX), ..witness(7) };
        assert!(!is_behind(&failing, 8, now));
        assert_eq!(next_round(&[failing], 8, Some(now)), Some(now + WITNESS_PAUSE_MAX));
    }

    #[test]
    fn pauses_double_and_have_an_end() {
        let pauses: Vec<_> = [1, 2, 3, 7, 100].map(pause_after).to_vec();
        let seconds: Vec<_> = pauses.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [60, 120, 240, 3_600, 3_600]);
    }

    #[test]
    fn no_witness_stands_there_twice() {
        let key = mtor_identity::Keypair::from_seed([3; 32]).public();
        let section = |name: &str| cosigned::tests::section(name, &key);
        let section =
            |names: &[&str]| LogSection { witnesses: names.iter().map(|name| section(name)).collect() };
        check(&section(&["a", "b"])).unwrap();
        let error = check(&section(&["a", "b", "a"])).unwrap_err().to_string();
        assert!(error.contains("a stands there twice"), "{error}");
    }
}
