//! The engine with a real voice.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use crate::voice;
use mtor_audio::SPOKEN_HZ;
use mtor_audio::pcm::rms;
use mtor_voice::text::{Clause, Kind, Pause};
use mtor_voice::{Engine, EngineOptions, Failure, LoadError, Speaker, speech};

/// One for all tests of a process: loading it takes a while.
static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::start(&EngineOptions { voices: vec![voice()], threads: Some(1) }).unwrap());

fn clause(source: &str) -> Clause {
    Clause { source: source.into(), kind: Kind::Prose, pause: Pause::Sentence }
}

fn neural() -> Speaker {
    ENGINE.speaker(None, None, 1.0).unwrap()
}

fn said(speaker: &Speaker, text: &str) -> Vec<f32> {
    speaker.speak(&clause(text)).unwrap()
}

fn seconds(samples: &[f32]) -> f32 {
    samples.len() as f32 / SPOKEN_HZ as f32
}

#[test]
fn a_sentence_becomes_speech_of_its_length_and_loudness() {
    let sound = said(&neural(), "The capital of France is Paris.");
    assert!((1.0..4.0).contains(&seconds(&sound)), "{} s", seconds(&sound));
    assert!((0.03..0.2).contains(&rms(&sound)), "{}", rms(&sound));
    assert!(sound.iter().all(|sample| sample.abs() < 0.96));
    // Speech rises and falls; noise and hum don't.
    let levels: Vec<f32> = sound.chunks(SPOKEN_HZ as usize / 50).map(rms).collect();
    let loud = levels.iter().copied().fold(0.0, f32::max);
    assert!(levels.iter().filter(|level| **level < loud / 5.0).count() > levels.len() / 10);
    // No joint clicks.
    assert!(sound[0].abs() < 1e-3 && sound[sound.len() - 1].abs() < 1e-3);
}

#[test]
fn the_same_words_sound_the_same_also_in_company() {
    let alone = said(&neural(), "Good morning, everybody.");
    let others: Vec<_> =
        (0..3).map(|_| std::thread::spawn(|| said(&neural(), "Good morning, everybody."))).collect();
    for other in others {
        assert!(other.join().unwrap() == alone, "chance is drawn from a fixed seed");
    }
    assert!(said(&neural(), "Good evening, everybody.") != alone);
}

#[test]
fn speed_is_kept() {
    let text = "This sentence is said at three different speeds.";
    for voice in [None, Some("espeak-en-us")] {
        let at = |speed| seconds(&said(&ENGINE.speaker(voice, None, speed).unwrap(), text));
        let (slow, normal, fast) = (at(0.5), at(1.0), at(2.0));
        assert!((1.5..2.6).contains(&(slow / normal)), "{voice:?}: {slow} and {normal} s");
        assert!((1.5..2.6).contains(&(normal / fast)), "{voice:?}: {normal} and {fast} s");
    }
    for wrong in [0.2, 4.1, f32::NAN] {
        assert!(matches!(ENGINE.speaker(None, None, wrong), Err(Failure::Speed(_))));
    }
}

#[test]
fn languages_without_a_neural_voice_are_spoken_by_espeak() {
    for (language, text) in [
        ("de", "Guten Morgen, wie geht es dir?"),
        ("fr-FR", "Bonjour tout le monde."),
        ("pt_BR", "Bom dia a todos."),
        ("ru", "Доброе утро."),
        ("ar", "صباح الخير"),
        ("hi", "सुप्रभात"),
        ("zh", "早上好"),
    ] {
        let speaker = ENGINE.speaker(None, Some(language), 1.0).unwrap();
        let sound = said(&speaker, text);
        assert!((0.2..6.0).contains(&seconds(&sound)), "{language}: {} s", seconds(&sound));
    }
    assert_eq!(ENGINE.speaker(None, Some("en-GB"), 1.0).unwrap().language(), neural().language());
}

#[test]
fn voices_are_found_by_id_and_others_are_refused_with_the_list() {
    let voices = ENGINE.voices();
    assert!(voices[0].is_neural && voices[0].language.starts_with("en"));
    assert!(voices.len() > 100, "{}", voices.len());
    for voice in voices.iter().take(3) {
        let id = voice.id.to_uppercase();
        assert_eq!(ENGINE.speaker(Some(&id), None, 1.0).unwrap().language(), voice.language);
    }
    let refused = ENGINE.speaker(Some("alloy"), None, 1.0).err().unwrap().to_string();
    assert!(
        refused.starts_with("there is no voice `alloy`; there are: ") && refused.contains(&voices[0].id),
        "{refused}"
    );
    let refused = ENGINE.speaker(None, Some("xx"), 1.0).err().unwrap().to_string();
    assert!(refused.contains("`xx`") && refused.contains("fr-fr"), "{refused}");
}

#[test]
fn what_has_no_words_has_no_sound() {
    for nothing in ["", " \n", "...", "---", "🎉"] {
        assert_eq!(said(&neural(), nothing), Vec::<f32>::new(), "{nothing:?}");
    }
}

#[test]
fn strange_texts_do_no_harm() {
    let phonemes = "[[h@l'oU]] <speak><break time=\"9s\"/></speak> &amp; \u{0}\u{7}\u{202e} -v de";
    for text in [phonemes, &"x".repeat(60), &"字".repeat(30), &"1234567890".repeat(4), "zqxjk vwq zqxjk"] {
        for voice in [None, Some("espeak-en-us")] {
            let sound = said(&ENGINE.speaker(voice, None, 4.0).unwrap(), text);
            assert!(seconds(&sound) < 120.0);
        }
    }
    // It still answers.
    assert!(!said(&neural(), "Hello.").is_empty());
}

