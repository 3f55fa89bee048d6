//! Answers that are being compared.

use std::collections::BTreeMap;

use mtor_core::trust::{Comparison, TrustRules, Verdict, compare};

use super::cast::Answer;

/// One question, asked of several.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) tokens: u16,
    /// By whom, under which of its keys, and what.
    pub(super) answers: Vec<(u32, u32, Answer)>,
}

/// A worker and its key, the verdict, and what it had answered. The one whose result was checked comes first.
pub(super) type Judged = ((u32, u32), Verdict, Answer);

/// Those that are open. Bounded by the workers: each has few results that wait for a verdict.
#[derive(Debug, Default)]
pub(super) struct Audits {
    open: BTreeMap<u32, Case>,
    next: u32,
}

impl Audits {
    pub(super) fn begin(&mut self, tokens: u16, first: (u32, u32, Answer)) -> u32 {
        self.next = self.next.wrapping_add(1);
        self.open.insert(self.next, Case { tokens, answers: vec![first] });
        self.next
    }

    /// Who may not be asked, having answered already.
    pub(super) fn has_answered(&self, case: u32, worker: u32) -> bool {
        self.open.get(&case).is_some_and(|case| case.answers.iter().any(|(by, ..)| *by == worker))
    }

    /// One more answer. What it shows, or the tokens of the replica that is to be asked for.
    pub(super) fn answer(
        &mut self,
        rules: &TrustRules,
        id: u32,
        answer: (u32, u32, Answer),
    ) -> Result<Vec<Judged>, u16> {
        let Some(case) = self.open.get_mut(&id) else { return Ok(Vec::new()) };
        case.answers.push(answer);
        let agree = |a: usize, b: usize| a == b || case.answers[a].2.agrees(case.answers[b].2);
        match compare(rules, case.answers.len(), agree) {
            Comparison::AskAnother => Err(case.tokens),
            Comparison::Decided(verdicts) => {
                let case = self.open.remove(&id);
                let answers = case.into_iter().flat_map(|case| case.answers);
                Ok(answers
                    .zip(verdicts)
                    .map(|((by, key, answer), verdict)| ((by, key), verdict, answer))
                    .collect())
            }
        }
    }

    /// It can't be asked at all.
    pub(super) fn abandon(&mut self, id: u32) {
        self.open.remove(&id);
    }

    /// It can't be asked further: nothing is proven.
    pub(super) fn give_up(&mut self, id: u32) -> Vec<Judged> {
        let answers = self.open.remove(&id).into_iter().flat_map(|case| case.answers);
        answers.map(|(by, key, answer)| ((by, key), Verdict::Undecided, answer)).collect()
    }
}
