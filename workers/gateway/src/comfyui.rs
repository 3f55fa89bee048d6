//! ComfyUI: a picture is a graph of steps. The graph here is the plainest one there is; whoever has a better one saves it in
//! ComfyUI's API format and names the file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use mtor_worker::protocol::{CapabilityKind, CapabilityOffer, ImagineTask, JobId, Task};
use mtor_worker::{Finished, Job, Output};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::defaults::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, MODELS_MAX};
use crate::fault::{Fault, RunError, infeasible};
use crate::http::{Http, Key, KeyHeader, read_all};
use crate::offered::{Asked, Offered, model_for};
use crate::pictures;
use crate::service::Service;

/// What is drawn when a job does not say how large, and in how many steps.
const SIDE: u32 = 512;
const STEPS: u32 = 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A ComfyUI.
#[derive(Debug)]
pub struct ComfyUi {
    http: Http,
    offered: Offered,
    offers: watch::Sender<Vec<CapabilityOffer>>,
    workflow: Value,
    /// What is being drawn under which lease.
    running: Mutex<HashMap<u64, String>>,
}

/// Reads a graph in ComfyUI's API format. In it stand `"%prompt%"`, `"%negative%"`, `"%model%"`, `"%seed%"`, `"%steps%"`,
/// `"%width%"` and `"%height%"` where the job's own shall be.
///
/// # Errors
/// When it can't be read, or has no place for a prompt.
pub fn read_workflow(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let workflow: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    anyhow::ensure!(
        workflow.as_object().is_some_and(|nodes| nodes.values().all(|node| node.get("class_type").is_some())),
        "{} is no workflow in API format: in ComfyUI, choose Export (API)",
        path.display()
    );
    anyhow::ensure!(text.contains("%prompt%"), "{} has no \"%prompt%\" in it", path.display());
    Ok(workflow)
}

fn plain_workflow() -> Value {
    json!({
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "%model%"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "%prompt%", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "%negative%", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": "%width%", "height": "%height%", "batch_size": 1}},
        "5": {"class_type": "KSampler", "inputs": {
            "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0], "seed": "%seed%",
            "steps": "%steps%", "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}},
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "mtor"}},
    })
}

impl ComfyUi {
    /// The ComfyUI at this address, with a graph of its own if there is one. It draws one picture at a time, so it is given one
    /// job at a time, whatever `offered` says.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(
        base: Url,
        key: Option<Key>,
        offered: Offered,
        workflow: Option<Value>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new(base, key, KeyHeader::Bearer)?,
            offered: Offered { slots: 1, ..offered },
            offers: watch::channel(Vec::new()).0,
            workflow: workflow.unwrap_or_else(plain_workflow),
            running: Mutex::default(),
        })
    }

    async fn listen(&self, client: &str) -> Result<Socket, Fault> {
        let mut url = self.http.url("ws")?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        let lost = |error: &dyn std::fmt::Display| Fault::Lost(error.to_string());
        url.set_scheme(scheme).map_err(|()| Fault::Nonsense("its address".to_owned()))?;
        url.set_query(Some(&format!("clientId={client}")));
        let mut request = url.as_str().into_client_request().map_err(|error| lost(&error))?;
        if let Some((name, value)) = self.http.key_header() {
            request.headers_mut().insert(name, value.clone());
        }
        let opened = timeout(CONNECT_TIMEOUT, connect_async(request)).await.map_err(|error| lost(&error))?;
        Ok(opened.map_err(|error| lost(&error))?.0)
    }

    /// Draws one picture.
    async fn draw(&self, drawing: &Drawing<'_>, job: &Job, output: &mut Output) -> Result<Vec<u8>, RunError> {
        #[derive(Deserialize)]
        struct Queued {
            prompt_id: String,
        }
        let client = JobId::generate().to_string();
        // Listened to before it is asked, so that nothing is missed.
        let mut socket = self.listen(&client).await?;
        let prompt = filled(&self.workflow, drawing);
        let Queued { prompt_id } =
            self.http.post("prompt", &json!({"prompt": prompt, "client_id": client})).await?;
        self.running().insert(job.lease, prompt_id.clone());
        let watched = watch_it(&mut socket, &prompt_id, drawing, output).await;
        self.running().remove(&job.lease);
        watched?;
        self.fetch(&prompt_id).await
    }

    async fn fetch(&self, prompt_id: &str) -> Result<Vec<u8>, RunError> {
        #[derive(Deserialize)]
        struct Image {
            filename: String,
            #[serde(default)]
            subfolder: String,
            #[serde(rename = "type")]
            kind: String,
        }
        let history: Value = self.http.get(&format!("history/{prompt_id}")).await?;
        let outputs =
            history.get(prompt_id).and_then(|entry| entry.get("outputs")).and_then(Value::as_object);
        let images = outputs
            .into_iter()
            .flat_map(|outputs| outputs.values())
            .filter_map(|output| output.get("images"));
        let images = images.filter_map(Value::as_array).flatten();
        let mut images = images.filter_map(|image| Image::deserialize(image).ok()).collect::<Vec<_>>();
        // What is only for looking at on the way comes after what was made to stay.
        images.sort_by_key(|image| image.kind != "output");
        let image =
            images.first().ok_or_else(|| Fault::Nonsense("its workflow made no picture".to_owned()))?;
        let query = [("filename", &image.filename), ("subfolder", &image.subfolder), ("type", &image.kind)];
        let mut url = self.http.url("view")?;
        url.query_pairs_mut().extend_pairs(query);
        let path = format!("view?{}", url.query().unwrap_or_default());
        let response = self.http.send(Method::GET, &path, |request| request).await?;
        Ok(read_all(response).await?.into())
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<u64, String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One picture that is to be drawn.
struct Drawing<'a> {
    task: &'a ImagineTask,
    model: &'a str,
    seed: u64,
    number: u32,
}

