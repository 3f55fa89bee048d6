//! How well the engine hears: the word error rate on recordings of which the words are known, in quiet and in noise.
//!
//! A folder has WAV files (or others) and what is said in them: beside each `NAME.wav` a `NAME.txt`, or one file called
//! `transcription` or `*.transcription` with a line `the words (NAME)` for each; `<s>` and `</s>` in it are ignored.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mtor_audio::{HEARD_HZ, decode, pcm};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::Failure;
use crate::listener::listen;
use crate::request::{Request, Source};

/// The longest recording of a measurement: ten minutes.
const SAMPLES_MAX: usize = 600 * HEARD_HZ as usize;

/// A recording and its words.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its name, without folder and extension.
    pub name: String,
    /// What is heard.
    pub samples: Vec<f32>,
    /// What is said.
    pub words: String,
}

/// Why a folder can't be measured with.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refuses.
    #[error("{path} can't be read: {source}")]
    Io {
        /// What was read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A recording gives no sound.
    #[error("{path}: {source}")]
    Audio {
        /// The recording.
        path: PathBuf,
        /// What is wrong with it.
        source: decode::DecodeError,
    },
    /// There is nothing to measure with.
    #[error(
        "{0} has no recordings with their words: a NAME.wav needs a NAME.txt, or a line `the words (NAME)` in a file called transcription"
    )]
    Empty(PathBuf),
}

/// What is mixed into a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Nothing.
    Quiet,
    /// All frequencies alike, as of a fan.
    White,
    /// Other people's voices.
    Babble,
}

/// One row of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was mixed in.
    pub noise: Noise,
    /// How much louder the voice is than the noise, in decibels.
    pub snr_db: Option<f32>,
    /// Words that are said.
    pub words: usize,
    /// Words that are wrong, missing or invented.
    pub errors: usize,
    /// Errors for each word.
    pub wer: f32,
    /// Seconds of sound.
    pub audio_s: f32,
    /// Seconds that passed for each second of sound.
    pub real_time: f32,
    /// Seconds of processor time for each second of sound, over all threads; `None` where the system doesn't tell.
    pub processor_time: Option<f32>,
}

/// Reads a folder, by names.
///
/// # Errors
/// [`FolderError`].
pub fn read_folder(folder: &Path) -> Result<Vec<Recording>, FolderError> {
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| FolderError::Io { path, source }
    };
    let mut sounds = BTreeMap::new();
    let mut words = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(io_error(folder))? {
        let path = entry.map_err(io_error(folder))?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let text = || std::fs::read_to_string(&path).map_err(io_error(&path));
        match extension.as_str() {
            "wav" | "flac" | "mp3" | "ogg" | "opus" | "webm" | "m4a" => {
                sounds.insert(stem, path);
            }
            "txt" => {
                words.insert(stem, text()?);
            }
            "transcription" => words.extend(lines_of(&text()?)),
            _ if stem == "transcription" => words.extend(lines_of(&text()?)),
            _ => {}
        }
    }
    let mut recordings = Vec::new();
    for (name, path) in sounds {
        let Some(words) = words.remove(&name) else { continue };
        let file = File::open(&path).map_err(io_error(&path))?;
        let samples = decode::decode(file, SAMPLES_MAX)
            .map_err(|source| FolderError::Audio { path: path.clone(), source })?;
        recordings.push(Recording { name, samples, words });
    }
    if recordings.is_empty() {
        return Err(FolderError::Empty(folder.to_owned()));
    }
    Ok(recordings)
}

/// Lines of `the words (NAME)`.
fn lines_of(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.lines().filter_map(|line| {
        let (words, name) = line.trim().strip_suffix(')')?.rsplit_once('(')?;
        Some((name.trim().to_owned(), words.replace("<s>", "").replace("</s>", "").trim().to_owned()))
    })
}

