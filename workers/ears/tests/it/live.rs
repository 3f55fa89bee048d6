//! Somebody who speaks right now.

use std::time::{Duration, Instant};

use mtor_audio::pcm;
use mtor_ears::{Event, Failure, Hearing, Request, Source, Speaker, listen, live};

use crate::fixture::{DASHWOOD, assert_says, dashwood, engine, noise, silence};

/// Samples of a frame as a page sends it: 0.1 s.
const FRAME: usize = 1_600;

fn begin(request: Request) -> (Speaker, Hearing) {
    let (speaker, sound) = live();
    (speaker, listen(&engine(), request, Source::Live(sound)).unwrap())
}

/// Speaks as fast as people do.
async fn speak(speaker: &mut Speaker, samples: &[f32]) {
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    for frame in pcm::to_s16le(samples).chunks(FRAME * 2) {
        beat.tick().await;
        speaker.say_bytes(frame).await.unwrap();
    }
}

#[tokio::test]
async fn partial_results_come_while_one_speaks_and_the_end_soon_after() {
    let request = Request { partials: true, language: Some("en".into()), ..Request::default() };
    let (mut speaker, mut hearing) = begin(request);
    let sound = [dashwood(), silence(1)].concat();
    let speaking = tokio::spawn(async move {
        speak(&mut speaker, &sound).await;
        Instant::now()
    });
    let mut partials = Vec::new();
    let mut text = String::new();
    let transcript = loop {
        match hearing.next().await.unwrap() {
            Event::Partial(partial) => partials.push(partial),
            Event::Text(piece) => text.push_str(&piece),
            Event::Done(transcript) => break transcript,
            Event::Failed(failure) => panic!("{failure}"),
        }
    };
    let waited = speaking.await.unwrap().elapsed();
    assert_says(&transcript.text, DASHWOOD, 2);
    assert_eq!(text, transcript.text);
    assert!(partials.len() >= 2, "{partials:?}");
    let early = partials.iter().find(|partial| !partial.is_empty()).unwrap();
    assert!(early.split_whitespace().count() < 15, "the first comes in the middle: {early}");
    // It was heard in the second of silence already.
    assert!(waited < Duration::from_millis(500), "{waited:?}");
}

#[tokio::test]
async fn a_stream_that_stops_in_the_middle_of_a_word_is_heard_so_far() {
    let (mut speaker, hearing) = begin(Request::default());
    let half = dashwood();
    speaker.say(&half[..half.len() / 2]).await.unwrap();
    drop(speaker);
    let transcript = hearing.transcript().await.unwrap();
    assert!(transcript.text.to_lowercase().contains("john dashwood"), "{}", transcript.text);
}

#[tokio::test]
async fn nothing_said_is_an_empty_transcript() {
    let (speaker, hearing) = begin(Request { partials: true, ..Request::default() });
    drop(speaker);
    let transcript = hearing.transcript().await.unwrap();
    assert_eq!((transcript.text.as_str(), transcript.duration_ms), ("", 0));

    let (mut speaker, mut hearing) = begin(Request { partials: true, ..Request::default() });
    speaker.say(&noise(10)).await.unwrap();
    drop(speaker);
    match hearing.next().await.unwrap() {
        Event::Done(transcript) => assert_eq!(transcript.text, ""),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_speaker_without_a_listener_is_told() {
    let (mut speaker, hearing) = begin(Request::default());
    drop(hearing);
    let told = async { while speaker.say(&silence(1)).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
    assert!(matches!(speaker.say(&silence(1)).await, Err(Failure::Cancelled)));
}

#[tokio::test]
async fn whoever_speaks_goes_before_files() {
    let long: Vec<f32> = std::iter::repeat_n(dashwood(), 30).flatten().collect();
    let file = listen(
        &engine(),
        Request { language: Some("en".into()), ..Request::default() },
        crate::fixture::wav(&long),
    )
    .unwrap();
    let file = tokio::spawn(file.transcript());
    let (mut speaker, hearing) = begin(Request { language: Some("en".into()), ..Request::default() });
    speaker.say(&dashwood()).await.unwrap();
    drop(speaker);
    let transcript = hearing.transcript().await.unwrap();
    assert_says(&transcript.text, DASHWOOD, 2);
    assert!(!file.is_finished(), "the file took its turn after it");
    file.abort();
}
