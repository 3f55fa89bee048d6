//! Models that nobody carries in the format that an engine reads: made here, of files that somebody does carry.
//!
//! A recipe is a re-ordering of the same numbers, and always gives the same bytes, which the catalogue pins.

mod ctranslate2;
mod mel;
mod nanodet;
mod onnx;
mod whisper;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::error::{ModelError, SourceError};
use crate::hash;

/// How a model is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Recipe {
    /// A Whisper model for whisper.cpp, of one for CTranslate2: its `model.bin` and its `tokenizer.json`, in this order.
    WhisperFromCtranslate2,
    /// A NanoDet model in the ONNX format, of one for TensorFlow.js: its `nanodet.json` and its `nanodet.bin`, in this order.
    NanodetFromTfjs,
}

impl Recipe {
    /// How many files it is made of.
    pub(crate) fn ingredients(self) -> usize {
        match self {
            Self::WhisperFromCtranslate2 | Self::NanodetFromTfjs => 2,
        }
    }
}

/// Why something can't be made of the files at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecipeError {
    /// An ingredient is not what the recipe takes.
    #[error("{0}")]
    Unfit(String),
    /// The file system refused something.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl RecipeError {
    pub(crate) fn unfit(why: impl Into<String>) -> Self {
        Self::Unfit(why.into())
    }
}

/// Makes `out` of `from`, in another thread.
pub(crate) async fn make(
    recipe: Recipe,
    from: &[PathBuf],
    out: &Path,
    cancel: &CancellationToken,
) -> Result<(), SourceError> {
    let (from, out, cancel) = (from.to_vec(), out.to_owned(), cancel.clone());
    let made = hash::blocking(move || match (recipe, from.as_slice()) {
        (Recipe::WhisperFromCtranslate2, [model, tokenizer]) => {
            whisper::make(model, tokenizer, &out, &cancel)
        }
        (Recipe::NanodetFromTfjs, [json, bin]) => nanodet::make(json, bin, &out, &cancel),
        _ => Err(RecipeError::unfit("the catalogue names another number of files than the recipe takes")),
    });
    made.await.map_err(|error| match error {
        RecipeError::Unfit(why) => SourceError::Unusable(why),
        RecipeError::Cancelled => ModelError::Cancelled.into(),
        RecipeError::Io(error) => ModelError::io("make the model")(error).into(),
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::whisper::tests::{converted, model, tokenizer};
    use crate::hash::hex;
    use crate::{CancellationToken, Catalogue, ModelError, Options, Silent, Store};

    fn sha256(bytes: &[u8]) -> String {
        hex(Sha256::new().chain_update(bytes))
    }

    /// A catalogue of one model that is made of two files, which nobody offers over the network.
    fn catalogue(made: (usize, &str), files: [(&str, &[u8]); 2]) -> Catalogue {
        let file = |(name, bytes): (&str, &[u8])| {
            format!(
                "[[model.source.from]]\nfile_name = \"{name}\"\nbytes = {}\nsha256 = \"{}\"\n\
                 [[model.source.from.source]]\nurl = \"not an address\"\n",
                bytes.len(),
                sha256(bytes)
            )
        };
        let text = format!(
            "[[model]]\nid = \"m\"\nname = \"Test Model\"\ncapability = \"transcribe\"\nlicence = \"none\"\n\
             file_name = \"m.bin\"\nbytes = {}\nsha256 = \"{}\"\nmemory_bytes = 1\n\
             [[model.source]]\nrecipe = \"whisper-from-ctranslate2\"\n{}{}",
            made.0,
            made.1,
            file(files[0]),
            file(files[1])
        );
        Catalogue::parse(&text).unwrap()
    }

    #[tokio::test]
    async fn a_model_is_made_once_of_files_that_are_not_kept() {
        let (model, tokenizer) = (model(""), tokenizer(50_300));
        let wanted = converted(model.clone(), &tokenizer).unwrap();
        let files = [("model.ct2", model.as_slice()), ("tokenizer.json", tokenizer.as_slice())];
        let catalogue = catalogue((wanted.len(), &sha256(&wanted)), files);
        let (cache, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (name, bytes) in files {
            std::fs::write(local.path().join(name), bytes).unwrap();
        }
        let options = Options { local_folder: Some(local.path().to_owned()), ..Options::default() };
        let store = Store::open_with(cache.path(), options).unwrap();
        let never = CancellationToken::new();
        let path = store.fetch(catalogue.model("m").unwrap(), &Silent, &never).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), wanted);
        let mut left: Vec<_> = std::fs::read_dir(cache.path().join(".work"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["m.bin.lock", "m.bin.verified"]);

        // Made once, it needs nothing any more.
        std::fs::remove_dir_all(local.path()).unwrap();
        store.fetch(catalogue.model("m").unwrap(), &Silent, &never).await.unwrap();
    }

    #[tokio::test]
    async fn what_does_not_become_the_pinned_file_is_refused_and_a_missing_ingredient_is_named() {
        let (model, tokenizer) = (model(""), tokenizer(50_300));
        let files = [("model.ct2", model.as_slice()), ("tokenizer.json", tokenizer.as_slice())];
        let catalogue = catalogue((1, &"0".repeat(64)), files);
        let (cache, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = Options { local_folder: Some(local.path().to_owned()), ..Options::default() };
        let store = Store::open_with(cache.path(), options).unwrap();
        let never = CancellationToken::new();
        let fetch = async || store.fetch(catalogue.model("m").unwrap(), &Silent, &never).await.unwrap_err();
        std::fs::write(local.path().join("model.ct2"), &model).unwrap();
        let error = fetch().await;
        assert!(matches!(error, ModelError::NoSource { .. }), "{error}");
        assert!(error.to_string().contains("tokenizer.json"), "{error}");
        std::fs::write(local.path().join("tokenizer.json"), &tokenizer).unwrap();
        let error = fetch().await.to_string();
        assert!(error.contains("what was made has the SHA-256"), "{error}");
    }
}
