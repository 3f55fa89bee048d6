//! Pieces and vectors against another implementation's, and what the engine refuses.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::Path;

use mtor_embed::{Engine, EngineOptions, Failure, LoadError, WordPiece, defaults};
use serde::Deserialize;

use crate::{engine, files};

/// What the tokenizers library and ONNX Runtime make of a text, with the same two files.
#[derive(Deserialize)]
struct Reference {
    text: String,
    pieces: Vec<i32>,
    first_numbers: Vec<f32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn texts_are_cut_as_the_reference_cuts_them() {
    let tokenizer = WordPiece::load(&files().1).unwrap();
    for reference in references() {
        assert_eq!(tokenizer.pieces(&reference.text), reference.pieces, "{:?}", reference.text);
    }
}

#[test]
fn vectors_are_those_of_the_reference() {
    let engine = engine();
    for reference in references() {
        let embedded = engine.embed(std::slice::from_ref(&reference.text), &|| false).unwrap();
        let vector = &embedded.vectors[0];
        assert_eq!((vector.len(), embedded.pieces), (384, reference.pieces.len()));
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
        for (ours, theirs) in vector.iter().zip(&reference.first_numbers) {
            assert!((ours - theirs).abs() < 0.005, "{:?}: {ours} and {theirs}", reference.text);
        }
    }
}

#[test]
fn what_means_the_same_lies_near_and_company_changes_nothing() {
    let engine = engine();
    let said = texts(&["how do I make pancakes", "a recipe for pancakes", "the stock market fell today"]);
    let together = engine.embed(&said, &|| false).unwrap().vectors;
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    assert!(near(&together[0], &together[1]) > near(&together[0], &together[2]) + 0.3);
    assert_eq!(engine.embed(&said[1..2], &|| false).unwrap().vectors[0], together[1]);
}

#[test]
fn what_does_not_fit_is_refused_in_numbers_before_anything_is_computed() {
    let engine = engine();
    let long = format!("short, {}", "word ".repeat(300));
    let failure = engine.embed(&texts(&["fine", &long]), &|| panic!("nothing is computed")).unwrap_err();
    assert_eq!(failure, Failure::TooLong { number: 1, of: 2, pieces: 304 });
    let fits = "word ".repeat(defaults::PIECES_MAX - 2);
    assert_eq!(engine.embed(&[fits], &|| false).unwrap().pieces, defaults::PIECES_MAX);
    for empty in ["", " \n", "\u{0}\u{200b}"] {
        let failure = engine.embed(&texts(&[empty]), &|| false).unwrap_err();
        assert_eq!(failure, Failure::Empty { number: 0, of: 1 });
    }
}

#[test]
fn a_cancelled_job_ends_before_the_next_text() {
    let engine = engine();
    let asked = Cell::new(0);
    let cancelled = || {
        asked.set(asked.get() + 1);
        asked.get() > 2
    };
    let failure = engine.embed(&texts(&["one"; 100]), &cancelled).unwrap_err();
    assert_eq!((failure, asked.get()), (Failure::Cancelled, 3));
}

#[test]
fn files_that_are_no_model_are_told_by_name() {
    let start = |model: &Path, tokenizer: &Path| {
        Engine::start(&EngineOptions {
            model: model.into(),
            tokenizer: tokenizer.into(),
            threads: None,
            at_once: NonZeroUsize::MIN,
        })
        .unwrap_err()
    };
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.onnx");
    std::fs::write(&text, "Hello, I am no model").unwrap();
    let cut = folder.path().join("cut.onnx");
    let whole = std::fs::read(&files().0).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    for wrong in [&text, &cut] {
        let error = start(wrong, &files().1);
        assert!(
            matches!(error, LoadError::Model { .. }) && error.to_string().contains(wrong.to_str().unwrap()),
            "{error}"
        );
    }
    assert!(matches!(start(Path::new("absent.onnx"), &files().1), LoadError::Read { .. }));
    assert!(matches!(start(&files().0, &text), LoadError::Tokenizer { .. }));
    assert!(matches!(start(&files().0, Path::new("absent.json")), LoadError::Read { .. }));
}
