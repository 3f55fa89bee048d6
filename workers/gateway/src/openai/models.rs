//! Which models a service has, and what each is good for. OpenAI's list has nothing but names, so services that say more in
//! interfaces of their own are asked there: Ollama, LM Studio, llama.cpp's server.

use mtor_worker::protocol::CapabilityKind;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::defaults::MODELS_MAX;
use crate::fault::Fault;
use crate::http::Http;
use crate::offered::Asked;

#[derive(Deserialize)]
struct Models {
    #[serde(default)]
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    /// What LM Studio says in its own list.
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

pub(super) async fn found(http: &Http) -> Result<Vec<Asked>, Fault> {
    let mut models: Models = http.get("v1/models").await?;
    models.data.truncate(MODELS_MAX);
    if is_ollama(http).await {
        return ollama(http, &models).await;
    }
    if let Ok(said) = http.get::<Models>("api/v0/models").await {
        let kinds = said.data.into_iter().take(MODELS_MAX);
        let found = kinds.flat_map(|model| match model.kind.as_deref() {
            Some("embeddings") => asked(&model.id, &[CapabilityKind::EMBED]),
            Some("vlm") => asked(&model.id, &[CapabilityKind::CHAT, CapabilityKind::VISION]),
            Some("llm") => asked(&model.id, &[CapabilityKind::CHAT]),
            _ => by_name(&model.id),
        });
        let found: Vec<Asked> = found.collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let sees = llama_cpp_sees(http).await;
    let found = models.data.iter().flat_map(|model| match sees {
        Some(true) => asked(&model.id, &[CapabilityKind::CHAT, CapabilityKind::VISION]),
        Some(false) | None => by_name(&model.id),
    });
    Ok(found.collect())
}

fn asked(model: &str, capabilities: &[CapabilityKind]) -> Vec<Asked> {
    let one = |capability: &CapabilityKind| Asked { capability: capability.clone(), model: model.to_owned() };
    capabilities.iter().map(one).collect()
}

/// Ollama answers its root with this sentence.
async fn is_ollama(http: &Http) -> bool {
    http.get::<Value>("api/version").await.is_ok_and(|version| version.get("version").is_some())
        && http.get::<Value>("api/tags").await.is_ok_and(|tags| tags.get("models").is_some())
}

async fn ollama(http: &Http, models: &Models) -> Result<Vec<Asked>, Fault> {
    #[derive(Deserialize)]
    struct Show {
        #[serde(default)]
        capabilities: Vec<String>,
    }
    let mut found = Vec::new();
    for Model { id, .. } in &models.data {
        let show: Show = http.post("api/show", &json!({"model": id})).await?;
        // Versions before 0.6.4 do not say.
        if show.capabilities.is_empty() {
            found.extend(by_name(id));
        }
        for capability in show.capabilities {
            match capability.as_str() {
                "completion" => found.extend(asked(id, &[CapabilityKind::CHAT])),
                "vision" => found.extend(asked(id, &[CapabilityKind::VISION])),
                "embedding" => found.extend(asked(id, &[CapabilityKind::EMBED])),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Whether llama.cpp's server has a model that sees; `None` when it is another server.
async fn llama_cpp_sees(http: &Http) -> Option<bool> {
    let props: Value = http.get("props").await.ok()?;
    props.pointer("/modalities/vision")?.as_bool()
}

/// What a model is good for, by the names that are given to such models. `--offer` says it where this guesses wrong.
fn by_name(model: &str) -> Vec<Asked> {
    let name = model.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["embed", "bge-", "minilm", "e5-", "gte-"]) {
        return asked(model, &[CapabilityKind::EMBED]);
    }
    if has(&["dall-e", "gpt-image", "stable-diffusion", "sdxl", "sd3", "flux"]) {
        return asked(model, &[CapabilityKind::IMAGINE]);
    }
    if has(&["whisper", "transcribe", "parakeet"]) {
        return asked(model, &[CapabilityKind::TRANSCRIBE]);
    }
    if has(&["tts", "kokoro", "piper"]) {
        return asked(model, &[CapabilityKind::SPEAK]);
    }
    if has(&["moderation", "realtime", "davinci", "babbage", "rerank", "sora", "-audio"]) {
        return Vec::new();
    }
    if has(&[
        "gpt-4o",
        "gpt-4.1",
        "gpt-5",
        "llava",
        "-vl",
        "vision",
        "gemma-3",
        "gemma3",
        "pixtral",
        "minicpm-v",
        "moondream",
    ]) {
        return asked(model, &[CapabilityKind::CHAT, CapabilityKind::VISION]);
    }
    asked(model, &[CapabilityKind::CHAT])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_model_is_good_for() {
        let kinds = |model: &str| {
            by_name(model).iter().map(|asked| asked.capability.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(kinds("llama-3.2-1b-instruct"), "chat");
        assert_eq!(kinds("gpt-4o-mini"), "chat vision");
        assert_eq!(kinds("text-embedding-3-small"), "embed");
        assert_eq!(kinds("gpt-image-1"), "imagine");
        assert_eq!(kinds("whisper-1"), "transcribe");
        assert_eq!(kinds("gpt-4o-mini-tts"), "speak");
        assert_eq!(kinds("omni-moderation-latest"), "");
    }
}
