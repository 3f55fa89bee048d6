//! Double-entry books on TigerBeetle's model: accounts with pending and posted debits and credits; transfers; holds
//! (pending transfers) that resolve exactly once. Every change sums to zero.
//!
//! Some coins are bound: they can be spent, not sent. An account knows how many of its coins are; holds and payments take
//! them first and carry them, so that whoever is paid with them has them bound as well. What comes into being bound stays so.

use std::collections::BTreeMap;

use mtor_protocol::{AccountId, JobId, Micro};
use serde::{Deserialize, Serialize};

use crate::entry::Leg;

/// Where coins come from. The only account that may go below zero: its debt is all the money there is.
pub const ISSUER: AccountId = AccountId(1);
/// The other side of every hold, while it stands.
pub const ESCROW: AccountId = AccountId(2);
/// The realm's own income.
pub const TREASURY: AccountId = AccountId(3);
/// Where coins go that nobody shall have any more. Nothing ever comes out of it.
pub const BURN: AccountId = AccountId(4);

/// Whether an account is one of the realm's own, and no wallet's.
pub fn is_the_realms(account: AccountId) -> bool {
    [ISSUER, ESCROW, TREASURY, BURN].contains(&account)
}

/// One account's sums, ever growing but for the pending ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Held for jobs that are not settled.
    pub debits_pending: Micro,
    /// Went out, ever.
    pub debits_posted: Micro,
    /// May come in.
    pub credits_pending: Micro,
    /// Came in, ever.
    pub credits_posted: Micro,
    /// How much of what is available can be spent, but not sent.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub bound: Micro,
    /// How far below zero it may go for jobs: for the accounts of peer realms.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub credit: Micro,
}

fn is_nothing(amount: &Micro) -> bool {
    *amount == Micro::ZERO
}

impl Account {
    /// What can be spent now: what came in, less what went out, less what is held; and what may be owed.
    pub fn available(&self) -> Micro {
        let most = u128::from(self.credits_posted.0) + u128::from(self.credit.0);
        countable(most.saturating_sub(self.gone()))
    }

    /// The same without what may be owed: coins that are there.
    pub fn owned(&self) -> Micro {
        self.credits_posted.saturating_sub(self.debits_posted).saturating_sub(self.debits_pending)
    }

    /// How much is owed, if what is held is spent.
    pub fn owed(&self) -> Micro {
        countable(self.gone().saturating_sub(self.credits_posted.0.into()))
    }

    /// The lowest limit that it can have: what it owes, and its bound coins beside it, which stay.
    pub fn least_credit(&self) -> Micro {
        let out = self.gone() + u128::from(self.bound.0);
        countable(out.saturating_sub(self.credits_posted.0.into()))
    }

    /// What went out, and what is held. Wider than an amount, since with credit it may be more than coins can be.
    fn gone(&self) -> u128 {
        u128::from(self.debits_posted.0) + u128::from(self.debits_pending.0)
    }

    /// What can be sent now: what is there and not bound.
    pub fn sendable(&self) -> Micro {
        self.owned().saturating_sub(self.bound)
    }
}

fn countable(amount: u128) -> Micro {
    Micro(u64::try_from(amount).unwrap_or(u64::MAX))
}

/// A pending transfer from a wallet: reserved, not yet paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who pays.
    pub from: AccountId,
    /// At most.
    pub amount: Micro,
    /// How much of it is bound.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub bound: Micro,
}

/// Why the books refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BooksError {
    /// More than is available.
    #[error("{available} coins are available, {needed} are needed")]
    Insufficient {
        /// What is there.
        available: Micro,
        /// What is asked.
        needed: Micro,
    },
    /// More than can be sent.
    #[error("{sendable} coins can be sent, {needed} are needed; {bound} more can be spent, not sent")]
    Bound {
        /// What is there and not bound.
        sendable: Micro,
        /// What is there and bound.
        bound: Micro,
        /// What is asked.
        needed: Micro,
    },
    /// A hold of this name stands already.
    #[error("this hold stands already")]
    HoldExists,
    /// No hold of this name stands.
    #[error("this hold does not stand, or was resolved already")]
    HoldUnknown,
    /// Less credit than is owed already.
    #[error("{owed} coins are owed already: the limit can't be lower")]
    Owed {
        /// How much.
        owed: Micro,
    },
    /// From the account of what is burnt.
    #[error("what is burnt does not come back")]
    Burnt,
    /// Legs beyond the hold.
    #[error("the legs sum to more than the hold")]
    BeyondHold,
    /// From an account to itself.
    #[error("the two sides of a transfer are the same account")]
    SameAccount,
    /// An account would exceed what can be counted.
    #[error("the amount is larger than the books can count")]
    Overflow,
    /// Balances were written down that are not those of the books.
    #[error("the balances in it are not those that the entries before it lead to")]
    OtherBalances,
    /// The books do not balance.
    #[error("the books do not balance: {0}")]
    Unbalanced(&'static str),
}

