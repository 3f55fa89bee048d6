//! The wake word, said by a program that speaks; the head was trained on other voices of it, and on people who say other things.

use std::fs::File;
use std::process::Command;

use mtor_audio::{HEARD_HZ, decode};
use mtor_ears::{LoadError, WakeOptions, WakeWord};

use crate::fixture::{dashwood, engine, model, noise, silence};

fn options() -> WakeOptions {
    WakeOptions { embedding: model("MTOR_TEST_WAKE", "wake-embedding"), head: None }
}

fn word() -> WakeWord {
    WakeWord::load(&options(), &engine()).unwrap()
}

/// A voice says it, with a second of quiet before and after.
fn said(text: &str, voice: &str) -> Vec<f32> {
    let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
    let run = Command::new("espeak-ng").args(["-v", voice, "-w"]).arg(file.path()).arg(text).status();
    assert!(run.expect("espeak-ng must be installed").success());
    let spoken = decode::decode(File::open(file.path()).unwrap(), usize::MAX).unwrap();
    [silence(1), spoken, silence(1)].concat()
}

/// When the word was heard, in milliseconds, with the sound cut as a satellite cuts it.
fn heard(sound: &[f32]) -> Option<u64> {
    let mut listener = word().listener();
    sound.chunks(1_024).find_map(|piece| listener.push(piece).unwrap())
}

#[test]
fn it_is_heard_just_after_it_was_said() {
    for voice in ["en-us", "en-gb", "en-us+f3"] {
        let sound = said("Computer", voice);
        let ends_ms = (sound.len() as u64) * 1_000 / u64::from(HEARD_HZ) - 1_000;
        let heard_ms = heard(&sound).unwrap_or_else(|| panic!("{voice} is not heard"));
        assert!((1_200..ends_ms + 400).contains(&heard_ms), "{voice}: {heard_ms} of {ends_ms} ms");
    }
}

#[test]
fn it_is_heard_before_a_question_in_one_breath() {
    let sound = said("Computer, what is the capital of France?", "en-us");
    assert!(heard(&sound).is_some_and(|ms| ms < 2_200), "{:?}", heard(&sound));
}

#[test]
fn other_words_noise_and_silence_are_not_it() {
    for text in ["What is the capital of France?", "The weather will be fine tomorrow."] {
        assert_eq!(heard(&said(text, "en-us")), None, "{text}");
    }
    assert_eq!(heard(&dashwood()), None);
    assert_eq!(heard(&noise(5)), None);
    assert_eq!(heard(&silence(5)), None);
}

#[test]
fn what_is_no_network_is_refused_by_name() {
    let text = tempfile::Builder::new().suffix(".onnx").tempfile().unwrap();
    std::fs::write(text.path(), "Computer").unwrap();
    let wrong = WakeOptions { head: Some(text.path().to_owned()), ..options() };
    let refused = WakeWord::load(&wrong, &engine()).unwrap_err();
    assert!(matches!(refused, LoadError::NotWakeWord { .. }), "{refused}");
    // The networks mistaken for each other.
    let embedding = options().embedding;
    let swapped = WakeOptions { head: Some(embedding.clone()), embedding };
    assert!(WakeWord::load(&swapped, &engine()).is_err());
    let missing = WakeOptions { embedding: "nowhere.onnx".into(), ..options() };
    assert!(matches!(WakeWord::load(&missing, &engine()), Err(LoadError::Unreadable { .. })));
}
