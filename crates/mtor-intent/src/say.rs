//! What the realm says by itself, in plain words: what went wrong, and what it asks back.

use mtor_protocol::money::MICRO_PER_COIN;
use mtor_protocol::{CapabilityKind, Effect, Micro, ProblemKind};
use serde_json::{Map, Value};

use crate::languages::{ALL, Language, by_code};

/// The sentences of one language. A language that lacks one does not compile.
#[derive(Debug)]
pub(crate) struct Say {
    pub(crate) not_heard: &'static str,
    pub(crate) not_understood: &'static str,
    pub(crate) another_worker: &'static str,
    pub(crate) nothing_to_repeat: &'static str,
    pub(crate) nothing_to_stop: &'static str,
    pub(crate) at_your_service: &'static str,
    pub(crate) goodbye: &'static str,
    pub(crate) help: &'static str,
    /// Asks about `{a}`.
    pub(crate) ask_one: &'static str,
    /// Asks about `{a}` and `{b}`.
    pub(crate) ask_two: &'static str,
    /// Nobody can `{able}`.
    pub(crate) no_worker: &'static str,
    pub(crate) no_funds: &'static str,
    /// It may cost up to `{coins}`: shall it be asked?
    pub(crate) dear: &'static str,
    /// What is said of a step before somebody says yes to it: one that sends, one that switches, one of which nobody knows.
    pub(crate) step: (&'static str, &'static str, &'static str),
    /// Shall I?
    pub(crate) shall: &'static str,
    /// One coin, and what more of them are called.
    pub(crate) coin: (&'static str, &'static str),
    /// What stands between coins and their parts.
    pub(crate) decimal: &'static str,
    pub(crate) forbidden: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) too_long: &'static str,
    pub(crate) too_many: &'static str,
    pub(crate) expired: &'static str,
    pub(crate) cancelled: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) leaving: &'static str,
    pub(crate) no_ledger: &'static str,
    pub(crate) internal: &'static str,
    /// What each capability is called in sentences.
    pub(crate) tasks: &'static [(&'static str, Task)],
}

/// What a capability is called in sentences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    /// As in "nobody can draw pictures".
    pub(crate) able: &'static str,
    /// As in "do you want me to draw that".
    pub(crate) ask: &'static str,
    /// As on a button: "Draw it".
    pub(crate) say: &'static str,
}

/// Something that the realm says in the course of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phrase {
    /// There was sound, but no words in it.
    NotHeard,
    /// A worker was lost in mid-answer and another one goes on.
    AnotherWorker,
    /// "Repeat", before anything was said.
    NothingToRepeat,
    /// "Stop", while nothing is under way.
    NothingToStop,
    /// The wake word alone was said.
    AtYourService,
    /// The answer to "goodbye".
    Goodbye,
    /// What can be asked for.
    Help,
}

/// That phrase; in English when the language is none of [`languages`].
pub fn phrase(phrase: Phrase, language: &str) -> &'static str {
    let say = &table(language).say;
    match phrase {
        Phrase::NotHeard => say.not_heard,
        Phrase::AnotherWorker => say.another_worker,
        Phrase::NothingToRepeat => say.nothing_to_repeat,
        Phrase::NothingToStop => say.nothing_to_stop,
        Phrase::AtYourService => say.at_your_service,
        Phrase::Goodbye => say.goodbye,
        Phrase::Help => say.help,
    }
}

/// A problem with something of that capability, as one says it to somebody who can't see a screen. In English when the
/// language is none of [`languages`].
///
/// ```
/// use mtor_intent::say;
/// use mtor_protocol::{CapabilityKind, ProblemKind};
/// let imagine = CapabilityKind::new("imagine").unwrap();
/// assert_eq!(say::problem(ProblemKind::NoWorker, &imagine, "en"), "No worker can draw pictures right now.");
/// assert_eq!(say::problem(ProblemKind::InsufficientFunds, &imagine, "de"), "Die Geldbörse ist leer.");
/// ```
pub fn problem(kind: ProblemKind, capability: &CapabilityKind, language: &str) -> String {
    let language = table(language);
    let say = &language.say;
    let sentence = match kind {
        ProblemKind::NoWorker | ProblemKind::UnknownModel | ProblemKind::Infeasible => {
            return say.no_worker.replace("{able}", task(language, capability.as_str()).able);
        }
        ProblemKind::InsufficientFunds => say.no_funds,
        ProblemKind::Unauthorized
        | ProblemKind::Forbidden
        | ProblemKind::KeyReplaced
        | ProblemKind::KeyWaiting => say.forbidden,
        ProblemKind::NotFound => say.not_found,
        ProblemKind::TooLarge | ProblemKind::ContextExceeded => say.too_long,
        ProblemKind::TooManyRequests => say.too_many,
        ProblemKind::Expired => say.expired,
        ProblemKind::Cancelled => say.cancelled,
        ProblemKind::WorkerFailed | ProblemKind::SkillStopped => say.failed,
        ProblemKind::Draining => say.leaving,
        ProblemKind::LedgerUnavailable => say.no_ledger,
        ProblemKind::InvalidRequest => say.not_understood,
        ProblemKind::MethodNotAllowed | ProblemKind::Conflict | ProblemKind::Internal => say.internal,
    };
    sentence.to_owned()
}

