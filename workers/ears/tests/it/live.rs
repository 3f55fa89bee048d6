//! Somebody who speaks right now.

use std::time::Duration;

use mtor_audio::pcm;
use mtor_ears::{Event, Failure, Hearing, Request, Source, Speaker, listen, live};

use crate::fixture::{DASHWOOD, assert_says, dashwood, engine, noise, silence};

fn begin(request: Request) -> (Speaker, Hearing) {
    let (speaker, sound) = live();
    (speaker, listen(&engine(), request, Source::Live(sound)).unwrap())
}

/// What is heard so far, as soon as it is `enough`.
async fn partial(hearing: &mut Hearing, enough: impl Fn(&str) -> bool) -> String {
    loop {
        match hearing.next().await.unwrap() {
            Event::Partial(text) if enough(&text) => return text,
            Event::Partial(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn partial_results_come_while_one_speaks_and_the_end_comes_soon_after() {
    let request = Request { partials: true, language: Some("en".into()), ..Request::default() };
    let (mut speaker, mut hearing) = begin(request);
    let sound = dashwood();
    let (first, second) = sound.split_at(sound.len() / 2);
    // As a page sends it, cut in the middle of a sample.
    for frame in pcm::to_s16le(first).chunks(3_199) {
        speaker.say_bytes(frame).await.unwrap();
    }
    let early = partial(&mut hearing, |text| text.contains("John")).await;
    assert!(!early.contains("them"), "{early}");
    speaker.say(second).await.unwrap();
    speaker.say(&silence(1)).await.unwrap();
    partial(&mut hearing, |text| text.contains("for them")).await;

    let passes = engine().passes();
    drop(speaker);
    let Some(Event::Text(text)) = hearing.next().await else { panic!("no text") };
    let Some(Event::Done(transcript)) = hearing.next().await else { panic!("no end") };
    assert_says(&transcript.text, DASHWOOD, 2);
    assert_eq!(text, transcript.text);
    // At most the one that was under way already.
    let more = engine().passes() - passes;
    assert!(more <= 1, "{more} more passes after the end");
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
