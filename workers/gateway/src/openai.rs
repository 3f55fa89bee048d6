//! Services that speak OpenAI's interface: OpenAI itself, Ollama, vLLM, llama.cpp's server, LM Studio, LocalAI and many more.

mod chat;
mod images;
mod models;
mod sound;

pub(crate) use chat::tokens_of;

use mtor_worker::protocol::{CapabilityKind, CapabilityOffer, FinishReason, Task, Usage};
use mtor_worker::{Finished, Job, Output};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use crate::fault::{Fault, RunError, infeasible};
use crate::http::{Http, Key, KeyHeader};
use crate::offered::{Offered, model_for};
use crate::service::Service;

/// A service that speaks OpenAI's interface.
#[derive(Debug)]
pub struct OpenAi {
    http: Http,
    offered: Offered,
    /// What it offered when it was looked at last.
    offers: watch::Sender<Vec<CapabilityOffer>>,
}

impl OpenAi {
    /// The service at this address, with or without the `/v1` at its end.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(mut base: Url, key: Option<Key>, offered: Offered) -> anyhow::Result<Self> {
        let path = base.path().trim_end_matches('/').trim_end_matches("/v1").to_owned();
        base.set_path(&format!("{path}/"));
        Ok(Self {
            http: Http::new(base, key, KeyHeader::Bearer)?,
            offered,
            offers: watch::channel(Vec::new()).0,
        })
    }

    fn model(&self, capability: &CapabilityKind, wanted: &str) -> Result<String, RunError> {
        let offers = self.offers.borrow();
        let model = model_for(&offers, capability, wanted).map(str::to_owned);
        model.ok_or_else(|| infeasible(format!("this service has no model {wanted:?} for {capability}")))
    }
}

impl Service for OpenAi {
    fn address(&self) -> String {
        self.http.base().to_string()
    }

    async fn look(&self) -> Result<Vec<CapabilityOffer>, Fault> {
        let offers = self.offered.offers(models::found(&self.http).await?);
        if offers.is_empty() {
            return Err(Fault::Nothing("it has no model that it would let us use".to_owned()));
        }
        self.offers.send_replace(offers.clone());
        Ok(offers)
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, RunError> {
        let model = self.model(&job.intent.task.kind(), &job.intent.model)?;
        match job.intent.task.clone() {
            Task::Chat(task) | Task::Vision(task) => chat::run(&self.http, &model, task, job, output).await,
            Task::Embed(task) => embed(&self.http, &model, &task.input, output).await,
            Task::Imagine(task) => images::run(&self.http, &model, &task, &job, output).await,
            Task::Transcribe(task) => sound::transcribe(&self.http, &model, &task, job.input, output).await,
            Task::Speak(task) => sound::speak(&self.http, &model, task, job, output).await,
            other => Err(infeasible(format!("this service does not {}", other.kind()))),
        }
    }
}

async fn embed(
    http: &Http,
    model: &str,
    input: &[String],
    output: &mut Output,
) -> Result<Finished, RunError> {
    #[derive(Deserialize)]
    struct Embeddings {
        data: Vec<Embedding>,
        usage: Option<chat::Counted>,
    }
    #[derive(Deserialize)]
    struct Embedding {
        index: usize,
        embedding: Vec<f32>,
    }
    let ask = json!({"model": model, "input": input, "encoding_format": "float"});
    let mut answer: Embeddings = http.post("v1/embeddings", &ask).await?;
    answer.data.sort_by_key(|embedding| embedding.index);
    if answer.data.len() != input.len() {
        let what = format!("{} vectors for {} texts", answer.data.len(), input.len());
        return Err(Fault::Nonsense(what).into());
    }
    let vectors: Vec<Vec<f32>> = answer.data.into_iter().map(|embedding| embedding.embedding).collect();
    write_vectors(&vectors, output).await?;
    let input_tokens = answer.usage.map_or(0, |usage| usage.prompt_tokens);
    Ok(Finished { usage: Usage { input_tokens, ..Usage::default() }, finish: FinishReason::Stop })
}

/// Vectors, as the realm takes them: a list of lists.
pub(crate) async fn write_vectors(vectors: &[Vec<f32>], output: &mut Output) -> Result<(), RunError> {
    let text = serde_json::to_string(vectors).map_err(|error| Fault::Nonsense(error.to_string()))?;
    Ok(output.text(&text, 0).await?)
}
