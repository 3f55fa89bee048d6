//! Speech to text and text to speech.

use mtor_worker::protocol::{FinishReason, SpeakTask, TranscribeTask, Transcript, Usage};
use mtor_worker::{Finished, Input, Job, JobError, Output};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fault::{Fault, RunError};
use crate::http::{Http, lost, read_json};
use crate::plain::plain;
use crate::waveform::{self, Spoken};

/// A line that no recording and no field has in it.
const BOUNDARY: &str = "mtor-gateway-9b1d6c0e5f3a4e1f";

pub(super) async fn transcribe(
    http: &Http,
    model: &str,
    task: &TranscribeTask,
    input: Input,
    output: &mut Output,
) -> Result<Finished, RunError> {
    #[derive(Deserialize)]
    struct Heard {
        text: String,
        language: Option<String>,
    }
    let (file, duration_ms) = waveform::record(task, input).await?;
    let form = form(model, task, &file);
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let send = |request: reqwest::RequestBuilder| request.header(CONTENT_TYPE, &kind).body(form.clone());
    let heard: Heard = read_json(http.send(Method::POST, "v1/audio/transcriptions", send).await?).await?;
    let text = heard.text.trim().to_owned();
    let answer = match task.detail {
        false => text,
        true => {
            let language = heard.language.or(task.language.clone()).unwrap_or_default();
            let transcript = Transcript { text, language, duration_ms, ..Transcript::default() };
            serde_json::to_string(&transcript).map_err(|error| JobError::failed(error.to_string()))?
        }
    };
    output.text(&answer, 0).await?;
    let usage = Usage { audio_ms: duration_ms, ..Usage::default() };
    Ok(Finished { usage, finish: FinishReason::Stop })
}

fn form(model: &str, task: &TranscribeTask, file: &[u8]) -> bytes::Bytes {
    let mut form = Vec::with_capacity(file.len() + 1_024);
    let mut field = |name: &str, value: &str| {
        // What would end the field early is of no use in it.
        let value = value.replace(BOUNDARY, "");
        let field =
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        form.extend(field.into_bytes());
    };
    field("model", model);
    field("response_format", "json");
    if let Some(language) = &task.language {
        field("language", language);
    }
    if let Some(hint) = &task.hint {
        field("prompt", hint);
    }
    let head =
        "content-disposition: form-data; name=\"file\"; filename=\"heard.wav\"\r\ncontent-type: audio/wav";
    form.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes());
    form.extend_from_slice(file);
    form.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    form.into()
}

/// The voice that every service of this kind has.
const VOICE: &str = "alloy";

pub(super) async fn speak(
    http: &Http,
    model: &str,
    mut task: SpeakTask,
    mut job: Job,
    output: &mut Output,
) -> Result<Finished, RunError> {
    if task.more {
        let more = job.input.read_all(job.intent.task.input_frames_max()).await?;
        task.text.push_str(&String::from_utf8_lossy(&more));
    }
    // What another worker has spoken is not spoken again.
    let text = task.text.get(job.prefix.len()..).unwrap_or_default().to_owned();
    let mut spoken = Spoken::new(task.format, !job.prefix.is_empty())?;
    if plain(&text).contains(char::is_alphanumeric) {
        let mut ask = Map::new();
        let mut put = |name: &str, value: Value| ask.insert(name.to_owned(), value);
        put("model", json!(model));
        put("input", json!(plain(&text)));
        put("voice", json!(task.voice.as_deref().unwrap_or(VOICE)));
        put("response_format", json!("pcm"));
        if let Some(speed) = task.speed {
            put("speed", json!(speed));
        }
        let mut sound = http.post_json("v1/audio/speech", &Value::Object(ask)).await?;
        while let Some(piece) = sound.chunk().await.map_err(|error| lost(&error))? {
            spoken.push(&piece, output).await?;
        }
    }
    output.text(&text, 0).await?;
    let finished = spoken.finish(output).await?;
    if finished.usage.audio_ms == 0 && !plain(&text).trim().is_empty() {
        return Err(Fault::Nonsense("there is no sound in it".to_owned()).into());
    }
    Ok(finished)
}
