//! Pictures, one request for each, so that they come one by one.

use mtor_worker::protocol::ImagineTask;
use mtor_worker::{Finished, Job, Output};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fault::{Fault, RunError};
use crate::http::Http;
use crate::pictures;

#[derive(Deserialize)]
struct Images {
    #[serde(default)]
    data: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    b64_json: Option<String>,
}

pub(super) async fn run(
    http: &Http,
    model: &str,
    task: &ImagineTask,
    job: &Job,
    output: &mut Output,
) -> Result<Finished, RunError> {
    for number in job.parts..task.count {
        let seed = task.seed.map(|seed| seed.wrapping_add(number.into()));
        let images: Images = http.post("v1/images/generations", &request(model, task, seed)).await?;
        let image = images.data.into_iter().find_map(|image| image.b64_json);
        let image = image.ok_or_else(|| Fault::Nonsense("no picture in it".to_owned()))?;
        let record = pictures::record(job, task, model, seed);
        pictures::send(output, number, pictures::decode(&image)?, &record).await?;
    }
    Ok(pictures::finished(task.count.saturating_sub(job.parts)))
}

/// What only some of these services know is sent only when it was asked for: those that don't know it say so.
fn request(model: &str, task: &ImagineTask, seed: Option<u64>) -> Value {
    let mut ask = Map::new();
    let mut put = |name: &str, value: Value| ask.insert(name.to_owned(), value);
    put("model", json!(model));
    put("prompt", json!(pictures::words(&task.prompt)));
    put("n", json!(1));
    // The newer models of OpenAI's give nothing else, and refuse to be asked.
    if !model.starts_with("gpt-image") {
        put("response_format", json!("b64_json"));
    }
    match (task.width, task.height) {
        (None, None) => {}
        (width, height) => {
            let (width, height) = (width.or(height).unwrap_or(1_024), height.or(width).unwrap_or(1_024));
            put("size", json!(format!("{width}x{height}")));
        }
    }
    if let Some(negative) = &task.negative_prompt {
        put("negative_prompt", json!(pictures::words(negative)));
    }
    if let Some(steps) = task.steps {
        put("steps", json!(steps));
    }
    if let Some(seed) = seed {
        put("seed", json!(seed));
    }
    Value::Object(ask)
}
