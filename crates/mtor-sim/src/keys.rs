//! The keys of wallets: what clients say about them, and what an observer knows of whom each belongs to, without asking the realm.

use std::collections::{BTreeMap, BTreeSet};

use mtor_core::{Entry, Fact, KeyDecision};
use mtor_identity::{Keypair, sign_keys, verify_keys};
use mtor_protocol::{AccountId, JobId, KeyChange, KeyId, KeyStatement, Timestamp};

use crate::answer::realm_key;
use crate::defaults;
use crate::dice::Dice;
use crate::promises::{Checked, Promise, ensure};

/// The number of a client's first key.
pub(crate) const FIRST: u32 = 0;

/// A client's key, by its number: the same in every run.
pub(crate) fn key(client: usize, number: u32) -> Keypair {
    let mut seed = [0; 32];
    seed[0] = 1 + client as u8;
    seed[1..5].copy_from_slice(&number.to_le_bytes());
    Keypair::from_seed(seed)
}

/// The keys that a client has, and what it said with them. It never knows which of them is the wallet's: an answer may have been lost.
#[derive(Debug)]
pub(crate) struct KeyRing {
    client: usize,
    /// Keys that are, were or may be the wallet's.
    held: Vec<u32>,
    recovery: Vec<u32>,
    asks: Vec<JobId>,
    next: u32,
}

impl KeyRing {
    pub(crate) fn new(client: usize) -> Self {
        Self { client, held: vec![FIRST], recovery: Vec::new(), asks: Vec::new(), next: FIRST + 1 }
    }

    /// What it says next. Old keys are tried as well, as by whoever has stolen one.
    pub(crate) fn act(&mut self, id: JobId, dice: &mut Dice) -> KeyStatement {
        let by = mostly_the_newest(&self.held, dice);
        match dice.range(0..10) {
            0..2 => {
                let next = self.make();
                self.held.push(next);
                self.say(id, by, Some(next), |next| KeyChange::Rotate { next })
            }
            2..5 => {
                let recovery = self.make();
                self.recovery.push(recovery);
                let key = Some(key(self.client, recovery).did());
                self.say(id, by, None, |_| KeyChange::NameRecovery { key })
            }
            5..9 if !self.recovery.is_empty() => {
                let (by, next) = (mostly_the_newest(&self.recovery, dice), self.make());
                self.held.push(next);
                self.asks.push(id);
                self.say(id, by, Some(next), |next| KeyChange::AskRecovery { next })
            }
            _ if !self.asks.is_empty() => {
                let ask = dice.pick(&self.asks);
                self.say(id, by, None, |_| KeyChange::Veto { ask })
            }
            _ => self.say(id, by, None, |_| KeyChange::NameRecovery { key: None }),
        }
    }

    fn make(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn say(
        &self,
        id: JobId,
        by: u32,
        next: Option<u32>,
        change: impl FnOnce(mtor_protocol::Did) -> KeyChange,
    ) -> KeyStatement {
        let by = key(self.client, by);
        let next = next.map(|number| key(self.client, number));
        let change = change(next.as_ref().unwrap_or(&by).did());
        let wallet = defaults::wallet(self.client);
        sign_keys(&by, next.as_ref(), realm_key().did().as_str(), id, wallet, change)
    }
}

fn mostly_the_newest(numbers: &[u32], dice: &mut Dice) -> u32 {
    match numbers.last() {
        Some(newest) if dice.chance(700) => *newest,
        Some(_) => dice.pick(numbers),
        None => FIRST,
    }
}

/// Whose which key is, by the journal and the signatures in it alone.
#[derive(Debug, Default)]
pub(crate) struct KeyWatch {
    current: BTreeMap<AccountId, KeyId>,
    recovery: BTreeMap<AccountId, KeyId>,
    pending: BTreeMap<AccountId, (JobId, KeyId, Timestamp)>,
    vetoed: BTreeSet<JobId>,
    pub(crate) changes: u64,
    pub(crate) recoveries: u64,
}

impl KeyWatch {
    /// Nobody but a wallet's key, or in time its recovery key, has changed anything.
    pub(crate) fn entry(&mut self, entry: &Entry) -> Checked {
        let Fact::Keys { account, decision, statement } = &entry.fact else { return Ok(()) };
        let current = self.current.get(account).copied().unwrap_or(account.first_key());
        let stated = statement.as_ref().and_then(|said| verify_keys(said, realm_key().did().as_str()).ok());
        let by = stated.map(|stated| stated.by);
        let wrong = || {
            format!("entry {}: {decision:?} of {account:?}, whose key is {current:?}, by {by:?}", entry.seq)
        };
        let holds = |holds: bool| ensure(holds, Promise::Identity, wrong);
        self.changes += 1;
        match *decision {
            KeyDecision::Rotated { key } => {
                holds(by == Some(current))?;
                self.current.insert(*account, key);
            }
            KeyDecision::RecoveryNamed { key } => {
                holds(by == Some(current))?;
                match key {
                    Some(key) => self.recovery.insert(*account, key),
                    None => self.recovery.remove(account),
                };
            }
            KeyDecision::RecoveryAsked { ask, key, due } => {
                holds(by.is_some() && by == self.recovery.get(account).copied())?;
                holds(due >= entry.time.plus_ms(defaults::config().recovery_delay_ms))?;
                self.pending.insert(*account, (ask, key, due));
            }
            KeyDecision::Vetoed { ask } => {
                holds(by == Some(current))?;
                holds(self.pending.remove(account).is_some_and(|pending| pending.0 == ask))?;
                self.recovery.remove(account);
                self.vetoed.insert(ask);
            }
            KeyDecision::Recovered { ask, key } => {
                let pending = self.pending.remove(account);
                holds(
                    pending
                        .is_some_and(|(asked, next, due)| (asked, next) == (ask, key) && entry.time >= due),
                )?;
                holds(!self.vetoed.contains(&ask))?;
                self.recoveries += 1;
                self.current.insert(*account, key);
            }
        }
        Ok(())
    }
}
