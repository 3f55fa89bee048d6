//! Trust in a worker's results: when one is checked, who is right when two differ, and when a payment is the worker's own.
//!
//! A pure policy. It asks nobody and remembers nothing but the [`Record`]s that its caller keeps, one for each account and
//! capability; whoever calls it brings the time and, where chance decides, a number. Where the numbers of [`TrustRules`]
//! come from:
//!
//! * **Ten results** are validated before any is believed (`probation`), as in BOINC's adaptive replication, which also
//!   asks for ten valid results in a row before it stops asking twice. Until then there is **one result at a time**
//!   ([`Record::may_take`]): in the simulation, fast cheats took 41 % of all answers without that rule, and 0.4 % with it.
//! * **One in the length of the run** is checked after that, and never fewer than **2 %** (`audit_floor_ppm`). The run counts
//!   *validated* results, not all: the way from one in ten to one in fifty takes some 1,200 jobs, so that a name is worth
//!   something.
//! * **Fifty payments** are held back (`holdback`), since fifty jobs is how long a cheat goes on at 2 % until it is found, on
//!   average. A shorter holdback pays for cheating, a longer one only annoys; the product of the two should not be below one.
//! * **A day** ends the holdback too (`mature_ms`), or a worker with few jobs would never be paid. Whoever cheats and waits
//!   for that earns at most fifty payments in a day, where an honest worker of the simulated week earns more than a
//!   thousand.
//! * **A week** to object (`appeal_ms`), and a month for the sysop to answer (`decide_ms`): time enough for somebody who looks after
//!   a machine on weekends.
//! * **One hour** away after a proof, twice as long for each further one, up to a day (`pause_ms`, `pause_ms_max`): long
//!   beside what a fast cheat needs for its next try, short for somebody whose disk was bad.
//! * **One in five** checks is a canary (`canary_percent`), a job whose answer is known: replicas alone can't find workers
//!   that tell each other their answers.
//! * **Four times** the announced speed (`implausible_times`) is more than another load or a warm cache makes of a machine.
//!
//! The economy that `mtor-sim economy` plays runs on this very module.

use std::collections::VecDeque;

pub use mtor_protocol::trust::Verdict;
use mtor_protocol::{AccountId, JobId, Micro, Timestamp};
use serde::{Deserialize, Serialize};

/// How many parts a chance is counted in.
const MILLION: u64 = 1_000_000;

/// The numbers of the policy. See the module for where each comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustRules {
    /// Results in a row that are all validated before a worker is believed.
    pub probation: u32,
    /// The least share of results that is checked after that, in millionths.
    pub audit_floor_ppm: u32,
    /// Payments that mature late: each waits until so many newer ones have come ...
    pub holdback: usize,
    /// ... or until so much time has passed, in milliseconds.
    pub mature_ms: u64,
    /// Of the checks after probation, so many are canaries, in percent.
    pub canary_percent: u32,
    /// How long a worker gets nothing after its first proven failure, in milliseconds; doubled by each further one.
    pub pause_ms: u64,
    /// The longest such pause, in milliseconds.
    pub pause_ms_max: u64,
    /// A result that came so many times faster than announced is always checked.
    pub implausible_times: u32,
    /// Answers of one question that are compared at most.
    pub answers_max: usize,
    /// How long after a proof a worker may object before what is at stake is forfeited, in milliseconds.
    pub appeal_ms: u64,
    /// The same once it has objected: so long the sysop has to decide.
    pub decide_ms: u64,
}

impl TrustRules {
    /// The numbers that hold.
    pub const STANDARD: Self = Self {
        probation: 10,
        audit_floor_ppm: 20_000,
        holdback: 50,
        mature_ms: 24 * 3_600 * 1_000,
        canary_percent: 20,
        pause_ms: 3_600 * 1_000,
        pause_ms_max: 24 * 3_600 * 1_000,
        implausible_times: 4,
        answers_max: 3,
        appeal_ms: 7 * 24 * 3_600 * 1_000,
        decide_ms: 30 * 24 * 3_600 * 1_000,
    };
}

impl Default for TrustRules {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl TrustRules {
    /// Whether a worker wrote faster than it can: `measured` and `announced` in tokens per second. Nothing announced,
    /// nothing known.
    pub fn is_implausible(&self, measured: f64, announced: f64) -> bool {
        announced > 0.0 && measured > announced * f64::from(self.implausible_times)
    }
}

/// What is to be done about one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It is believed.
    None,
    /// The same is asked of a worker of another account, and the answers are compared.
    Replica,
    /// The worker gets a job whose answer is known, as its next one.
    Canary,
}

