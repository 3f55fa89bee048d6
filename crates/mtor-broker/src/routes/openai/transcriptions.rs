//! `/v1/audio/transcriptions`: a recording in, words out.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use mtor_protocol::openai::{
    ErrorBody, Transcription, TranscriptionEvent, TranscriptionFormat, TranscriptionRequest, subtitles,
};
use mtor_protocol::{Body, Intent, Problem, ProblemKind, ServiceClass, Submit, Task, Transcript, limits};

use super::{Heard, Item, OpenAiRefusal, Place, Tied, cancelled_elsewhere, completed, data};
use crate::app::App;
use crate::input::JobInput;
use crate::routes::Shared;
use crate::routes::jobs::event_stream;
use crate::routes::request::{Asked, broken_form};

/// Room in the body for everything beside the recording.
const FIELDS_BYTES_MAX: usize = 64 * 1024;

pub(in crate::routes) async fn transcriptions(
    State(app): Shared,
    request: Request,
) -> Result<Response, OpenAiRefusal> {
    let asked = Asked::read_up_to(&app, request, limits::INPUT_BYTES_MAX + FIELDS_BYTES_MAX).await?;
    let (recording, request) = read_form(&asked).await?;
    let (format, streams) = (request.format()?, request.stream);
    let intent =
        Intent { model: request.realm_model().to_owned(), task: Task::Transcribe(request.into_task()?) };
    let input = whole_input(&app, &intent.task, recording)?;
    let submit = Submit { class: ServiceClass::Interactive, ..Submit::new(intent) };
    let tied = Tied::submit(app, asked.wallet, submit, Some(input)).await?;
    match streams {
        true => Ok(stream(tied)),
        false => whole(tied, format).await,
    }
}

fn whole_input(app: &App, task: &Task, recording: Bytes) -> Result<Arc<JobInput>, Problem> {
    let input = JobInput::whole(app.input_room.clone(), task, [recording]);
    input.map(Arc::new).map_err(|problem| problem.param("file"))
}

/// The recording, and what is said of it.
async fn read_form(asked: &Asked) -> Result<(Bytes, TranscriptionRequest), Problem> {
    let invalid = |detail: String| Problem::new(ProblemKind::InvalidRequest, detail);
    let mut form = asked.form().map_err(|_| {
        invalid("send the recording as multipart/form-data, with the fields file and model".to_owned())
    })?;
    let (mut recording, mut request) = (None, TranscriptionRequest::default());
    while let Some(field) = form.next_field().await.map_err(broken_form)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            recording = Some(field.bytes().await.map_err(broken_form)?);
            continue;
        }
        let value = field.text().await.map_err(broken_form)?;
        request.set(&name, &value).map_err(|detail| invalid(detail).param(&name))?;
    }
    match recording {
        None => Err(invalid("the field file, with the recording, is missing".to_owned()).param("file")),
        Some(bytes) if bytes.is_empty() => Err(invalid("the recording is empty".to_owned()).param("file")),
        Some(bytes) => Ok((bytes, request)),
    }
}

/// All words at once.
async fn whole(mut tied: Tied, format: TranscriptionFormat) -> Result<Response, OpenAiRefusal> {
    let end = tied.stream.ended().await;
    tied.set_ended();
    let usage = completed(end)?.usage;
    let (answer, _) = tied.stream.answer();
    let transcript = || -> Result<Transcript, Problem> {
        serde_json::from_str(&answer).map_err(|error| {
            Problem::new(ProblemKind::WorkerFailed, format!("its answer is no transcript: {error}"))
        })
    };
    let plain = |text: String, media_type: &'static str| {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], text).into_response()
    };
    Ok(match format {
        TranscriptionFormat::Json => Json(Transcription::brief(answer, usage.audio_ms)).into_response(),
        TranscriptionFormat::VerboseJson => {
            Json(Transcription::verbose(transcript()?, usage.audio_ms)).into_response()
        }
        TranscriptionFormat::Text => plain(answer + "\n", "text/plain; charset=utf-8"),
        TranscriptionFormat::Srt => {
            plain(subtitles::srt(&transcript()?), "application/x-subrip; charset=utf-8")
        }
        TranscriptionFormat::Vtt => plain(subtitles::vtt(&transcript()?), "text/vtt; charset=utf-8"),
    })
}

/// The words as they come.
fn stream(tied: Tied) -> Response {
    event_stream(unfold(Place::new(tied), |mut place| async move {
        let heard = place.hear().await?;
        let text: String = heard.iter().map(|one| tell(one, &place)).collect();
        Some((Ok::<_, Infallible>(Bytes::from(text)), place))
    }))
}

fn tell(heard: &Heard, place: &Place) -> String {
    match &heard.item {
        Item::Event(Body::JobChunk(chunk)) => data(&TranscriptionEvent::Delta { delta: chunk.text.clone() }),
        Item::Event(Body::JobCompleted(_)) => data(&TranscriptionEvent::Done { text: place.answer() }),
        Item::Event(Body::JobFailed(failed)) => data(&ErrorBody::from(&failed.problem)),
        Item::Event(Body::JobCancelled(_)) => data(&ErrorBody::from(&cancelled_elsewhere())),
        Item::Event(_) | Item::Payload(_) => String::new(),
    }
}
