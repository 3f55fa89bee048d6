//! A wake word that a service waits for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mtor_audio::HEARD_HZ;
use mtor_worker::protocol::sound::raw_audio_ms;
use mtor_worker::protocol::{AudioSource, FinishReason, Usage, WakeTask, Woken};
use mtor_worker::{Finished, Input, JobError, Output};
use mtor_wyoming::{AudioFormat, AudioStop, Connection, Detect, Message, Writer};
use tokio::time::timeout;

use super::error::ServiceError;
use super::offers::WakeWith;
use super::service::Service;
use super::worker::{Fault, failed};
use crate::heard::Heard;

/// How long a service may take to say that it has heard nothing, once it was told that the sound has ended. Some say nothing.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(2);

/// Waits until the service hears the word, or the sound ends. Dropping it hangs up.
pub(super) async fn wait(
    service: &Service,
    with: &WakeWith,
    task: &WakeTask,
    input: Input,
    output: &mut Output,
) -> Result<Finished, JobError> {
    let bound_ms = u64::from(task.audio_ms_bound());
    let Connection { mut reader, mut writer } =
        service.connect(with.program.as_deref()).await.map_err(failed)?;
    let wish = Detect { names: Some(vec![with.word.clone()]), ..Detect::default() };
    writer.send(Message::Detect(wish)).await.map_err(failed)?;
    let bytes = AtomicU64::new(0);
    let heard_ms = || raw_audio_ms(bytes.load(Ordering::Relaxed), HEARD_HZ);
    let feed = feed(Heard::new(AudioSource::Pcm, input), writer, &bytes, bound_ms);
    tokio::pin!(feed);
    // Kept open: some services take the end of what they are sent for the end of the wish.
    let mut fed: Option<Writer> = None;
    let woken = loop {
        let patience = if fed.is_some() { VERDICT_TIMEOUT } else { Duration::MAX };
        tokio::select! {
            biased;
            message = timeout(patience, reader.next()) => match message {
                Ok(Ok(Some(Message::Detection(heard)))) => {
                    break Woken { phrase: Some(heard.name.unwrap_or_else(|| with.word.clone())), at_ms: heard_ms() };
                }
                Ok(Ok(Some(Message::Error(fault)))) => return Err(failed(ServiceError::Refused(fault))),
                Ok(Ok(Some(Message::NotDetected(_)))) | Err(_) => break Woken { phrase: None, at_ms: heard_ms() },
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => return Err(failed(ServiceError::HungUp)),
                Ok(Err(error)) => return Err(failed(error)),
            },
            done = &mut feed, if fed.is_none() => match done {
                Ok(writer) => fed = Some(writer),
                Err(Fault::Job(error)) => return Err(error),
                Err(Fault::Service(error)) => return Err(failed(error)),
            },
        }
    };
    let json = serde_json::to_string(&woken).map_err(|error| JobError::failed(error.to_string()))?;
    output.text(&json, 0).await?;
    let usage = Usage { audio_ms: heard_ms().min(bound_ms), ..Usage::default() };
    Ok(Finished { usage, finish: FinishReason::Stop })
}

/// Sends sound until it ends, or there was as much as is paid for.
async fn feed(
    mut heard: Heard,
    mut writer: Writer,
    bytes: &AtomicU64,
    bound_ms: u64,
) -> Result<Writer, Fault> {
    let format = AudioFormat::mono16(HEARD_HZ);
    let send = async |writer: &mut Writer, message| writer.send(message).await.map_err(ServiceError::from);
    send(&mut writer, Message::AudioStart(format.into())).await?;
    while raw_audio_ms(bytes.load(Ordering::Relaxed), HEARD_HZ) < bound_ms {
        let Some(piece) = heard.next().await.map_err(Fault::Job)? else { break };
        bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        send(&mut writer, Message::chunk(format, piece)).await?;
    }
    send(&mut writer, Message::AudioStop(AudioStop::default())).await?;
    Ok(writer)
}
