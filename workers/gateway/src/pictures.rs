//! Pictures: those that go into a job, and those that come out of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mtor_worker::protocol::{ImagineTask, ProblemKind, Usage};
use mtor_worker::{Finished, Input, Job, JobError, Output};
use serde_json::{Value, json};

use crate::fault::{Fault, RunError};
use crate::png;

/// A picture that goes in.
pub(crate) struct Shown {
    pub(crate) media_type: &'static str,
    pub(crate) base64: String,
}

/// Reads the pictures of a job, so many with these sizes.
///
/// # Errors
/// When they did not all come, or one is of a kind that nobody reads.
pub(crate) async fn read(input: &mut Input, sizes: &[u32]) -> Result<Vec<Shown>, JobError> {
    let all: usize = sizes.iter().map(|size| *size as usize).sum();
    let bytes = input.read_all(all).await?;
    if bytes.len() != all {
        let detail = format!("the pictures have {all} bytes, and {} came", bytes.len());
        return Err(JobError::refused(ProblemKind::InvalidRequest, detail));
    }
    let mut rest = &bytes[..];
    let mut shown = Vec::with_capacity(sizes.len());
    for size in sizes {
        let (picture, after) = rest.split_at(*size as usize);
        rest = after;
        let media_type = media_type(picture).ok_or_else(|| {
            JobError::refused(
                ProblemKind::InvalidRequest,
                "a picture is PNG, JPEG, WebP or GIF; this one is none of them",
            )
        })?;
        shown.push(Shown { media_type, base64: STANDARD.encode(picture) });
    }
    Ok(shown)
}

/// Words to draw, as words alone: stable-diffusion.cpp's server takes settings of its own out of them, such as sizes and steps
/// past every bound, where they stand between marks of this name.
pub(crate) fn words(text: &str) -> String {
    text.replace("sd_cpp_extra_args", "sd cpp extra args")
}

/// What kind of picture this is, by its first bytes.
pub(crate) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// A picture as services write them into JSON: base64, with or without `data:...,` before it.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    let bare =
        text.split_once(',').filter(|(head, _)| head.starts_with("data:")).map_or(text, |(_, bare)| bare);
    STANDARD
        .decode(bare.trim())
        .map_err(|error| Fault::Nonsense(format!("a picture that is no base64: {error}")))
}

/// How a picture came about, for the record inside it.
pub(crate) fn record(job: &Job, task: &ImagineTask, model: &str, seed: Option<u64>) -> String {
    let ImagineTask { prompt, negative_prompt, count: _, width, height, steps, seed: _ } = task;
    let made: Value = json!({
        "prompt": prompt, "negative_prompt": negative_prompt, "model": model, "seed": seed, "width": width, "height": height,
        "steps": steps, "job": job.id.to_string(), "lease": job.lease,
    });
    made.to_string()
}

/// Sends a picture that was made, with the record of how.
///
/// # Errors
/// When it is no picture, or nobody wants it any more.
pub(crate) async fn send(
    output: &mut Output,
    number: u32,
    picture: Vec<u8>,
    record: &str,
) -> Result<(), RunError> {
    let media_type =
        media_type(&picture).ok_or_else(|| Fault::Nonsense("what came is no picture".to_owned()))?;
    let picture = png::with_record(picture, record);
    let name = format!("picture-{}.{}", number + 1, media_type.trim_start_matches("image/"));
    Ok(output.part(&name, media_type, &picture).await?)
}

/// Shows a picture that is being made. What is none is left out.
///
/// # Errors
/// When nobody wants it any more.
pub(crate) async fn preview(output: &mut Output, picture: &[u8]) -> Result<(), RunError> {
    match media_type(picture) {
        Some(media_type) => {
            let name = format!("preview.{}", media_type.trim_start_matches("image/"));
            Ok(output.preview(&name, media_type, picture).await?)
        }
        None => Ok(()),
    }
}

/// Tells how far a picture has come: of so many pictures this is the one of that number, from 0.
///
/// # Errors
/// When nobody wants it any more.
pub(crate) async fn progress(
    output: &mut Output,
    number: u32,
    count: u32,
    part: f64,
) -> Result<(), RunError> {
    let whole = (f64::from(number) + part.clamp(0.0, 1.0)) / f64::from(count.max(1));
    Ok(output.partial(&format!("{:.0} %", whole * 100.0)).await?)
}

/// So many were made.
pub(crate) fn finished(images: u32) -> Finished {
    let usage = Usage { images: images.into(), ..Usage::default() };
    Finished { usage, finish: mtor_worker::protocol::FinishReason::Stop }
}
