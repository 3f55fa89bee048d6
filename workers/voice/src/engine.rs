//! The voices that there are, and which one speaks.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::defaults::{SPEED_MAX, SPEED_MIN};
use crate::error::{Failure, LoadError};
use crate::espeak::{self, EspeakVoice};
use crate::piper::PiperVoice;
use crate::sound;
use crate::text::{Clause, speakable};

/// How to start an engine.
#[derive(Debug, Default)]
pub struct EngineOptions {
    /// Neural voices: files in the Piper format, each with its `.json` beside it. The first is the one that speaks unless
    /// something else is asked for.
    pub voices: Vec<PathBuf>,
    /// Threads that one job computes with; all that there are when it is left open.
    pub threads: Option<usize>,
}

/// What is known of a voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceFacts {
    /// What it is asked for by.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// The language that it speaks, as a tag such as `en-US`.
    pub language: String,
    /// Whether it is a neural voice, rather than one of espeak-ng's.
    pub is_neural: bool,
}

/// All voices. Several texts can be spoken at once.
pub struct Engine {
    neural: Vec<Arc<PiperVoice>>,
    espeak: Vec<EspeakVoice>,
}

/// What the ids of espeak-ng's voices begin with.
const ESPEAK_ID: &str = "espeak-";

/// What stands for "whichever voice is usual here".
const ANY_VOICE: &str = "default";

impl Engine {
    /// Loads the voices; takes about a second for each neural one.
    ///
    /// # Errors
    /// When espeak-ng is missing, or a voice can't be loaded.
    pub fn start(options: &EngineOptions) -> Result<Self, LoadError> {
        let espeak = espeak::voices()?;
        let threads = options.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
        let mut neural = Vec::new();
        let mut ids = HashSet::new();
        for path in &options.voices {
            let voice = PiperVoice::load(path, threads.unwrap_or(1).max(1))?;
            if !ids.insert(voice.id().to_owned()) {
                return Err(LoadError::Twice(voice.id().to_owned()));
            }
            neural.push(Arc::new(voice));
        }
        Ok(Self { neural, espeak })
    }

    /// All voices; the neural ones first.
    #[must_use]
    pub fn voices(&self) -> Vec<VoiceFacts> {
        let neural = self.neural.iter().map(|voice| VoiceFacts {
            id: voice.id().to_owned(),
            name: voice.name(),
            language: voice.language(),
            is_neural: true,
        });
        let espeak = self.espeak.iter().map(|voice| VoiceFacts {
            id: format!("{ESPEAK_ID}{}", voice.tag),
            name: voice.name.clone(),
            language: voice.tag.clone(),
            is_neural: false,
        });
        neural.chain(espeak).collect()
    }

    /// The one who speaks a text: the voice asked for; else one that speaks the language, a neural one when there is one;
    /// else the first. At `speed` 1 a voice speaks as fast as it was made to.
    ///
    /// # Errors
    /// [`Failure::UnknownVoice`], [`Failure::UnknownLanguage`], [`Failure::Speed`], each with what would be possible.
    pub fn speaker(
        &self,
        voice: Option<&str>,
        language: Option<&str>,
        speed: f32,
    ) -> Result<Speaker, Failure> {
        if !(SPEED_MIN..=SPEED_MAX).contains(&speed) {
            return Err(Failure::Speed(speed));
        }
        let voice = match voice.filter(|voice| !voice.is_empty() && *voice != ANY_VOICE) {
            Some(wanted) => self.named(wanted)?,
            None => match language.filter(|language| !language.is_empty()) {
                Some(wanted) => self.speaking(wanted)?,
                None => self.usual()?,
            },
        };
        Ok(Speaker { voice, speed })
    }

    fn named(&self, wanted: &str) -> Result<Voice, Failure> {
        let is_wanted = |name: &str| name.eq_ignore_ascii_case(wanted);
        if let Some(voice) =
            self.neural.iter().find(|voice| is_wanted(voice.id()) || is_wanted(&voice.name()))
        {
            return Ok(Voice::Neural(Arc::clone(voice)));
        }
        let tag = wanted.get(..ESPEAK_ID.len()).filter(|start| start.eq_ignore_ascii_case(ESPEAK_ID));
        let tag = tag.map(|start| &wanted[start.len()..]);
        match tag.and_then(|tag| self.espeak.iter().find(|voice| voice.tag.eq_ignore_ascii_case(tag))) {
            Some(voice) => Ok(Voice::Espeak(voice.tag.clone())),
            None => Err(Failure::UnknownVoice { wanted: wanted.to_owned(), voices: self.list_of_voices() }),
        }
    }

    fn speaking(&self, wanted: &str) -> Result<Voice, Failure> {
        let neural: Vec<String> = self.neural.iter().map(|voice| voice.language()).collect();
        if let Some(index) = best_match(wanted, &neural) {
            return Ok(Voice::Neural(Arc::clone(&self.neural[index])));
        }
        let espeak: Vec<String> = self.espeak.iter().map(|voice| voice.tag.clone()).collect();
        match best_match(wanted, &espeak) {
            Some(index) => Ok(Voice::Espeak(espeak[index].clone())),
            None => Err(Failure::UnknownLanguage {
                wanted: wanted.to_owned(),
                languages: self.languages().join(", "),
            }),
        }
    }

