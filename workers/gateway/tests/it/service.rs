//! What a service is asked for, and what comes back.

use bytes::Bytes;
use mtor_gateway::wyoming::{Service, ServiceError, Words, offers, watch};
use mtor_wyoming::{Address, Synthesize, Transcribe};

use crate::played::{FORBIDDEN, FORMAT, HEARD, Played, RUDE, SPEECHLESS, free_port, info};
use crate::within;

fn text(text: &str) -> Synthesize {
    Synthesize { text: text.into(), ..Synthesize::default() }
}

#[tokio::test]
async fn it_says_what_it_is() {
    let played = Played::start().await;
    assert_eq!(Service::new(played.address.clone()).describe().await.unwrap(), info());
}

#[tokio::test]
async fn sound_becomes_words_in_pieces_and_as_a_whole() {
    let played = Played::start().await;
    let service = Service::new(played.address.clone());
    let (mut mouth, mut words) = service.transcribe(None, Transcribe::default(), HEARD).await.unwrap();
    for _ in 0..5 {
        mouth.send(Bytes::from(vec![0; 3_200])).await.unwrap();
    }
    let _open = mouth.end().await.unwrap();
    assert_eq!(words.next().await.unwrap(), Words::SoFar(" so far".into()));
    let Words::Whole(transcript) = words.next().await.unwrap() else { panic!("not whole") };
    assert_eq!(transcript.text, " 500 ms ");
}

#[tokio::test]
async fn text_becomes_sound() {
    let played = Played::start().await;
    let mut speech = Service::new(played.address.clone()).synthesize(None, text("abc")).await.unwrap();
    let mut bytes = 0;
    while let Some(sound) = speech.next().await.unwrap() {
        assert_eq!(sound.format, FORMAT);
        bytes += sound.audio.len();
    }
    assert_eq!(FORMAT.milliseconds(bytes), 300);
}

#[tokio::test]
async fn what_goes_wrong_is_said_in_words() {
    let played = Played::start().await;
    let service = Service::new(played.address.clone());
    let mut speech = service.synthesize(None, text(FORBIDDEN)).await.unwrap();
    assert_eq!(speech.next().await.unwrap_err().to_string(), "the Wyoming service says: I do not say that");
    let mut speech = service.synthesize(None, text(RUDE)).await.unwrap();
    assert!(matches!(speech.next().await, Err(ServiceError::HungUp)));
    let nobody = Service::new(Address::Tcp("127.0.0.1".into(), free_port()));
    let error = nobody.describe().await.unwrap_err().to_string();
    assert!(error.contains("can't be reached"), "{error}");
}

#[tokio::test]
async fn a_service_that_says_nothing_more_is_given_up() {
    let played = Played::start().await;
    let mut speech = Service::new(played.address.clone()).synthesize(None, text(SPEECHLESS)).await.unwrap();
    assert!(speech.next().await.unwrap().is_some());
    // From here on the clock runs as fast as it can.
    tokio::time::pause();
    let error = speech.next().await.unwrap_err();
    assert_eq!(error.to_string(), "the Wyoming service said nothing for 120 s");
}

#[tokio::test]
async fn a_watch_sees_it_come_and_go() {
    let address = Address::Tcp("127.0.0.1".into(), free_port());
    let (mut seen, keeper) = watch(Service::new(address.clone()));
    let watching = tokio::spawn(keeper);
    assert_eq!(*seen.borrow(), None);
    for _ in 0..2 {
        let played = Played::start_at(&address).await;
        let offered = within("the service", seen.wait_for(Option::is_some)).await.unwrap().clone();
        assert_eq!(offered, Some(offers(&info())));
        played.stop();
        within("its going", seen.wait_for(Option::is_none)).await.unwrap();
    }
    drop(seen);
    within("the end of the watch", watching).await.unwrap();
}
