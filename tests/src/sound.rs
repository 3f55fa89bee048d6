//! Sound for the tests, made and judged by the realm itself: what is to be said into a microphone, and what was heard at
//! a loudspeaker.

use std::path::Path;

use reqwest::header::HeaderMap;
use serde_json::json;

use crate::client::{Reply, header_map};
use crate::defaults::SILENCE_AFTER_S;
use crate::realm::Realm;

/// The rate of raw sound that `/v1/audio/speech` gives, as OpenAI's does: one channel of 16-bit samples.
pub const RATE: u32 = 24_000;
const BYTES_PER_SAMPLE: u32 = 2;
/// What stands before the samples in a WAV file of ours.
const HEADER_BYTES: u64 = 44;

/// Has the realm speak words. The answer is raw sound at [`RATE`], or why nobody says them.
pub async fn speech(realm: &Realm, words: &str) -> Reply {
    let task = json!({ "model": "default", "input": words, "response_format": "pcm" });
    let headers = of_type("application/json");
    realm.owner().send("POST", "/v1/audio/speech", task.to_string().into(), headers).await
}

/// Has the realm speak words into a WAV file: so many seconds of silence first, and some after them.
///
/// # Panics
/// When the realm does not speak.
pub async fn record(realm: &Realm, file: &Path, silence_s: f32, words: &str) {
    let reply = speech(realm, words).await;
    assert_eq!(reply.status, 200, "nobody says {words:?}: {}", reply.text());
    let mut samples = silence(silence_s);
    samples.extend(reply.body);
    samples.extend(silence(SILENCE_AFTER_S));
    std::fs::write(file, wav(&samples)).unwrap();
}

/// What the realm hears in a WAV file.
///
/// # Panics
/// When the realm can't tell.
pub async fn transcript(realm: &Realm, file: &Path) -> String {
    const BOUNDARY: &str = "a-line-that-no-sound-has";
    let mut form = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndefault\r\n--{BOUNDARY}\r\n\
         Content-Disposition: form-data; name=\"response_format\"\r\n\r\ntext\r\n--{BOUNDARY}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"heard.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
    )
    .into_bytes();
    form.extend(std::fs::read(file).unwrap());
    form.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    let headers = of_type(&format!("multipart/form-data; boundary={BOUNDARY}"));
    let reply = realm.owner().send("POST", "/v1/audio/transcriptions", form, headers).await;
    assert_eq!(reply.status, 200, "{} is not understood: {}", file.display(), reply.text());
    reply.text()
}

/// How long a recording is that was [made](record) here, in whole milliseconds.
pub fn duration_ms(file: &Path) -> u64 {
    let samples = (std::fs::metadata(file).unwrap().len() - HEADER_BYTES) / u64::from(BYTES_PER_SAMPLE);
    samples * 1_000 / u64::from(RATE)
}

fn of_type(media: &str) -> HeaderMap {
    header_map(&[("content-type", media)])
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
fn silence(seconds: f32) -> Vec<u8> {
    let samples = (seconds * RATE as f32) as usize;
    vec![0; samples * BYTES_PER_SAMPLE as usize]
}

/// Samples as a WAV file.
fn wav(samples: &[u8]) -> Vec<u8> {
    let length = u32::try_from(samples.len()).expect("some seconds of sound");
    let (pcm, channels, bits) = (1u16, 1u16, 16u16);
    let mut file = Vec::with_capacity(44 + samples.len());
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(pcm.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * BYTES_PER_SAMPLE).to_le_bytes());
    file.extend((BYTES_PER_SAMPLE as u16).to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    file
}
