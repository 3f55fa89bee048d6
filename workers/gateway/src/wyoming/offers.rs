//! From what a service says of itself to what a realm is offered, and back from a job to what the service calls it.

use std::collections::BTreeSet;

use mtor_worker::protocol::{CapabilityKind, CapabilityOffer, VoiceInfo, limits};
use mtor_wyoming::{AsrModel, Info, TtsVoice, Voice};

use crate::defaults::{MODELS_MAX, VOICES_MAX};

/// What a service has that a realm can use.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offered {
    transcribe: Vec<TranscribeWith>,
    speak: Vec<SpeakWith>,
    wake: Vec<WakeWith>,
}

/// A wake word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WakeWith {
    /// Its program, when it is not the first, which needs no mention.
    pub program: Option<String>,
    /// What the service calls it.
    pub word: String,
    languages: Vec<String>,
}

/// A model that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscribeWith {
    /// Its program, when it is not the first, which needs no mention.
    pub program: Option<String>,
    /// What the service calls it.
    pub model: String,
    /// The languages, as the service writes them.
    languages: Vec<String>,
}

/// A program that speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeakWith {
    /// Its name, when it is not the first, which needs no mention.
    pub program: Option<String>,
    name: String,
    voices: Vec<(VoiceInfo, Voice)>,
}

/// What of a service a realm can use: models that listen, programs that speak and wake words, those that are installed.
pub fn offers(info: &Info) -> Offered {
    let mentioned = |index: usize, name: &str| (index > 0).then(|| name.to_owned());
    let transcribe =
        info.asr.iter().enumerate().filter(|(_, program)| program.installed).flat_map(|(index, program)| {
            let installed = program.models.iter().filter(|model| model.installed && fits(&model.name));
            installed.map(move |model| transcribe_with(mentioned(index, &program.name), model))
        });
    let speak = info.tts.iter().enumerate().filter(|(_, program)| program.installed && fits(&program.name));
    let speak = speak.map(|(index, program)| SpeakWith {
        program: mentioned(index, &program.name),
        name: program.name.clone(),
        voices: program
            .voices
            .iter()
            .filter(|voice| voice.installed)
            .flat_map(voices)
            .take(VOICES_MAX)
            .collect(),
    });
    let wake =
        info.wake.iter().enumerate().filter(|(_, program)| program.installed).flat_map(|(index, program)| {
            let installed = program.models.iter().filter(|word| word.installed && fits(&word.name));
            installed.map(move |word| WakeWith {
                program: mentioned(index, &program.name),
                word: word.name.clone(),
                languages: word.languages.clone(),
            })
        });
    Offered {
        transcribe: transcribe.take(MODELS_MAX).collect(),
        speak: speak.filter(|speak| !speak.voices.is_empty()).take(MODELS_MAX).collect(),
        wake: wake.take(MODELS_MAX).collect(),
    }
}

