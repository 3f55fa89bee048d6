//! What files give, and what the broken ones are called. `tests/sounds/make.sh` has made those with foreign encoders.

use std::io::Cursor;
use std::path::Path;

use mtor_audio::decode::{Damage, DecodeError, Decoder, decode};
use mtor_audio::{HEARD_HZ, pcm};

/// One second of a 440 Hz tone, in the format of the file's name.
fn sound(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sounds").join(name)).unwrap()
}

fn decoded(bytes: impl Into<Vec<u8>>) -> Result<(Vec<f32>, Damage), DecodeError> {
    let mut decoder = Decoder::open(Cursor::new(bytes.into()))?;
    let mut samples = Vec::new();
    while decoder.read(&mut samples)? {}
    Ok((samples, decoder.damage()))
}

/// A WAV file with its samples as they are given: `data` holds frames of `channels` samples of `bits` bits each.
fn wav(rate_hz: u32, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let frame_bytes = channels * bits / 8;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend(channels.to_le_bytes());
    file.extend(rate_hz.to_le_bytes());
    file.extend((rate_hz * u32::from(frame_bytes)).to_le_bytes());
    file.extend(frame_bytes.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn tone(rate_hz: u32, seconds: f32) -> impl Iterator<Item = f32> {
    let samples = (rate_hz as f32 * seconds) as usize;
    (0..samples).map(move |n| 0.5 * (std::f32::consts::TAU * 440.0 * n as f32 / rate_hz as f32).sin())
}

/// How often a tone crosses zero upwards, in hertz.
fn pitch_hz(samples: &[f32]) -> f32 {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    crossings as f32 * HEARD_HZ as f32 / middle.len() as f32
}

fn assert_is_the_tone(samples: &[f32], what: &str) {
    let pitch = pitch_hz(samples);
    assert!((pitch - 440.0).abs() < 5.0, "{what}: {pitch} Hz");
    let level = pcm::rms(&samples[samples.len() / 4..samples.len() * 3 / 4]);
    assert!((0.2..0.5).contains(&level), "{what}: level {level}");
}

#[test]
fn every_common_format_gives_its_sound() {
    for name in [
        "tone.mp3",
        "tone.flac",
        "tone-vorbis.ogg",
        "tone-opus.ogg",
        "tone-opus.webm",
        "tone-aac.m4a",
        "tone.aac",
    ] {
        let (samples, damage) = decoded(sound(name)).unwrap();
        assert_eq!(damage, Damage::default(), "{name}");
        let seconds = samples.len() as f32 / HEARD_HZ as f32;
        assert!((0.95..1.1).contains(&seconds), "{name}: {seconds} s");
        assert_is_the_tone(&samples, name);
    }
}

#[test]
fn a_studio_recording_in_stereo_at_96_khz_with_24_bits_comes_down_to_what_is_heard() {
    // The tone is on the left alone, so the mixture has half of it.
    let data: Vec<u8> = tone(96_000, 1.0)
        .flat_map(|sample| {
            let left = ((sample * 8_388_607.0) as i32).to_le_bytes();
            [left[0], left[1], left[2], 0, 0, 0]
        })
        .collect();
    let (samples, damage) = decoded(wav(96_000, 2, 24, &data)).unwrap();
    assert_eq!((samples.len(), damage), (16_000, Damage::default()));
    assert!((pitch_hz(&samples) - 440.0).abs() < 5.0);
    assert!((pcm::rms(&samples) - 0.25 / 2_f32.sqrt()).abs() < 0.002);
}

#[test]
fn a_file_of_16_khz_comes_out_bit_for_bit() {
    let tone: Vec<f32> = tone(16_000, 0.5).collect();
    let (samples, _) = decoded(pcm::wav(&tone, 16_000)).unwrap();
    assert_eq!(pcm::to_s16le(&samples), pcm::to_s16le(&tone));
}

#[test]
fn a_file_that_is_still_being_made_is_read_to_its_end() {
    let tone: Vec<f32> = tone(24_000, 1.0).collect();
    let mut file = pcm::wav_header(24_000, None).to_vec();
    file.extend(pcm::to_s16le(&tone));
    let (samples, _) = decoded(file).unwrap();
    // The last packet may be an incomplete one.
    assert!((15_000..=16_000).contains(&samples.len()), "{}", samples.len());
    assert_is_the_tone(&samples, "streamed WAV");
}

#[test]
fn what_is_no_audio_is_called_so() {
    let text = "Dear diary,\nthis is a text that somebody has named recording.wav.\n".repeat(500);
    assert!(matches!(decoded(text), Err(DecodeError::NotAudio)));
    assert!(matches!(decoded(*b"short"), Err(DecodeError::NotAudio)));
    assert!(matches!(decoded(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".repeat(20)), Err(DecodeError::NotAudio)));
    assert!(matches!(decoded([]), Err(DecodeError::Empty)));
    let words = decoded([]).unwrap_err().to_string();
    assert_eq!(words, "the audio is empty: it has no bytes");
}

#[test]
fn a_film_without_sound_is_called_so() {
    assert!(matches!(decoded(sound("silent-film.webm")), Err(DecodeError::NoTrack)));
}

#[test]
fn a_file_without_a_single_sample_is_silence() {
    let (samples, _) = decoded(pcm::wav(&[], 16_000)).unwrap();
    assert_eq!(samples, []);
}

#[test]
fn a_file_that_stops_in_the_middle_gives_what_is_there() {
    // Not Vorbis, the tables of which take most of so short a file.
    for name in ["tone.mp3", "tone.flac", "tone-opus.ogg", "tone-opus.webm", "tone.aac"] {
        let whole = sound(name);
        let (samples, _) =
            decoded(&whole[..whole.len() * 6 / 10]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let seconds = samples.len() as f32 / HEARD_HZ as f32;
        assert!((0.1..0.9).contains(&seconds), "{name}: {seconds} s");
        assert_is_the_tone(&samples, name);
    }
    let tone: Vec<f32> = tone(16_000, 1.0).collect();
    let whole = pcm::wav(&tone, 16_000);
    let (samples, damage) = decoded(&whole[..whole.len() / 2]).unwrap();
    assert!(damage.cut_short);
    assert!((6_500..=8_000).contains(&samples.len()), "{}", samples.len());
}

#[test]
fn only_as_much_is_read_as_is_wanted() {
    assert_eq!(decode(Cursor::new(sound("tone.mp3")), 100).unwrap().len(), 100);
}
