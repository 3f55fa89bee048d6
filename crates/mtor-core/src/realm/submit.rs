//! A client wants something done: is it allowed, feasible, affordable, and is there room? Then it is taken, and given
//! to the fastest free worker or put in line.

use mtor_protocol::body::Quote;
use mtor_protocol::{JobId, Micro, Price, Problem, ProblemKind, Timestamp, Ware};

use super::{Finished, Meter, Output, Phase, Realm, Ticket, WorkerId};
use crate::entry::{Fact, NewJob};
use crate::market::QUOTE_MS;
use crate::offers::{OfferId, Only};
use crate::state::Corrupt;

/// After how many seconds another try makes sense when nothing is known of the workers' speed.
const RETRY_S_UNKNOWN: u64 = 5;

/// Whose workers a job may go to.
pub(super) enum Asked {
    Anybody,
    /// These alone; workers that must not do it in any case.
    Only(Only, Vec<WorkerId>),
}

impl Realm {
    pub(super) fn submit(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: NewJob,
        asked: Asked,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some((id, prefix)) = self.accept(now, ticket, job, outputs)? else { return Ok(()) };
        self.track(id, prefix);
        if let Some(running) = self.jobs.get_mut(&id) {
            match asked {
                Asked::Anybody => {}
                Asked::Only(only, tried) => {
                    (running.only, running.tried) = (Some(only), tried);
                    self.chosen.insert(id);
                }
            }
        }
        self.place_or_line_up(now, id, meter, outputs);
        Ok(())
    }

    /// Takes a job, if it is new and may be taken. Gives back its id, and where its prompt may be remembered.
    pub(super) fn accept(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        mut job: NewJob,
        outputs: &mut Vec<Output>,
    ) -> Result<Option<(JobId, Option<u64>)>, Corrupt> {
        if let Some(known) = self.known(job.id) {
            let same = known == Finished::Job { account: job.account, request: job.request };
            outputs.push(match same {
                true => Output::Known { ticket, job: job.id },
                false => {
                    Self::refuse(ticket, ProblemKind::Conflict, format!("{} is another request", job.id))
                }
            });
            return Ok(None);
        }
        self.fund_payers(now, &job, outputs)?;
        self.bound_by_window(&mut job);
        let (hold, price) = match self.admit(now, &mut job) {
            Ok(terms) => terms,
            Err(problem) => {
                outputs.push(Output::Refused { ticket, problem: problem.about(job.id) });
                return Ok(None);
            }
        };
        let (id, deadline, prefix) = (job.id, job.deadline, job.prefix.take());
        // What it led to is noted; what the journal does not have, the state must not have either.
        (job.grant, job.quote) = (None, None);
        self.set_aside(now, &job, hold, outputs)?;
        self.record(now, Fact::Accepted { job, hold, price }, outputs)?;
        outputs.push(Output::Accepted { ticket, job: id, hold, deadline });
        Ok(Some((id, prefix)))
    }

    /// What a job would cost and how long it would wait, without taking it.
    ///
    /// # Errors
    /// Why it would be refused; a balance that is too low is no reason here.
    pub fn quote(&self, now: Timestamp, job: &NewJob) -> Result<Quote, Problem> {
        let mut job = job.clone();
        self.bound_by_window(&mut job);
        let job = &job;
        let (ware, max, price) = self.terms(now, job)?;
        self.check_room(job, &price)?;
        let waits = self.choose(job, &price).is_none();
        let behind = (self.turn(job, now).0, u64::MAX);
        let position = if waits { self.waiting.before(&job.capability, behind) } else { 0 };
        let eta_ms = if waits { self.eta_ms(job, &price, position) } else { Some(0) };
        let offers = self.offers.fitting(&self.wish(job, &price), |id| self.offer(id));
        let Ware { capability, size } = ware;
        let (model, expires) = (job.model.clone(), now.plus_ms(QUOTE_MS));
        Ok(Quote { max, price, capability, model, size, offers, position, eta_ms, expires })
    }

    /// No prompt and no answer is longer than the largest window on offer, so that no more is held for it.
    fn bound_by_window(&self, job: &mut NewJob) {
        if let Some(window) = self.largest_window(&job.capability, &job.model) {
            job.input_tokens_max = job.input_tokens_max.min(window);
        }
    }

    /// What has this id already.
    pub(super) fn known(&self, id: JobId) -> Option<Finished> {
        let open = self.state.open().get(&id).map(|open| &open.job);
        let open = open.map(|job| Finished::Job { account: job.account, request: job.request });
        open.or_else(|| self.finished.get(&id).cloned())
    }

    /// The hold and the price under which a job is taken; who pays is found, and noted in it.
    fn admit(&self, now: Timestamp, job: &mut NewJob) -> Result<(Micro, Price), Problem> {
        let (_, hold, price) = self.terms(now, job)?;
        job.payer = self.payer(now, job, hold)?;
        let payer = job.payer();
        if self.state.books().account(payer).credit > Micro::ZERO && !self.state.is_peer(payer) {
            let detail = "this realm is a peer no more, and nothing is done for it on credit";
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        }
        self.check_room(job, &price)?;
        Ok((hold, price))
    }