impl Offered {
    /// Whether it is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.transcribe.is_empty() && self.speak.is_empty() && self.wake.is_empty()
    }

    /// What the realm is told, with so many jobs at once for each.
    pub fn capabilities(&self, slots: u32) -> Vec<CapabilityOffer> {
        let listening = |kind: CapabilityKind, model: &str, languages: &[String]| {
            let languages = languages.iter().map(|language| code(language));
            let mut offer = CapabilityOffer::new(kind, model, slots);
            offer.languages = languages.filter(|language| fits(language)).take(VOICES_MAX).collect();
            offer
        };
        let transcribe = self
            .transcribe
            .iter()
            .map(|with| listening(CapabilityKind::TRANSCRIBE, &with.model, &with.languages));
        let wake = self.wake.iter().map(|with| listening(CapabilityKind::WAKE, &with.word, &with.languages));
        let speak = self.speak.iter().map(|with| {
            let mut offer = CapabilityOffer::new(CapabilityKind::SPEAK, with.name.as_str(), slots);
            offer.voices = with.voices.iter().map(|(voice, _)| voice.clone()).collect();
            let languages: BTreeSet<&String> = offer.voices.iter().map(|voice| &voice.language).collect();
            offer.languages = languages.into_iter().cloned().collect();
            offer
        });
        transcribe.chain(speak).chain(wake).collect()
    }

    /// The model that a job wants: by its name, else one that understands the language, else the first.
    pub fn transcribe(&self, model: &str, language: Option<&str>) -> Option<&TranscribeWith> {
        let named = self.transcribe.iter().find(|with| with.model == model);
        let understands = |language| self.transcribe.iter().find(|with| with.language(language).is_some());
        named.or_else(|| language.and_then(understands)).or(self.transcribe.first())
    }

    /// The wake word that a job wants: by its name, else the first.
    pub fn wake(&self, word: &str) -> Option<&WakeWith> {
        self.wake.iter().find(|with| with.word == word).or(self.wake.first())
    }

    /// The program and voice that a job wants: the voice by its id, else one of the language, else the first. `None` when it
    /// names a voice that is not there.
    pub fn speak(
        &self,
        model: &str,
        voice: Option<&str>,
        language: Option<&str>,
    ) -> Option<(&SpeakWith, &Voice)> {
        let named = self.speak.iter().find(|with| with.name == model);
        let programs: Vec<&SpeakWith> = named.map_or_else(|| self.speak.iter().collect(), |with| vec![with]);
        let find = |wanted: &dyn Fn(&VoiceInfo) -> bool| {
            programs.iter().find_map(|with| {
                let (_, voice) = with.voices.iter().find(|(info, _)| wanted(info))?;
                Some((*with, voice))
            })
        };
        match (voice, language) {
            (Some(id), _) => find(&|info| info.id == id),
            (None, Some(language)) => find(&|info| info.language == language)
                .or_else(|| find(&|info| bare(&info.language) == bare(language)))
                .or_else(|| find(&|_| true)),
            (None, None) => find(&|_| true),
        }
    }
}

impl TranscribeWith {
    /// What the service calls a language that it understands.
    pub fn language(&self, wanted: &str) -> Option<&str> {
        let exactly = self.languages.iter().find(|known| code(known) == wanted);
        let broadly = || self.languages.iter().find(|known| bare(&code(known)) == bare(wanted));
        exactly.or_else(broadly).map(String::as_str)
    }
}

fn transcribe_with(program: Option<String>, model: &AsrModel) -> TranscribeWith {
    TranscribeWith { program, model: model.name.clone(), languages: model.languages.clone() }
}

/// A voice, or each of the people in it.
fn voices(voice: &TtsVoice) -> Vec<(VoiceInfo, Voice)> {
    let language = voice.languages.first().map_or_else(|| "und".to_owned(), |language| code(language));
    let called = voice.description.as_ref().filter(|text| fits(text)).unwrap_or(&voice.name);
    let one = |id: String, name: String, speaker: Option<String>| {
        let info = VoiceInfo { id, name, language: language.clone() };
        (info, Voice { name: Some(voice.name.clone()), language: None, speaker })
    };
    let all = match voice.speakers.as_deref().unwrap_or_default() {
        [] => vec![one(voice.name.clone(), called.clone(), None)],
        speakers => speakers
            .iter()
            .map(|speaker| {
                let person = &speaker.name;
                one(format!("{}#{person}", voice.name), format!("{called}, {person}"), Some(person.clone()))
            })
            .collect(),
    };
    all.into_iter()
        .filter(|(info, _)| [&info.id, &info.name, &info.language].iter().all(|name| fits(name)))
        .collect()
}

/// `en_US` as `en-US`: services write languages in both ways, realms in the second.
fn code(language: &str) -> String {
    language.replace('_', "-")
}

/// `en` of `en-US`.
fn bare(language: &str) -> &str {
    language.split('-').next().unwrap_or(language)
}

