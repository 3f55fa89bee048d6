//! espeak-ng, as a program of its own: which voices it has, how words are said, and speech in over a hundred languages.
//!
//! It is run as a child, so that whatever a text makes of it, the worker goes on.

mod phonemes;
mod sound;

use std::process::{Command, Stdio};

use crate::defaults::ESPEAK_PROGRAM;
use crate::error::LoadError;

pub(crate) use phonemes::Phonemizer;
pub(crate) use sound::spoken;

/// One of its voices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EspeakVoice {
    /// What it is asked for by: a language tag such as `fr-fr`.
    pub(crate) tag: String,
    /// The language's name in English.
    pub(crate) name: String,
}

/// Asks for its voices.
pub(crate) fn voices() -> Result<Vec<EspeakVoice>, LoadError> {
    let output = Command::new(ESPEAK_PROGRAM)
        .arg("--voices")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(LoadError::NoEspeak)?;
    let voices = parsed(&String::from_utf8_lossy(&output.stdout));
    if voices.is_empty() { Err(LoadError::NoEspeakVoices) } else { Ok(voices) }
}

/// The table that `--voices` prints: priority, language, gender, name, file, others.
fn parsed(table: &str) -> Vec<EspeakVoice> {
    let mut voices: Vec<EspeakVoice> = Vec::new();
    for line in table.lines().skip(1) {
        let mut columns = line.split_whitespace();
        let (Some(_), Some(tag), Some(_), Some(name), Some(file)) =
            (columns.next(), columns.next(), columns.next(), columns.next(), columns.next())
        else {
            continue;
        };
        // Voices of mbrola need data that is not free; of two for one language the first is the usual one.
        if !file.starts_with("mb/") && voices.iter().all(|voice| voice.tag != tag) {
            voices.push(EspeakVoice { tag: tag.to_owned(), name: name.replace('_', " ").trim().to_owned() });
        }
    }
    voices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_voices_is_read() {
        let table = "Pty Language       Age/Gender VoiceName          File                 Other Languages
 5  af              --/M      Afrikaans          gmw/af               
 2  en-us           --/M      English_(America)  gmw/en-US            (en 3)
 5  yue             --/M      Chinese_(Cantonese) sit/yue             
 5  yue             --/M      Chinese_(Cantonese,_Jyutping) sit/yue-Latn
 7  af              --/M      afrikaans-mbrola-1 mb/mb-af1            
";
        let tags: Vec<String> =
            parsed(table).into_iter().map(|voice| format!("{}={}", voice.tag, voice.name)).collect();
        assert_eq!(tags, ["af=Afrikaans", "en-us=English (America)", "yue=Chinese (Cantonese)"]);
        assert_eq!(parsed(""), []);
    }
}
