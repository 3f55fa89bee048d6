//! Home Assistant's protocol, with its own package at the other end: the realm as a service, satellites, and a foreign
//! service as a worker.

use mtor_e2e::{Process, Realm, RealmOptions, ScriptedWorker, clients, free_port, sound, until};
use mtor_protocol::CapabilityKind;
use mtor_protocol::http::WorkerInfo;
use serde_json::Value;

const QUESTION: &str = "What is the capital of France?";
/// The same, with the wake word before it.
const CALL: &str = "Computer, what is the capital of France?";
/// Quiet before the words, so that the room's noise can be told from them.
const QUIET_S: f32 = 0.3;
/// What a gateway is called in the realm.
const GATEWAY: &str = "foreign";
/// Letters per second, and pitch, of the foreign service's voice.
const LETTERS_PER_S: usize = 20;
const TONE_HZ: usize = 440;

#[tokio::test]
async fn home_assistants_client_is_heard_and_spoken_to() {
    let port = free_port();
    let realm = hearing_and_speaking(format!("[wyoming]\nlisten = \"127.0.0.1:{port}\"\n")).await;
    let [said, spoken, call] = ["said.wav", "spoken.wav", "call.wav"].map(|name| realm.scratch(name));
    sound::record(&realm, &said, QUIET_S, QUESTION).await;
    sound::record(&realm, &call, QUIET_S, CALL).await;
    let files = [&said, &spoken, &call].map(|path| path.to_str().unwrap());
    let port = port.to_string();
    let arguments: Vec<&str> = ["127.0.0.1", &port].into_iter().chain(files).collect();
    let printed = clients::python("wyoming_client.py", &arguments).await;
    let transcript = printed.lines().find_map(|line| line.strip_prefix("transcript: "));
    assert!(transcript.is_some_and(|words| words.contains("France")), "{printed}");
    let heard = sound::transcript(&realm, &spoken).await;
    assert!(heard.contains("Paris"), "{heard}");
    assert_at_rest(&realm).await;
}

#[tokio::test]
async fn of_three_satellites_that_hear_the_same_words_the_loudest_alone_answers() {
    // The loudest is neither the first nor the last of the settings.
    let satellites = [("hall", free_port(), 0.3), ("kitchen", free_port(), 1.0), ("attic", free_port(), 0.1)];
    let section = |(name, port, _): &(&str, u16, f64)| {
        format!("[[wyoming.satellite]]\nname = \"{name}\"\nuri = \"tcp://127.0.0.1:{port}\"\n")
    };
    let realm = hearing_and_speaking(satellites.iter().map(section).collect()).await;
    let worker = ScriptedWorker::attach(&realm).await;
    let said = realm.scratch("said.wav");
    sound::record(&realm, &said, QUIET_S, QUESTION).await;

    let places = satellites.map(|(_, port, loudness)| format!("{port}:{loudness}"));
    let mut arguments = vec![said.to_str().unwrap()];
    arguments.extend(places.iter().map(String::as_str));
    let printed = clients::python("wyoming_satellite.py", &arguments).await;
    let told: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [hall, kitchen, attic] = &told[..] else { panic!("{printed}") };

    let transcript = kitchen["transcript"].as_str().unwrap_or_else(|| panic!("{printed}"));
    assert!(transcript.contains("France"), "{printed}");
    assert_eq!(kitchen["answer"], format!("You said: {transcript}"), "{printed}");
    assert!(kitchen["played_s"].as_f64().unwrap() > 1.0, "{printed}");
    for quiet in [hall, attic] {
        assert_eq!((&quiet["transcript"], &quiet["answer"]), (&Value::Null, &Value::Null), "{printed}");
        assert_eq!(quiet["played_s"], 0.0, "{printed}");
    }
    assert!(told.iter().all(|satellite| satellite["errors"] == serde_json::json!([])), "{printed}");
    let history = realm.owner().history("").await.jobs;
    let done: Vec<_> = history.iter().rev().map(|job| job.capability.as_str()).collect();
    assert_eq!(done, ["speak", "transcribe", "chat", "speak"], "after the recording, everything once");
    worker.leave().await;
    assert_at_rest(&realm).await;
}