/// All accounts, and the holds that stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Books {
    accounts: BTreeMap<AccountId, Account>,
    holds: BTreeMap<JobId, Hold>,
}

impl Books {
    /// An account; empty when it was never used.
    pub fn account(&self, id: AccountId) -> Account {
        self.accounts.get(&id).copied().unwrap_or_default()
    }

    /// Whether an account was ever used.
    pub fn has(&self, id: AccountId) -> bool {
        self.accounts.contains_key(&id)
    }

    /// All accounts that were ever used.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (AccountId, &Account)> {
        self.accounts.iter().map(|(id, account)| (*id, account))
    }

    /// The hold of this name, if it stands.
    pub fn standing_hold(&self, id: JobId) -> Option<Hold> {
        self.holds.get(&id).copied()
    }

    /// How many holds stand.
    pub fn holds(&self) -> usize {
        self.holds.len()
    }

    /// Moves money from a wallet to another now: coins that are not bound, alone.
    ///
    /// # Errors
    /// [`BooksError`]; nothing has changed then.
    pub fn transfer(&mut self, from: AccountId, to: AccountId, amount: Micro) -> Result<(), BooksError> {
        let account = self.account(from);
        if from != ISSUER && account.available() >= amount && account.sendable() < amount {
            let (sendable, bound) = (account.sendable(), account.bound);
            return Err(BooksError::Bound { sendable, bound, needed: amount });
        }
        self.post(from, to, amount, Micro::ZERO)
    }

    /// Moves money between a wallet and an account that is its own too: bound coins first, which stay so.
    ///
    /// # Errors
    /// [`BooksError`]; nothing has changed then.
    pub fn carry(&mut self, from: AccountId, to: AccountId, amount: Micro) -> Result<(), BooksError> {
        let account = self.account(from);
        if account.credit > Micro::ZERO && account.owned() < amount {
            return Err(BooksError::Insufficient { available: account.owned(), needed: amount });
        }
        let bound = self.account(from).bound.min(amount);
        self.post(from, to, amount, bound)?;
        let payer = self.entry(from);
        payer.bound = payer.bound.saturating_sub(bound);
        Ok(())
    }

    /// Lets an account owe so much for jobs.
    ///
    /// # Errors
    /// [`BooksError::Owed`] when it owes more already; nothing has changed then.
    pub fn set_credit(&mut self, id: AccountId, limit: Micro) -> Result<(), BooksError> {
        let owed = self.account(id).least_credit();
        if is_the_realms(id) || limit < owed {
            return Err(BooksError::Owed { owed });
        }
        self.entry(id).credit = limit;
        Ok(())
    }

    /// New coins that can be spent, not sent.
    ///
    /// # Errors
    /// [`BooksError`]; nothing has changed then.
    pub fn issue_bound(&mut self, to: AccountId, amount: Micro) -> Result<(), BooksError> {
        self.post(ISSUER, to, amount, amount)
    }

    /// Moves money of which so much arrives bound.
    fn post(
        &mut self,
        from: AccountId,
        to: AccountId,
        amount: Micro,
        bound: Micro,
    ) -> Result<(), BooksError> {
        if from == to {
            return Err(BooksError::SameAccount);
        }
        self.check_available(from, amount)?;
        let debited = self.account(from).debits_posted.checked_add(amount).ok_or(BooksError::Overflow)?;
        let credited = self.account(to).credits_posted.checked_add(amount).ok_or(BooksError::Overflow)?;
        self.entry(from).debits_posted = debited;
        let receiver = self.entry(to);
        receiver.credits_posted = credited;
        // Never beyond what came in, which fits.
        receiver.bound = Micro(receiver.bound.0.saturating_add(bound.0));
        Ok(())
    }

    /// Reserves money for a job: bound coins first.
    ///
    /// # Errors
    /// [`BooksError`]; nothing has changed then.
    pub fn hold(&mut self, id: JobId, from: AccountId, amount: Micro) -> Result<(), BooksError> {
        if self.holds.contains_key(&id) {
            return Err(BooksError::HoldExists);
        }
        self.check_available(from, amount)?;
        let debited = self.account(from).debits_pending.checked_add(amount).ok_or(BooksError::Overflow)?;
        let credited =
            self.account(ESCROW).credits_pending.checked_add(amount).ok_or(BooksError::Overflow)?;
        let payer = self.entry(from);
        let bound = payer.bound.min(amount);
        payer.bound = payer.bound.saturating_sub(bound);
        payer.debits_pending = debited;
        self.entry(ESCROW).credits_pending = credited;
        self.holds.insert(id, Hold { from, amount, bound });
        Ok(())
    }

    /// Resolves a hold: posts the legs and releases the rest. No legs at all void it. Bound coins pay first, and each leg
    /// has its share of them.
    ///
    /// # Errors
    /// [`BooksError`]; nothing has changed then.
    pub fn resolve(&mut self, id: JobId, legs: &[Leg]) -> Result<(), BooksError> {
        let hold = *self.holds.get(&id).ok_or(BooksError::HoldUnknown)?;
        let sum = legs.iter().try_fold(Micro::ZERO, |sum, leg| sum.checked_add(leg.amount));
        let sum = sum.ok_or(BooksError::Overflow)?;
        if sum > hold.amount {
            return Err(BooksError::BeyondHold);
        }
        let debited = self.account(hold.from).debits_posted.checked_add(sum).ok_or(BooksError::Overflow)?;
        for leg in legs {
            // The legs together fit, since no account can hold more than was ever issued; each is checked all the same.
            self.account(leg.account()).credits_posted.checked_add(sum).ok_or(BooksError::Overflow)?;
        }
        let bound_paid = hold.bound.min(sum);
        let payer = self.entry(hold.from);
        payer.debits_pending = payer.debits_pending.saturating_sub(hold.amount);
        payer.debits_posted = debited;
        payer.bound = Micro(payer.bound.0.saturating_add(hold.bound.saturating_sub(bound_paid).0));
        let escrow = self.entry(ESCROW);
        escrow.credits_pending = escrow.credits_pending.saturating_sub(hold.amount);
        for (leg, bound) in legs.iter().zip(shares(bound_paid, sum, legs)) {
            let account = self.entry(leg.account());
            account.credits_posted = Micro(account.credits_posted.0 + leg.amount.0);
            account.bound = Micro(account.bound.0.saturating_add(bound.0));
        }
        self.holds.remove(&id);
        Ok(())
    }

    /// Checks that everything sums to zero, that the pending sums are those of the standing holds, and that nobody
    /// but the issuer is below zero, or below what it may owe.
    ///
    /// # Errors
    /// [`BooksError::Unbalanced`] with what is wrong.
    pub fn check(&self) -> Result<(), BooksError> {
        let sum = |of: fn(&Account) -> Micro| {
            self.accounts.values().map(|account| u128::from(of(account).0)).sum::<u128>()
        };
        let held: u128 = self.holds.values().map(|hold| u128::from(hold.amount.0)).sum();
        if sum(|account| account.debits_posted) != sum(|account| account.credits_posted) {
            return Err(BooksError::Unbalanced("posted debits and credits differ"));
        }
        if sum(|account| account.debits_pending) != held || sum(|account| account.credits_pending) != held {
            return Err(BooksError::Unbalanced("pending sums differ from the standing holds"));
        }
        let overdrawn = |(id, account): (&AccountId, &Account)| {
            *id != ISSUER
                && account.gone() > u128::from(account.credits_posted.0) + u128::from(account.credit.0)
        };
        if self.accounts.iter().any(overdrawn) {
            return Err(BooksError::Unbalanced("an account is below zero, or owes more than it may"));
        }
        let burnt = self.account(BURN);
        if (burnt.debits_posted, burnt.debits_pending) != (Micro::ZERO, Micro::ZERO) {
            return Err(BooksError::Unbalanced("something came out of what is burnt"));
        }
        let too_bound =
            |(id, account): (&AccountId, &Account)| *id != ISSUER && account.bound > account.available();
        if self.accounts.iter().any(too_bound) || self.holds.values().any(|hold| hold.bound > hold.amount) {
            return Err(BooksError::Unbalanced("more is bound than there is"));
        }
        Ok(())
    }

    /// All bound coins, held ones as well: only [`issue_bound`](Self::issue_bound) changes it.
    #[cfg(test)]
    pub(crate) fn bound_in_all(&self) -> u128 {
        let free = self.accounts.values().map(|account| u128::from(account.bound.0));
        free.chain(self.holds.values().map(|hold| u128::from(hold.bound.0))).sum()
    }

    fn check_available(&self, from: AccountId, needed: Micro) -> Result<(), BooksError> {
        if from == BURN {
            return Err(BooksError::Burnt);
        }
        let available = self.account(from).available();
        if from != ISSUER && available < needed {
            return Err(BooksError::Insufficient { available, needed });
        }
        Ok(())
    }

    fn entry(&mut self, id: AccountId) -> &mut Account {
        self.accounts.entry(id).or_default()
    }
}

