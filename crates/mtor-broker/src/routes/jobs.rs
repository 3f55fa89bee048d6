//! Jobs: submit, look, follow, cancel.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use mtor_ledger::{Ledger, Reveal};
use mtor_protocol::http::{JobInfo, JobProofs};
use mtor_protocol::{Body, Event, JobId, Problem, ProblemKind, Submit, limits};
use serde::Deserialize;

use super::Shared;
use super::reply::Refusal;
use super::request::{Asked, broken_form, is_form, parse, value};
use crate::app::{App, Wallet};
use crate::defaults;
use crate::jobs::Wish;
use crate::realm::Taken;
use crate::stream::{JobStream, is_end};

#[derive(Deserialize)]
pub(super) struct SubmitQuery {
    wait: Option<String>,
    dry_run: Option<String>,
}

pub(super) async fn submit(
    State(app): Shared,
    Query(query): Query<SubmitQuery>,
    request: Request,
) -> Result<Response, Refusal> {
    let wait_s: u64 = query.wait.as_deref().map_or(Ok(0), |text| value("wait", text))?;
    let dry_run: bool = query.dry_run.as_deref().map_or(Ok(false), |text| value("dry_run", text))?;
    let has_pictures = is_form(request.headers());
    let bytes_max = limits::TEXT_BYTES_MAX + if has_pictures { limits::INPUT_BYTES_MAX } else { 0 };
    let asked = Asked::read_up_to(&app, request, bytes_max).await?;
    let (mut wish, input) = if has_pictures {
        let (job, pictures) = read_form(&asked).await?;
        let wish = read_wish(&app, &asked.wallet, &job)?;
        let task = &wish.submit.intent.task;
        if task.pictures().next().is_none() {
            let detail = "a form is for pictures, and this job is about none";
            return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("job").into());
        }
        let input = app.input_of_pictures(task, pictures)?;
        (wish, Some(input))
    } else {
        (read_wish(&app, &asked.wallet, &asked.body)?, None)
    };
    if dry_run {
        return Ok(Json(app.quote(&asked.wallet, wish.submit).await?).into_response());
    }
    wish.fresh |= asked.wants_fresh();
    let taken = app.take_with(&asked.wallet, wish, input).await?;
    if let Some(stream) = taken.stream.filter(|_| wait_s > 0) {
        let patience = Duration::from_secs(wait_s.min(defaults::WAIT_S_MAX));
        // Whether it ended or not: the answer says how it stands.
        let _ = tokio::time::timeout(patience, stream.ended()).await;
    }
    let info = app.job_info(&asked.wallet, taken.id).await?;
    let status = if taken.taken == Taken::New { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(info)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/jobs/{}", taken.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// A form: the part `job`, and a part `picture` for each of its pictures, in order.
async fn read_form(asked: &Asked) -> Result<(Bytes, Vec<Bytes>), Problem> {
    let invalid = |detail: String| Problem::new(ProblemKind::InvalidRequest, detail);
    let mut form = asked.form().map_err(broken_form)?;
    let (mut job, mut pictures) = (None, Vec::new());
    while let Some(field) = form.next_field().await.map_err(broken_form)? {
        match field.name().unwrap_or_default() {
            "job" => job = Some(field.bytes().await.map_err(broken_form)?),
            "picture" if pictures.len() == limits::PICTURES_MAX => {
                return Err(invalid(format!("at most {} pictures", limits::PICTURES_MAX)).param("picture"));
            }
            "picture" => pictures.push(field.bytes().await.map_err(broken_form)?),
            other => {
                let detail = format!("the form has the parts job and picture, and none called {other:?}");
                return Err(invalid(detail));
            }
        }
    }
    let job = job.ok_or_else(|| invalid("the form's part job is missing".to_owned()).param("job"))?;
    Ok((job, pictures))
}

/// A CloudEvent `mtor.job.submit` or `mtor.job.order`, or its data alone.
fn read_wish(app: &App, wallet: &Wallet, body: &Bytes) -> Result<Wish, Problem> {
    #[derive(Deserialize)]
    struct Probe {
        specversion: Option<serde::de::IgnoredAny>,
        order: Option<serde::de::IgnoredAny>,
    }
    let invalid = |detail: String| Problem::new(ProblemKind::InvalidRequest, detail);
    let probe = parse::<Probe>(body)?;
    if probe.specversion.is_none() {
        return match probe.order {
            Some(_) => app.open_order(wallet, parse(body)?, None),
            None => parse::<Submit>(body).map(Wish::from),
        };
    }
    let text = std::str::from_utf8(body).map_err(|error| invalid(error.to_string()))?;
    let event = Event::parse(text).map_err(|error| invalid(error.to_string()))?;
    match event.body {
        Body::JobSubmit(mut submit) => {
            if submit.id.is_some() && event.subject.is_some() && submit.id != event.subject {
                return Err(invalid("the event's subject and the data's id name different jobs".to_owned())
                    .param("id"));
            }
            submit.id = event.subject.or(submit.id);
            Ok(submit.into())
        }
        Body::JobOrder(order) => app.open_order(wallet, order, event.subject),
        other => Err(invalid(format!(
            "here only mtor.job.submit and mtor.job.order are taken, not {}",
            other.kind()
        ))),
    }
}

pub(super) async fn show(
    State(app): Shared,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<JobInfo>, Refusal> {
    Ok(Json(app.job_info(&asked.wallet, value("id", &id)?).await?))
}

/// A part of an answer. Workers are guests: what one sent must never run as a page of this realm, whatever it says that it is.
pub(super) async fn part(
    State(app): Shared,
    Path((id, number)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (part, data) = app.part(&asked.wallet, value("id", &id)?, value("number", &number)?).await?;
    let how = if is_inert(&part.media_type) { "inline" } else { "attachment" };
    // A name is checked when its part is taken; what is no ASCII would need another form of the header.
    let name: String = part.name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let headers = [
        (header::CONTENT_TYPE, part.media_type),
        (header::CONTENT_DISPOSITION, format!("{how}; filename=\"{name}\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
        // It never changes, and is for this wallet alone.
        (header::CACHE_CONTROL, "private, max-age=86400, immutable".to_owned()),
    ];
    Ok((headers, data).into_response())
}

/// Kinds that a browser shows and never runs. SVG is not among them.
fn is_inert(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/webp" | "image/gif" | "text/plain" | "text/csv")
        || media_type.starts_with("audio/")
}

pub(super) async fn cancel(
    State(app): Shared,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<JobInfo>, Refusal> {
    let id: JobId = value("id", &id)?;
    app.cancel(&asked.wallet, id).await?;
    Ok(Json(app.job_info(&asked.wallet, id).await?))
}

#[derive(Deserialize)]
pub(super) struct ProofsQuery {
    #[serde(default)]
    reveal: bool,
}

/// What the journal says of a job, proven to whomever its wallet shows it.
pub(super) async fn proofs(
    State(app): Shared,
    Path(id): Path<String>,
    Query(query): Query<ProofsQuery>,
    asked: Asked,
) -> Result<Json<JobProofs>, Refusal> {
    let id = value("id", &id)?;
    let (job, reveal) = match app.stored_job(&asked.wallet, id).await {
        Ok(job) if query.reveal => (job, Reveal::All),
        Ok(job) => (job, Reveal::Nothing),
        // Who worked for it may prove that, and learns nothing of what was asked.
        Err(not_mine) => (app.worked_job(&asked.wallet, id).await?.ok_or(not_mine)?, Reveal::Receipt),
    };
    let cosigned = app.cosigned.newest();
    let prove = move |ledger: &Ledger| ledger.job_proofs(&job, reveal, cosigned.as_deref());
    let proofs = app.realm.ledger_read(prove).await?;
    Ok(Json(proofs))
}

#[derive(Deserialize)]
pub(super) struct EventsQuery {
    after: Option<String>,
}

/// The job's events as server-sent events, whose ids are the events' sequences: a browser resumes by itself.
pub(super) async fn events(
    State(app): Shared,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let id: JobId = value("id", &id)?;
    let resumed = asked.parts.headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = resumed.or(query.after.as_deref()).map_or(Ok(0), |text| value("after", text))?;
    let live = app.realm.streams.get(id).filter(|stream| stream.account == asked.wallet.account);
    match live {
        Some(stream) => Ok(event_stream(live_events(app, stream, after))),
        None => {
            let job = app.stored_job(&asked.wallet, id).await?;
            let text: String = app.past_events(&job, after).iter().map(sse).collect();
            Ok(event_stream(futures_util::stream::iter([Ok(Bytes::from(text))])))
        }
    }
}

fn live_events(
    app: Arc<App>,
    stream: Arc<JobStream>,
    after: u64,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    unfold(Some(after), move |place| {
        let (app, stream) = (app.clone(), stream.clone());
        async move {
            let after = place?;
            let events = tokio::select! {
                events = stream.read_after(after, app.did.as_str()) => events,
                // The client comes back and resumes.
                () = app.closing.cancelled() => return None,
            };
            let last = events.last()?;
            let next = last.sequence.filter(|_| !is_end(&last.body));
            let text: String = events.iter().map(sse).collect();
            Some((Ok(Bytes::from(text)), next))
        }
    })
}

fn sse(event: &Event) -> String {
    format!(
        "id: {}\nevent: {}\ndata: {}\n\n",
        event.sequence.unwrap_or(0),
        event.body.kind(),
        event.to_json()
    )
}

/// An answer of server-sent events.
pub(super) fn event_stream(
    stream: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would otherwise gather the words before it passes them on.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, HttpBody::from_stream(stream)).into_response()
}