    /// Whether a job is allowed and feasible, what it buys, and what it costs.
    fn terms(&self, now: Timestamp, job: &NewJob) -> Result<(Ware, Micro, Price), Problem> {
        if self.draining {
            let detail = "the realm finishes what it has and takes no new jobs; ask again when it is back";
            return Err(Problem::new(ProblemKind::Draining, detail).retry_after_s(10));
        }
        if job.deadline <= now {
            return Err(Problem::new(ProblemKind::Expired, "the deadline has passed already"));
        }
        if job.output_tokens_max > self.config.output_tokens_max {
            let detail = format!(
                "at most {} tokens can be asked for, not {}",
                self.config.output_tokens_max, job.output_tokens_max
            );
            return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("max_tokens"));
        }
        let (ware, price) = self.ware_for(now, job)?;
        let hold = price.cost(&job.bounds());
        if let Some(limit) = job.max_price.filter(|limit| *limit < hold) {
            let detail = format!("this can cost up to {hold} coins, and max_price allows {limit}");
            return Err(Problem::new(ProblemKind::Infeasible, detail).param("max_price"));
        }
        Ok((ware, hold, price))
    }

    /// What a job buys, and at which price: the smallest models that can do it, of those that were asked for. Larger ones may
    /// do it too, if they ask no more.
    pub(super) fn ware_for(&self, now: Timestamp, job: &NewJob) -> Result<(Ware, Price), Problem> {
        let mut sizes = self.offers.sizes(&job.capability, &job.model).peekable();
        loop {
            // Where there are none at all, it is infeasible whatever the price.
            let ware = Ware::new(job.capability.clone(), sizes.next().unwrap_or_default());
            let price = self.price(now, &ware, job.quote);
            match self.offers.feasible(&self.wish(job, &price), |id| self.offer(id)) {
                Ok(()) => return Ok((ware, price)),
                Err(problem) if sizes.peek().is_none() => return Err(problem),
                Err(_) => {}
            }
        }
    }

    /// Queues are bounded, and past the bound the client is told so at once.
    fn check_room(&self, job: &NewJob, price: &Price) -> Result<(), Problem> {
        let open = self.open_by_wallet.get(&job.account).copied().unwrap_or(0);
        let waiting = self.waiting.length(&job.capability);
        let full = waiting >= self.config.waiting_per_capability_max;
        let detail = if open >= self.config.open_per_wallet_max {
            format!("this wallet has {open} open jobs, the most it may have; wait until some are done")
        } else if full && self.choose(job, price).is_none() {
            format!("{waiting} jobs wait for {}, the most that may wait", job.capability)
        } else {
            return Ok(());
        };
        let seconds =
            self.eta_ms(job, price, 0).map_or(RETRY_S_UNKNOWN, |ms| ms.div_ceil(1_000).clamp(1, 60));
        Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(seconds as u32))
    }

    /// Gives a waiting job to the best free worker. When there is none, it stands in line, and is told where.
    pub(super) fn place_or_line_up(
        &mut self,
        now: Timestamp,
        id: JobId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) {
        let Some(open) = self.state.open().get(&id) else { return };
        match self.choose(&open.job, &open.price) {
            Some(offer) => self.assign(now, id, offer, meter, outputs),
            None => {
                self.line_up(id);
                self.tell_position(id, outputs);
            }
        }
    }

    pub(super) fn choose(&self, job: &NewJob, price: &Price) -> Option<OfferId> {
        self.offers.choose(&self.wish(job, price), |id| self.offer(id))
    }

    /// Takes a waiting job out of its line, if it stands in one, and gives it to this offer, which must be free.
    pub(super) fn assign(
        &mut self,
        now: Timestamp,
        id: JobId,
        (worker_id, index): OfferId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) {
        let Some(output_tokens_max) = self.tokens_left(id, (worker_id, index), meter) else { return };
        let (Some(open), Some(running), Some(worker)) =
            (self.state.open().get(&id), self.jobs.get_mut(&id), self.workers.get_mut(&worker_id))
        else {
            return;
        };
        let Some(offer) = worker.offers.get_mut(usize::from(index)) else { return };
        self.waiting.leave(&open.job.capability, &open.job.model, running.rank);
        let lease = self.next_lease;
        self.next_lease += 1;
        running.attempts += 1;
        running.workers.push(worker.name.clone());
        running.phase =
            Phase::Assigned { worker: worker_id, offer: index, lease, since: now, first_chunk: None };
        running.told_position = None;
        if let Some(peer) = offer.shape.peer {
            running.peer_asks.insert(peer, offer.shape.ask);
        }
        self.offers.update((worker_id, index), offer, |offer| offer.busy += 1);
        worker.jobs.insert(id, index);
        outputs.push(Output::Assign {
            job: id,
            worker: worker_id,
            offer: index,
            lease,
            attempt: running.attempts,
            rival: false,
            output_tokens_max,
            deadline: open.job.deadline,
        });
        self.hold_or_lift_of(worker_id, index);
        self.watch_first_word(now, id);
    }

    /// The most tokens that this offer may write for a job from here on.
    pub(super) fn tokens_left(&self, id: JobId, offer: OfferId, meter: &impl Meter) -> Option<u32> {
        let (open, running) = (self.state.open().get(&id)?, self.jobs.get(&id)?);
        let limit = self.offer(offer)?.shape.limits.output_tokens.unwrap_or(u32::MAX);
        let before =
            running.parts.iter().map(|(_, usage)| usage.output_tokens).sum::<u64>() + meter.carried(id);
        let left = u64::from(open.job.output_tokens_max).saturating_sub(before).min(limit.into());
        Some(u32::try_from(left).unwrap_or(u32::MAX))
    }
}