#[test]
fn voices_that_cannot_be_used_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone.onnx");
    std::fs::write(&alone, "no model").unwrap();
    let no_model = folder.path().join("text.onnx");
    std::fs::write(&no_model, "no model").unwrap();
    let config = PathBuf::from(format!("{}.json", voice().display()));
    std::fs::copy(config, folder.path().join("text.onnx.json")).unwrap();
    let odd = folder.path().join("odd.onnx");
    std::fs::write(&odd, "no model").unwrap();
    std::fs::write(folder.path().join("odd.onnx.json"), "{}").unwrap();

    let load =
        |path: PathBuf| Engine::start(&EngineOptions { voices: vec![path], threads: Some(1) }).err().unwrap();
    assert!(matches!(load(folder.path().join("absent.onnx")), LoadError::Unreadable { .. }));
    let missing = load(alone);
    assert!(missing.to_string().contains("alone.onnx.json"), "{missing}");
    assert!(matches!(load(no_model), LoadError::Model { .. }));
    assert!(matches!(load(odd), LoadError::Config { .. }));
}

/// Waits for something that must come; long enough for a voice on a busy machine.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(120), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Everything that is said of a text: the sources, and the whole sound.
async fn spoken(speaker: Speaker, text: &str, prefix: &str, piece: usize) -> (Vec<String>, Vec<f32>) {
    let (mut script, mut speech) = speech::begin(speaker, prefix);
    let write = async {
        for piece in text.as_bytes().chunks(piece) {
            script.push(piece).await.unwrap();
        }
        script.finish().await.unwrap();
    };
    let listen = async {
        let (mut sources, mut samples) = (Vec::new(), Vec::new());
        while let Some(spoken) = speech.next().await.unwrap() {
            sources.push(spoken.source);
            samples.extend(spoken.samples);
        }
        (sources, samples)
    };
    within("the speech", async { tokio::join!(write, listen).1 }).await
}

const LETTER: &str = "# Dear you\n\nIt is 3.14 o'clock, Dr. Smith. Is it? Yes!\n\n```rust\nfn main() {}\n```\n\n- one\n- two\n";

#[tokio::test]
async fn the_first_clause_is_spoken_before_the_text_is_complete() {
    let (mut script, mut speech) = speech::begin(neural(), "");
    script.push(b"Certainly. And then").await.unwrap();
    let first = within("the first clause", speech.next()).await.unwrap().unwrap();
    assert_eq!(first.source, "Certainly. ");
    assert!(seconds(&first.samples) > 0.2);
    script.push(b" some more").await.unwrap();
    script.finish().await.unwrap();
    assert_eq!(within("the rest", speech.next()).await.unwrap().unwrap().source, "And then some more");
    assert!(within("the end", speech.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_sources_are_the_text_and_pieces_change_nothing() {
    let speaker = ENGINE.speaker(Some("espeak-en-us"), None, 1.0).unwrap();
    let (sources, whole) = spoken(speaker.clone(), LETTER, "", LETTER.len()).await;
    assert_eq!(sources.concat(), LETTER);
    let (again, pieces) = spoken(speaker, LETTER, "", 3).await;
    assert_eq!(again, sources);
    assert!(pieces == whole);
}

#[tokio::test]
async fn what_was_spoken_elsewhere_is_not_spoken_again() {
    let speaker = ENGINE.speaker(Some("espeak-en-us"), None, 1.0).unwrap();
    let (sources, whole) = spoken(speaker.clone(), LETTER, "", 100).await;
    let prefix = sources[..3].concat();
    let (rest, samples) = spoken(speaker, LETTER, &prefix, 7).await;
    assert_eq!(rest, sources[3..]);
    assert!(samples.len() < whole.len() && !samples.is_empty());
}

#[tokio::test]
async fn whoever_stops_listening_stops_the_voice() {
    let speaker = ENGINE.speaker(Some("espeak-en-us"), None, 1.0).unwrap();
    let (mut script, mut speech) = speech::begin(speaker, "");
    script.push(b"One sentence. ").await.unwrap();
    assert!(within("a clause", speech.next()).await.unwrap().is_some());
    drop(speech);
    let stopped = async { while script.push(b"One more sentence. ").await.is_ok() {} };
    within("the stop", stopped).await;
}

#[tokio::test]
async fn nobody_listening_for_a_while_makes_no_endless_speech() {
    let speaker = ENGINE.speaker(Some("espeak-en-us"), None, 1.0).unwrap();
    let (mut script, mut speech) = speech::begin(speaker, "");
    let sentence = "This is one of very many sentences, and each of them takes some seconds to say. ";
    // More than may wait: the script is held up until somebody listens.
    let write = tokio::spawn(async move {
        for _ in 0..90 {
            script.push(sentence.as_bytes()).await.unwrap();
        }
        script.finish().await.unwrap();
    });
    let first = within("the first", speech.next()).await.unwrap().unwrap();
    assert!(!write.is_finished(), "90 sentences are more than may wait");
    drop(first);
    let mut clauses = 1;
    while within("the next", speech.next()).await.unwrap().is_some() {
        clauses += 1;
    }
    write.await.unwrap();
    assert!(clauses >= 90);
}

#[tokio::test]
async fn an_empty_text_ends_at_once() {
    let (sources, samples) = spoken(neural(), "", "", 1).await;
    assert!(sources.is_empty() && samples.is_empty());
}
