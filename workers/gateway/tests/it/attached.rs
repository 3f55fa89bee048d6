//! A Wyoming service, attached.

use mtor_gateway::wyoming::{Service, attach};
use mtor_worker::protocol::worker::Stop;
use mtor_worker::protocol::{
    AudioSource, Body, JobId, SpeakTask, SpeechFormat, Task, TranscribeTask, Transcript, WakeTask, Woken,
};
use mtor_wyoming::Address;
use tokio_tungstenite::tungstenite::Message;

use crate::played::{FORBIDDEN, Played, SPEECHLESS, WAKE_WORD, free_port};
use crate::realm::Realm;
use crate::within;

async fn realm_with(address: &Address) -> Realm {
    let service = Service::new(address.clone());
    Realm::with(async move |settings, shutdown| attach(service, "gateway", 2, settings, shutdown).await).await
}

fn live() -> TranscribeTask {
    TranscribeTask { source: AudioSource::Pcm, ..TranscribeTask::default() }
}

#[tokio::test]
async fn a_realm_is_offered_what_the_service_has() {
    let played = Played::start().await;
    let realm = realm_with(&played.address).await;
    let session = realm.session().await;
    let offers: Vec<_> = session
        .announcement
        .offers
        .iter()
        .map(|offer| {
            (offer.capability.as_str(), offer.model.as_str(), offer.slots, offer.languages.join(" "))
        })
        .collect();
    assert_eq!(session.announcement.name, "gateway");
    let wake = ("wake", WAKE_WORD, 2, String::new());
    assert_eq!(offers, [("transcribe", "base", 2, "en".into()), ("speak", "mouth", 2, "en-US".into()), wake]);
    let voices = &session.announcement.offers[1].voices;
    assert_eq!((voices[0].id.as_str(), voices[0].language.as_str()), ("amy", "en-US"));
}

#[tokio::test]
async fn sound_becomes_words() {
    let played = Played::start().await;
    let realm = realm_with(&played.address).await;
    let mut session = realm.session().await;

    session.run(1, Task::Transcribe(TranscribeTask { partials: true, ..live() }), "").await;
    session.whole_input(1, &vec![0; 32_000], 999).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.partials), ("1000 ms", vec!["so far".to_owned()]));
    assert_eq!(outcome.end.unwrap().usage.audio_ms, 1_000);

    let file = mtor_audio::pcm::wav(&vec![0.1; 22_050], 22_050);
    let task = TranscribeTask { detail: true, language: Some("en".into()), ..TranscribeTask::default() };
    session.run(2, Task::Transcribe(task), "").await;
    session.whole_input(2, &file, 10_000).await;
    let transcript: Transcript = serde_json::from_str(&session.outcome().await.text).unwrap();
    assert_eq!((transcript.text.as_str(), transcript.language.as_str()), ("1000 ms", "en"));
    assert_eq!((transcript.duration_ms, transcript.segments.len()), (1_000, 1));

    session.run(3, Task::Transcribe(live()), "").await;
    session.whole_input(3, &[], 1).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.end.unwrap().usage.audio_ms), ("", 0), "nothing is nothing");
}

#[tokio::test]
async fn sound_that_cannot_be_taken_is_refused_for_good() {
    let played = Played::start().await;
    let realm = realm_with(&played.address).await;
    let mut session = realm.session().await;

    session.run(1, Task::Transcribe(TranscribeTask::default()), "").await;
    session.whole_input(1, b"Dear diary, I named a text file .wav", 5).await;
    let failed = session.outcome().await.end.unwrap_err();
    assert!(failed.problem.detail.contains("this is not audio") && !failed.retry, "{failed:?}");

    session.run(2, Task::Transcribe(TranscribeTask { audio_ms_max: Some(500), ..live() }), "").await;
    session.whole_input(2, &vec![0; 32_000], 3_200).await;
    let failed = session.outcome().await.end.unwrap_err();
    assert!(failed.problem.detail.contains("longer than 500 ms") && !failed.retry, "{failed:?}");
}

#[tokio::test]
async fn text_becomes_sound_clause_by_clause() {
    let played = Played::start().await;
    let realm = realm_with(&played.address).await;
    let mut session = realm.session().await;

    let written = "**Paris** is a city. It lies on a river.";
    session.run(1, Task::Speak(SpeakTask::new(written)), "").await;
    let outcome = session.outcome().await;
    // Said without its stars: 16 and 19 letters, a tenth of a second each, at 24,000 samples a second.
    assert_eq!((outcome.text.as_str(), outcome.sound.len()), (written, 35 * 4_800));
    assert_eq!(outcome.end.unwrap().usage.audio_ms, 3_500);

    let more = SpeakTask { more: true, format: SpeechFormat::Wav, ..SpeakTask::new("Paris is ") };
    session.run(2, Task::Speak(more.clone()), "").await;
    session.input(2, 0, b"a city. It").await;
    // The first clause is spoken while the second is still being written.
    let Body::WorkerChunk(piece) = session.next().await else { panic!("no clause") };
    assert_eq!(piece.text, "Paris is a city. ");
    session.whole_input(2, b" lies on a river.", 3).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.end.unwrap().usage.audio_ms), ("It lies on a river.", 3_500));

    // Another worker spoke the beginning: neither it nor the header comes again.
    session.run(3, Task::Speak(more), "Paris is a city. ").await;
    session.whole_input(3, b"a city. It lies on a river.", 3).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.sound.len()), ("It lies on a river.", 19 * 4_800));
}