/// Each leg's share of what is bound, in proportion to the leg: whole micros, none beyond its leg, and all of it in sum.
fn shares(bound: Micro, sum: Micro, legs: &[Leg]) -> impl Iterator<Item = Micro> {
    let mut paid = Micro::ZERO;
    let until = move |paid: Micro| bound.scaled(paid.0, sum.0);
    legs.iter().map(move |leg| {
        let before = until(paid);
        // The legs sum to `sum`, which fits.
        paid = Micro(paid.0.saturating_add(leg.amount.0));
        until(paid).saturating_sub(before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: AccountId = AccountId(10);
    const B: AccountId = AccountId(11);
    const C: AccountId = AccountId(12);

    #[derive(Debug, Clone)]
    enum Step {
        Transfer(AccountId, AccountId, u64),
        Carry(AccountId, AccountId, u64),
        IssueBound(AccountId, u64),
        Hold(u128, AccountId, u64),
        Resolve(u128, Vec<(AccountId, u64)>),
        Credit(AccountId, u64),
    }

    fn account() -> impl Strategy<Value = AccountId> {
        prop_oneof![Just(ISSUER), Just(BURN), Just(A), Just(B), Just(C)]
    }

    fn amount() -> impl Strategy<Value = u64> {
        prop_oneof![4 => 0u64..100, 1 => Just(u64::MAX), 1 => Just(u64::MAX / 2)]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (account(), account(), amount()).prop_map(|(from, to, amount)| Step::Transfer(from, to, amount)),
            (account(), account(), amount()).prop_map(|(from, to, amount)| Step::Carry(from, to, amount)),
            (account(), amount()).prop_map(|(to, amount)| Step::IssueBound(to, amount)),
            (0u128..5, account(), amount()).prop_map(|(id, from, amount)| Step::Hold(id, from, amount)),
            (account(), amount()).prop_map(|(of, limit)| Step::Credit(of, limit)),
            (0u128..5, prop::collection::vec((account(), amount()), 0..3))
                .prop_map(|(id, legs)| Step::Resolve(id, legs)),
        ]
    }

    proptest! {
        /// Whatever is asked in whatever order: the books balance, a refusal changes nothing, nothing that is bound gets
        /// free, and nothing that is free gets bound.
        #[test]
        fn the_books_always_balance(steps in prop::collection::vec(step(), 1..200)) {
            let mut books = Books::default();
            for step in steps {
                let before = books.clone();
                let mut came = 0;
                let result = match step {
                    Step::Carry(from, to, amount) => books.carry(from, to, Micro(amount)),
                    Step::IssueBound(to, amount) => {
                        let issued = books.issue_bound(to, Micro(amount));
                        came = issued.map_or(0, |()| u128::from(amount));
                        issued
                    }
                    Step::Transfer(from, to, amount) => books.transfer(from, to, Micro(amount)),
                    Step::Credit(of, limit) => books.set_credit(of, Micro(limit)),
                    Step::Hold(id, from, amount) => books.hold(JobId(id), from, Micro(amount)),
                    Step::Resolve(id, legs) => {
                        let legs: Vec<_> = legs.into_iter().map(|(to, amount)| Leg::new(to, Micro(amount))).collect();
                        books.resolve(JobId(id), &legs)
                    }
                };
                prop_assert_eq!(books.check(), Ok(()));
                prop_assert_eq!(books.bound_in_all(), before.bound_in_all() + came);
                if result.is_err() {
                    prop_assert_eq!(&books, &before);
                }
            }
        }
    }

    #[test]
    fn a_hold_posts_in_part_and_releases_the_rest_once() {
        let mut books = Books::default();
        books.transfer(ISSUER, A, Micro(100)).unwrap();
        books.hold(JobId(1), A, Micro(60)).unwrap();
        assert_eq!(books.account(A).available(), Micro(40));
        assert_eq!(books.hold(JobId(1), A, Micro(1)), Err(BooksError::HoldExists));
        assert_eq!(
            books.hold(JobId(2), A, Micro(41)),
            Err(BooksError::Insufficient { available: Micro(40), needed: Micro(41) })
        );
        let legs = [Leg::new(B, Micro(9)), Leg::new(TREASURY, Micro(1))];
        books.resolve(JobId(1), &legs).unwrap();
        assert_eq!(books.account(A).available(), Micro(90));
        assert_eq!(books.account(B).available(), Micro(9));
        assert_eq!(
            books.resolve(JobId(1), &legs),
            Err(BooksError::HoldUnknown),
            "a hold resolves exactly once"
        );
    }

    #[test]
    fn an_account_on_credit_owes_no_more_than_its_limit_and_sends_nothing_of_it() {
        let mut books = Books::default();
        books.set_credit(A, Micro(100)).unwrap();
        books.hold(JobId(1), A, Micro(70)).unwrap();
        let beyond = BooksError::Insufficient { available: Micro(30), needed: Micro(31) };
        assert_eq!(books.hold(JobId(2), A, Micro(31)), Err(beyond));
        books.resolve(JobId(1), &[Leg::new(B, Micro(60))]).unwrap();
        assert_eq!((books.account(A).owed(), books.account(A).available()), (Micro(60), Micro(40)));
        assert!(books.transfer(A, C, Micro(1)).is_err(), "what may be owed is for jobs");
        assert!(books.carry(A, C, Micro(1)).is_err());
        assert_eq!(books.set_credit(A, Micro(59)), Err(BooksError::Owed { owed: Micro(60) }));
        // Work that goes the other way is netted: it is the same account.
        books.transfer(B, A, Micro(60)).unwrap();
        assert_eq!((books.account(A).owed(), books.account(A).available()), (Micro::ZERO, Micro(100)));
        assert_eq!(books.check(), Ok(()));
    }

    #[test]
    fn bound_coins_pay_first_and_stay_bound() {
        let mut books = Books::default();
        books.transfer(ISSUER, A, Micro(100)).unwrap();
        books.issue_bound(A, Micro(50)).unwrap();
        assert_eq!((books.account(A).available(), books.account(A).sendable()), (Micro(150), Micro(100)));
        assert_eq!(
            books.transfer(A, B, Micro(101)),
            Err(BooksError::Bound { sendable: Micro(100), bound: Micro(50), needed: Micro(101) })
        );
        books.hold(JobId(1), A, Micro(80)).unwrap();
        assert_eq!((books.account(A).available(), books.account(A).bound), (Micro(70), Micro::ZERO));
        let legs = [Leg::new(B, Micro(54)), Leg::new(TREASURY, Micro(6))];
        books.resolve(JobId(1), &legs).unwrap();
        assert_eq!((books.account(B).available(), books.account(B).bound), (Micro(54), Micro(45)));
        assert_eq!(
            (books.account(TREASURY).available(), books.account(TREASURY).bound),
            (Micro(6), Micro(5))
        );
        assert_eq!(books.account(A).available(), Micro(90), "none of them bound");
        assert_eq!(books.account(A).bound, Micro::ZERO);
        books.transfer(B, C, Micro(9)).unwrap();
        assert!(books.transfer(B, C, Micro(1)).is_err(), "the rest came out of bound coins");
    }

    #[test]
    fn what_a_job_did_not_use_is_as_bound_as_before() {
        let mut books = Books::default();
        books.issue_bound(A, Micro(50)).unwrap();
        books.hold(JobId(1), A, Micro(40)).unwrap();
        books.resolve(JobId(1), &[Leg::new(A, Micro(10))]).unwrap();
        assert_eq!((books.account(A).available(), books.account(A).bound), (Micro(50), Micro(50)));
    }

    #[test]
    fn accounts_without_bound_coins_are_written_as_they_ever_were() {
        let account = Account { credits_posted: Micro(5), ..Account::default() };
        let json = serde_json::to_string(&account).unwrap();
        assert!(!json.contains("bound"), "{json}");
        assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), account);
    }
}
