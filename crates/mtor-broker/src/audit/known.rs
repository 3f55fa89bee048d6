//! Questions to which the realm knows the answer, since workers of two accounts have said the same: asked again of a third, they
//! are canaries. In memory alone, and not for long.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mtor_protocol::{AccountId, CapabilityKind, Intent, Timestamp};

use crate::defaults::{KNOWN_AGE_MS_MAX, KNOWN_BYTES_MAX, KNOWN_MAX, KNOWN_USES_MAX};

/// A question, and what was said to it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) intent: Arc<Intent>,
    pub(super) kind: CapabilityKind,
    /// The model that was asked.
    pub(super) model: String,
    /// What workers of different accounts have said, and agree on.
    pub(super) answers: Vec<String>,
    /// Accounts that have heard the question.
    pub(super) heard: Vec<AccountId>,
    pub(super) since: Timestamp,
}

/// The newest of them, a few. Whoever is asked takes one out; nobody is asked the same twice, and no question is asked so often
/// that it becomes known for what it is.
#[derive(Debug, Default)]
pub(super) struct KnownAnswers {
    questions: Mutex<VecDeque<Known>>,
}

impl KnownAnswers {
    /// Two have said the same.
    pub(super) fn learn(&self, known: Known) {
        let bytes: usize = known.answers.iter().map(String::len).sum();
        if known.answers.len() < 2 || bytes > KNOWN_BYTES_MAX {
            return;
        }
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.push_back(known);
        while questions.len() > KNOWN_MAX {
            questions.pop_front();
        }
    }

    /// The oldest question for this model that this account has not heard, and with this has.
    pub(super) fn ask(
        &self,
        now: Timestamp,
        kind: &CapabilityKind,
        model: &str,
        account: AccountId,
    ) -> Option<Known> {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.retain(|known| now.since_ms(known.since) < KNOWN_AGE_MS_MAX);
        let place = questions.iter().position(|known| {
            (&known.kind, known.model.as_str()) == (kind, model) && !known.heard.contains(&account)
        })?;
        let known = questions.get_mut(place)?;
        known.heard.push(account);
        let asked = known.clone();
        if asked.heard.len() >= asked.answers.len() + KNOWN_USES_MAX {
            questions.remove(place);
        }
        Some(asked)
    }
}

#[cfg(test)]
mod tests {
    use mtor_protocol::{ChatTask, Task};

    use super::*;

    const NOW: Timestamp = Timestamp(1_000);
    const CHAT: CapabilityKind = CapabilityKind::CHAT;

    fn known(answers: &[&str]) -> Known {
        Known {
            intent: Arc::new(Intent { model: "m".to_owned(), task: Task::Chat(ChatTask::default()) }),
            kind: CHAT,
            model: "m".to_owned(),
            answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
            heard: vec![AccountId(1), AccountId(2)],
            since: NOW,
        }
    }

    #[test]
    fn nobody_is_asked_what_it_has_heard_and_nothing_is_asked_too_often() {
        let all = KnownAnswers::default();
        all.learn(known(&["yes", "yes"]));
        let ask = |account| all.ask(NOW, &CHAT, "m", AccountId(account)).is_some();
        assert!(!ask(1), "it has answered that");
        assert!(all.ask(NOW, &CHAT, "other", AccountId(9)).is_none(), "another model");
        assert!(ask(3) && !ask(3) && ask(4) && ask(5));
        assert!(!ask(6), "three have heard it as a canary");
    }

    #[test]
    fn what_is_old_or_what_one_has_said_is_not_known() {
        let all = KnownAnswers::default();
        all.learn(known(&["yes"]));
        assert!(all.ask(NOW, &CHAT, "m", AccountId(3)).is_none());
        all.learn(known(&["yes", "yes"]));
        assert!(all.ask(NOW.plus_ms(KNOWN_AGE_MS_MAX), &CHAT, "m", AccountId(3)).is_none());
        (0..2 * KNOWN_MAX).for_each(|_| all.learn(known(&["yes", "yes"])));
        assert_eq!(all.questions.lock().unwrap().len(), KNOWN_MAX);
    }
}