#[tokio::test]
async fn a_wake_word_is_waited_for() {
    let played = Played::start().await;
    let realm = realm_with(&played.address).await;
    let mut session = realm.session().await;

    session.run(1, Task::Wake(WakeTask::default()), "").await;
    // The sound goes on: whoever waits for the word sends what comes after it, too.
    for sequence in 0..12 {
        session.input(1, sequence, &[0; 3_200]).await;
    }
    let outcome = session.outcome().await;
    let woken: Woken = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(woken.phrase.as_deref(), Some(WAKE_WORD));
    assert!((1_000..=1_200).contains(&woken.at_ms), "{woken:?}");
    assert!(outcome.end.is_ok());

    session.run(2, Task::Wake(WakeTask::default()), "").await;
    session.whole_input(2, &[0; 16_000], 999).await;
    let woken: Woken = serde_json::from_str(&session.outcome().await.text).unwrap();
    assert_eq!(woken, Woken { phrase: None, at_ms: 500 });

    session.run(3, Task::Wake(WakeTask { audio_ms_max: Some(200) }), "").await;
    for sequence in 0..3 {
        session.input(3, sequence, &[0; 3_200]).await;
    }
    let outcome = session.outcome().await;
    assert!(outcome.text.contains("null"), "{}", outcome.text);
    assert_eq!(outcome.end.unwrap().usage.audio_ms, 200, "no more than is paid for");
}

#[tokio::test]
async fn what_the_service_cannot_do_is_left_to_others() {
    let played = Played::start().await;
    let realm = realm_with(&played.address).await;
    let mut session = realm.session().await;
    let tasks = [
        (SpeakTask { speed: Some(2.0), ..SpeakTask::new("Hi") }, "at its own speed"),
        (SpeakTask { voice: Some("nobody".into()), ..SpeakTask::new("Hi") }, "no such voice"),
        (SpeakTask::new(FORBIDDEN), "says: I do not say that"),
    ];
    for (lease, (task, said)) in (1..).zip(tasks) {
        session.run(lease, Task::Speak(task), "").await;
        let failed = session.outcome().await.end.unwrap_err();
        assert!(failed.problem.detail.contains(said) && failed.retry, "{failed:?}");
    }
}

#[tokio::test]
async fn a_stopped_job_leaves_the_service_at_once() {
    let played = Played::start().await;
    let realm = realm_with(&played.address).await;
    let mut session = realm.session().await;
    session.run(1, Task::Speak(SpeakTask::new(SPEECHLESS)), "").await;
    while !matches!(session.frame().await, Some(Message::Binary(_))) {}
    session.say(Some(JobId(1)), Body::WorkerStop(Stop { lease: 1 })).await;
    let failed = session.outcome().await.end.unwrap_err();
    assert!(failed.problem.kind.ends_with("cancelled"), "{failed:?}");

    session.run(2, Task::Transcribe(live()), "").await;
    session.input(2, 0, &[0; 3_200]).await;
    session.say(Some(JobId(2)), Body::WorkerStop(Stop { lease: 2 })).await;
    assert!(session.outcome().await.end.unwrap_err().problem.kind.ends_with("cancelled"));
}

#[tokio::test]
async fn while_the_service_is_gone_the_realm_is_offered_nothing() {
    let address = Address::Tcp("127.0.0.1".into(), free_port());
    let realm = realm_with(&address).await;
    let played = Played::start_at(&address).await;
    let mut session = realm.session().await;
    session.run(1, Task::Speak(SpeakTask::new(SPEECHLESS)), "").await;
    while !matches!(session.frame().await, Some(Message::Binary(_))) {}
    played.stop();
    let (mut drained, mut failed) = (false, None);
    while !(drained && failed.is_some()) {
        match session.next().await {
            Body::WorkerDrain(_) => drained = true,
            Body::WorkerFailed(fault) => failed = Some(fault),
            Body::WorkerChunk(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(failed.unwrap().retry, "another worker may do it");
    while session.frame().await.is_some() {}
    let _played = Played::start_at(&address).await;
    let mut session = realm.session().await;
    session.run(2, Task::Speak(SpeakTask::new("Hello")), "").await;
    assert_eq!(session.outcome().await.text, "Hello");

    realm.shutdown.cancel();
    while session.frame().await.is_some() {}
    within("the end", realm.gateway).await.unwrap().unwrap();
}
