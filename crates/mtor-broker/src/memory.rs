//! Answers that the realm remembers: which request of an account was answered by which job. Only what was declared repeatable is
//! looked for; the answers themselves stay in the ledger, and are forgotten with its retention.
//!
//! What is remembered stands in memory, within a bound: a realm that starts again learns anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use mtor_protocol::http::JobState;
use mtor_protocol::{AccountId, Digest, FinishReason, Intent, JobId, Task, Usage};

use crate::app::App;
use crate::clock;
use crate::defaults::{REMEMBERED_MAX, REMEMBERED_MS_MAX};
use crate::realm::Submission;

/// Which request was answered by which job; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    jobs: HashMap<Digest, JobId>,
    order: VecDeque<Digest>,
}

impl Memory {
    /// The job that has answered this.
    fn get(&self, key: &Digest) -> Option<JobId> {
        self.known().jobs.get(key).copied()
    }

    /// From now on, this job's is the answer.
    pub(crate) fn learn(&self, key: Digest, job: JobId) {
        let mut known = self.known();
        if known.jobs.insert(key, job).is_none() {
            known.order.push_back(key);
        }
        while known.order.len() > REMEMBERED_MAX {
            if let Some(oldest) = known.order.pop_front() {
                known.jobs.remove(&oldest);
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // Nothing in here is left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is there already.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// All of it.
    pub(crate) text: String,
    /// Its digest.
    pub(crate) output: Digest,
    /// What was used when it was made.
    pub(crate) usage: Usage,
}

/// Whether a job was answered from memory: it is done, and no worker ever had it.
pub(crate) fn is_from_it(state: JobState, workers: &[String]) -> bool {
    state == JobState::Completed && workers.is_empty()
}

impl App {
    /// Looks for the answer to a request that is about to be made, and sees to it that a new one is remembered.
    pub(crate) async fn recall(&self, submission: &mut Submission, fresh: bool) {
        let account = submission.job.account;
        submission.memory_key = self.memory_key(account, &submission.intent).await;
        let Some(key) = submission.memory_key else { return };
        if !fresh {
            submission.remembered = self.remembered(account, &key).await;
        }
        match submission.remembered {
            Some(_) => self.metrics.memory_hits.inc(),
            None => self.metrics.memory_misses.inc(),
        }
    }

    /// The key under which the answer to a request may be remembered; nothing when it is not one that can be.
    async fn memory_key(&self, account: AccountId, intent: &Intent) -> Option<Digest> {
        if !self.settings.file.cache.on {
            return None;
        }
        let repeatable = match &intent.task {
            Task::Embed(_) => true,
            // As far as the model allows: whoever gives a seed and no temperature wants the same again.
            Task::Chat(chat) => chat.seed.is_some() && chat.temperature == Some(0.0),
            Task::Tool(task) => {
                let tool = task.tool.kind().clone();
                self.realm.view(move |realm| realm.is_repeatable_tool(&tool)).await.unwrap_or(false)
            }
            _ => false,
        };
        let request = serde_json::to_vec(intent).ok().filter(|_| repeatable)?;
        Some(mtor_ledger::memory_key(&self.key, account, &request))
    }

    /// The answer to a request of this account that was answered before, if it is still there and whole.
    async fn remembered(&self, account: AccountId, key: &Digest) -> Option<Remembered> {
        let id = self.realm.memory.get(key)?;
        let job = self.realm.ledger_read(move |ledger| ledger.job(id)).await.ok()??;
        let is_whole = job.account == account
            && job.state == JobState::Completed
            && job.finish == Some(FinishReason::Stop)
            && clock::now().since_ms(job.settled?) <= REMEMBERED_MS_MAX
            && job.parts.is_empty();
        let (text, output, usage) = (job.text?, job.output?, job.usage?);
        is_whole.then_some(Remembered { text, output, usage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let memory = Memory::default();
        let key = |number: usize| Digest(std::array::from_fn(|place| number.to_be_bytes()[place % 8]));
        for number in 0..=REMEMBERED_MAX {
            memory.learn(key(number), JobId(number as u128));
        }
        assert_eq!(memory.get(&key(0)), None);
        assert_eq!(memory.get(&key(1)), Some(JobId(1)));
        memory.learn(key(1), JobId(7));
        assert_eq!(memory.get(&key(1)), Some(JobId(7)));
        assert_eq!(memory.known().order.len(), REMEMBERED_MAX);
    }
}