/// Hears all recordings with that noise in them. The same `seed` gives the same noise.
///
/// # Errors
/// [`Failure`] of the engine.
pub async fn measure(
    engine: &Arc<Engine>,
    recordings: &[Recording],
    noise: Noise,
    snr_db: f32,
    seed: u64,
    language: Option<&str>,
) -> Result<Row, Failure> {
    let (mut words, mut errors, mut samples) = (0, 0, 0);
    let (mut real, mut processor) = (Duration::ZERO, Some(Duration::ZERO));
    for (number, recording) in recordings.iter().enumerate() {
        let mixed = mixed(recordings, number, noise, snr_db, seed);
        let file = written(&mixed).map_err(|error| Failure::Audio(decode::DecodeError::Io(error)))?;
        let request = Request { language: language.map(str::to_owned), ..Request::default() };
        let (begun, processor_before) = (Instant::now(), processor_time());
        let transcript = listen(engine, request, Source::File(file))?.transcript().await?;
        real += begun.elapsed();
        processor = processor
            .zip(processor_time())
            .zip(processor_before)
            .map(|((sum, now), then)| sum + now.saturating_sub(then));
        samples += recording.samples.len();
        let (said, heard) = (plain(&recording.words), plain(&transcript.text));
        let wrong = edits(&said, &heard);
        tracing::debug!(name = recording.name, wrong, heard = heard.join(" "), "heard");
        words += said.len();
        errors += wrong;
    }
    let audio_s = samples as f32 / HEARD_HZ as f32;
    Ok(Row {
        noise,
        snr_db: (noise != Noise::Quiet).then_some(snr_db),
        words,
        errors,
        wer: errors as f32 / words.max(1) as f32,
        audio_s,
        real_time: real.as_secs_f32() / audio_s,
        processor_time: processor.map(|time| time.as_secs_f32() / audio_s),
    })
}

/// A file of the samples that is gone when it is closed.
fn written(samples: &[f32]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&pcm::wav(samples, HEARD_HZ))?;
    file.rewind()?;
    Ok(file)
}

/// Processor time of this process over all threads, where the system tells (Linux).
fn processor_time() -> Option<Duration> {
    /// Linux counts in hundredths of a second, whatever the processor.
    const TICKS_PER_S: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse::<f64>().ok());
    Some(Duration::from_secs_f64((ticks.next()? + ticks.next()?) / TICKS_PER_S))
}

/// A recording with noise in it.
fn mixed(recordings: &[Recording], number: usize, noise: Noise, snr_db: f32, seed: u64) -> Vec<f32> {
    let voice = &recordings[number].samples;
    let noise = match noise {
        Noise::Quiet => return voice.clone(),
        Noise::White => white(voice.len(), seed.wrapping_add(number as u64)),
        Noise::Babble => babble(recordings, number, seed),
    };
    let level = pcm::rms(voice) / pcm::rms(&noise).max(1e-9) / 10_f32.powf(snr_db / 20.0);
    voice.iter().zip(&noise).map(|(voice, noise)| (voice + noise * level).clamp(-1.0, 1.0)).collect()
}

fn white(samples: usize, seed: u64) -> Vec<f32> {
    let mut chance = Chance(seed);
    (0..samples).map(|_| chance.next() * 2.0 - 1.0).collect()
}

/// Four of the other recordings at once, each begun somewhere and played in a circle.
fn babble(recordings: &[Recording], number: usize, seed: u64) -> Vec<f32> {
    const VOICES: usize = 4;
    let length = recordings[number].samples.len();
    let others: Vec<&Recording> = recordings
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != number || recordings.len() == 1)
        .map(|(_, r)| r)
        .collect();
    let mut chance = Chance(seed.wrapping_add(number as u64));
    let mut sum = vec![0.0; length];
    for voice in 0..VOICES {
        let samples = &others[voice % others.len()].samples;
        let loudness = pcm::rms(samples).max(1e-9);
        let from = (chance.next() * samples.len() as f32) as usize;
        for (sum, sample) in sum.iter_mut().zip(samples.iter().cycle().skip(from)) {
            *sum += sample / loudness;
        }
    }
    sum
}

/// Numbers that look random and depend on the seed alone (SplitMix64).
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u32 << 24) as f32
    }
}

