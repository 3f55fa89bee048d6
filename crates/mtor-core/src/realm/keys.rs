//! A wallet's key changes: at once when its own key says so, after a delay when its recovery key does.

use std::collections::BTreeSet;

use mtor_protocol::{
    AccountId, KeyChange, KeyId, KeyStatement, Problem, ProblemKind, RecoveryPending, Timestamp, limits,
};

use super::{Finished, Output, Realm, Ticket};
use crate::entry::Fact;
use crate::keys::KeyDecision;
use crate::state::{Corrupt, State};

/// When recoveries take effect.
#[derive(Debug, Default)]
pub(super) struct RecoveryIndex(BTreeSet<(Timestamp, AccountId)>);

impl RecoveryIndex {
    pub(super) fn new(state: &State) -> Self {
        Self(state.keys().pending().collect())
    }

    /// When the next one does.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.0.first().map(|(due, _)| *due)
    }

    fn due(&self, now: Timestamp) -> Option<AccountId> {
        self.0.first().filter(|(due, _)| *due <= now).map(|(_, account)| *account)
    }
}

impl Realm {
    pub(super) fn change_keys(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        statement: Box<KeyStatement>,
        by: KeyId,
        named: Option<KeyId>,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let id = statement.id;
        if let Some(known) = self.known(id) {
            outputs.push(match known == Finished::Keys(statement) {
                true => Output::Done { ticket },
                false => Self::refuse(ticket, ProblemKind::Conflict, format!("{id} is another request")),
            });
            return Ok(());
        }
        let account = self.state.keys().account_of(statement.wallet.first_key());
        let decision = match self.decide_keys(now, account, &statement, by, named) {
            Ok(decision) => decision,
            Err(problem) => {
                outputs.push(Output::Refused { ticket, problem });
                return Ok(());
            }
        };
        let fact = Fact::Keys { account, decision, statement: Some(statement.clone()) };
        self.record_keys(now, account, fact, outputs)?;
        self.remember(id, Finished::Keys(statement));
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    /// Recoveries that nobody has said no to in time take effect.
    pub(super) fn finish_recoveries(
        &mut self,
        now: Timestamp,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        while let Some(account) = self.recoveries.due(now) {
            let Some(RecoveryPending { ask, next, .. }) = self.state.keys().of(account).pending else {
                self.recoveries = RecoveryIndex::new(&self.state);
                continue;
            };
            let decision = KeyDecision::Recovered { ask, key: next };
            let fact = Fact::Keys { account, decision, statement: None };
            self.record_keys(now, account, fact, outputs)?;
        }
        Ok(())
    }

    fn record_keys(
        &mut self,
        now: Timestamp,
        account: AccountId,
        fact: Fact,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let due = |realm: &Self| realm.state.keys().of(account).pending.map(|pending| (pending.due, account));
        let before = due(self);
        self.record(now, fact, outputs)?;
        let after = due(self);
        before.map(|before| self.recoveries.0.remove(&before));
        self.recoveries.0.extend(after);
        Ok(())
    }

    fn decide_keys(
        &self,
        now: Timestamp,
        account: AccountId,
        statement: &KeyStatement,
        by: KeyId,
        named: Option<KeyId>,
    ) -> Result<KeyDecision, Problem> {
        let wallet = self.state.keys().of(account);
        let forbidden = |detail: &str| Err(Problem::new(ProblemKind::Forbidden, detail));
        let conflict = |detail: &str| Err(Problem::new(ProblemKind::Conflict, detail));
        let invalid = |detail: &str| Err(Problem::new(ProblemKind::InvalidRequest, detail).param("change"));
        let asks = matches!(statement.change, KeyChange::AskRecovery { .. });
        match asks {
            true if wallet.recovery != Some(by) => {
                return forbidden("this wallet has not named this key as its recovery key");
            }
            false if wallet.current != by => {
                return forbidden("only the key that the wallet has now can say this");
            }
            _ => {}
        }
        if let KeyChange::Veto { ask } = statement.change {
            return match wallet.pending {
                Some(pending) if pending.ask == ask => Ok(KeyDecision::Vetoed { ask }),
                _ => conflict("there is no such recovery to say no to, or not any more"),
            };
        }
        if wallet.changes >= limits::KEY_CHANGES_MAX {
            let detail = format!("a wallet changes its keys at most {} times", limits::KEY_CHANGES_MAX);
            return conflict(&detail);
        }
        // Entries stay for ever, and shall cost somebody something.
        if !self.state.books().has(account) {
            return conflict(
                "this wallet never had any coins here: there is nothing to keep, so make a new one",
            );
        }
        match (&statement.change, named) {
            (KeyChange::NameRecovery { .. }, _) if wallet.pending.is_some() => {
                conflict("a recovery was asked for: veto it first")
            }
            (KeyChange::NameRecovery { .. }, key) => {
                match key.is_some_and(|key| self.state.keys().account_of(key) == account) {
                    true => invalid("a key that the wallet has or had can't be its recovery key"),
                    false => Ok(KeyDecision::RecoveryNamed { key }),
                }
            }
            (_, Some(key)) if self.is_used(key) => {
                invalid("the new key was used before; make one that is new")
            }
            (KeyChange::AskRecovery { .. }, _) if wallet.pending.is_some() => {
                conflict("the recovery key has asked already")
            }
            (KeyChange::Rotate { .. }, Some(key)) => Ok(KeyDecision::Rotated { key }),
            (KeyChange::AskRecovery { .. }, Some(key)) => {
                let due = now.plus_ms(self.config.recovery_delay_ms);
                Ok(KeyDecision::RecoveryAsked { ask: statement.id, key, due })
            }
            _ => invalid("it names no key"),
        }
    }

    /// Whether a key has been anything to this realm: as a wallet's key that it would take from somebody, or as a wallet whose
    /// coins and records would be nobody's.
    fn is_used(&self, key: KeyId) -> bool {
        let account = key.first_of();
        self.state.keys().knows(key)
            || self.state.books().has(account)
            || self.state.starters().has(account)
            || self.state.records(account).next().is_some()
            || self.open_by_wallet.contains_key(&account)
            || self.grants.concern(account)
            || self.workers.values().any(|worker| worker.account == account)
            // Gone, and still to be paid for its part.
            || self.jobs.values().any(|job| job.parts.iter().any(|(worker, _)| *worker == account))
    }
}
