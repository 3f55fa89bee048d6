//! Pictures into jobs: binary frames over the WebSocket, and a form over HTTP.

use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{
    Announcement, Body, CapabilityKind, Digest, FinishReason, LookTask, Picture, ProblemKind, Task, Usage,
};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Home, json};
use crate::sound::Client;

/// A worker that says which bytes it was shown.
struct Glance;

impl Worker for Glance {
    fn announcement(&self) -> Announcement {
        let offer = |kind| CapabilityOffer::new(kind, "glance", 4);
        Announcement::new("glance", [offer(CapabilityKind::VISION), offer(CapabilityKind::OCR)])
    }

    async fn run(&self, mut job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let shown = job.input.read_all(1 << 20).await?;
        if shown.len() < job.intent.task.input_frames_max() {
            return Err(JobError::refused(ProblemKind::InvalidRequest, "the pictures end early"));
        }
        output.text(&String::from_utf8_lossy(&shown), 1).await?;
        let images = job.intent.task.pictures().count() as u64;
        Ok(Finished { usage: Usage { images, ..output.usage(0) }, finish: FinishReason::Stop })
    }
}

fn declared(bytes: &[u8]) -> Picture {
    Picture { bytes: bytes.len() as u32, sha256: Digest(Sha256::digest(bytes).into()) }
}

fn read(bytes: &[u8]) -> Task {
    Task::Ocr(LookTask { picture: declared(bytes), detail: false })
}

fn question(pictures: &[&str]) -> Value {
    let pictures: Vec<_> = pictures.iter().map(|picture| declared(picture.as_bytes())).collect();
    json!({"intent": {"capability": "vision", "params": {"prompt": "What is it?", "pictures": pictures}}})
}

#[tokio::test]
async fn a_picture_in_frames_is_seen_and_paid_by_the_picture() {
    let home = Home::start().await;
    home.attach(Glance).await;
    let mut client = Client::open(&home).await;
    let job = client.submit(read(b"a picture")).await;
    for piece in [&b"a pic"[..], b"ture", b""] {
        client.frame(job, piece).await;
    }
    let (text, _, end, _) = client.until_end(job).await;
    let Body::JobCompleted(completed) = end else { panic!("{end:?}") };
    assert_eq!((text.as_str(), completed.usage.images), ("a picture", 1));
    assert!(completed.cost.0 > 0);
    home.stop().await;
}

#[tokio::test]
async fn another_picture_than_the_job_names_is_refused_and_costs_nothing() {
    let home = Home::start().await;
    home.attach(Glance).await;
    for (sent, why) in [
        (&b"a pictures"[..], "at most 9 bytes"),
        (b"a p1cture", "has the SHA-256"),
        (b"a pict", "ends after 6 of the 9 bytes"),
    ] {
        let mut client = Client::open(&home).await;
        let job = client.submit(read(b"a picture")).await;
        // It is on the books before it goes wrong.
        while !matches!(client.event().await.body, Body::JobAccepted(_)) {}
        client.frame(job, sent).await;
        client.frame(job, b"").await;
        let problem = loop {
            if let Body::Error(problem) = client.event().await.body {
                break problem;
            }
        };
        assert!(problem.detail.contains(why), "{problem}");
        while !matches!(client.event().await.body, Body::JobCancelled(_) | Body::JobFailed(_)) {}
        let info = json(home.get(&format!("/api/jobs/{job}")).await, 200).await;
        assert_eq!(info["cost"], json!("0"), "{info}");
    }
    home.stop().await;
}

#[tokio::test]
async fn a_form_has_the_job_and_its_pictures() {
    let home = Home::start().await;
    home.attach(Glance).await;
    let post = async |job: &Value, pictures: &[&str]| {
        let text = job.to_string();
        let mut fields = vec![("job", text.as_str())];
        fields.extend(pictures.iter().map(|picture| ("picture", *picture)));
        home.upload("/api/jobs?wait=30", None, &fields).await
    };
    let job = json(post(&question(&["one", "two!"]), &["one", "two!"]).await, 201).await;
    assert_eq!((&job["state"], &job["text"]), (&json!("completed"), &json!("onetwo!")));
    assert_eq!(job["usage"]["images"], json!(2));

    let detail = async |job: &Value, pictures: &[&str]| {
        json(post(job, pictures).await, 400).await["detail"].as_str().unwrap().to_owned()
    };
    assert!(detail(&question(&["one"]), &["eno"]).await.contains("picture 1 of 1 has the SHA-256"));
    assert!(detail(&question(&["one"]), &[]).await.contains("ends after 0 of the 3 bytes"));
    let chat = json!({"intent": {"capability": "chat", "params": {"prompt": "Hi"}}});
    assert!(detail(&chat, &["one"]).await.contains("has none"));
    let without = json(home.post("/api/jobs", &question(&["one"])).await, 400).await;
    assert!(without["detail"].as_str().unwrap().contains("a form beside the job"), "{without}");
    home.stop().await;
}