/// Asks whether something may cost so much at most. Rounded up to what can be listened to: tenths of a coin, and below one
/// coin two figures.
///
/// ```
/// use mtor_intent::say;
/// use mtor_protocol::Micro;
/// assert_eq!(say::dear(Micro::coins(3), "en"), "That may cost up to 3 coins. Shall I?");
/// assert_eq!(say::dear(Micro(123_456), "de"), "Das kann bis zu 0,13 Münzen kosten. Soll ich?");
/// ```
pub fn dear(most: Micro, language: &str) -> String {
    let say = &table(language).say;
    let digits = most.0.checked_ilog10().unwrap_or(0);
    let unit =
        if most >= Micro::coins(1) { MICRO_PER_COIN / 10 } else { 10_u64.pow(digits.saturating_sub(1)) };
    let rounded = Micro(most.0.div_ceil(unit).saturating_mul(unit));
    let (one, many) = say.coin;
    let name = if rounded == Micro::coins(1) { one } else { many };
    say.dear.replace("{coins}", &format!("{} {name}", rounded.to_string().replace('.', say.decimal)))
}

/// Asks for a yes to a step of a plan, with all that it will be done with, as one says it to somebody who can't see a screen.
///
/// ```
/// use mtor_intent::say;
/// use mtor_protocol::Effect;
/// let params = serde_json::json!({ "to": "ada@example.org", "body": "Hello." });
/// let said = say::step(Effect::Sends, params.as_object().unwrap(), "en");
/// assert_eq!(said, "I would send this. To: ada@example.org. Body: Hello. Shall I?");
/// ```
pub fn step(effect: Effect, params: &Map<String, Value>, language: &str) -> String {
    let say = &table(language).say;
    let what = match effect {
        Effect::Sends => say.step.0,
        Effect::Switches => say.step.1,
        Effect::Reads | Effect::Notes | Effect::Unknown => say.step.2,
    };
    let mut sentence = what.to_owned();
    // Where it goes is heard before what goes there.
    let mut named: Vec<(&String, &Value)> = params.iter().filter(|(name, _)| *name != "list").collect();
    named.sort_by_key(|(name, _)| (*name != "to", *name == "body", (*name).clone()));
    for (name, value) in named {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let end = if value.trim_end().ends_with(['.', '!', '?']) { "" } else { "." };
        let mut name = name.clone();
        name.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
        sentence.push_str(&format!(" {name}: {}{end}", value.trim()));
    }
    format!("{sentence} {}", say.shall)
}

/// The languages that the realm has sentences and rules for, as codes such as `en`.
pub fn languages() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|language| language.code)
}

/// Asks which of these was meant; one or two of them are named.
pub(crate) fn question(language: &Language, capabilities: &[&str]) -> String {
    let say = &language.say;
    match capabilities {
        [] => say.not_understood.to_owned(),
        [one] => say.ask_one.replace("{a}", task(language, one).ask),
        [one, two, ..] => {
            say.ask_two.replace("{a}", task(language, one).ask).replace("{b}", task(language, two).ask)
        }
    }
}

/// What the capability is called; a tool that no table knows answers questions, as far as anybody can tell.
pub(crate) fn task(language: &Language, capability: &str) -> Task {
    let tasks = language.say.tasks;
    let known = tasks.iter().find(|(name, _)| *name == capability).or(tasks.first());
    known.map_or(Task { able: "do that", ask: "do that", say: "Do it" }, |(_, task)| *task)
}

fn table(language: &str) -> &'static Language {
    by_code(language).unwrap_or(ALL[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_a_sentence_in_every_language() {
        let imagine = CapabilityKind::new("imagine").unwrap();
        for language in languages() {
            for kind in ProblemKind::ALL {
                let text = problem(*kind, &imagine, language);
                assert!(
                    text.ends_with(['.', '!']) && !text.contains(['{', '}']),
                    "{language} {kind:?}: {text}"
                );
            }
        }
        assert_eq!(
            problem(ProblemKind::NoWorker, &imagine, "fr-CA"),
            "Personne ne peut dessiner pour le moment."
        );
        assert_eq!(phrase(Phrase::NotHeard, "es"), "No he oído nada.");
        assert_eq!(phrase(Phrase::NotHeard, "xx"), "I did not hear anything.");
    }

    #[test]
    fn every_language_names_the_same_capabilities() {
        let names =
            |language: &Language| language.say.tasks.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        for language in ALL {
            assert_eq!(names(language), names(ALL[0]), "{}", language.code);
            assert_eq!(names(language)[0], "chat");
            assert!(language.say.ask_one.contains("{a}") && language.say.no_worker.contains("{able}"));
            assert!(language.say.ask_two.contains("{a}") && language.say.ask_two.contains("{b}"));
        }
    }

    #[test]
    fn what_is_dear_is_asked_in_every_language() {
        for language in languages() {
            let text = dear(Micro(1_234_567), language);
            assert!(text.ends_with('?') && text.contains("1.3") | text.contains("1,3"), "{language}: {text}");
        }
        let said = |micro: u64| dear(Micro(micro), "en");
        assert!(said(1_000_000).contains("up to 1 coin."));
        assert!(said(999_999).contains("up to 1 coin."), "rounded up");
        assert!(said(4_378).contains("0.0044 coins") && said(0).contains("0 coins"));
        assert!(said(u64::MAX).contains("coins"));
    }

    #[test]
    fn questions_name_what_may_have_been_meant() {
        assert_eq!(
            question(ALL[0], &["imagine", "vision"]),
            "Do you want me to draw that, or to describe a picture?"
        );
        assert_eq!(question(ALL[1], &["tool.timer"]), "Soll ich einen Timer stellen?");
    }
}
