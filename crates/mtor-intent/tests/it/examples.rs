//! What the resolver does with vectors, with vectors whose distances are known: each label has an axis of its own, and all
//! its examples lie on it.

use mtor_intent::{By, Label, Resolver, Understanding};

fn labels() -> Vec<Label> {
    let mut labels = Vec::new();
    for example in Resolver::examples() {
        if !labels.contains(&example.label) {
            labels.push(example.label);
        }
    }
    labels
}

/// A vector that is so near to the labels named.
fn near(parts: &[(&str, f32)]) -> Vec<f32> {
    let labels = labels();
    // One axis more, which no example knows: what is on it is near to nothing.
    let mut vector = vec![0.0; labels.len() + 1];
    for (name, part) in parts {
        let at = labels.iter().position(|label| match label {
            Label::Capability(capability) => capability == name,
            Label::Control(control) => format!("{control:?}") == *name,
        });
        vector[at.unwrap()] = *part;
    }
    let rest = 1.0 - vector.iter().map(|number| number * number).sum::<f32>();
    let last = vector.len() - 1;
    vector[last] = rest.max(0.0).sqrt();
    vector
}

fn resolver() -> Resolver {
    let name = |label: Label| match label {
        Label::Capability(name) => name.to_owned(),
        Label::Control(control) => format!("{control:?}"),
    };
    let vectors = Resolver::examples().iter().map(|example| near(&[(&name(example.label), 1.0)])).collect();
    Resolver::new().with_vectors(vectors).unwrap()
}

/// Names what all the labels below are about, and is nothing that a rule knows.
const SAID: &str = "would there be a picture, mail or news about two owls";

fn understood(parts: &[(&str, f32)]) -> Understanding {
    resolver().nearest(SAID, "en", &near(parts)).understanding
}

fn acted(parts: &[(&str, f32)]) -> String {
    match understood(parts) {
        Understanding::Act { capability, .. } => capability.to_string(),
        other => panic!("{other:?}"),
    }
}

fn asked(parts: &[(&str, f32)]) -> (String, Vec<String>) {
    match understood(parts) {
        Understanding::Unsure { question, choices } => {
            (question, choices.into_iter().map(|choice| choice.capability.to_string()).collect())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_near_is_done_and_what_is_far_is_a_question() {
    assert_eq!(acted(&[("imagine", 0.8)]), "imagine");
    assert_eq!(acted(&[("imagine", 0.2)]), "chat");
    assert_eq!(acted(&[("chat", 0.7), ("imagine", 0.6)]), "chat");
    assert_eq!(acted(&[]), "chat");
}

#[test]
fn two_that_are_equally_near_are_asked_about() {
    let (question, choices) = asked(&[("imagine", 0.62), ("vision", 0.6)]);
    assert_eq!(question, "Do you want me to draw that, or to describe a picture?");
    assert_eq!(choices, ["imagine", "vision"]);
    assert_eq!(asked(&[("imagine", 0.62), ("chat", 0.6)]).1, ["imagine", "chat"]);
}

#[test]
fn what_sends_or_switches_has_to_be_nearer() {
    assert_eq!(acted(&[("tool.news", 0.46)]), "tool.news");
    assert_eq!(asked(&[("tool.mail", 0.46)]).1, ["tool.mail", "chat"]);
    assert_eq!(acted(&[("tool.mail", 0.6)]), "tool.mail");
}

#[test]
fn control_words_have_to_be_short_and_near() {
    let near_stop = near(&[("Stop", 0.8)]);
    let short = resolver().nearest("that was plenty of it", "en", &near_stop);
    assert!(matches!(short.understanding, Understanding::Control { .. }), "{short:?}");
    let long = resolver().nearest("that was plenty of it and i wonder how one says so", "en", &near_stop);
    assert!(matches!(long.understanding, Understanding::Act { .. }), "{long:?}");
    assert_eq!(acted(&[("Stop", 0.4)]), "chat");
}

#[test]
fn rules_go_before_examples() {
    let resolved = resolver().nearest("stop", "en", &near(&[("imagine", 1.0)]));
    assert_eq!(resolved.by, By::Rules);
}

#[test]
fn other_languages_have_rules_alone() {
    let resolved = resolver().nearest("irgendetwas mit zwei Eulen", "de", &near(&[("imagine", 0.9)]));
    assert_eq!((resolved.by, resolved.language.as_str()), (By::Fallback, "de"));
}

#[test]
fn vectors_of_no_use_are_refused_or_ignored() {
    let count = Resolver::examples().len();
    assert!(Resolver::new().with_vectors(vec![vec![1.0, 0.0]; count - 1]).is_err());
    assert!(Resolver::new().with_vectors(vec![vec![0.0, 0.0]; count]).is_err());
    assert!(Resolver::new().with_vectors(vec![vec![f32::NAN, 1.0]; count]).is_err());
    for vector in [vec![], vec![1.0], vec![0.0; labels().len() + 1], vec![f32::NAN; labels().len() + 1]] {
        assert_eq!(resolver().nearest(SAID, "en", &vector).by, By::Fallback);
    }
}
