//! Clients: they ask, ask again, cancel, look away and come back, and keep what they were shown.

use mtor_core::NewJob;
use mtor_protocol::http::JobState;
use mtor_protocol::{CapabilityKind, GrantTerms, JobId, Micro, Period, Privacy, ServiceClass, Timestamp};

use crate::answer;
use crate::defaults;
use crate::dice::Dice;
use crate::keys::KeyRing;
use crate::promises::{Checked, Promise, beginning, ensure};
use crate::shell::{Ask, Reply};
use crate::stream::{Ended, Stream};

/// A wallet with its jobs.
#[derive(Debug)]
pub(crate) struct Client {
    index: usize,
    pub(crate) jobs: Vec<Question>,
    /// What it ever granted.
    grants: Vec<JobId>,
    keys: KeyRing,
    next_id: u64,
}

/// A job as its client sees it.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) job: NewJob,
    pub(crate) taken: bool,
    /// The text as far as it was shown.
    held: String,
    /// How many pieces of the stream were read, in which life of the broker.
    read: (u64, usize),
    pub(crate) ended: Option<Ended>,
}

impl Client {
    pub(crate) fn new(index: usize) -> Self {
        Self { index, jobs: Vec::new(), grants: Vec::new(), keys: KeyRing::new(index), next_id: 0 }
    }

    fn id(&mut self, now: Timestamp) -> JobId {
        self.next_id += 1;
        JobId(u128::from(now.0) << 80 | u128::from(self.next_id) << 8 | self.index as u128)
    }

    /// What it does next.
    pub(crate) fn act(&mut self, now: Timestamp, dice: &mut Dice) -> Option<Ask> {
        let account = defaults::wallet(self.index);
        match dice.range(0..100) {
            0..55 => {
                let job = self.question(now, dice);
                self.jobs.push(Question {
                    job: job.clone(),
                    taken: false,
                    held: String::new(),
                    read: (0, 0),
                    ended: None,
                });
                Some(Ask::Submit(Box::new(job)))
            }
            55..72 => self.any(dice).map(|question| Ask::Submit(Box::new(question.job.clone()))),
            72..76 => self.any(dice).map(|question| {
                let mut other = question.job.clone();
                other.input_bytes += 1;
                other.request = answer::commitment(other.id, &answer::intent(other.id, other.input_bytes));
                Ask::Submit(Box::new(other))
            }),
            76..84 => self.any(dice).map(|question| Ask::Cancel { job: question.job.id, account }),
            84..86 => Some(self.grant(now, dice)),
            86..88 if !self.grants.is_empty() => {
                Some(Ask::Revoke { grant: dice.pick(&self.grants), account })
            }
            86..88 => Some(Ask::Start { id: self.id(now), to: account }),
            88..91 => {
                let to = defaults::wallet(dice.index(defaults::CLIENTS));
                Some(Ask::Send { id: self.id(now), from: account, to, amount: Micro(dice.range(0..500)) })
            }
            91..96 => {
                let id = self.id(now);
                Some(Ask::Keys(Box::new(self.keys.act(id, dice))))
            }
            _ => Some(Ask::Welcome { id: self.id(now), to: account }),
        }
    }

    fn any(&self, dice: &mut Dice) -> Option<&Question> {
        (!self.jobs.is_empty()).then(|| &self.jobs[dice.index(self.jobs.len())])
    }

    /// Coins for another wallet to spend, for a while.
    fn grant(&mut self, now: Timestamp, dice: &mut Dice) -> Ask {
        let id = self.id(now);
        self.grants.push(id);
        let other = (self.index + 1 + dice.index(defaults::CLIENTS - 1)) % defaults::CLIENTS;
        let terms = GrantTerms {
            limit: Micro(dice.range(1..2_000)),
            period: dice.chance(500).then_some(Period::Day),
            job_max: dice.chance(200).then(|| Micro(dice.range(1..600))),
            only: Vec::new(),
            expires: dice.chance(500).then(|| now.plus_ms(dice.range(1..60_000))),
        };
        Ask::Grant { id, from: defaults::wallet(self.index), to: defaults::wallet(other), terms }
    }

    fn question(&mut self, now: Timestamp, dice: &mut Dice) -> NewJob {
        let id = self.id(now);
        let input_bytes = 40 + dice.range(0..20) as u32;
        NewJob {
            id,
            account: defaults::wallet(self.index),
            payer: None,
            capability: CapabilityKind::CHAT,
            model: dice.pick(&["default", "default", "default", "small", "big"]).to_owned(),
            class: dice.pick(&ServiceClass::ALL),
            privacy: if dice.chance(100) { Privacy::Own } else { Privacy::Realm },
            request: answer::commitment(id, &answer::intent(id, input_bytes)),
            order: None,
            input_bytes,
            input_tokens_max: 40,
            output_tokens_max: dice.pick(&[1, 8, 100]),
            audio_ms_max: 0,
            images_max: 0,
            needs: Default::default(),
            deadline: now.plus_ms(dice.pick(&[2_000, 20_000, 120_000])),
            max_price: None,
            prefix: dice.chance(500).then(|| dice.range(0..3)),
            hops: Vec::new(),
            quote: dice.chance(300).then(|| now.plus_ms(dice.range(0..40_000))),
            grant: None,
        }
    }

    /// An answer has come to a request. The first answer about a job counts; a client that asks twice is answered twice.
    pub(crate) fn told(&mut self, reply: &Reply) {
        if let Reply::Taken(job) = reply
            && let Some(question) = self.jobs.iter_mut().find(|question| question.job.id == *job)
        {
            question.taken = true;
        }
    }
}

impl Question {
    /// Reads on in the job's stream.
    pub(crate) fn read(&mut self, life: u64, stream: &Stream) -> Checked {
        if !stream.visible {
            return Ok(());
        }
        if self.read.0 != life {
            self.read = (life, 0);
        }
        for (offset, text) in &stream.pieces[self.read.1..] {
            ensure(*offset <= self.held.len(), Promise::Bystanders, || {
                format!("{}: the text has {} bytes, and goes on at {offset}", self.job.id, self.held.len())
            })?;
            // After a crash a few words are written anew.
            self.held.truncate(*offset);
            self.held.push_str(text);
        }
        self.read.1 = stream.pieces.len();
        beginning(self.job.id, &self.held)?;
        match stream.ended {
            Some(ended) => self.end(ended),
            None => Ok(()),
        }
    }

    /// Reads the whole job again, long after.
    pub(crate) fn read_again(&mut self, ended: Ended, text: String) -> Checked {
        self.held = text;
        beginning(self.job.id, &self.held)?;
        self.end(ended)
    }

    fn end(&mut self, ended: Ended) -> Checked {
        let before = self.ended.replace(ended);
        ensure(before.is_none_or(|before| before == ended), Promise::SettledOnce, || {
            format!("{} ended as {before:?}, and then as {ended:?}", self.job.id)
        })?;
        let whole = answer::whole(&self.job);
        ensure(ended.state != JobState::Completed || self.held == whole, Promise::Readable, || {
            format!("{} is completed with {:?}, not with {whole:?}", self.job.id, self.held)
        })
    }
}
