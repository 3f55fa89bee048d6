//! What the realm says of itself to Wyoming clients: what its workers offer now.

use std::collections::BTreeMap;

use mtor_protocol::http::WorkerInfo;
use mtor_protocol::{CapabilityKind, VoiceInfo};
use mtor_wyoming::{AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice, WakeModel, WakeProgram};

/// The program that the realm appears as.
const PROGRAM: &str = "mtor";
/// What a model is said to understand, or a voice to speak, when its worker says nothing of it.
const LANGUAGE: &str = "en";
/// The voice that stands for whatever voice there is, when workers name none.
const ANY_VOICE: &str = "default";

/// What these workers offer.
pub(super) fn info(realm_name: &str, workers: &[WorkerInfo]) -> Info {
    let present = workers.iter().filter(|worker| !worker.draining);
    let offers: Vec<_> = present.flat_map(|worker| &worker.offers).collect();
    let of = |kind: CapabilityKind| offers.iter().filter(move |offer| offer.capability == kind);
    let mut models: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for offer in of(CapabilityKind::TRANSCRIBE) {
        join(models.entry(&offer.model).or_default(), &offer.languages);
    }
    let mut voices: BTreeMap<&str, &VoiceInfo> = BTreeMap::new();
    let mut languages = Vec::new();
    for offer in of(CapabilityKind::SPEAK) {
        voices.extend(offer.voices.iter().map(|voice| (voice.id.as_str(), voice)));
        join(&mut languages, &offer.languages);
    }
    let speaks = of(CapabilityKind::SPEAK).next().is_some();
    let mut tts: Vec<TtsVoice> = voices.into_values().map(voice).collect();
    if speaks && tts.is_empty() {
        tts.push(unnamed_voice(languages));
    }
    let about = |what: &str| Some(format!("{what} of the realm {realm_name}"));
    let program = |models| AsrProgram {
        name: PROGRAM.to_owned(),
        attribution: attribution(),
        installed: true,
        description: about("Speech to text"),
        version: version(),
        models,
        // What is heard so far may still change, and a piece that was sent can't be taken back.
        supports_transcript_streaming: false,
    };
    let speaker = |voices| TtsProgram {
        name: PROGRAM.to_owned(),
        attribution: attribution(),
        installed: true,
        description: about("Text to speech"),
        version: version(),
        voices,
        supports_synthesize_streaming: true,
    };
    let mut words: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for offer in of(CapabilityKind::WAKE) {
        join(words.entry(&offer.model).or_default(), &offer.languages);
    }
    let listener = |models| WakeProgram {
        name: PROGRAM.to_owned(),
        attribution: attribution(),
        installed: true,
        description: about("Wake words"),
        version: version(),
        models,
    };
    let words: Vec<WakeModel> = words.into_iter().map(wake_word).collect();
    let models: Vec<AsrModel> = models.into_iter().map(model).collect();
    Info {
        asr: (!models.is_empty()).then(|| program(models)).into_iter().collect(),
        tts: (!tts.is_empty()).then(|| speaker(tts)).into_iter().collect(),
        wake: (!words.is_empty()).then(|| listener(words)).into_iter().collect(),
        ..Info::default()
    }
}

/// Whether a client's voice stands for none in particular.
pub(super) fn is_any_voice(name: &str) -> bool {
    name == ANY_VOICE
}

fn model((name, languages): (&str, Vec<String>)) -> AsrModel {
    AsrModel {
        name: name.to_owned(),
        attribution: attribution(),
        installed: true,
        description: Some(name.to_owned()),
        version: None,
        languages: or_default(languages),
    }
}

fn wake_word((phrase, languages): (&str, Vec<String>)) -> WakeModel {
    WakeModel {
        name: phrase.to_owned(),
        attribution: attribution(),
        installed: true,
        description: Some(phrase.to_owned()),
        version: None,
        languages: or_default(languages),
        phrase: Some(phrase.to_owned()),
    }
}

fn voice(voice: &VoiceInfo) -> TtsVoice {
    TtsVoice {
        name: voice.id.clone(),
        attribution: attribution(),
        installed: true,
        description: Some(voice.name.clone()),
        version: None,
        languages: vec![voice.language.clone()],
        speakers: None,
    }
}

fn unnamed_voice(languages: Vec<String>) -> TtsVoice {
    let any = VoiceInfo { id: ANY_VOICE.to_owned(), name: "Any voice".to_owned(), language: String::new() };
    TtsVoice { languages: or_default(languages), ..voice(&any) }
}

fn attribution() -> Attribution {
    Attribution { name: "MTOR".to_owned(), url: env!("CARGO_PKG_REPOSITORY").to_owned() }
}

fn version() -> Option<String> {
    Some(env!("CARGO_PKG_VERSION").to_owned())
}

fn join(all: &mut Vec<String>, more: &[String]) {
    for language in more {
        if !all.contains(language) {
            all.push(language.clone());
        }
    }
}

fn or_default(languages: Vec<String>) -> Vec<String> {
    if languages.is_empty() { vec![LANGUAGE.to_owned()] } else { languages }
}
