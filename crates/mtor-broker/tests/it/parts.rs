//! What comes out of a job beside its text: pictures over the WebSocket, by HTTP, and after the job has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use mtor_protocol::body::{Hello, SessionRole, Watch};
use mtor_protocol::http::{JobInfo, JobState};
use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{
    Announcement, Body, CapabilityKind, Event, FinishReason, Frame, ImagineTask, Intent, JobId, Part, Submit,
    Task, Timestamp, Usage, limits,
};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::{Home, PATIENCE};

/// A worker that gives as many parts as were asked for; the bytes of each say its number.
#[derive(Default)]
struct Painter {
    /// How many of the first jobs it and those like it break off after their first part.
    breaks: Arc<AtomicU32>,
    media_type: &'static str,
}

fn picture(number: u32) -> Vec<u8> {
    // So large that it goes to a client in two frames.
    vec![number as u8 + 1; limits::PART_FRAME_BYTES + 1]
}

impl Worker for Painter {
    fn announcement(&self) -> Announcement {
        Announcement::new("painter", [CapabilityOffer::new(CapabilityKind::IMAGINE, "oils", 1)])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Imagine(task) = &job.intent.task else { return Err(JobError::failed("only pictures")) };
        for number in job.parts..task.count {
            output.preview("preview.png", "image/png", b"so far").await?;
            output.part(&format!("{number}.png"), self.media_type, &picture(number)).await?;
            if self.breaks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                return Err(JobError::failed("the brush broke"));
            }
        }
        // More than came out of it is not paid for.
        Ok(Finished { usage: Usage { images: 9, ..Usage::default() }, finish: FinishReason::Stop })
    }
}

/// A part with the bytes that came after it.
type Got = (Part, Vec<u8>);

/// The parts of a job as a client hears them from a place on, in order, and how it ended.
async fn listen(home: &Home, job: JobId, submit: Option<Submit>) -> (Vec<Got>, Body) {
    let mut request =
        format!("ws{}/ws", home.url().strip_prefix("http").unwrap()).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "mtor.v1".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = Hello { role: SessionRole::Client, did: None, signature: None, device: None };
    let ask = submit.map_or(Body::JobWatch(Watch::default()), Body::JobSubmit);
    for body in [Body::SessionHello(hello), ask] {
        let event = Event { subject: Some(job), ..Event::new("test", Timestamp(0), body) };
        socket.send(Message::text(event.to_json())).await.unwrap();
    }
    let mut parts: Vec<Got> = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Binary(bytes) => {
                let frame = Frame::decode(&bytes).unwrap();
                parts.last_mut().expect("a part before its bytes").1.extend(frame.payload);
            }
            Message::Text(text) => match Event::parse(&text).unwrap().body {
                Body::JobPart(part) => {
                    parts.retain(|(seen, _)| !seen.preview);
                    parts.push((part, Vec::new()));
                }
                end @ (Body::JobCompleted(_) | Body::JobFailed(_)) => return (parts, end),
                Body::Error(problem) => panic!("{problem}"),
                _ => {}
            },
            _ => {}
        }
    }
}

fn draw(count: u32) -> Submit {
    Submit::new(Intent::any_model(Task::Imagine(ImagineTask { count, ..ImagineTask::of("a cloud") })))
}

#[tokio::test]
async fn parts_come_in_order_are_kept_and_are_shown_to_their_wallet_alone() {
    let home = Home::start().await;
    home.attach(Painter { media_type: "image/png", ..Painter::default() }).await;
    let job = JobId::generate();
    let (live, end) = listen(&home, job, Some(draw(2))).await;
    let expected = [picture(0), picture(1)];
    assert_eq!(live.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>(), expected);
    let Body::JobCompleted(completed) = end else { panic!("{end:?}") };
    assert_eq!(completed.usage.images, 2, "what came out, not what was claimed");
    assert_eq!(completed.output, mtor_ledger::digest(&expected.concat()), "previews are no part of it");

    let (past, _) = listen(&home, job, None).await;
    assert_eq!(past, live, "the same, from the ledger");
    let info: JobInfo = home.get(&format!("/api/jobs/{job}")).await.json().await.unwrap();
    assert_eq!(info.parts, live.iter().map(|(part, _)| part.clone()).collect::<Vec<_>>());

    let part = home.get(&format!("/api/jobs/{job}/parts/1")).await;
    let header = |name: &str| part.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("content-disposition"), "inline; filename=\"1.png\"");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").starts_with("sandbox"));
    assert_eq!(part.bytes().await.unwrap(), picture(1));
    assert_eq!(home.get(&format!("/api/jobs/{job}/parts/2")).await.status(), 404);
    assert_eq!(home.stranger("GET", &format!("/api/jobs/{job}/parts/1")).await, 401);
    home.stop().await;
}

#[tokio::test]
async fn the_next_worker_goes_on_after_the_parts_that_are_whole() {
    let home = Home::start().await;
    let breaks = Arc::new(AtomicU32::new(1));
    for _ in 0..2 {
        home.attach(Painter { breaks: breaks.clone(), media_type: "image/png" }).await;
    }
    let (parts, end) = listen(&home, JobId::generate(), Some(draw(3))).await;
    let Body::JobCompleted(completed) = end else { panic!("{end:?}") };
    let numbers: Vec<u32> = parts.iter().map(|(part, _)| part.number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(completed.output, mtor_ledger::digest(&[picture(0), picture(1), picture(2)].concat()));
    assert_eq!(completed.usage.images, 3, "each worker is paid for its own");
}

#[tokio::test]
async fn what_could_run_in_a_browser_is_never_shown_as_a_page() {
    let home = Home::start().await;
    home.attach(Painter { media_type: "image/svg+xml", ..Painter::default() }).await;
    let job = JobId::generate();
    listen(&home, job, Some(draw(1))).await;
    let info: JobInfo = home.get(&format!("/api/jobs/{job}")).await.json().await.unwrap();
    assert_eq!(info.state, JobState::Completed);
    let part = home.get(&format!("/api/jobs/{job}/parts/0")).await;
    assert!(part.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
}

#[tokio::test]
async fn pictures_come_in_the_shape_of_openai_or_a_refusal_that_says_what_to_do() {
    let home = Home::start().await;
    let refused = home.post("/v1/images/generations", &json!({"prompt": "a cloud"})).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().await.unwrap().contains("mtor worker discover"));

    home.attach(Painter { media_type: "image/png", ..Painter::default() }).await;
    let ask = json!({"model": "dall-e-3", "prompt": "a cloud", "n": 2, "size": "512x512"});
    let drawn: Value = home.post("/v1/images/generations", &ask).await.json().await.unwrap();
    assert_eq!(drawn["data"].as_array().unwrap().len(), 2);
    let first = drawn["data"][0]["b64_json"].as_str().unwrap();
    assert_eq!(STANDARD.decode(first).unwrap(), picture(0));

    let ask = json!({"prompt": "a cloud", "response_format": "url"});
    let drawn: Value = home.post("/v1/images/generations", &ask).await.json().await.unwrap();
    let url = drawn["data"][0]["url"].as_str().unwrap();
    let part = home.get(url.strip_prefix(home.url()).unwrap()).await;
    assert_eq!(part.bytes().await.unwrap(), picture(0));
}
