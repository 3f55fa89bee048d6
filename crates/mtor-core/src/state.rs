//! What must survive: the books and the open jobs. It changes through [`State::apply`] alone, at run time and on
//! replay alike, so that the journal is the one source of truth.

use std::collections::{BTreeMap, BTreeSet};

use mtor_protocol::{AccountId, CapabilityKind, Digest, JobId, Micro, Price, Timestamp};
use serde::{Deserialize, Serialize};

use crate::books::{Books, BooksError, ISSUER};
use crate::entry::{Entry, Fact, Leg, NewJob};
use crate::grant::{Grant, grant_account};
use crate::keys::Keys;
use crate::late::{Case, Cases, late_account};
use crate::starter::Starters;
use crate::trust::{Judged, Pay, Payment, Record, TrustRules, Verdict};

/// The durable state of a realm.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    next_seq: u64,
    owner: Option<AccountId>,
    newest_id_time: u64,
    books: Books,
    open: BTreeMap<JobId, OpenJob>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    grants: BTreeMap<JobId, Grant>,
    /// What is known of workers' results, by account and capability.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    records: BTreeMap<AccountId, BTreeMap<CapabilityKind, Record>>,
    #[serde(default, skip_serializing_if = "Starters::is_empty")]
    starters: Starters,
    #[serde(default, skip_serializing_if = "Keys::is_empty")]
    keys: Keys,
    /// Results that were proven wrong, and what hangs on each.
    #[serde(default, skip_serializing_if = "Cases::is_empty")]
    cases: Cases,
    /// Accounts of peer realms.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    peers: BTreeSet<AccountId>,
    /// When the balances were last written down; when it was founded, before they ever were.
    #[serde(default)]
    balanced_at: Timestamp,
    /// How many entries there were right after that.
    #[serde(default)]
    balanced_entries: u64,
}

/// A job that is not settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenJob {
    /// The job.
    pub job: NewJob,
    /// What is held for it.
    pub hold: Micro,
    /// The price that holds for it.
    pub price: Price,
    /// When it was taken.
    pub accepted: Timestamp,
}

