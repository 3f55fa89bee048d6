//! Automatic1111's web interface for Stable Diffusion, and those that speak like it (Forge, SD.Next): pictures with progress and
//! previews. The service must run with `--api`.

use mtor_worker::protocol::{CapabilityKind, CapabilityOffer, ImagineTask, Task};
use mtor_worker::{Finished, Job, Output};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::defaults::{MODELS_MAX, PROGRESS_PERIOD};
use crate::fault::{Fault, RunError, infeasible};
use crate::http::{Http, Key, KeyHeader};
use crate::offered::{Asked, Offered, model_for};
use crate::pictures;
use crate::service::Service;

/// One of these services.
#[derive(Debug)]
pub struct Automatic1111 {
    http: Http,
    offered: Offered,
    offers: watch::Sender<Vec<CapabilityOffer>>,
}

impl Automatic1111 {
    /// The service at this address. It draws one picture at a time, so it is given one job at a time, whatever `offered` says.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(base: Url, key: Option<Key>, offered: Offered) -> anyhow::Result<Self> {
        let offered = Offered { slots: 1, ..offered };
        Ok(Self {
            http: Http::new(base, key, KeyHeader::Bearer)?,
            offered,
            offers: watch::channel(Vec::new()).0,
        })
    }

    /// Waits for a picture, and tells how it comes on.
    async fn draw(
        &self,
        ask: &Value,
        number: u32,
        count: u32,
        output: &mut Output,
    ) -> Result<Drawn, RunError> {
        let drawing = self.http.post::<Drawn>("sdapi/v1/txt2img", ask);
        tokio::pin!(drawing);
        let mut look = interval(PROGRESS_PERIOD);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = -1.0;
        loop {
            tokio::select! {
                drawn = &mut drawing => return Ok(drawn?),
                _ = look.tick() => {}
            }
            // Nobody needs it: the picture comes without.
            let progress = tokio::select! {
                drawn = &mut drawing => return Ok(drawn?),
                progress = self.http.get::<Progress>("sdapi/v1/progress?skip_current_image=false") => progress,
            };
            let Ok(progress) = progress else { continue };
            if progress.progress <= told {
                continue;
            }
            told = progress.progress;
            if let Some(picture) = progress.current_image.and_then(|image| pictures::decode(&image).ok()) {
                pictures::preview(output, &picture).await?;
            }
            pictures::progress(output, number, count, told).await?;
        }
    }
}

#[derive(Deserialize)]
struct Drawn {
    #[serde(default)]
    images: Vec<String>,
    /// JSON, as a text.
    #[serde(default)]
    info: String,
}

#[derive(Deserialize)]
struct Progress {
    progress: f64,
    current_image: Option<String>,
}

impl Service for Automatic1111 {
    fn address(&self) -> String {
        self.http.base().to_string()
    }

    async fn look(&self) -> Result<Vec<CapabilityOffer>, Fault> {
        #[derive(Deserialize)]
        struct Model {
            model_name: String,
        }
        let models: Vec<Model> = self.http.get("sdapi/v1/sd-models").await?;
        let found = models.into_iter().take(MODELS_MAX);
        let found = found.map(|model| Asked { capability: CapabilityKind::IMAGINE, model: model.model_name });
        let offers = self.offered.offers(found);
        if offers.is_empty() {
            return Err(Fault::Nothing("it has no model to draw with".to_owned()));
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
        for number in job.parts..task.count {
            let seed = task.seed.map(|seed| seed.wrapping_add(number.into()));
            let drawn = self.draw(&request(task, &model, seed), number, task.count, output).await?;
            let image = drawn.images.first().ok_or_else(|| Fault::Nonsense("no picture in it".to_owned()))?;
            let info: Value = serde_json::from_str(&drawn.info).unwrap_or_default();
            let seed = info.get("seed").and_then(Value::as_u64).or(seed);
            let record = pictures::record(&job, task, &model, seed);
            pictures::send(output, number, pictures::decode(image)?, &record).await?;
        }
        Ok(pictures::finished(task.count.saturating_sub(job.parts)))
    }

    /// It goes on drawing when its client hangs up.
    async fn abort(&self, _lease: u64) {
        let told = self.http.post_json("sdapi/v1/interrupt", &json!({})).await;
        if let Err(fault) = told {
            tracing::warn!(%fault, "the service could not be told to stop");
        }
    }
}

/// Seeds are 32 bits wide there.
const SEEDS: u64 = 1 << 32;

fn request(task: &ImagineTask, model: &str, seed: Option<u64>) -> Value {
    let mut ask = Map::new();
    let mut put = |name: &str, value: Value| ask.insert(name.to_owned(), value);
    put("prompt", json!(pictures::words(&task.prompt)));
    put("negative_prompt", json!(pictures::words(task.negative_prompt.as_deref().unwrap_or_default())));
    put("n_iter", json!(1));
    put("batch_size", json!(1));
    put("seed", seed.map_or(json!(-1), |seed| json!(seed % SEEDS)));
    for (name, value) in [("width", task.width), ("height", task.height), ("steps", task.steps)] {
        if let Some(value) = value {
            put(name, json!(value));
        }
    }
    put("override_settings", json!({"sd_model_checkpoint": model}));
    put("override_settings_restore_afterwards", json!(false));
    Value::Object(ask)
}
