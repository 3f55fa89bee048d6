//! Pictures, in OpenAI's shape.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::DEFAULT_MODEL;
use crate::picture::ImagineTask;
use crate::problem::{Problem, ProblemKind};

/// Names that programs have built in; they leave the choice to the realm.
const BUILT_IN_MODELS: [&str; 4] = ["dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini"];

/// The body of `POST /v1/images/generations`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct ImageRequest {
    /// What shall be seen.
    pub prompt: String,
    /// A model's name, or `default`.
    #[serde(default)]
    pub model: Option<String>,
    /// How many pictures; 1 when absent.
    #[serde(default)]
    pub n: Option<u32>,
    /// Width and height as `1024x1024`; the model's own choice when absent or `auto`.
    #[serde(default)]
    pub size: Option<String>,
    /// `b64_json` (the default), or `url` for addresses on this realm, which ask for the same key.
    #[serde(default)]
    pub response_format: Option<String>,
    /// Whether to stream; not possible here.
    #[serde(default)]
    pub stream: Option<bool>,
    /// What shall not be seen. Not in OpenAI's own interface, as those below.
    #[serde(default)]
    pub negative_prompt: Option<String>,
    /// Rounds of drawing.
    #[serde(default)]
    pub steps: Option<u32>,
    /// The same seed, prompt and model give the same picture, as far as the engine allows.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// How pictures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// In the answer, as base64.
    Base64,
    /// As addresses.
    Url,
}

impl ImageRequest {
    /// The model's name as the realm knows it.
    pub fn realm_model(&self) -> &str {
        match self.model.as_deref() {
            None | Some("") => DEFAULT_MODEL,
            Some(name) if BUILT_IN_MODELS.contains(&name) => DEFAULT_MODEL,
            Some(name) => name,
        }
    }

    /// How the pictures are wanted.
    ///
    /// # Errors
    /// When there is no such format.
    pub fn format(&self) -> Result<ImageFormat, Problem> {
        match self.response_format.as_deref() {
            None | Some("b64_json") => Ok(ImageFormat::Base64),
            Some("url") => Ok(ImageFormat::Url),
            Some(other) => Err(invalid(
                "response_format",
                format!("response_format must be b64_json or url, not {other:?}"),
            )),
        }
    }

    /// The task that is asked for.
    ///
    /// # Errors
    /// A [`Problem`] that names the field which can't be honoured.
    pub fn into_task(self) -> Result<ImagineTask, Problem> {
        if self.stream == Some(true) {
            return Err(invalid(
                "stream",
                "pictures come whole here; follow the job's events to see how they come on",
            ));
        }
        let (width, height) = match self.size.as_deref() {
            None | Some("auto") => (None, None),
            Some(size) => {
                let sides = size
                    .split_once('x')
                    .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
                let wrong =
                    || invalid("size", format!("size is WIDTHxHEIGHT, such as 512x512, not {size:?}"));
                let (width, height) = sides.ok_or_else(wrong)?;
                (Some(width), Some(height))
            }
        };
        let Self { prompt, n, negative_prompt, steps, seed, .. } = self;
        let task = ImagineTask { prompt, negative_prompt, count: n.unwrap_or(1), width, height, steps, seed };
        task.checked().map_err(|wrong| {
            let ours = wrong.split(' ').next().unwrap_or_default();
            let param = match ours {
                "count" => "n",
                "width" | "height" => "size",
                other => other,
            };
            invalid(param, wrong.clone())
        })
    }
}

fn invalid(param: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, detail).param(param)
}

/// The answer of `POST /v1/images/generations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImageList {
    /// When, in seconds since 1970.
    pub created: u64,
    /// The pictures.
    pub data: Vec<Image>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Image {
    /// It, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b64_json: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(json: &str) -> Result<ImagineTask, Problem> {
        serde_json::from_str::<ImageRequest>(json).unwrap().into_task()
    }

    #[test]
    fn requests_become_tasks_or_name_the_field_that_is_wrong() {
        let asked =
            task(r#"{"model":"dall-e-3","prompt":"a cloud","n":2,"size":"512x768","quality":"hd"}"#).unwrap();
        assert_eq!((asked.count, asked.width, asked.height), (2, Some(512), Some(768)));
        let param = |json: &str| task(json).unwrap_err().param.unwrap();
        assert_eq!(param(r#"{"prompt":"a","n":99}"#), "n");
        assert_eq!(param(r#"{"prompt":"a","size":"large"}"#), "size");
        assert_eq!(param(r#"{"prompt":"a","size":"1x1"}"#), "size");
        assert_eq!(param(r#"{"prompt":" "}"#), "prompt");
        assert_eq!(param(r#"{"prompt":"a","stream":true}"#), "stream");
    }
}