/// The graph with the job's own words and numbers in their places.
fn filled(workflow: &Value, drawing: &Drawing<'_>) -> Value {
    let Drawing { task, model, seed, .. } = drawing;
    match workflow {
        Value::String(text) => match text.as_str() {
            "%prompt%" => json!(task.prompt),
            "%negative%" => json!(task.negative_prompt.as_deref().unwrap_or_default()),
            "%model%" => json!(model),
            "%seed%" => json!(seed),
            "%steps%" => json!(task.steps.unwrap_or(STEPS)),
            "%width%" => json!(task.width.or(task.height).unwrap_or(SIDE)),
            "%height%" => json!(task.height.or(task.width).unwrap_or(SIDE)),
            _ => workflow.clone(),
        },
        Value::Array(values) => values.iter().map(|value| filled(value, drawing)).collect(),
        Value::Object(nodes) => {
            Value::Object(nodes.iter().map(|(name, value)| (name.clone(), filled(value, drawing))).collect())
        }
        other => other.clone(),
    }
}

/// Hears how a picture comes on, until it is there.
async fn watch_it(
    socket: &mut Socket,
    prompt_id: &str,
    drawing: &Drawing<'_>,
    output: &mut Output,
) -> Result<(), RunError> {
    loop {
        let message = timeout(ANSWER_TIMEOUT, socket.next()).await;
        match message.map_err(|_| Fault::Lost("it said nothing for too long".to_owned()))? {
            Some(Ok(Message::Text(text))) => {
                let said: Value = serde_json::from_str(&text).unwrap_or_default();
                if is_done(&said, prompt_id)? {
                    return Ok(());
                }
                if let Some(part) = progress(&said, prompt_id) {
                    pictures::progress(output, drawing.number, drawing.task.count, part).await?;
                }
            }
            Some(Ok(Message::Binary(bytes))) => {
                // Four bytes say that it is a picture, and four of which kind; then it comes.
                if let Some(picture) = bytes.strip_prefix(&[0, 0, 0, 1]).and_then(|rest| rest.get(4..)) {
                    pictures::preview(output, picture).await?;
                }
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                return Err(Fault::Lost("it hung up in the middle of a picture".to_owned()).into());
            }
            Some(Ok(_)) => {}
        }
    }
}

