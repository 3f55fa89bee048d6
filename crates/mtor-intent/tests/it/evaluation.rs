//! The evaluation set is what it says it is, and rules do nothing wrong on it.

use std::collections::{BTreeMap, HashSet};

use mtor_intent::{EVALUATION, Resolver, Understanding, say};
use proptest::prelude::*;
use serde::Deserialize;

use crate::by_rules;

#[derive(Deserialize)]
struct File {
    set: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    want: String,
    language: String,
    utterances: Vec<String>,
}

/// What is wanted, the language, what is said.
fn utterances() -> Vec<(String, String, String)> {
    let file: File = toml::from_str(EVALUATION).unwrap();
    let of = |set: Set| {
        let (want, language) = (set.want, set.language);
        set.utterances.into_iter().map(move |said| (want.clone(), language.clone(), said))
    };
    file.set.into_iter().flat_map(of).collect()
}

/// Letters and digits alone.
fn bare(text: &str) -> String {
    let clean = Resolver::new().clean(text, "en").to_lowercase();
    clean.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[test]
fn it_is_large_and_even_enough() {
    let mut counts = BTreeMap::<String, usize>::new();
    utterances().into_iter().for_each(|(want, ..)| *counts.entry(want).or_default() += 1);
    assert_eq!(counts.len(), 13 + 13, "{counts:?}");
    assert!(counts.values().all(|count| *count >= 20), "{counts:?}");
    assert!(counts["chat"] >= 100 && counts.values().sum::<usize>() >= 800, "{counts:?}");
    let languages: HashSet<String> = utterances().into_iter().map(|(_, language, _)| language).collect();
    assert_eq!(languages, say::languages().map(str::to_owned).collect());
}

#[test]
fn no_utterance_comes_twice_or_is_an_example() {
    let examples: HashSet<String> = Resolver::examples().iter().map(|example| bare(example.text)).collect();
    let (mut seen, mut known, mut twice) = (HashSet::new(), Vec::new(), Vec::new());
    for (_, language, said) in utterances() {
        if examples.contains(&bare(&said)) {
            known.push(said.clone());
        }
        if !seen.insert((language, said.to_lowercase())) {
            twice.push(said);
        }
    }
    assert!(known.is_empty(), "these are examples: {known:?}");
    assert!(twice.is_empty(), "these come twice: {twice:?}");
}

#[test]
fn rules_do_nothing_that_was_not_asked_for() {
    let mut wrong = Vec::new();
    for (want, language, said) in utterances() {
        if let Some(got) = by_rules(&said, &language).filter(|got| *got != want) {
            wrong.push(format!("{said}: {got} instead of {want}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rules_know_most_control_words_in_every_language() {
    for language in say::languages() {
        let controls: Vec<_> = utterances()
            .into_iter()
            .filter(|(want, of, _)| want.starts_with("control.") && of == language)
            .collect();
        let known =
            controls.iter().filter(|(want, of, said)| by_rules(said, of).as_ref() == Some(want)).count();
        // The English ones have indirect forms among them, which are for the examples.
        assert!(known * 100 >= controls.len() * 88, "{language}: {known} of {}", controls.len());
    }
}

#[test]
fn no_control_word_fires_inside_something_longer() {
    let all = utterances();
    let controls: Vec<&str> = all
        .iter()
        .filter(|(want, language, _)| want.starts_with("control.") && language == "en")
        .map(|(.., said)| said.trim_end_matches(['.', '!', '?']))
        .collect();
    let is_control = |said: &str| by_rules(said, "en").is_some_and(|got| got.starts_with("control."));
    for (_, _, question) in all.iter().filter(|(want, language, _)| want == "chat" && language == "en") {
        for control in &controls {
            for said in [format!("{question} {control}"), format!("{control} {question}")] {
                // Two commands in one breath are for the first of them to say; a question never stops anything.
                assert!(!is_control(&said), "{said}");
            }
        }
    }
}

/// What is understood, however it is spelt.
fn sense(said: &str, language: &str) -> Option<(String, String)> {
    let understanding = Resolver::new().rules(said, language)?.understanding;
    Some(match understanding {
        Understanding::Act { capability, text, params, .. } => {
            (capability.to_string(), bare(&format!("{text} {params:?}")))
        }
        other => (format!("{other:?}"), String::new()),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn case_and_punctuation_make_no_difference(at in 0usize..878, end in "[ .!?…]{0,3}", start in "[ ]{0,2}") {
        let all = utterances();
        let (_, language, said) = &all[at % all.len()];
        let plain = sense(said, language);
        prop_assert_eq!(&sense(&format!("{start}{}{end}", said.trim_end_matches(['.', '!', '?'])), language), &plain);
        prop_assert_eq!(&sense(&said.to_uppercase(), language), &plain);
        prop_assert_eq!(&sense(&said.to_lowercase(), language), &plain);
    }

    #[test]
    fn the_wake_word_makes_no_difference(at in 0usize..878) {
        let all = utterances();
        let (_, language, said) = &all[at % all.len()];
        let plain = sense(said, language);
        prop_assert_eq!(&sense(&format!("Computer, {said}"), language), &plain);
        prop_assert_eq!(&sense(&format!("hey computer. {said}"), language), &plain);
    }

    #[test]
    fn whatever_is_said_is_survived(said in ".{0,200}", language in "[a-z]{0,3}") {
        let resolver = Resolver::new();
        let resolved = resolver.without_vector(&said, &language);
        prop_assert!(resolved.text.len() <= said.len());
        resolver.nearest(&said, &language, &[0.0, 1.0]);
        resolver.with_wake_word(&said).without_vector(&said, &language);
    }

    #[test]
    fn words_in_any_order_are_survived(words in proptest::collection::vec("(stop|please|turn|on|the|light|in|ten|minutes|half|an|hour|and|a|draw|me|picture|of|computer|what|is|7|times)", 0..40)) {
        Resolver::new().without_vector(&words.join(" "), "");
    }
}
