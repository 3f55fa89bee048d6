//! Hugging Face's inference interface: pictures, vectors and transcripts of the models that were named. (Its chat speaks OpenAI's
//! interface: attach `https://router.huggingface.co/v1` as one of those.)

use mtor_worker::protocol::{CapabilityKind, CapabilityOffer, FinishReason, ImagineTask, Task, Usage};
use mtor_worker::{Finished, Job, JobError, Output};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fault::{Fault, RunError, infeasible};
use crate::http::{Http, Key, KeyHeader, read_all, read_json};
use crate::offered::{Found, Offered, model_for};
use crate::openai::write_vectors;
use crate::pictures;
use crate::service::Service;
use crate::waveform;

/// Hugging Face, or a server that speaks like it.
#[derive(Debug)]
pub struct HuggingFace {
    http: Http,
    offers: Vec<CapabilityOffer>,
}

impl HuggingFace {
    /// The models that are named in `offered`: a list of all that there are would be of no use.
    ///
    /// # Errors
    /// When none is named, or one for something that can't be asked for here.
    pub fn new(base: Url, key: Option<Key>, offered: &Offered) -> anyhow::Result<Self> {
        let able = [CapabilityKind::IMAGINE, CapabilityKind::EMBED, CapabilityKind::TRANSCRIBE];
        anyhow::ensure!(
            !offered.named.is_empty() && offered.named.iter().all(|asked| able.contains(&asked.capability)),
            "name the models with --offer: imagine=MODEL, embed=MODEL or transcribe=MODEL"
        );
        let path_fits = |model: &str| model.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        anyhow::ensure!(
            offered.named.iter().all(|asked| path_fits(&asked.model) && !asked.model.contains("..")),
            "a model is named OWNER/NAME"
        );
        Ok(Self { http: Http::new(base, key, KeyHeader::Bearer)?, offers: offered.offers::<Found>([]) })
    }
}

impl Service for HuggingFace {
    fn address(&self) -> String {
        self.http.base().to_string()
    }

    /// Whether somebody answers at the address. What a model answers is seen when it is asked: asking it costs.
    async fn look(&self) -> Result<Vec<CapabilityOffer>, Fault> {
        match self.http.send(Method::GET, "", |request| request).await {
            Ok(_) | Err(Fault::Refused { status: 400..=499, .. }) => Ok(self.offers.clone()),
            Err(fault) => Err(fault),
        }
    }

    async fn run(&self, mut job: Job, output: &mut Output) -> Result<Finished, RunError> {
        let kind = job.intent.task.kind();
        let model = model_for(&self.offers, &kind, &job.intent.model);
        let model = model.ok_or_else(|| {
            infeasible(format!("this service has no model {:?} for {kind}", job.intent.model))
        })?;
        let path = format!("models/{model}");
        match job.intent.task.clone() {
            Task::Imagine(task) => {
                for number in job.parts..task.count {
                    let seed = task.seed.map(|seed| seed.wrapping_add(number.into()));
                    let ask = drawing(&task, seed);
                    let post =
                        |request: reqwest::RequestBuilder| request.header(ACCEPT, "image/png").json(&ask);
                    let picture = read_all(self.http.send(Method::POST, &path, post).await?).await?;
                    let record = pictures::record(&job, &task, model, seed);
                    pictures::send(output, number, picture.into(), &record).await?;
                }
                Ok(pictures::finished(task.count.saturating_sub(job.parts)))
            }
            Task::Embed(task) => {
                let path = format!("{path}/pipeline/feature-extraction");
                let vectors: Vec<Vec<f32>> = self.http.post(&path, &json!({"inputs": task.input})).await?;
                if vectors.len() != task.input.len() {
                    let what = format!("{} vectors for {} texts", vectors.len(), task.input.len());
                    return Err(Fault::Nonsense(what).into());
                }
                write_vectors(&vectors, output).await?;
                Ok(Finished { usage: Usage::default(), finish: FinishReason::Stop })
            }
            Task::Transcribe(task) => {
                #[derive(Deserialize)]
                struct Heard {
                    text: String,
                }
                if task.detail {
                    return Err(infeasible("this service does not say when something was said"));
                }
                let input = std::mem::replace(&mut job.input, mtor_worker::Input::of([]));
                let (file, duration_ms) = waveform::record(&task, input).await?;
                let file = bytes::Bytes::from(file);
                let post = |request: reqwest::RequestBuilder| {
                    request.header(CONTENT_TYPE, "audio/wav").body(file.clone())
                };
                let heard: Heard = read_json(self.http.send(Method::POST, &path, post).await?).await?;
                output.text(heard.text.trim(), 0).await.map_err(JobError::from)?;
                let usage = Usage { audio_ms: duration_ms, ..Usage::default() };
                Ok(Finished { usage, finish: FinishReason::Stop })
            }
            other => Err(infeasible(format!("this service does not {}", other.kind()))),
        }
    }
}

fn drawing(task: &ImagineTask, seed: Option<u64>) -> Value {
    let mut parameters = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            parameters.insert(name.to_owned(), value);
        }
    };
    put("negative_prompt", task.negative_prompt.as_ref().map(|text| json!(text)));
    put("width", task.width.map(|value| json!(value)));
    put("height", task.height.map(|value| json!(value)));
    put("num_inference_steps", task.steps.map(|value| json!(value)));
    put("seed", seed.map(|value| json!(value)));
    json!({"inputs": task.prompt, "parameters": parameters})
}