/// Words as they are compared: lower case, without punctuation, numbers up to 99 and titles written out.
#[must_use]
pub fn plain(text: &str) -> Vec<String> {
    let letters: String = text
        .to_lowercase()
        .replace('’', "'")
        .chars()
        .map(|letter| if letter.is_alphanumeric() || letter == '\'' { letter } else { ' ' })
        .collect();
    letters.split_whitespace().flat_map(written_out).collect()
}

fn written_out(word: &str) -> Vec<String> {
    const ONES: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] =
        ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let word = word.trim_matches('\'');
    let written = match word {
        "" => return Vec::new(),
        "mr" => "mister",
        "mrs" => "missus",
        "dr" => "doctor",
        "st" => "saint",
        other => other,
    };
    match written.parse::<usize>() {
        Ok(n) if n < 20 => vec![ONES[n].to_owned()],
        Ok(n) if n < 100 && n % 10 == 0 => vec![TENS[n / 10].to_owned()],
        Ok(n) if n < 100 => vec![TENS[n / 10].to_owned(), ONES[n % 10].to_owned()],
        _ => vec![written.to_owned()],
    }
}

/// How many words must be replaced, dropped or added to make one of the other.
#[must_use]
pub fn edits(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, said) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, heard) in heard.iter().enumerate() {
            let replaced = diagonal + usize::from(said != heard);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[heard.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_as_they_sound() {
        assert_eq!(
            plain("Mr. Dashwood's 42 cards—10 of clubs!"),
            ["mister", "dashwood's", "forty", "two", "cards", "ten", "of", "clubs"]
        );
        assert_eq!(plain("‘Tis  2016’s"), ["tis", "2016's"]);
        assert_eq!(plain("..."), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_error_counts_once() {
        let count = |said: &str, heard: &str| edits(&plain(said), &plain(heard));
        assert_eq!(count("ten of clubs", "ten of clubs"), 0);
        assert_eq!(count("ten of clubs", "ten of cups"), 1);
        assert_eq!(count("ten of clubs", "of clubs"), 1);
        assert_eq!(count("ten of clubs", "the ten of clubs"), 1);
        assert_eq!(count("", "you"), 1);
        assert_eq!(count("ten of clubs", ""), 3);
    }

    #[test]
    fn noise_has_the_wanted_level_and_repeats() {
        let tone = |hz: f32| (0..32_000).map(|n| 0.1 * (n as f32 * hz / 2_500.0).sin()).collect();
        let recordings: Vec<Recording> = [220.0, 330.0, 550.0]
            .map(|hz| Recording { name: hz.to_string(), samples: tone(hz), words: String::new() })
            .into();
        for noise in [Noise::White, Noise::Babble] {
            let mixed = mixed(&recordings, 1, noise, 10.0, 7);
            assert_eq!(mixed, super::mixed(&recordings, 1, noise, 10.0, 7));
            assert_ne!(mixed, super::mixed(&recordings, 1, noise, 10.0, 8));
            let only: Vec<f32> = mixed.iter().zip(&recordings[1].samples).map(|(m, v)| m - v).collect();
            let snr = pcm::dbfs(pcm::rms(&recordings[1].samples) / pcm::rms(&only));
            assert!((snr - 10.0).abs() < 0.5, "{noise:?}: {snr}");
        }
    }

    #[test]
    fn both_layouts_of_a_folder_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        assert!(matches!(read_folder(folder.path()), Err(FolderError::Empty(_))));
        let sound = pcm::wav(&[0.1; 1_600], HEARD_HZ);
        put("a.wav", &sound);
        put("a.txt", b"Hello there.");
        put("b.wav", &sound);
        put("cards.transcription", b"<s> ten of clubs </s> (b)\n\nno name\n");
        put("c.wav", &sound);
        let read = read_folder(folder.path()).unwrap();
        let words: Vec<_> =
            read.iter().map(|r| (r.name.as_str(), r.words.as_str(), r.samples.len())).collect();
        assert_eq!(words, [("a", "Hello there.", 1_600), ("b", "ten of clubs", 1_600)]);
        put("d.wav", b"text");
        put("d.txt", b"text");
        assert!(matches!(read_folder(folder.path()), Err(FolderError::Audio { .. })));
    }
}
