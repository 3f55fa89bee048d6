//! How well the realm understands people with this model: the resolver's evaluation set, run through rules and examples.
//!
//! The figure that matters most is how often something was done that should not have been. To be asked back is a nuisance,
//! to be answered instead of served is another; a mail that was sent by mistake is neither.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::{Duration, Instant};

use mtor_intent::{By, EVALUATION, Resolver, Understanding, WrongVectors};
use serde::{Deserialize, Serialize};

use crate::{Engine, Failure};

/// Which utterances of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// Those that rules, examples and thresholds may be tuned on.
    Dev,
    /// Those that nothing is tuned on.
    Test,
    /// All.
    All,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The model failed.
    #[error(transparent)]
    Engine(#[from] Failure),
    /// Its vectors are of no use.
    #[error(transparent)]
    Vectors(#[from] WrongVectors),
    /// The set can't be read.
    #[error("the evaluation set: {0}")]
    Set(#[from] toml::de::Error),
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which utterances.
    pub half: Half,
    /// How many example sentences there are.
    pub examples: usize,
    /// Over all utterances.
    pub all: Score,
    /// Those in English that no rule knew: what the examples are for.
    pub english_without_rule: Score,
    /// By what was wanted.
    pub by_intent: BTreeMap<String, Score>,
    /// By language.
    pub by_language: BTreeMap<String, Score>,
    /// What was understood instead: wanted, understood, how often.
    pub confusion: Vec<(String, String, usize)>,
    /// Milliseconds for one utterance that rules know, on average, and at the 95th percentile.
    pub rule_ms: (f64, f64),
    /// Milliseconds for one that they don't know, the vector included, on average, and at the 95th percentile.
    pub example_ms: (f64, f64),
    /// Each utterance that was not understood as it should be.
    missed: Vec<Miss>,
}

/// How many, and how they were understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Utterances.
    pub utterances: usize,
    /// Understood as they should be.
    pub right: usize,
    /// Asked back, with the right thing among the choices.
    pub asked_rightly: usize,
    /// Asked back, without it.
    pub asked_wrongly: usize,
    /// Something was done that should not have been: an action, a control word, another action than the one wanted.
    pub wrong_actions: usize,
    /// Answered as a question, though something was to be done.
    pub only_answered: usize,
}

impl Score {
    /// From 0 to 1; a right question counts as half right.
    pub fn accuracy(&self) -> f64 {
        (self.right as f64 + self.asked_rightly as f64 / 2.0) / self.utterances.max(1) as f64
    }

    /// The share of wrong actions, from 0 to 1.
    pub fn wrong_share(&self) -> f64 {
        self.wrong_actions as f64 / self.utterances.max(1) as f64
    }

    fn add(&mut self, outcome: Outcome) {
        self.utterances += 1;
        match outcome {
            Outcome::Right => self.right += 1,
            Outcome::AskedRightly => self.asked_rightly += 1,
            Outcome::AskedWrongly => self.asked_wrongly += 1,
            Outcome::WrongAction => self.wrong_actions += 1,
            Outcome::OnlyAnswered => self.only_answered += 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    AskedRightly,
    AskedWrongly,
    WrongAction,
    OnlyAnswered,
}

#[derive(Debug, Clone, Serialize)]
struct Miss {
    language: String,
    said: String,
    wanted: String,
    understood: String,
}

/// The set as its file has it.
#[derive(Deserialize)]
struct File {
    set: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    want: String,
    language: String,
    utterances: Vec<String>,
}

/// Embeds the examples, then resolves every utterance of that half and counts. Takes about ten seconds.
///
/// # Errors
/// [`EvaluateError`] when the model fails or nobody waits any more.
pub fn run(engine: &Engine, half: Half, cancelled: &dyn Fn() -> bool) -> Result<Report, EvaluateError> {
    let file: File = toml::from_str(EVALUATION)?;
    let texts: Vec<String> = Resolver::examples().iter().map(|example| example.text.to_owned()).collect();
    let resolver = Resolver::new().with_vectors(engine.embed(&texts, cancelled)?.vectors)?;

    let mut report = Report::empty(half, texts.len());
    let (mut rule_times, mut example_times) = (Vec::new(), Vec::new());
    for set in &file.set {
        for said in of_half(half, &set.utterances) {
            let started = Instant::now();
            let resolved = match resolver.rules(said, &set.language) {
                Some(resolved) => resolved,
                None => {
                    let clean = resolver.clean(said, &set.language);
                    let vector = engine.embed(&[clean], cancelled)?.vectors.pop().unwrap_or_default();
                    resolver.nearest(said, &set.language, &vector)
                }
            };
            let times = if resolved.by == By::Rules { &mut rule_times } else { &mut example_times };
            times.push(started.elapsed());
            report.add(set, said, &resolved.understanding, resolved.by);
        }
    }
    report.confusion.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
    (report.rule_ms, report.example_ms) = (mean_and_p95_ms(rule_times), mean_and_p95_ms(example_times));
    Ok(report)
}

/// Every other utterance: the first, third, ... are the dev half.
fn of_half(half: Half, utterances: &[String]) -> impl Iterator<Item = &String> {
    utterances
        .iter()
        .enumerate()
        .filter(move |(at, _)| match half {
            Half::Dev => at.is_multiple_of(2),
            Half::Test => !at.is_multiple_of(2),
            Half::All => true,
        })
        .map(|(_, said)| said)
}

impl Report {
    fn empty(half: Half, examples: usize) -> Self {
        Self {
            half,
            examples,
            all: Score::default(),
            english_without_rule: Score::default(),
            by_intent: BTreeMap::new(),
            by_language: BTreeMap::new(),
            confusion: Vec::new(),
            rule_ms: (0.0, 0.0),
            example_ms: (0.0, 0.0),
            missed: Vec::new(),
        }
    }

    fn add(&mut self, set: &Set, said: &str, understood: &Understanding, by: By) {
        let outcome = outcome(&set.want, understood);
        self.all.add(outcome);
        if by != By::Rules && set.language == "en" {
            self.english_without_rule.add(outcome);
        }
        self.by_intent.entry(set.want.clone()).or_default().add(outcome);
        self.by_language.entry(set.language.clone()).or_default().add(outcome);
        if outcome == Outcome::Right {
            return;
        }
        let understood = name(understood);
        match self.confusion.iter_mut().find(|(want, got, _)| *want == set.want && *got == understood) {
            Some((_, _, count)) => *count += 1,
            None => self.confusion.push((set.want.clone(), understood.clone(), 1)),
        }
        let (language, wanted) = (set.language.clone(), set.want.clone());
        self.missed.push(Miss { language, said: said.to_owned(), wanted, understood });
    }

    /// The utterances that were not understood as they should be, one a line.
    pub fn misses(&self) -> String {
        let mut lines = String::new();
        for Miss { language, said, wanted, understood } in &self.missed {
            // Writing to a string can't fail.
            let _ = writeln!(lines, "{language}  {wanted} -> {understood}  {said}");
        }
        lines
    }
}

/// What was understood, in a word: a capability, `control.NAME`, `N steps`, or `ask ONE or OTHER`.
fn name(understood: &Understanding) -> String {
    match understood {
        Understanding::Control { control } => format!("control.{}", format!("{control:?}").to_lowercase()),
        Understanding::Act { capability, .. } => capability.to_string(),
        Understanding::Steps { steps } => format!("{} steps", steps.len()),
        Understanding::Unsure { choices, .. } => {
            let choices: Vec<&str> = choices.iter().map(|choice| choice.capability.as_str()).collect();
            format!("ask {}", choices.join(" or "))
        }
    }
}

fn outcome(wanted: &str, understood: &Understanding) -> Outcome {
    if let Understanding::Unsure { choices, .. } = understood {
        let among = choices.iter().any(|choice| choice.capability.as_str() == wanted);
        return if among { Outcome::AskedRightly } else { Outcome::AskedWrongly };
    }
    match name(understood) {
        name if name == wanted => Outcome::Right,
        name if name == "chat" => Outcome::OnlyAnswered,
        _ => Outcome::WrongAction,
    }
}

fn mean_and_p95_ms(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    let mean = times.iter().map(ms).sum::<f64>() / times.len().max(1) as f64;
    (mean, times.get(times.len() * 95 / 100).map_or(0.0, ms))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:22}{:>6}{:>10}{:>8}{:>8}{:>8}{:>8}",
            "", "said", "accuracy", "right", "asked", "wrong", "chat"
        )?;
        let mut line = |name: &str, score: &Score| {
            let asked = format!("{}/{}", score.asked_rightly, score.asked_rightly + score.asked_wrongly);
            let accuracy = format!("{:.1} %", score.accuracy() * 100.0);
            let Score { utterances, right, wrong_actions, only_answered, .. } = score;
            writeln!(
                f,
                "{name:22}{utterances:>6}{accuracy:>10}{right:>8}{asked:>8}{wrong_actions:>8}{only_answered:>8}"
            )
        };
        for (intent, score) in self.by_intent.iter().chain(&self.by_language) {
            line(intent, score)?;
        }
        line("English without rule", &self.english_without_rule)?;
        line("all", &self.all)?;
        writeln!(
            f,
            "\nasked: questions back with the right choice, of all questions; each counts as half right"
        )?;
        writeln!(
            f,
            "wrong: something was done that should not have been, {:.1} %",
            self.all.wrong_share() * 100.0
        )?;
        writeln!(f, "chat: answered as a question, though something was to be done\n")?;
        for (wanted, understood, count) in self.confusion.iter().take(CONFUSIONS_SHOWN) {
            writeln!(f, "{count:>4} x {wanted} -> {understood}")?;
        }
        let ((rule, rule_p95), (example, example_p95)) = (self.rule_ms, self.example_ms);
        writeln!(
            f,
            "\n{} examples; by rule {rule:.2} ms (95th percentile {rule_p95:.2}), by example {example:.1} ms ({example_p95:.1})",
            self.examples
        )
    }
}