fn fits(name: &str) -> bool {
    (1..=limits::NAME_BYTES_MAX).contains(&name.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_wyoming::{AsrProgram, Speaker, TtsProgram, WakeModel, WakeProgram};

    fn wake_word(name: &str) -> WakeModel {
        WakeModel { name: name.into(), installed: true, languages: vec!["en".into()], ..WakeModel::default() }
    }

    fn info() -> Info {
        let model = |name: &str, languages: &[&str], installed| AsrModel {
            name: name.into(),
            installed,
            languages: languages.iter().map(|&language| language.into()).collect(),
            ..AsrModel::default()
        };
        let voice = |name: &str, language: &str, speakers: &[&str]| TtsVoice {
            name: name.into(),
            description: Some(name.to_uppercase()),
            installed: true,
            languages: vec![language.into()],
            speakers: (!speakers.is_empty())
                .then(|| speakers.iter().map(|&name| Speaker { name: name.into() }).collect()),
            ..TtsVoice::default()
        };
        let asr = |name: &str, models| AsrProgram {
            name: name.into(),
            installed: true,
            models,
            ..AsrProgram::default()
        };
        let tts = |name: &str, installed, voices| TtsProgram {
            name: name.into(),
            installed,
            voices,
            ..TtsProgram::default()
        };
        Info {
            asr: vec![
                asr("whisper", vec![model("base", &["en", "de"], true), model("large", &["en"], false)]),
                asr("vosk", vec![model("small-pt", &["pt_BR"], true)]),
            ],
            tts: vec![
                tts(
                    "piper",
                    true,
                    vec![voice("amy", "en_US", &[]), voice("thorsten", "de_DE", &["calm", "angry"])],
                ),
                tts("gone", false, vec![voice("x", "en", &[])]),
                tts("mute", true, vec![]),
            ],
            wake: vec![WakeProgram {
                name: "openwakeword".into(),
                installed: true,
                models: ["ok_nabu", "hey_jarvis"].map(wake_word).into(),
                ..WakeProgram::default()
            }],
            ..Info::default()
        }
    }

    #[test]
    fn what_is_installed_is_offered_under_the_realms_names() {
        let capabilities = offers(&info()).capabilities(2);
        let told: Vec<(&str, &str, Vec<&str>)> = capabilities
            .iter()
            .map(|offer| {
                (
                    offer.capability.as_str(),
                    offer.model.as_str(),
                    offer.languages.iter().map(String::as_str).collect(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("transcribe", "base", vec!["en", "de"]),
                ("transcribe", "small-pt", vec!["pt-BR"]),
                ("speak", "piper", vec!["de-DE", "en-US"]),
                ("wake", "ok_nabu", vec!["en"]),
                ("wake", "hey_jarvis", vec!["en"]),
            ]
        );
        let voices: Vec<(&str, &str)> =
            capabilities[2].voices.iter().map(|voice| (voice.id.as_str(), voice.name.as_str())).collect();
        let wanted =
            [("amy", "AMY"), ("thorsten#calm", "THORSTEN, calm"), ("thorsten#angry", "THORSTEN, angry")];
        assert_eq!(voices, wanted);
        assert_eq!(mtor_worker::protocol::Announcement::new("gateway", capabilities).fault(), None);
        assert!(offers(&Info::default()).is_empty());
    }

    #[test]
    fn a_job_finds_its_model() {
        let offered = offers(&info());
        let model = |name, language| offered.transcribe(name, language).unwrap().model.as_str();
        assert_eq!(model("default", None), "base");
        assert_eq!(model("default", Some("pt")), "small-pt");
        assert_eq!(model("base", Some("pt")), "base");
        let pt = offered.transcribe("small-pt", None).unwrap();
        assert_eq!(
            (pt.program.as_deref(), pt.language("pt"), pt.language("pt-BR")),
            (Some("vosk"), Some("pt_BR"), Some("pt_BR"))
        );
        assert_eq!(pt.language("en"), None);
        assert_eq!(offers(&Info::default()).transcribe("default", None), None);
    }

    #[test]
    fn a_job_finds_its_wake_word() {
        let offered = offers(&info());
        let word = |wanted| offered.wake(wanted).unwrap().word.as_str();
        assert_eq!((word("hey_jarvis"), word("default")), ("hey_jarvis", "ok_nabu"));
        assert_eq!(offers(&Info::default()).wake("default"), None);
    }

    #[test]
    fn a_job_finds_its_voice() {
        let offered = offers(&info());
        let speaker = |voice, language| {
            let (with, voice) = offered.speak("default", voice, language)?;
            assert_eq!(with.program, None);
            Some((voice.name.clone().unwrap(), voice.speaker.clone()))
        };
        assert_eq!(speaker(None, None), Some(("amy".into(), None)));
        assert_eq!(speaker(None, Some("de")), Some(("thorsten".into(), Some("calm".into()))));
        assert_eq!(speaker(Some("thorsten#angry"), None), Some(("thorsten".into(), Some("angry".into()))));
        assert_eq!(speaker(None, Some("fr")), Some(("amy".into(), None)), "better than nothing");
        assert_eq!(speaker(Some("nobody"), None), None);
    }
}
