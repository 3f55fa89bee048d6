//! A new wallet gets its starter coins: once, and as long as there are some today.

use mtor_protocol::{AccountId, JobId, Micro, Problem, ProblemKind, Timestamp};

use super::{Output, Realm, Ticket};
use crate::entry::Fact;
use crate::state::Corrupt;

impl Realm {
    pub(super) fn start(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        id: JobId,
        to: AccountId,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        match self.starter_coins(now, to) {
            Ok(amount) => {
                self.record(now, Fact::Started { id, to, amount }, outputs)?;
                outputs.push(Output::Done { ticket });
            }
            Err(problem) => outputs.push(Output::Refused { ticket, problem }),
        }
        Ok(())
    }

    /// How many starter coins this wallet would get now.
    ///
    /// # Errors
    /// Why none; when only today's are gone, with the seconds until there are new ones.
    pub fn starter_coins(&self, now: Timestamp, to: AccountId) -> Result<Micro, Problem> {
        let Some(rules) = self.config.starter else {
            let detail = "this realm gives no starter coins: ask somebody to send you some";
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        };
        let starters = self.state.starters();
        if starters.has(to) {
            let detail = "this wallet had its starter coins already; every wallet gets them once";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let left = rules.daily.saturating_sub(starters.given(now));
        if left < rules.coins {
            let detail = format!(
                "{left} of today's {} starter coins are left, and a wallet gets {}; there are new ones at midnight UTC",
                rules.daily, rules.coins
            );
            let wait_s = starters.next_day_s(now);
            return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(wait_s));
        }
        if self.state.books().account(to).credits_posted.checked_add(rules.coins).is_none() {
            let detail = "the amount is larger than an account can hold";
            return Err(Problem::new(ProblemKind::InvalidRequest, detail));
        }
        Ok(rules.coins)
    }
}
