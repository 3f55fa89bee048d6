//! Coins of one account, some of them bound: starter coins can be spent on jobs, and never be sent on or withdrawn, by nobody
//! that they were paid to either.

use mtor_core::trust::Pay;
use mtor_protocol::Micro;

/// What an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Purse {
    pub(super) free: u64,
    pub(super) bound: u64,
}

impl Purse {
    pub(super) fn of(free: u64) -> Self {
        Self { free, bound: 0 }
    }

    pub(super) fn total(self) -> u64 {
        self.free + self.bound
    }

    pub(super) fn put(&mut self, pay: Pay) {
        self.bound += pay.bound.0;
        self.free += pay.amount.0 - pay.bound.0;
    }

    /// Takes so much, bound coins first; nothing when there is not enough.
    pub(super) fn take(&mut self, amount: u64) -> Option<Pay> {
        if self.total() < amount {
            return None;
        }
        let bound = self.bound.min(amount);
        self.bound -= bound;
        self.free -= amount - bound;
        Some(Pay { amount: Micro(amount), bound: Micro(bound) })
    }
}

/// A part of a payment, which is bound in proportion; never less than that.
pub(super) fn part(of: Pay, amount: u64) -> Pay {
    let bound = of.bound.scaled(amount, of.amount.0);
    let rounded_up =
        u64::from(of.bound.0 > 0 && bound.0 < amount && bound.scaled(of.amount.0, amount.max(1)) < of.bound);
    Pay { amount: Micro(amount), bound: Micro((bound.0 + rounded_up).min(of.bound.0)) }
}

/// What is left of a payment without a part of it.
pub(super) fn rest(of: Pay, part: Pay) -> Pay {
    Pay { amount: Micro(of.amount.0 - part.amount.0), bound: Micro(of.bound.0 - part.bound.0) }
}