#[tokio::test]
async fn the_realm_listens_for_the_wake_word_of_a_satellite_that_can_not() {
    let port = free_port();
    let section = format!(
        "[[wyoming.satellite]]\nname = \"cellar\"\nuri = \"tcp://127.0.0.1:{port}\"\nlanguage = \"en\"\n"
    );
    let realm = hearing_and_speaking(section).await;
    let worker = ScriptedWorker::attach(&realm).await;
    let said = realm.scratch("said.wav");
    sound::record(&realm, &said, QUIET_S, CALL).await;

    let place = format!("{port}:1.0:deaf");
    let printed = clients::python("wyoming_satellite.py", &[said.to_str().unwrap(), &place]).await;
    let told: Value = serde_json::from_str(printed.trim()).unwrap();
    assert_eq!(told["woken"], "computer", "{printed}");
    let transcript = told["transcript"].as_str().unwrap_or_else(|| panic!("{printed}"));
    assert!(transcript.contains("capital of France"), "{printed}");
    let answer = told["answer"].as_str().unwrap_or_else(|| panic!("{printed}"));
    assert!(answer.contains("capital of France") && !answer.contains("omputer"), "{printed}");
    assert!(told["played_s"].as_f64().unwrap() > 1.0, "{printed}");
    assert_eq!(told["errors"], serde_json::json!([]), "{printed}");
    worker.leave().await;
    assert_at_rest(&realm).await;
}

#[tokio::test]
async fn a_foreign_service_works_for_the_realm_for_as_long_as_it_is_there() {
    let realm = Realm::start().await;
    let port = free_port();
    let address = format!("tcp://127.0.0.1:{port}");
    let arguments = ["worker", "gateway", "--", "wyoming", &address, "--name", GATEWAY];
    let mut gateway = realm.start_beside(&arguments, "gateway.log");
    // The gateway was there first; it may wait for its service.
    let mut service = foreign_service(&realm, port);
    let offers = offers(&realm).await;
    let models: Vec<_> = offers.iter().map(|(kind, model)| (kind, model.as_str())).collect();
    assert_eq!(models, [(&CapabilityKind::TRANSCRIBE, "counting"), (&CapabilityKind::SPEAK, "toner")]);

    let words = "Twenty letters, and more of them.";
    let spoken = sound::speech(&realm, words).await;
    assert_eq!(spoken.status, 200, "{}", spoken.text());
    assert_is_tone(&spoken.body, words.len());
    let file = realm.scratch("tone.wav");
    sound::record(&realm, &file, QUIET_S, words).await;
    let ms = sound::duration_ms(&file);
    assert_eq!(sound::transcript(&realm, &file).await.trim(), format!("I heard {ms} milliseconds"));
    let refused = sound::speech(&realm, "That is forbidden.").await;
    let reason = refused.json_of_refusal()["error"]["message"].as_str().unwrap().to_owned();
    assert!(reason.contains("the Wyoming service says: I do not say that"), "{reason}");

    service.kill();
    until("the offers to vanish", async || worker(&realm).await.is_none().then_some(())).await;
    let refused = sound::speech(&realm, words).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    let _service = foreign_service(&realm, port);
    assert_eq!(self::offers(&realm).await, offers, "what comes back is what went");
    assert_eq!(sound::speech(&realm, words).await.body, spoken.body);

    gateway.terminate();
    assert!(gateway.wait().await.success(), "{}", gateway.said());
    assert_at_rest(&realm).await;
}

/// A realm with ears and a voice, both ready, and these settings.
async fn hearing_and_speaking(settings: String) -> Realm {
    let up = ["--workers", "ears,voice"].map(str::to_owned).into();
    Realm::with(RealmOptions { settings, up, ..RealmOptions::default() }).await
}

fn foreign_service(realm: &Realm, port: u16) -> Process {
    clients::python_beside("wyoming_service.py", &[&port.to_string()], &realm.scratch("service.log"))
}

/// The gateway, as the realm knows it.
async fn worker(realm: &Realm) -> Option<WorkerInfo> {
    let workers: Vec<WorkerInfo> = realm.nobody().get("/api/workers").await.json();
    workers.into_iter().find(|worker| worker.name == GATEWAY)
}

/// What the gateway offers, as soon as it does.
async fn offers(realm: &Realm) -> Vec<(CapabilityKind, String)> {
    let worker = until("the offers of the foreign service", async || worker(realm).await).await;
    worker.offers.into_iter().map(|offer| (offer.capability, offer.model)).collect()
}

/// Raw sound is the tone that the foreign service makes of so many letters.
fn assert_is_tone(sound: &[u8], letters: usize) {
    let rate = usize::try_from(sound::RATE).unwrap();
    let samples: Vec<i16> =
        sound.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect();
    let wanted = letters * rate / LETTERS_PER_S;
    // Each of its parts may end within a sample.
    assert!(samples.len().abs_diff(wanted) < 10, "{} samples instead of {wanted}", samples.len());
    let crossings = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    let wanted = 2 * TONE_HZ * letters / LETTERS_PER_S;
    assert!(crossings.abs_diff(wanted) < wanted / 100, "{crossings} crossings of zero instead of {wanted}");
}

/// Nothing is left behind.
async fn assert_at_rest(realm: &Realm) {
    until("the last job to end", async || {
        let queue = realm.queue().await;
        ((queue.running, queue.queued) == (0, 0)).then_some(())
    })
    .await;
    realm.assert_unharmed().await;
    realm.verify_ledger();
}
