//! Coins move between wallets; at home the owner's wallet is kept funded and fills those of the household.

use mtor_protocol::{AccountId, Digest, JobId, Micro, ProblemKind, Timestamp};

use super::{Finished, Output, Realm, Ticket, Transfer};
use crate::books::{BURN, ESCROW, ISSUER, TREASURY};
use crate::entry::Fact;
use crate::state::Corrupt;

impl Realm {
    #[expect(clippy::too_many_arguments, reason = "each is a part of one input, handed on as it came")]
    pub(super) fn transfer(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        id: JobId,
        (from, to): (AccountId, AccountId),
        amount: Micro,
        memo: Digest,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let this = Transfer { from, to, amount, memo };
        if let Some(known) = self.known(id) {
            outputs.push(match known == Finished::Transfer(Box::new(this)) {
                true => Output::Done { ticket },
                false => Self::refuse(ticket, ProblemKind::Conflict, format!("{id} is another request")),
            });
            return Ok(());
        }
        self.fund_owner_for(now, from, outputs)?;
        let account = self.state.books().account(from);
        let (available, sendable) = (account.available(), account.sendable());
        let refusal = if amount == Micro::ZERO {
            Some((ProblemKind::InvalidRequest, "the amount must be more than nothing".to_owned()))
        } else if from == to {
            Some((ProblemKind::InvalidRequest, "a wallet can't send coins to itself".to_owned()))
        } else if [ISSUER, ESCROW, BURN].contains(&to) {
            Some((ProblemKind::Forbidden, "this account takes no transfers".to_owned()))
        } else if available < amount {
            Some((ProblemKind::InsufficientFunds, format!("{available} coins are available, not {amount}")))
        } else if sendable < amount {
            let detail = format!(
                "{sendable} coins can be sent, not {amount}: {} of the {available} that are available are bound, and can be spent, not sent",
                account.bound
            );
            Some((ProblemKind::InsufficientFunds, detail))
        } else if self.state.books().account(to).credits_posted.checked_add(amount).is_none() {
            Some((ProblemKind::InvalidRequest, "the amount is larger than an account can hold".to_owned()))
        } else {
            None
        };
        if let Some((kind, detail)) = refusal {
            outputs.push(Self::refuse(ticket, kind, detail));
            return Ok(());
        }
        self.record(now, Fact::Transferred { id, from, to, amount, memo }, outputs)?;
        self.remember(id, Finished::Transfer(Box::new(this)));
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    pub(super) fn welcome(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        id: JobId,
        to: AccountId,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some(private) = self.config.private else {
            let detail = "this realm is not in private mode: ask somebody to send you coins";
            outputs.push(Self::refuse(ticket, ProblemKind::Forbidden, detail));
            return Ok(());
        };
        if let Some(Finished::Transfer(known)) = self.known(id)
            && (known.from, known.to) == (private.owner, to)
        {
            outputs.push(Output::Done { ticket });
            return Ok(());
        }
        self.fund_owner(now, outputs)?;
        let missing = private.welcome.saturating_sub(self.state.books().account(to).available());
        if to == private.owner || missing == Micro::ZERO {
            outputs.push(Output::Done { ticket });
            return Ok(());
        }
        self.transfer(now, ticket, id, (private.owner, to), missing, Digest([0; 32]), outputs)
    }

    /// Before an account pays: if it is the owner's, or the realm's own, it is filled up.
    pub(super) fn fund_owner_for(
        &mut self,
        now: Timestamp,
        payer: AccountId,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        match self.config.private {
            Some(private) if private.owner == payer => self.fund_owner(now, outputs),
            Some(private) if payer == TREASURY => self.fund_treasury(now, private.welcome, outputs),
            _ => Ok(()),
        }
    }

    /// In private mode the realm's own jobs do not wait until it has earned something: the treasury is filled up like a
    /// wallet of the household.
    fn fund_treasury(
        &mut self,
        now: Timestamp,
        fill: Micro,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let available = self.state.books().account(TREASURY).available();
        if available >= Micro(fill.0 / 2) {
            return Ok(());
        }
        self.issue(now, TREASURY, fill.saturating_sub(available), outputs)
    }

    /// In private mode the owner never runs dry.
    pub(super) fn fund_owner(&mut self, now: Timestamp, outputs: &mut Vec<Output>) -> Result<(), Corrupt> {
        let Some(private) = self.config.private else { return Ok(()) };
        // Of coins that are bound the owner could not fill others' wallets.
        let available = self.state.books().account(private.owner).sendable();
        if available >= private.owner_floor {
            return Ok(());
        }
        self.issue(now, private.owner, private.owner_fill.saturating_sub(available), outputs)
    }

    fn issue(
        &mut self,
        now: Timestamp,
        to: AccountId,
        amount: Micro,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        // Time-ordered like every id, and unique, since no two entries have the same number.
        let id = JobId(u128::from(now.0) << 80 | u128::from(self.state.entries()));
        self.record(now, Fact::Issued { id, to, amount }, outputs)
    }
}
