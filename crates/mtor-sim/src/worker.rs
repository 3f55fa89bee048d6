//! Workers: they write the right answer at their own speed, and die, stall, lie, repeat themselves and come back.

use std::collections::BTreeMap;

use mtor_core::{Retry, WorkerId};
use mtor_protocol::worker::OfferLimits;
use mtor_protocol::{Announcement, CapabilityKind, CapabilityOffer, FinishReason, JobId};

use crate::answer;
use crate::dice::Dice;
use crate::shell::{Order, Report};

/// What a worker does next about a job that it has.
#[derive(Debug)]
pub(crate) enum Deed {
    /// Say this, and go on.
    Say(Report),
    /// Say these, and be done.
    End(Vec<Report>),
    /// Never say a word again.
    Stall,
}

/// One worker program.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) announcement: Announcement,
    pub(crate) house: bool,
    /// Its session with the broker's present life.
    pub(crate) session: Option<WorkerId>,
    /// Milliseconds for a few tokens.
    pub(crate) pace_ms: u64,
    jobs: BTreeMap<(JobId, u64), Task>,
    /// Leases of earlier sessions, which it may still speak of.
    old: Vec<(JobId, u64)>,
}

#[derive(Debug)]
struct Task {
    next: u64,
    until: u64,
    written: String,
    finish: FinishReason,
}

impl Worker {
    pub(crate) fn new(index: usize, dice: &mut Dice) -> Self {
        let offers = (0..1 + dice.index(2)).map(|_| offer(dice)).collect::<Vec<_>>();
        Self {
            announcement: Announcement::new(format!("worker {index}"), offers),
            house: dice.chance(300),
            session: None,
            pace_ms: dice.pick(&[5, 40, 300, 2_000]),
            jobs: BTreeMap::new(),
            old: Vec::new(),
        }
    }

    /// Comes back with other offers.
    pub(crate) fn change(&mut self, dice: &mut Dice) {
        if dice.chance(500) {
            self.announcement.offers.reverse();
        } else {
            self.announcement.offers = vec![offer(dice)];
        }
    }

    /// The session is over: what it had in hand is dropped, though not always forgotten.
    pub(crate) fn disconnected(&mut self) {
        self.session = None;
        self.old.extend(std::mem::take(&mut self.jobs).into_keys());
        let forget = self.old.len().saturating_sub(8);
        self.old.drain(..forget);
    }

    /// An order has come. True when there is a job to work on.
    pub(crate) fn obey(&mut self, order: &Order, dice: &mut Dice) -> Option<(JobId, u64)> {
        match *order {
            Order::Run { job, lease, after_tokens, tokens_max } => {
                let natural = answer::natural_tokens(job).max(after_tokens);
                let until = natural.min(after_tokens + tokens_max);
                let finish = if until < natural { FinishReason::Length } else { FinishReason::Stop };
                self.jobs
                    .insert((job, lease), Task { next: after_tokens, until, written: String::new(), finish });
                Some((job, lease))
            }
            Order::Stop { job, lease } => {
                // Some do not listen.
                if !dice.chance(200) {
                    self.jobs.remove(&(job, lease));
                }
                None
            }
            Order::Dismissed => None,
        }
    }

    /// Works on a job.
    pub(crate) fn work(&mut self, job: JobId, lease: u64, faulty: bool, dice: &mut Dice) -> Deed {
        let Some(task) = self.jobs.get_mut(&(job, lease)) else { return Deed::Stall };
        if faulty && dice.chance(12) {
            self.jobs.remove(&(job, lease));
            return Deed::Stall;
        }
        if faulty && dice.chance(25) {
            self.jobs.remove(&(job, lease));
            let retry = dice.pick(&[Retry::No, Retry::Elsewhere, Retry::LargerWindow]);
            return Deed::End(vec![Report::Failed { job, lease, retry }]);
        }
        if task.next < task.until {
            let end = (task.next + 1 + dice.range(0..3)).min(task.until);
            let text: String = (task.next..end).map(|place| answer::token(job, place)).collect();
            task.next = end;
            task.written.push_str(&text);
            return Deed::Say(Report::Chunk { job, lease, text });
        }
        let (mut text, finish) = (task.written.clone(), task.finish);
        self.jobs.remove(&(job, lease));
        self.old.push((job, lease));
        if faulty && dice.chance(20) {
            text.push_str("lie ");
        }
        let claimed_tokens = if faulty && dice.chance(50) { 1_000_000 } else { 3 };
        let done = Report::Done { job, lease, text, claimed_tokens, finish };
        let repeats = if faulty && dice.chance(150) { 2 } else { 1 };
        Deed::End(vec![done; repeats])
    }

    /// Something that it should not say: of a lease that is over, or of a job that it never had.
    pub(crate) fn nonsense(&self, jobs: &[JobId], dice: &mut Dice) -> Option<Report> {
        let (job, lease) = if !self.old.is_empty() && dice.chance(700) {
            self.old[dice.index(self.old.len())]
        } else if !jobs.is_empty() {
            (jobs[dice.index(jobs.len())], dice.range(0..1_000))
        } else {
            return None;
        };
        let text = "bad ".to_owned();
        Some(match dice.index(3) {
            0 => Report::Chunk { job, lease, text },
            1 => Report::Done { job, lease, text, claimed_tokens: 9, finish: FinishReason::Stop },
            _ => Report::Failed { job, lease, retry: Retry::No },
        })
    }
}

fn offer(dice: &mut Dice) -> CapabilityOffer {
    let model = dice.pick(&["small", "small", "big"]);
    let mut offer = CapabilityOffer::new(CapabilityKind::CHAT, model, 1 + dice.range(0..3) as u32);
    if dice.chance(500) {
        offer.limits = OfferLimits { context_tokens: Some(dice.pick(&[1_000, 4_000])), ..offer.limits };
    }
    offer
}
