//! A job whose answer the realm remembers: it is taken as any other, and settled at once. No worker is asked and none is
//! paid; a share of what the work cost goes to the treasury.

use mtor_protocol::{CapabilityKind, Digest, Effect, Micro, Timestamp, ToolInfo, Usage};

use super::{Finished, Output, Realm, Ticket};
use crate::TREASURY;
use crate::entry::{Fact, Leg, NewJob, Outcome};
use crate::state::Corrupt;

impl Realm {
    pub(super) fn recall(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: NewJob,
        (usage, output): (Usage, Digest),
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let (id, account, request) = (job.id, job.account, job.request);
        if self.accept(now, ticket, job, outputs)?.is_none() {
            return Ok(());
        }
        let Some(open) = self.state.open().get(&id) else { return Ok(()) };
        let cost =
            open.price.cost(&usage).scaled(self.config.memory_percent.min(100).into(), 100).min(open.hold);
        let mut legs = vec![Leg::new(TREASURY, cost)];
        legs.retain(|leg| leg.amount > Micro::ZERO);
        let (outcome, receipt) = (Outcome::Stop, None);
        self.record(now, Fact::Settled { id, outcome, usage, legs, output: Some(output), receipt }, outputs)?;
        self.remember(id, Finished::Job { account, request });
        outputs.push(Output::Settled {
            job: id,
            account,
            outcome,
            usage,
            cost,
            receipt,
            problem: None,
            time: now,
        });
        Ok(())
    }

    /// Whether all workers that offer this tool say that it only reads, and gives the same result for the same parameters.
    pub fn is_repeatable_tool(&self, capability: &CapabilityKind) -> bool {
        let offers = self.workers.values().flat_map(|worker| &worker.offers);
        let mut offers = offers.filter(|offer| offer.capability == *capability).peekable();
        let says_so = |tool: &ToolInfo| tool.repeatable && tool.effect == Effect::Reads;
        offers.peek().is_some() && offers.all(|offer| offer.tool.as_deref().is_some_and(says_so))
    }
}