fn is_done(said: &Value, prompt_id: &str) -> Result<bool, Fault> {
    if said.pointer("/data/prompt_id").and_then(Value::as_str) != Some(prompt_id) {
        return Ok(false);
    }
    match said.get("type").and_then(Value::as_str) {
        Some("execution_success") => Ok(true),
        // Older versions say it so: nothing of this prompt is being executed any more.
        Some("executing") => Ok(said.pointer("/data/node").is_some_and(Value::is_null)),
        Some("execution_error") => {
            let what = said.pointer("/data/exception_message").and_then(Value::as_str).unwrap_or("no reason");
            Err(Fault::Refused { status: 500, said: what.trim().to_owned() })
        }
        Some("execution_interrupted") => Err(Fault::Lost("somebody stopped the picture there".to_owned())),
        _ => Ok(false),
    }
}

fn progress(said: &Value, prompt_id: &str) -> Option<f64> {
    let data = said.get("data")?;
    let is_ours = data.get("prompt_id").is_none_or(|id| id == prompt_id);
    let is_progress = said.get("type")? == "progress";
    let part = data.get("value")?.as_f64()? / data.get("max")?.as_f64()?;
    (is_ours && is_progress && part.is_finite()).then_some(part)
}

impl Service for ComfyUi {
    fn address(&self) -> String {
        self.http.base().to_string()
    }

    async fn look(&self) -> Result<Vec<CapabilityOffer>, Fault> {
        let info: Value = self.http.get("object_info/CheckpointLoaderSimple").await?;
        let names =
            info.pointer("/CheckpointLoaderSimple/input/required/ckpt_name/0").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str).take(MODELS_MAX);
        let found = names.map(|name| Asked { capability: CapabilityKind::IMAGINE, model: name.to_owned() });
        let offers = self.offered.offers(found);
        if offers.is_empty() {
            return Err(Fault::Nothing("it has no checkpoint to draw with".to_owned()));
        }
        self.offers.send_replace(offers.clone());
        Ok(offers)
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, RunError> {
        let Task::Imagine(task) = &job.intent.task else {
            return Err(infeasible(format!("this service does not {}", job.intent.task.kind())));
        };
        let model = {
            let offers = self.offers.borrow();
            model_for(&offers, &CapabilityKind::IMAGINE, &job.intent.model).map(str::to_owned)
        };
        let model =
            model.ok_or_else(|| infeasible(format!("this service has no model {:?}", job.intent.model)))?;
        // The same graph with the same seed is not drawn again there, so that each picture has one of its own.
        let first = task.seed.unwrap_or_else(|| u64::from(JobId::generate().0 as u32));
        for number in job.parts..task.count {
            let seed = first.wrapping_add(number.into());
            let picture = self.draw(&Drawing { task, model: &model, seed, number }, &job, output).await?;
            let record = pictures::record(&job, task, &model, Some(seed));
            pictures::send(output, number, picture, &record).await?;
        }
        Ok(pictures::finished(task.count.saturating_sub(job.parts)))
    }

    /// It goes on drawing when its client hangs up.
    async fn abort(&self, lease: u64) {
        let Some(prompt_id) = self.running().remove(&lease) else { return };
        for (path, body) in
            [("queue", json!({"delete": [prompt_id]})), ("interrupt", json!({"prompt_id": prompt_id}))]
        {
            if let Err(fault) = self.http.post_json(path, &body).await {
                tracing::warn!(%fault, "the service could not be told to stop");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_gets_the_words_and_numbers_of_its_job() {
        let task = ImagineTask { width: Some(768), ..ImagineTask::of("a \"cloud\"") };
        let filled = filled(
            &plain_workflow(),
            &Drawing { task: &task, model: "sd15.safetensors", seed: 7, number: 0 },
        );
        assert_eq!(filled["2"]["inputs"]["text"], "a \"cloud\"");
        assert_eq!(filled["4"]["inputs"]["height"], 768);
        assert_eq!(
            (&filled["5"]["inputs"]["seed"], &filled["5"]["inputs"]["steps"]),
            (&json!(7), &json!(STEPS))
        );
        assert!(!filled.to_string().contains('%'));
    }
}