/// An entry that can't follow what was there before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// Entries are missing or doubled.
    #[error("entry {found} stands where entry {expected} should be")]
    Order {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The realm is founded by its first entry, and only by that.
    #[error("entry {0}: a realm is founded by its first entry, once")]
    Founding(u64),
    /// The books refuse it.
    #[error("entry {0}: {1}")]
    Books(u64, BooksError),
    /// A grant does not allow it.
    #[error("entry {0}: {1}")]
    Grant(u64, &'static str),
    /// Nothing is held back, or at stake, of which that could be true.
    #[error("entry {0}: {1}")]
    Late(u64, &'static str),
    /// A wallet has starter coins once.
    #[error("entry {0}: this wallet had its starter coins already")]
    Started(u64),
    /// A wallet's keys do not allow it.
    #[error("entry {0}: {1}")]
    Keys(u64, &'static str),
}

impl State {
    /// Makes one entry true.
    ///
    /// # Errors
    /// [`Corrupt`] when it can't follow; nothing has changed then.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Corrupt> {
        if entry.seq != self.next_seq {
            return Err(Corrupt::Order { expected: self.next_seq, found: entry.seq });
        }
        if (entry.seq == 0) != matches!(entry.fact, Fact::Founded { .. }) {
            return Err(Corrupt::Founding(entry.seq));
        }
        self.apply_fact(entry).map_err(|fault| match fault {
            Fault::Books(error) => Corrupt::Books(entry.seq, error),
            Fault::Grant(what) => Corrupt::Grant(entry.seq, what),
            Fault::Late(what) => Corrupt::Late(entry.seq, what),
            Fault::Started => Corrupt::Started(entry.seq),
            Fault::Keys(what) => Corrupt::Keys(entry.seq, what),
        })?;
        self.next_seq += 1;
        Ok(())
    }

    fn apply_fact(&mut self, entry: &Entry) -> Result<(), Fault> {
        match &entry.fact {
            Fact::Founded { owner } => {
                self.owner = Some(*owner);
                self.balanced_at = entry.time;
            }
            Fact::Issued { id, to, amount } => {
                self.books.transfer(ISSUER, *to, *amount)?;
                self.saw(*id);
            }
            Fact::Started { id, to, amount } => {
                if self.starters.has(*to) {
                    return Err(Fault::Started);
                }
                self.books.issue_bound(*to, *amount)?;
                self.starters.note(entry.time, *to, *amount);
                self.saw(*id);
            }
            Fact::Transferred { id, from, to, amount, .. } => {
                self.books.transfer(*from, *to, *amount)?;
                self.saw(*id);
            }
            Fact::Granted { id, from, account, to, terms, about } => {
                if *account != grant_account(*from, *id) {
                    return Err(Fault::Grant("the account is not that of this grant"));
                }
                if self.grants.contains_key(id) {
                    return Err(Fault::Grant("this grant stands already"));
                }
                let names = (*from, *account);
                self.grants.insert(*id, Grant::new(names, to.clone(), terms.clone(), *about, entry.time));
                self.saw(*id);
            }
            Fact::Filled { grant, from, to, amount } => {
                self.fill(entry.time, *grant, (*from, *to), *amount)?
            }
            Fact::Revoked { grant, from, to, amount } => self.revoke(*grant, (*from, *to), *amount)?,
            Fact::Accepted { job, hold, price } => {
                self.books.hold(job.id, job.payer(), *hold)?;
                self.saw(job.id);
                let open = OpenJob { job: job.clone(), hold: *hold, price: *price, accepted: entry.time };
                self.open.insert(job.id, open);
            }
            Fact::Settled { id, legs, .. } => {
                self.books.resolve(*id, legs)?;
                if let Some(open) = self.open.remove(id) {
                    self.hold_back(entry.time, &open.job, legs);
                }
            }
            Fact::Matured { worker, capability, payments, amount } => {
                self.mature(*worker, capability, *payments, *amount)?
            }
            Fact::Appealed { job } => {
                let case = self.cases.get_mut(job).filter(|case| case.appealed.is_none());
                let case = case.ok_or(Fault::Late("there is no such case, or it was appealed already"))?;
                case.appealed = Some(entry.time);
            }
            Fact::Pardoned { job, worker, amount } => self.pardon(*job, *worker, *amount)?,
            Fact::Forfeited { job, worker, legs } => self.forfeit(*job, *worker, legs)?,
            Fact::Validated { capability, results, evidence } => {
                let failed = || results.iter().filter(|of| of.verdict == Verdict::Failed).map(|of| of.job);
                let twice = failed().any(|job| failed().filter(|other| *other == job).count() > 1);
                if twice || failed().any(|job| self.cases.contains_key(&job)) {
                    return Err(Fault::Late("an answer is proven wrong once"));
                }
                for judged in results {
                    self.judged(entry.time, capability, judged, results, *evidence);
                }
            }
            Fact::Keys { account, decision, statement } => {
                self.keys.apply(entry.time, *account, *decision).map_err(Fault::Keys)?;
                if let Some(statement) = statement {
                    self.saw(statement.id);
                }
            }
            Fact::Peered { account, limit } => {
                self.books.set_credit(*account, *limit)?;
                self.peers.insert(*account);
            }
            Fact::Parted { account } => {
                let least = self.books.account(*account).least_credit();
                self.books.set_credit(*account, least)?;
                self.peers.remove(account);
            }
            Fact::Balanced { balances, .. } => {
                if *balances != self.books.balances() {
                    return Err(BooksError::OtherBalances.into());
                }
                self.balanced_at = entry.time;
                self.balanced_entries = entry.seq + 1;
            }
        }
        Ok(())
    }

    fn fill(
        &mut self,
        now: Timestamp,
        id: JobId,
        (from, to): (AccountId, AccountId),
        amount: Micro,
    ) -> Result<(), Fault> {
        let grant = self.grants.get_mut(&id).filter(|grant| (grant.from, grant.account) == (from, to));
        let grant = grant.ok_or(Fault::Grant("there is no such grant of this wallet"))?;
        let mut drawn = grant.clone();
        let account = self.books.account(to);
        drawn.draw(now, &account, amount).ok_or(Fault::Grant("more is set aside than the grant allows"))?;
        self.books.carry(from, to, amount)?;
        *grant = drawn;
        Ok(())
    }

    fn revoke(&mut self, id: JobId, (from, to): (AccountId, AccountId), amount: Micro) -> Result<(), Fault> {
        let grant = self.grants.get(&id).filter(|grant| (grant.account, grant.from) == (from, to));
        grant.ok_or(Fault::Grant("there is no such grant of this wallet"))?;
        let account = self.books.account(from);
        if account.debits_pending != Micro::ZERO {
            return Err(Fault::Grant("jobs of this grant are still open"));
        }
        if account.available() != amount {
            return Err(Fault::Grant("what goes back is not what was left"));
        }
        if amount > Micro::ZERO {
            self.books.carry(from, to, amount)?;
        }
        self.grants.remove(&id);
        Ok(())
    }

    fn record_mut(&mut self, worker: AccountId, capability: &CapabilityKind) -> &mut Record {
        self.records.entry(worker).or_default().entry(capability.clone()).or_default()
    }

    /// Notes which payments of a job wait, and for whom.
    fn hold_back(&mut self, now: Timestamp, job: &NewJob, legs: &[Leg]) {
        if !legs.iter().any(|leg| leg.late) {
            return;
        }
        // What comes back to a grant goes to who gave it: the grant may have ended by then.
        let granter =
            |payer| self.grants.values().find(|grant| grant.account == payer).map(|grant| grant.from);
        let payer = job.payer.map_or(job.account, |payer| granter(payer).unwrap_or(job.account));
        // The legs were paid out of one hold, so that their sum fits.
        let cost = legs.iter().fold(Micro::ZERO, |sum, leg| Micro(sum.0.saturating_add(leg.amount.0)));
        for leg in legs.iter().filter(|leg| leg.late) {
            let pay = Pay { amount: leg.amount, bound: Micro::ZERO };
            let payment = Payment { since: now, job: job.id, payer, cost, pay };
            self.record_mut(leg.to, &job.capability).paid(payment);
        }
    }

    fn mature(
        &mut self,
        worker: AccountId,
        capability: &CapabilityKind,
        payments: u32,
        amount: Micro,
    ) -> Result<(), Fault> {
        let record = self.records.get_mut(&worker).and_then(|kinds| kinds.get_mut(capability));
        let record = record.ok_or(Fault::Late("nothing is held back of this worker"))?;
        let payments = payments as usize;
        let sum = record.payments().take(payments).fold(Pay::default(), |sum, payment| sum.plus(payment.pay));
        if payments > record.payments().len() || sum.amount != amount {
            return Err(Fault::Late("what matures is not what was held back"));
        }
        self.books.carry(late_account(worker), worker, amount)?;
        record.mature(payments);
        Ok(())
    }

    fn judged(
        &mut self,
        now: Timestamp,
        capability: &CapabilityKind,
        judged: &Judged,
        results: &[Judged],
        evidence: Digest,
    ) {
        let record = self.record_mut(judged.worker, capability);
        let run_before = record.run();
        let payments = record.judged(&TrustRules::STANDARD, now, judged.verdict);
        if judged.verdict != Verdict::Failed {
            return;
        }
        let case = Case {
            worker: judged.worker,
            capability: capability.clone(),
            results: results.to_vec(),
            evidence,
            proven: now,
            payments,
            run_before,
            appealed: None,
        };
        self.cases.insert(judged.job, case);
    }

    /// The case of this job, if it is about this worker.
    fn case_of(&self, job: JobId, worker: AccountId) -> Result<&Case, Fault> {
        let case = self.cases.get(&job).filter(|case| case.worker == worker);
        case.ok_or(Fault::Late("there is no such case of this worker"))
    }

    fn pardon(&mut self, job: JobId, worker: AccountId, amount: Micro) -> Result<(), Fault> {
        let case = self.case_of(job, worker)?.clone();
        if case.amount() != amount {
            return Err(Fault::Late("what is given back is not what was at stake"));
        }
        if amount > Micro::ZERO {
            self.books.carry(late_account(worker), worker, amount)?;
        }
        self.record_mut(worker, &case.capability).pardoned(case.run_before);
        self.cases.remove(&job);
        Ok(())
    }

    fn forfeit(&mut self, job: JobId, worker: AccountId, legs: &[Leg]) -> Result<(), Fault> {
        if self.case_of(job, worker)?.legs(job) != legs {
            return Err(Fault::Late("what is forfeited does not go where it should"));
        }
        let fits = |leg: &Leg| self.books.account(leg.to).credits_posted.checked_add(leg.amount).is_some();
        if !legs.iter().all(fits) {
            return Err(BooksError::Overflow.into());
        }
        // The account for late pay has all of it.
        for leg in legs {
            self.books.carry(late_account(worker), leg.to, leg.amount)?;
        }
        self.cases.remove(&job);
        Ok(())
    }

    fn saw(&mut self, id: JobId) {
        self.newest_id_time = self.newest_id_time.max(id_time(id));
    }

    /// The number of the next entry; how many there are.
    pub fn entries(&self) -> u64 {
        self.next_seq
    }

    /// The owner's account, once founded.
    pub fn owner(&self) -> Option<AccountId> {
        self.owner
    }

    /// The books.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The jobs that are not settled.
    pub fn open(&self) -> &BTreeMap<JobId, OpenJob> {
        &self.open
    }

    /// The grants that stand.
    pub fn grants(&self) -> &BTreeMap<JobId, Grant> {
        &self.grants
    }

    /// Who had starter coins.
    pub fn starters(&self) -> &Starters {
        &self.starters
    }

    /// Whether an account is a peer realm's.
    pub fn is_peer(&self, account: AccountId) -> bool {
        self.peers.contains(&account)
    }

    /// Which key speaks for which wallet.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The results that were proven wrong, as long as something hangs on them.
    pub fn cases(&self) -> &Cases {
        &self.cases
    }

    /// What is known of all workers' results.
    pub(crate) fn all_records(&self) -> impl Iterator<Item = (AccountId, &CapabilityKind, &Record)> {
        self.records.iter().flat_map(|(worker, kinds)| kinds.iter().map(|(kind, of)| (*worker, kind, of)))
    }

    /// What is known of a worker's results, by capability; nothing before the first verdict.
    pub fn records(&self, worker: AccountId) -> impl Iterator<Item = (&CapabilityKind, &Record)> {
        self.records.get(&worker).into_iter().flatten()
    }

    /// What is known of a worker's results in one capability; nothing before the first verdict.
    pub fn record(&self, worker: AccountId, kind: &CapabilityKind) -> Option<&Record> {
        self.records.get(&worker)?.get(kind)
    }

    /// Whether it is so long ago that the balances were written down, and anything has happened since.
    pub(crate) fn are_balances_due(&self, now: Timestamp, interval_ms: u64) -> bool {
        self.next_seq > self.balanced_entries && now.since_ms(self.balanced_at) >= interval_ms
    }

    /// The time in the newest id that was ever taken, see [`id_time`].
    pub(crate) fn newest_id_time(&self) -> u64 {
        self.newest_id_time
    }
}

/// Why a fact can't be made true.
enum Fault {
    Books(BooksError),
    Grant(&'static str),
    Late(&'static str),
    Started,
    Keys(&'static str),
}

impl From<BooksError> for Fault {
    fn from(error: BooksError) -> Self {
        Self::Books(error)
    }
}

/// The time that a time-ordered id carries in its upper 48 bits: milliseconds, if its maker kept to the rule.
pub(crate) fn id_time(id: JobId) -> u64 {
    // 48 bits always fit.
    (id.0 >> 80) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_must_follow_each_other() {
        let mut state = State::default();
        let entry = |seq, fact| Entry { seq, time: Timestamp(0), fact };
        let issue = |seq| entry(seq, Fact::Issued { id: JobId(1), to: AccountId(9), amount: Micro(5) });
        assert_eq!(state.apply(&issue(0)), Err(Corrupt::Founding(0)));
        state.apply(&entry(0, Fact::Founded { owner: AccountId(9) })).unwrap();
        assert_eq!(state.apply(&issue(2)), Err(Corrupt::Order { expected: 1, found: 2 }));
        state.apply(&issue(1)).unwrap();
        assert_eq!(state.apply(&issue(1)), Err(Corrupt::Order { expected: 2, found: 1 }));
        assert_eq!(state.apply(&entry(2, Fact::Founded { owner: AccountId(9) })), Err(Corrupt::Founding(2)));
        let settle = entry(
            2,
            Fact::Settled {
                id: JobId(7),
                outcome: crate::Outcome::Failed,
                usage: Default::default(),
                legs: vec![],
                output: None,
                receipt: None,
            },
        );
        assert_eq!(state.apply(&settle), Err(Corrupt::Books(2, BooksError::HoldUnknown)));
        assert_eq!((state.entries(), state.books().account(AccountId(9)).available()), (2, Micro(5)));
    }
}
