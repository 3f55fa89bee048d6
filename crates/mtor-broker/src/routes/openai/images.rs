//! `/v1/images/generations`: words in, pictures out.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mtor_protocol::openai::{Image, ImageFormat, ImageList, ImageRequest};
use mtor_protocol::{Intent, JobId, ServiceClass, Submit, Task};

use super::{OpenAiRefusal, Tied, completed};
use crate::routes::Shared;
use crate::routes::request::Asked;

pub(in crate::routes) async fn images(
    State(app): Shared,
    request: Request,
) -> Result<Json<ImageList>, OpenAiRefusal> {
    let asked = Asked::read(&app, request).await?;
    let request: ImageRequest = asked.json()?;
    let (format, model) = (request.format()?, request.realm_model().to_owned());
    let intent = Intent { model, task: Task::Imagine(request.into_task()?) };
    let submit = Submit { class: ServiceClass::Interactive, ..Submit::new(intent) };
    let (tied, end) = Tied::submit_to_the_end(app, asked.wallet, submit, None).await?;
    let created = completed(end)?.settled.0 / 1_000;
    let id = tied.id;
    let image = |kept: mtor_ledger::PartRecord| match format {
        ImageFormat::Base64 => Image { b64_json: Some(STANDARD.encode(&kept.data)), url: None },
        ImageFormat::Url => {
            Image { b64_json: None, url: Some(address(&asked.parts.headers, id, kept.part.number)) }
        }
    };
    let pictures = tied.stream.parts().into_iter().filter(|kept| kept.part.media_type.starts_with("image/"));
    Ok(Json(ImageList { created, data: pictures.map(image).collect() }))
}

/// Where a part is, as the client sees this realm.
fn address(headers: &HeaderMap, job: JobId, number: u32) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    let host = text(header::HOST.as_str()).unwrap_or_default();
    let path = format!("/api/jobs/{job}/parts/{number}");
    if host.is_empty() { path } else { format!("{scheme}://{host}{path}") }
}