/// A verdict on one job of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The job that gave the answer.
    pub job: JobId,
    /// The account of the worker that did it.
    pub worker: AccountId,
    /// What was shown about it.
    pub verdict: Verdict,
}

/// What comes of comparing some answers to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// One verdict for each answer, in their order.
    Decided(Vec<Verdict>),
    /// Another answer is needed.
    AskAnother,
}

/// Money that a worker was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pay {
    /// How much.
    pub amount: Micro,
    /// How much of it is in starter coins, which can't be sent on. Never more than the amount.
    pub bound: Micro,
}

impl Pay {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            amount: Micro(self.amount.0.saturating_add(other.amount.0)),
            bound: Micro(self.bound.0.saturating_add(other.bound.0)),
        }
    }
}

/// A payment that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Since when.
    pub since: Timestamp,
    /// For which job.
    pub job: JobId,
    /// Who has its coins back if it turns out to be wrong.
    pub payer: AccountId,
    /// What the job has cost in all.
    pub cost: Micro,
    /// What is held back of it.
    pub pay: Pay,
}

/// What is known of one account's results in one capability. A new one is on probation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    run: u32,
    audits: u64,
    failures: u32,
    /// The next result is checked, whatever chance says.
    owes_a_check: bool,
    paused_until: Timestamp,
    /// The oldest first; as many as the holdback at most.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    held: VecDeque<Payment>,
}

impl Record {
    /// Validated results in a row.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// Verdicts in all.
    pub fn audits(&self) -> u64 {
        self.audits
    }

    /// Proven failures in all.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// When it may work again, if it was sent away.
    pub fn paused_until(&self) -> Timestamp {
        self.paused_until
    }

    /// Whether all of its results are validated still.
    pub fn is_on_probation(&self, rules: &TrustRules) -> bool {
        self.run < rules.probation
    }

    /// Whether it may have another job, when so many of its results wait for their verdict. On probation there is one at a
    /// time: else a fast cheat would take the whole queue before the first verdict is there.
    pub fn may_take(&self, rules: &TrustRules, now: Timestamp, unjudged: u32) -> bool {
        now >= self.paused_until && (unjudged == 0 || !self.is_on_probation(rules))
    }

    /// The chance that the next result is checked, in millionths.
    pub fn audit_ppm(&self, rules: &TrustRules) -> u32 {
        if self.is_on_probation(rules) || self.owes_a_check {
            return MILLION as u32;
        }
        (MILLION as u32 / self.run.max(1)).max(rules.audit_floor_ppm)
    }

    /// What is to be done about its newest result. `lot` is any number, each as likely as the other; `implausible` says
    /// that the result came too fast.
    pub fn check(&self, rules: &TrustRules, lot: u64, implausible: bool) -> Check {
        if !implausible && lot % MILLION >= u64::from(self.audit_ppm(rules)) {
            return Check::None;
        }
        let is_canary = (lot / MILLION) % 100 < u64::from(rules.canary_percent);
        match is_canary && !self.is_on_probation(rules) && !self.owes_a_check && !implausible {
            true => Check::Canary,
            false => Check::Replica,
        }
    }

    /// Takes note of a verdict. Gives back what is at stake: after a proof, all that is held.
    pub fn judged(&mut self, rules: &TrustRules, now: Timestamp, verdict: Verdict) -> Vec<Payment> {
        self.audits += 1;
        self.owes_a_check = verdict == Verdict::Undecided;
        match verdict {
            Verdict::Valid => {
                self.run = self.run.saturating_add(1);
                return Vec::new();
            }
            Verdict::Undecided => return Vec::new(),
            Verdict::Failed => {}
        }
        let doublings = self.failures.min(32);
        self.failures = self.failures.saturating_add(1);
        self.run = 0;
        let pause_ms = rules.pause_ms.saturating_mul(1 << doublings).min(rules.pause_ms_max);
        self.paused_until = now.plus_ms(pause_ms);
        self.held.drain(..).collect()
    }

    /// Takes a proof back: the run goes on where it was, and the pause is over.
    pub fn pardoned(&mut self, run_before: u32) {
        self.failures = self.failures.saturating_sub(1);
        self.run = self.run.saturating_add(run_before);
        self.paused_until = Timestamp::default();
    }

    /// Holds a payment back.
    pub fn paid(&mut self, payment: Payment) {
        self.held.push_back(payment);
    }

