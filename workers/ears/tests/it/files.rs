//! Whole files: what is in them, and what is wrong with them.

use std::time::{Duration, Instant};

use mtor_audio::decode::DecodeError;
use mtor_audio::{HEARD_HZ, pcm, resample};
use mtor_ears::{Engine, EngineOptions, Event, Failure, LoadError, Request, listen};

use crate::fixture::{DASHWOOD, assert_says, dashwood, engine, file, heard, noise, options, silence, wav};

#[tokio::test]
async fn a_recording_becomes_words_with_times() {
    let transcript = heard(Request::default(), wav(&dashwood())).await.unwrap();
    assert_says(&transcript.text, DASHWOOD, 2);
    assert_eq!(transcript.language.as_deref(), Some("en"));
    assert_eq!(transcript.duration_ms, pcm::duration_ms(dashwood().len() as u64, HEARD_HZ));
    assert!(transcript.words.len() > 15);
    let joined: String = transcript.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(joined.trim(), transcript.text);
    let mut end = 0;
    for word in &transcript.words {
        assert!(word.start_ms >= end && word.end_ms >= word.start_ms, "{word:?} after {end}");
        assert!((0.0..=1.0).contains(&word.probability));
        end = word.start_ms;
    }
    assert!(transcript.words.last().unwrap().end_ms <= transcript.duration_ms);
    // The times spread over the speech, rather than sit at one end.
    let middle = &transcript.words[transcript.words.len() / 2];
    let share = middle.start_ms as f32 / transcript.duration_ms as f32;
    assert!((0.3..0.7).contains(&share), "{middle:?}");
    assert!(!transcript.segments.is_empty());
}

#[tokio::test]
async fn words_are_told_where_they_are() {
    let sound = [silence(20), dashwood(), silence(5), dashwood()].concat();
    let transcript =
        heard(Request { language: Some("en".into()), ..Request::default() }, wav(&sound)).await.unwrap();
    let dashwoods: Vec<u64> = transcript
        .words
        .iter()
        .filter(|word| word.text.contains("Dashwood"))
        .map(|word| word.start_ms)
        .collect();
    let apart = pcm::duration_ms((dashwood().len() + silence(5).len()) as u64, HEARD_HZ);
    let [first, second] = dashwoods[..] else { panic!("{}", transcript.text) };
    assert!((20_000..23_000).contains(&first), "{first}");
    assert!((second - first).abs_diff(apart) < 500, "{first} {second} {apart}");
}

#[tokio::test]
async fn silence_and_noise_give_nothing() {
    for sound in [silence(10), noise(20), vec![0.0; 10]] {
        let transcript = heard(Request::default(), wav(&sound)).await.unwrap();
        assert_eq!(transcript.text, "");
        assert_eq!((transcript.words.len(), transcript.segments.len()), (0, 0));
        assert_eq!(transcript.language, None);
    }
    let nothing = heard(Request::default(), wav(&[])).await.unwrap();
    assert_eq!((nothing.text.as_str(), nothing.duration_ms), ("", 0));
}

#[tokio::test]
async fn what_is_no_sound_is_called_so() {
    let text = "this is a text, whatever its name says\n".repeat(100);
    let error = heard(Request::default(), file(text.as_bytes())).await.unwrap_err();
    assert!(matches!(error, Failure::Audio(DecodeError::NotAudio)), "{error}");
    let error = heard(Request::default(), file(b"")).await.unwrap_err();
    assert!(matches!(error, Failure::Audio(DecodeError::Empty)), "{error}");
}

#[tokio::test]
async fn a_studio_recording_in_stereo_at_96_khz_is_heard() {
    let high = resample::resample(&dashwood(), HEARD_HZ, 96_000).unwrap();
    let both: Vec<f32> = high.iter().flat_map(|sample| [*sample, *sample]).collect();
    let mut bytes = pcm::wav(&both, 96_000);
    bytes[22] = 2; // channels
    bytes[28..32].copy_from_slice(&(96_000_u32 * 4).to_le_bytes());
    bytes[32] = 4; // bytes of a frame
    let transcript = heard(Request::default(), file(&bytes)).await.unwrap();
    assert_says(&transcript.text, DASHWOOD, 2);
}

#[tokio::test]
async fn a_file_that_stops_in_the_middle_gives_its_beginning() {
    let whole = pcm::wav(&dashwood(), HEARD_HZ);
    let transcript = heard(Request::default(), file(&whole[..whole.len() / 2])).await.unwrap();
    assert!(transcript.text.to_lowercase().contains("john dashwood"), "{}", transcript.text);
    assert!(!transcript.text.contains("for them"), "{}", transcript.text);
}

