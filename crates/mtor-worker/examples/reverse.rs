//! A chat worker that answers with the question reversed. A model for your own: replace `Reverse`, keep `main`.
//!
//! ```sh
//! cargo run -p mtor-worker --example reverse -- http://127.0.0.1:9000
//! ```

use anyhow::Context;
use mtor_worker::protocol::intent::Task;
use mtor_worker::protocol::{Announcement, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind};
use mtor_worker::{CancellationToken, Finished, Job, JobError, KeyFile, Output, Settings, Worker, serve};

struct Reverse;

impl Worker for Reverse {
    /// What we offer: chat, with a "model" called reverse, four jobs at once, at any price.
    fn announcement(&self) -> Announcement {
        Announcement::new("mirror", [CapabilityOffer::new(CapabilityKind::CHAT, "reverse", 4)])
    }

    /// One job. Up to four of these run at once, each in a task of its own.
    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Chat(chat) = &job.intent.task else {
            return Err(JobError::refused(ProblemKind::Infeasible, "this worker only chats"));
        };
        // The whole conversation comes with the job; the last message is the question.
        let question = chat.messages.last().map_or("", |message| message.content.as_str());
        let answer: String = question.chars().rev().collect();
        // If another worker wrote part of the answer and left, that part is in `job.prefix`: go on after it.
        let rest = answer.strip_prefix(&job.prefix).unwrap_or_default();

        // Each word is a token here. `text` waits when the link is slow, and its `?` ends a job that was cancelled.
        let mut finish = FinishReason::Stop;
        for word in rest.split_inclusive(' ') {
            if output.tokens() == u64::from(job.output_tokens_max) {
                finish = FinishReason::Length;
                break;
            }
            output.text(word, 1).await?;
        }
        let input_tokens = question.split(' ').count() as u64;
        Ok(Finished { usage: output.usage(input_tokens), finish })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let realm = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:9000".to_owned());
    // The key is who this worker is, and where it is paid: made at the first start, kept ever after.
    let key = KeyFile::load_or_create("reverse.key".as_ref()).context("the worker's key")?;

    // Ctrl-C drains: no new jobs, the running ones finish.
    let shutdown = CancellationToken::new();
    let asked = shutdown.clone();
    tokio::spawn(async move { tokio::signal::ctrl_c().await.map(|()| asked.cancel()) });

    serve(Reverse, Settings::new(realm, key.into_keypair().into()), shutdown).await?;
    Ok(())
}