    /// How many of the payments that are held are due: those beyond the newest so many, and those that have waited long enough.
    pub fn due(&self, rules: &TrustRules, now: Timestamp) -> usize {
        let beyond = self.held.len().saturating_sub(rules.holdback);
        let aged = |payment: &&Payment| now.since_ms(payment.since) >= rules.mature_ms;
        self.held.iter().take_while(aged).count().max(beyond)
    }

    /// The oldest so many payments are the worker's own. Gives back their sum.
    pub fn mature(&mut self, payments: usize) -> Pay {
        let payments = payments.min(self.held.len());
        self.held.drain(..payments).fold(Pay::default(), |sum, payment| sum.plus(payment.pay))
    }

    /// The payments that are held back, the oldest first.
    pub fn payments(&self) -> impl ExactSizeIterator<Item = &Payment> {
        self.held.iter()
    }

    /// What is held back now.
    pub fn held(&self) -> Pay {
        self.held.iter().fold(Pay::default(), |sum, payment| sum.plus(payment.pay))
    }
}

/// Compares the answers to one question: two that agree are valid, and with a third the majority decides. `agree` says
/// whether two of them, by their places, say the same; each agrees with itself.
pub fn compare(rules: &TrustRules, answers: usize, agree: impl Fn(usize, usize) -> bool) -> Comparison {
    let supporters = |of: usize| (0..answers).filter(|other| agree(of, *other)).count();
    let majority = (0..answers).find(|of| supporters(*of) >= 2 && supporters(*of) * 2 > answers);
    match majority {
        Some(right) => {
            let verdict = |of| if agree(right, of) { Verdict::Valid } else { Verdict::Failed };
            Comparison::Decided((0..answers).map(verdict).collect())
        }
        None if answers < rules.answers_max => Comparison::AskAnother,
        None => Comparison::Decided(vec![Verdict::Undecided; answers]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: TrustRules = TrustRules {
        probation: 10,
        audit_floor_ppm: 20_000,
        holdback: 50,
        mature_ms: 1_000_000,
        canary_percent: 20,
        pause_ms: 1_000,
        pause_ms_max: 4_000,
        implausible_times: 4,
        answers_max: 3,
        appeal_ms: 1_000,
        decide_ms: 2_000,
    };
    const NOW: Timestamp = Timestamp(1_000);

    fn pay(amount: u64) -> Pay {
        Pay { amount: Micro(amount), bound: Micro(amount / 2) }
    }

    fn paid(record: &mut Record, now: Timestamp, pay: Pay) -> Pay {
        record.paid(Payment { since: now, job: JobId(1), payer: AccountId(2), cost: pay.amount, pay });
        matured(record, now)
    }

    fn matured(record: &mut Record, now: Timestamp) -> Pay {
        record.mature(record.due(&RULES, now))
    }

    fn sum(payments: &[Payment]) -> Pay {
        payments.iter().fold(Pay::default(), |sum, payment| sum.plus(payment.pay))
    }

    fn proven(valid: u32) -> Record {
        let mut record = Record::default();
        (0..valid).for_each(|_| assert_eq!(record.judged(&RULES, NOW, Verdict::Valid), []));
        record
    }

    #[test]
    fn the_first_ten_are_all_checked_one_at_a_time() {
        for valid in 0..10 {
            let record = proven(valid);
            assert_eq!(record.check(&RULES, u64::MAX, false), Check::Replica);
            assert!(record.may_take(&RULES, NOW, 0) && !record.may_take(&RULES, NOW, 1));
        }
        assert!(proven(10).may_take(&RULES, NOW, 7));
    }

    #[test]
    fn then_fewer_and_fewer_but_never_below_the_floor() {
        assert_eq!(proven(10).audit_ppm(&RULES), 100_000);
        assert_eq!(proven(25).audit_ppm(&RULES), 40_000);
        assert_eq!(proven(5_000).audit_ppm(&RULES), 20_000);
        let lots = (0..1_000_000).map(|lot| lot * 7_919);
        let checks = lots.filter(|lot| proven(50).check(&RULES, *lot, false) != Check::None).count();
        assert_eq!(checks, 20_000);
        assert_eq!(proven(50).check(&RULES, 999_999, true), Check::Replica, "too fast to be true");
    }

    #[test]
    fn some_checks_are_canaries() {
        let record = proven(50);
        let canaries = (0..100).filter(|part| record.check(&RULES, part * MILLION, false) == Check::Canary);
        assert_eq!(canaries.count(), 20);
    }

    #[test]
    fn a_proof_takes_what_is_held_and_starts_over() {
        let mut record = proven(50);
        let matured: u64 = (0..60).map(|_| paid(&mut record, NOW, pay(10)).amount.0).sum();
        assert_eq!(matured, 100);
        assert_eq!(
            sum(&record.judged(&RULES, NOW, Verdict::Failed)),
            Pay { amount: Micro(500), bound: Micro(250) }
        );
        assert_eq!(record.held(), Pay::default());
        assert!(record.is_on_probation(&RULES));
        assert!(
            !record.may_take(&RULES, NOW.plus_ms(999), 0) && record.may_take(&RULES, NOW.plus_ms(1_000), 0)
        );
        for pause_ms in [2_000, 4_000, 4_000] {
            record.judged(&RULES, NOW, Verdict::Failed);
            assert_eq!(record.paused_until(), NOW.plus_ms(pause_ms));
        }
    }

    #[test]
    fn a_proof_can_be_taken_back() {
        let mut record = proven(50);
        record.judged(&RULES, NOW, Verdict::Failed);
        record.judged(&RULES, NOW, Verdict::Valid);
        record.pardoned(50);
        assert_eq!((record.run(), record.failures(), record.paused_until()), (51, 0, Timestamp::default()));
    }

    #[test]
    fn who_has_few_jobs_is_paid_after_a_while() {
        let mut record = Record::default();
        paid(&mut record, NOW, pay(10));
        assert_eq!(matured(&mut record, NOW.plus_ms(999_999)), Pay::default());
        assert_eq!(matured(&mut record, NOW.plus_ms(1_000_000)), pay(10));
    }

    #[test]
    fn no_verdict_is_no_proof_but_the_next_result_is_checked() {
        let mut record = proven(50);
        record.judged(&RULES, NOW, Verdict::Undecided);
        assert_eq!((record.run(), record.failures()), (50, 0));
        assert_eq!(record.check(&RULES, 999_999, false), Check::Replica);
        record.judged(&RULES, NOW, Verdict::Valid);
        assert_eq!(record.check(&RULES, 999_999, false), Check::None);
    }

    #[test]
    fn the_majority_decides() {
        use Verdict::{Failed, Undecided, Valid};
        let of = |answers: &[u8]| compare(&RULES, answers.len(), |a, b| answers[a] == answers[b]);
        assert_eq!(of(&[1]), Comparison::AskAnother);
        assert_eq!(of(&[1, 1]), Comparison::Decided(vec![Valid, Valid]));
        assert_eq!(of(&[1, 2]), Comparison::AskAnother);
        assert_eq!(of(&[1, 2, 1]), Comparison::Decided(vec![Valid, Failed, Valid]));
        assert_eq!(of(&[1, 2, 2]), Comparison::Decided(vec![Failed, Valid, Valid]));
        assert_eq!(of(&[1, 2, 3]), Comparison::Decided(vec![Undecided; 3]));
    }

    proptest! {
        /// Whatever happens: what was paid is held, matured or forfeited, bound coins with it, and the holdback has its end.
        #[test]
        fn not_a_micro_is_lost(steps in prop::collection::vec((0u8..6, 0u64..1_000, 0u64..400_000), 1..300)) {
            let mut record = Record::default();
            let (mut now, mut earned, mut left) = (NOW, Pay::default(), Pay::default());
            for (step, amount, ms) in steps {
                now = now.plus_ms(ms);
                left = left.plus(match step {
                    0 => sum(&record.judged(&RULES, now, Verdict::Failed)),
                    1 => sum(&record.judged(&RULES, now, Verdict::Valid)),
                    2 => matured(&mut record, now),
                    _ => {
                        earned = earned.plus(pay(amount));
                        paid(&mut record, now, pay(amount))
                    }
                });
                prop_assert!(record.held.len() <= RULES.holdback);
                prop_assert_eq!(left.plus(record.held()), earned);
            }
        }

        /// Two that agree are never found guilty by one that does not.
        #[test]
        fn one_voice_proves_nothing(answers in prop::collection::vec(0u8..3, 2..4)) {
            if let Comparison::Decided(verdicts) = compare(&RULES, answers.len(), |a, b| answers[a] == answers[b]) {
                for (place, verdict) in verdicts.iter().enumerate() {
                    let supporters = answers.iter().filter(|answer| **answer == answers[place]).count();
                    prop_assert!(*verdict != Verdict::Failed || supporters * 2 < answers.len());
                }
            }
        }
    }
}