    /// The first neural voice, else English.
    fn usual(&self) -> Result<Voice, Failure> {
        match self.neural.first() {
            Some(voice) => Ok(Voice::Neural(Arc::clone(voice))),
            None => self.speaking("en-us"),
        }
    }

    /// The languages that are spoken here, as tags.
    #[must_use]
    pub fn languages(&self) -> Vec<String> {
        let mut languages: Vec<String> = Vec::new();
        for voice in self.voices() {
            if languages.iter().all(|known| !known.eq_ignore_ascii_case(&voice.language)) {
                languages.push(voice.language);
            }
        }
        languages
    }

    /// The neural voices by name; espeak-ng's by their pattern, since there are too many to read.
    fn list_of_voices(&self) -> String {
        let mut names: Vec<&str> = self.neural.iter().map(|voice| voice.id()).collect();
        let tags: Vec<&str> = self.espeak.iter().map(|voice| voice.tag.as_str()).collect();
        let pattern = format!("{ESPEAK_ID}LANGUAGE, where LANGUAGE is one of {}", tags.join(", "));
        names.push(&pattern);
        names.join(", ")
    }
}

/// Languages that are asked for by one tag and known by another.
const ALIASES: [(&str, &str); 6] =
    [("zh", "cmn"), ("no", "nb"), ("en", "en-us"), ("iw", "he"), ("in", "id"), ("tl", "fil")];

/// Which of `tags` comes nearest to the language asked for: the same; its usual form; any of its forms.
fn best_match(wanted: &str, tags: &[String]) -> Option<usize> {
    let tag = |text: &str| text.to_lowercase().replace('_', "-");
    let primary = |text: &str| tag(text).split('-').next().unwrap_or_default().to_owned();
    let find = |wanted: &str| {
        let (whole, first) = (tag(wanted), primary(wanted));
        let position = |is_it: &dyn Fn(&str) -> bool| tags.iter().position(|known| is_it(&tag(known)));
        position(&|known| known == whole)
            .or_else(|| position(&|known| known == first))
            .or_else(|| position(&|known| known == format!("{first}-{first}")))
            .or_else(|| position(&|known| primary(known) == first))
    };
    let alias =
        ALIASES.iter().find(|(from, _)| *from == tag(wanted) || (*from != "en" && *from == primary(wanted)));
    find(wanted).filter(|_| alias.is_none_or(|(from, _)| *from != "en")).or_else(|| find(alias?.1))
}

#[derive(Clone)]
enum Voice {
    Neural(Arc<PiperVoice>),
    Espeak(String),
}

/// A voice that speaks one text.
#[derive(Clone)]
pub struct Speaker {
    voice: Voice,
    speed: f32,
}

impl Speaker {
    /// The language that it speaks, as a tag.
    #[must_use]
    pub fn language(&self) -> String {
        match &self.voice {
            Voice::Neural(voice) => voice.language(),
            Voice::Espeak(tag) => tag.clone(),
        }
    }

    /// The speed asked for.
    #[must_use]
    pub fn speed(&self) -> f32 {
        self.speed
    }

    /// The sound of a clause, at 24,000 samples a second, without a pause after it; nothing when it has nothing to say.
    /// Computes, and takes a tenth of the sound's own time or so.
    ///
    /// # Errors
    /// When espeak-ng or the model fails.
    pub fn speak(&self, clause: &Clause) -> Result<Vec<f32>, Failure> {
        let words = speakable(clause, &self.language());
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let (samples, rate) = match &self.voice {
            Voice::Neural(voice) => voice.spoken(&words, self.speed)?,
            Voice::Espeak(tag) => espeak::spoken(&words, tag, self.speed)?,
        };
        sound::finished(&samples, rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_form_of_a_language_is_found() {
        let tags: Vec<String> =
            ["cmn", "de", "en-029", "en-gb", "en-us", "fr-be", "fr-fr", "nb", "pt", "pt-br", "vi"]
                .map(String::from)
                .into();
        for (wanted, found) in [
            ("de", Some("de")),
            ("de-AT", Some("de")),
            ("DE_de", Some("de")),
            ("en", Some("en-us")),
            ("en-GB", Some("en-gb")),
            ("fr", Some("fr-fr")),
            ("fr-BE", Some("fr-be")),
            ("pt-PT", Some("pt")),
            ("pt_BR", Some("pt-br")),
            ("zh-CN", Some("cmn")),
            ("no", Some("nb")),
            ("xx", None),
        ] {
            assert_eq!(best_match(wanted, &tags).map(|index| tags[index].as_str()), found, "{wanted}");
        }
        assert_eq!(best_match("en", &["en-US".to_owned()]), Some(0));
        assert_eq!(best_match("en-GB", &["en-US".to_owned()]), Some(0));
    }
}