/// How many confusions are printed, the most frequent first; the JSON has all.
const CONFUSIONS_SHOWN: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_intent::{Choice, Control};

    fn asked(names: &[&str]) -> Understanding {
        let capability = |name: &str| mtor_worker::protocol::CapabilityKind::new(name).unwrap();
        let choice = |name: &&str| Choice {
            capability: capability(name),
            text: String::new(),
            say: String::new(),
            intent: None,
        };
        Understanding::Unsure { question: "?".into(), choices: names.iter().map(choice).collect() }
    }

    #[test]
    fn outcomes_tell_questions_and_wrong_actions_apart() {
        let stop = Understanding::Control { control: Control::Stop };
        assert_eq!(outcome("control.stop", &stop), Outcome::Right);
        assert_eq!(outcome("chat", &stop), Outcome::WrongAction);
        assert_eq!(outcome("imagine", &asked(&["vision", "imagine"])), Outcome::AskedRightly);
        assert_eq!(outcome("imagine", &asked(&["vision", "chat"])), Outcome::AskedWrongly);
        let answered = Resolver::new().without_vector("why is the sky blue", "en").understanding;
        assert_eq!(outcome("tool.weather", &answered), Outcome::OnlyAnswered);
        assert_eq!(outcome("chat", &answered), Outcome::Right);
    }

    #[test]
    fn the_halves_are_disjoint_and_make_the_whole() {
        let said: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let of = |half| of_half(half, &said).map(String::as_str).collect::<String>();
        assert_eq!(
            (of(Half::Dev).as_str(), of(Half::Test).as_str(), of(Half::All).as_str()),
            ("ac", "b", "abc")
        );
    }

    #[test]
    fn a_right_question_is_half_right() {
        let score = Score { utterances: 4, right: 2, asked_rightly: 1, wrong_actions: 1, ..Score::default() };
        assert_eq!((score.accuracy(), score.wrong_share()), (0.625, 0.25));
    }
}
