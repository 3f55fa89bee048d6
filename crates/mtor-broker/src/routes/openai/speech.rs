//! `/v1/audio/speech`: text in, sound out, sent as it is spoken.

use std::convert::Infallible;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{StreamExt as _, iter, unfold};
use mtor_protocol::openai::{ErrorBody, SpeechEvent, SpeechRequest};
use mtor_protocol::{Body, Intent, Problem, ProblemKind, ServiceClass, Submit, Task};

use super::{Heard, Item, OpenAiRefusal, Place, Tied, cancelled_elsewhere, data};
use crate::routes::Shared;
use crate::routes::jobs::event_stream;
use crate::routes::request::Asked;

pub(in crate::routes) async fn speech(
    State(app): Shared,
    request: Request,
) -> Result<Response, OpenAiRefusal> {
    let asked = Asked::read(&app, request).await?;
    let request: SpeechRequest = asked.json()?;
    let events = request.wants_events()?;
    let model = request.realm_model().to_owned();
    let task = request.into_task()?;
    let media_type = task.format.media_type();
    let intent = Intent { model, task: Task::Speak(task) };
    let submit = Submit { class: ServiceClass::Interactive, ..Submit::new(intent) };
    let tied = Tied::submit(app, asked.wallet, submit, None).await?;
    let mut place = Place::new(tied);
    // The headers wait for the first sound, so that whatever fails before it fails with a status.
    let first = first_sound(&mut place).await?;
    let begin = iter([Ok::<_, Infallible>(tell(&first, events))]);
    let rest = unfold(place, move |mut place| async move {
        let heard = place.hear().await?;
        Some((Ok(tell(&heard, events)), place))
    });
    let body = begin.chain(rest);
    if events {
        return Ok(event_stream(body));
    }
    let mut response = HttpBody::from_stream(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}

/// What is heard up to the first sound, or to the end of a text in which there is nothing to say.
async fn first_sound(place: &mut Place) -> Result<Vec<Heard>, Problem> {
    loop {
        let heard = place
            .hear()
            .await
            .ok_or_else(|| Problem::new(ProblemKind::Draining, "the realm is going down"))?;
        for one in &heard {
            match &one.item {
                Item::Payload(_) | Item::Event(Body::JobCompleted(_)) => return Ok(heard),
                Item::Event(Body::JobFailed(failed)) => return Err(failed.problem.clone()),
                Item::Event(Body::JobCancelled(_)) => return Err(cancelled_elsewhere()),
                Item::Event(_) => {}
            }
        }
    }
}

/// The sound as it is, or as server-sent events.
fn tell(heard: &[Heard], events: bool) -> Bytes {
    if !events {
        let sound = heard.iter().filter_map(|one| match &one.item {
            Item::Payload(bytes) => Some(&bytes[..]),
            Item::Event(_) => None,
        });
        return sound.collect::<Vec<_>>().concat().into();
    }
    let event = |one: &Heard| match &one.item {
        Item::Payload(bytes) => data(&SpeechEvent::Delta { audio: STANDARD.encode(bytes) }),
        Item::Event(Body::JobCompleted(_)) => data(&SpeechEvent::Done {}),
        Item::Event(Body::JobFailed(failed)) => data(&ErrorBody::from(&failed.problem)),
        Item::Event(Body::JobCancelled(_)) => data(&ErrorBody::from(&cancelled_elsewhere())),
        Item::Event(_) => String::new(),
    };
    heard.iter().map(event).collect::<String>().into()
}
