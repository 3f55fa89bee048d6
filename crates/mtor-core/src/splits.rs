//! How a payment is divided: so much to the workers, so much to the treasury, so much out of the world.

use mtor_protocol::Micro;

/// The whole of a payment.
const ALL: u16 = 1_000;

/// The parts of each payment, in thousandths. They always make a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splits {
    worker: u16,
    treasury: u16,
    burn: u16,
}

/// Parts that don't make a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("worker {worker}, treasury {treasury} and burn {burn} thousandths make {sum}, and must make {ALL}", sum = self.sum())]
pub struct SplitsError {
    worker: u16,
    treasury: u16,
    burn: u16,
}

impl SplitsError {
    fn sum(&self) -> u32 {
        u32::from(self.worker) + u32::from(self.treasury) + u32::from(self.burn)
    }
}

/// One payment, divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// For those who did the work.
    pub worker: Micro,
    /// For the realm.
    pub treasury: Micro,
    /// For nobody, ever.
    pub burn: Micro,
}

impl Splits {
    /// Parts in thousandths.
    ///
    /// # Errors
    /// When they don't sum to 1,000.
    pub const fn new(worker: u16, treasury: u16, burn: u16) -> Result<Self, SplitsError> {
        // In 32 bits the sum can't wrap.
        match worker as u32 + treasury as u32 + burn as u32 == ALL as u32 {
            true => Ok(Self { worker, treasury, burn }),
            false => Err(SplitsError { worker, treasury, burn }),
        }
    }

    /// The workers' part, in thousandths.
    pub const fn worker_permille(&self) -> u16 {
        self.worker
    }

    /// The treasury's part, in thousandths.
    pub const fn treasury_permille(&self) -> u16 {
        self.treasury
    }

    /// The part that is burnt, in thousandths.
    pub const fn burn_permille(&self) -> u16 {
        self.burn
    }

    /// Divides a payment. What rounding leaves goes to the treasury, or is burnt where the treasury gets nothing.
    pub fn divide(&self, cost: Micro) -> Parts {
        let part = |permille: u16| cost.scaled(permille.into(), ALL.into());
        let worker = part(self.worker);
        let rest = cost.saturating_sub(worker);
        let burn = if self.treasury == 0 { rest } else { part(self.burn) };
        Parts { worker, treasury: rest.saturating_sub(burn), burn }
    }
}

/// Nine tenths to the workers, a tenth to the treasury.
impl Default for Splits {
    fn default() -> Self {
        Self { worker: 900, treasury: 100, burn: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_that_make_no_whole_are_refused() {
        assert_eq!(Splits::new(900, 100, 0), Ok(Splits::default()));
        let error = Splits::new(900, 100, 50).unwrap_err().to_string();
        assert!(error.contains("make 1050, and must make 1000"), "{error}");
        assert!(Splits::new(u16::MAX, u16::MAX, u16::MAX).is_err());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nobody_has_a_part_that_is_not_theirs(cost: u64, worker in 0u16..=1_000, treasury in 0u16..=1_000) {
            prop_assume!(worker + treasury <= 1_000);
            let splits = Splits::new(worker, treasury, 1_000 - worker - treasury).unwrap();
            let Parts { worker: wage, treasury: income, burn } = splits.divide(Micro(cost));
            prop_assert_eq!(u128::from(wage.0) + u128::from(income.0) + u128::from(burn.0), u128::from(cost));
            prop_assert!(worker > 0 || wage == Micro::ZERO);
            prop_assert!(treasury > 0 || income == Micro::ZERO || worker == 1_000);
            prop_assert!(splits.burn_permille() > 0 || burn == Micro::ZERO || treasury == 0);
        }
    }
}