#[tokio::test]
async fn an_hour_is_heard_in_little_memory() {
    let clip = dashwood();
    let hour = 3_600 * HEARD_HZ as usize;
    let mut sound = silence(600);
    for _ in 0..3 {
        sound.extend(&clip);
        sound.extend(silence(900));
    }
    sound.resize(hour, 0.0);
    let source = wav(&sound);
    drop(sound);
    let request = Request { language: Some("en".into()), ..Request::default() };
    let _ = engine();
    let before = forget_peak();
    let transcript = heard(request, source).await.unwrap();
    assert_eq!(transcript.duration_ms, 3_600_000);
    assert_eq!(transcript.text.matches("Dashwood").count(), 3, "{}", transcript.text);
    let grown = status_bytes("VmHWM:").saturating_sub(before);
    assert!(grown < 200 << 20, "{} MB more", grown >> 20);
}

/// What this process has in memory now; the most that it had is forgotten. Zero where the system doesn't tell.
fn forget_peak() -> u64 {
    const FORGET: &str = "5";
    let _ = std::fs::write("/proc/self/clear_refs", FORGET);
    status_bytes("VmRSS:")
}

fn status_bytes(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}

#[tokio::test]
async fn what_is_too_long_is_refused_in_numbers() {
    let request = Request { audio_ms_max: Some(3_000), ..Request::default() };
    let error = heard(request, wav(&dashwood())).await.unwrap_err();
    assert!(matches!(error, Failure::TooLong { limit_ms: 3_000 }), "{error}");
}

#[tokio::test]
async fn languages_and_hints_are_checked_before_anything_is_heard() {
    let request = Request { language: Some("klingon".into()), ..Request::default() };
    assert!(matches!(heard(request, wav(&[])).await, Err(Failure::UnknownLanguage(_))));
    let request = Request { hint: Some("x".repeat(5_000)), ..Request::default() };
    assert!(matches!(heard(request, wav(&[])).await, Err(Failure::HintTooLong { bytes: 5_000, .. })));
    let request = Request {
        hint: Some("Dashwood, Austen".into()),
        language: Some("english".into()),
        ..Request::default()
    };
    assert_says(&heard(request, wav(&dashwood())).await.unwrap().text, DASHWOOD, 2);
}

#[tokio::test]
async fn giving_up_is_quick_and_frees_the_engine() {
    let sound: Vec<f32> = std::iter::repeat_n(dashwood(), 4).flatten().collect();
    let engine = engine();
    let mut hearing = listen(&engine, Request::default(), wav(&sound)).unwrap();
    // Into the middle of the work.
    assert!(
        tokio::time::timeout(Duration::from_millis(300), hearing.next()).await.is_err(),
        "it was quicker than a cancel"
    );
    let begun = Instant::now();
    drop(hearing);
    assert!(begun.elapsed() < Duration::from_millis(100));
    let transcript = heard(Request::default(), wav(&dashwood())).await.unwrap();
    assert_says(&transcript.text, DASHWOOD, 2);
}

#[tokio::test]
async fn text_comes_window_by_window_and_adds_up() {
    let sound = [dashwood(), silence(4), dashwood()].concat();
    let mut hearing = listen(&engine(), Request::default(), wav(&sound)).unwrap();
    let (mut text, mut pieces) = (String::new(), 0);
    let transcript = loop {
        match hearing.next().await.unwrap() {
            Event::Text(piece) => {
                text.push_str(&piece);
                pieces += 1;
            }
            Event::Done(transcript) => break transcript,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((text.as_str(), pieces), (transcript.text.as_str(), 2));
}

#[test]
fn files_that_are_no_models_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Engine::start(&EngineOptions { model: path.clone(), ..options() }).unwrap_err()
    };
    assert!(matches!(refusal(b"GGUF"), LoadError::NotWhisper { .. }));
    let whole = std::fs::read(options().model).unwrap();
    assert!(matches!(refusal(&whole[..whole.len() / 2]), LoadError::Refused { .. }));
    let missing = EngineOptions { model: folder.path().join("absent"), ..options() };
    assert!(matches!(Engine::start(&missing).unwrap_err(), LoadError::Unreadable { .. }));
    let swapped = EngineOptions { voice_activity: options().model, ..options() };
    assert!(matches!(Engine::start(&swapped).unwrap_err(), LoadError::NotVoiceActivity { .. }));
    let klingon = EngineOptions { language: Some("klingon".into()), ..options() };
    assert!(matches!(Engine::start(&klingon).unwrap_err(), LoadError::Language(_)));
}
