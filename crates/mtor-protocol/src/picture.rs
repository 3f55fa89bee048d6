//! Pictures: what is looked at and what is drawn. The bytes themselves travel as binary [frames](crate::frame), never
//! inside JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::limits;

/// A picture that goes into a job. Its bytes come as binary input frames: those of all pictures of the job, one after
/// the other in the order in which its task names them, ended by an empty frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Its size, in bytes: where it ends and the next one begins.
    pub bytes: u32,
    /// SHA-256 over it. A wallet that signs its job signs its pictures with it.
    pub sha256: Digest,
}

impl Picture {
    /// This many, of this size, if they are what a job may be asked with.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(pictures: &[Self]) -> Result<(), String> {
        if pictures.len() > limits::PICTURES_MAX {
            return Err(format!("pictures: at most {}, not {}", limits::PICTURES_MAX, pictures.len()));
        }
        let unfit = |picture: &&Self| picture.bytes == 0 || picture.bytes > limits::PICTURE_BYTES_MAX;
        if let Some(picture) = pictures.iter().find(unfit) {
            return Err(format!(
                "pictures: one has 1 to {} bytes, not {}",
                limits::PICTURE_BYTES_MAX,
                picture.bytes
            ));
        }
        let bytes: usize = pictures.iter().map(|picture| picture.bytes as usize).sum();
        if bytes > limits::INPUT_BYTES_MAX {
            return Err(format!(
                "pictures: those of one job have at most {} bytes together, not {bytes}",
                limits::INPUT_BYTES_MAX
            ));
        }
        Ok(())
    }
}

/// Look at one picture: say what kind it is (`classify`), or read what stands in it (`ocr`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "LookForm")]
pub struct LookTask {
    /// Which.
    pub picture: Picture,
    /// Whether the answer is JSON with all that was found rather than words for people.
    pub detail: bool,
}

/// As it is written: nothing unknown, and within the limits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LookForm {
    picture: Picture,
    #[serde(default)]
    detail: bool,
}

impl TryFrom<LookForm> for LookTask {
    type Error = String;

    fn try_from(LookForm { picture, detail }: LookForm) -> Result<Self, String> {
        Picture::check(std::slice::from_ref(&picture))?;
        Ok(Self { picture, detail })
    }
}

/// What was found in a picture, when all details are wanted: the answer's text is this, as JSON. What was not looked for is
/// absent. All places are in pixels of the picture the right way up, from its upper left corner.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Seen {
    /// How wide the picture is, in pixels.
    pub width: u32,
    /// How high it is, in pixels.
    pub height: u32,
    /// Things, the surest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub things: Option<Vec<SeenThing>>,
    /// Lines of text, as one reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<SeenLine>>,
    /// How likely it is unfit to be shown to anybody, up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfit: Option<f32>,
}

/// A thing in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeenThing {
    /// What it is.
    pub label: String,
    /// How sure that is, up to 1.
    pub probability: f32,
    /// Where it is.
    pub area: PictureArea,
}

/// A line of text in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeenLine {
    /// What it says.
    pub text: String,
    /// How sure that is, up to 1.
    pub probability: f32,
    /// Where it is.
    pub area: PictureArea,
}

/// A part of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PictureArea {
    /// Its left side.
    pub x: u32,
    /// Its upper side.
    pub y: u32,
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// Draw pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ImagineForm")]
pub struct ImagineTask {
    /// What shall be seen.
    pub prompt: String,
    /// What shall not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// How many pictures.
    pub count: u32,
    /// Pixels from left to right; the model's own choice when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels from top to bottom; the model's own choice when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Rounds of drawing; the model's own choice when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// The same seed, prompt and model give the same picture, as far as the engine allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// As it is written: nothing unknown, and within the limits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImagineForm {
    prompt: String,
    negative_prompt: Option<String>,
    #[serde(default = "one")]
    count: u32,
    width: Option<u32>,
    height: Option<u32>,
    steps: Option<u32>,
    seed: Option<u64>,
}

const fn one() -> u32 {
    1
}

impl TryFrom<ImagineForm> for ImagineTask {
    type Error = String;

    fn try_from(form: ImagineForm) -> Result<Self, String> {
        let ImagineForm { prompt, negative_prompt, count, width, height, steps, seed } = form;
        Self { prompt, negative_prompt, count, width, height, steps, seed }.checked()
    }
}

impl ImagineTask {
    /// One picture of this, and the rest as the model likes.
    pub fn of(prompt: impl Into<String>) -> Self {
        let (negative_prompt, width, height, steps, seed) = Default::default();
        Self { prompt: prompt.into(), negative_prompt, count: 1, width, height, steps, seed }
    }

    /// The same task, if every value in it is one that can be honoured.
    ///
    /// # Errors
    /// A sentence that begins with the name of the field that is wrong.
    pub fn checked(self) -> Result<Self, String> {
        let within = |name: &str, value: Option<u32>, low: u32, high: u32| match value {
            Some(value) if !(low..=high).contains(&value) => {
                Err(format!("{name} must lie between {low} and {high}, not {value}"))
            }
            _ => Ok(()),
        };
        if self.prompt.trim().is_empty() {
            return Err("prompt must say what shall be seen".to_owned());
        }
        within("count", Some(self.count), 1, limits::IMAGES_MAX)?;
        within("width", self.width, limits::IMAGE_SIDE_MIN, limits::IMAGE_SIDE_MAX)?;
        within("height", self.height, limits::IMAGE_SIDE_MIN, limits::IMAGE_SIDE_MAX)?;
        within("steps", self.steps, 1, limits::IMAGE_STEPS_MAX)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_within_the_limits_are_read_and_others_say_what_is_wrong() {
        let task: ImagineTask = serde_json::from_str(r#"{"prompt":"a cloud"}"#).unwrap();
        assert_eq!(task, ImagineTask::of("a cloud"));
        let error = |json: &str| serde_json::from_str::<ImagineTask>(json).unwrap_err().to_string();
        assert!(error(r#"{"prompt":" "}"#).contains("prompt must say"));
        assert!(error(r#"{"prompt":"a","count":0}"#).contains("count must lie between 1 and"));
        assert!(error(r#"{"prompt":"a","width":1}"#).contains("width must lie between 64 and"));
        assert!(error(r#"{"prompt":"a","wdith":64}"#).contains("unknown field `wdith`"));
    }

    #[test]
    fn pictures_without_bytes_or_with_too_many_are_refused() {
        let look = |bytes: u64| {
            let sha256 = "0".repeat(64);
            serde_json::from_str::<LookTask>(&format!(
                r#"{{"picture":{{"bytes":{bytes},"sha256":"{sha256}"}}}}"#
            ))
        };
        assert!(look(1).is_ok());
        assert!(look(0).unwrap_err().to_string().contains("1 to"));
        assert!(look(u64::from(limits::PICTURE_BYTES_MAX) + 1).is_err());
        let large = Picture { bytes: limits::PICTURE_BYTES_MAX, sha256: Digest([0; 32]) };
        assert!(Picture::check(&[large.clone(), large.clone(), large.clone()]).is_ok());
        assert!(Picture::check(&vec![large; 4]).unwrap_err().contains("together"));
    }
}
