//! Which models a service has, and what each is good for. OpenAI's list has nothing but names, so services that say more in
//! interfaces of their own are asked there: Ollama, LM Studio, llama.cpp's server.

use mtor_worker::protocol::CapabilityKind;
use mtor_worker::protocol::worker::Needs;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::defaults::MODELS_MAX;
use crate::fault::Fault;
use crate::http::Http;
use crate::offered::{Asked, Found};

#[derive(Deserialize)]
struct Models {
    #[serde(default)]
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    /// Who serves it, as vLLM says.
    #[serde(default)]
    owned_by: Option<String>,
    /// Its window, as vLLM says.
    #[serde(default)]
    max_model_len: Option<u32>,
    /// What LM Studio says in its own list.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    /// A list of words at LM Studio, and a table at Mistral.
    #[serde(default)]
    capabilities: Value,
    #[serde(default)]
    loaded_context_length: Option<u32>,
    /// What OpenRouter says of each.
    #[serde(default)]
    supported_parameters: Option<Vec<String>>,
    #[serde(default)]
    context_length: Option<u32>,
}

/// A server that uses a grammar keeps any model to a schema.
const GRAMMAR: Needs = Needs { tools: false, json: true };

pub(super) async fn found(http: &Http) -> Result<Vec<Found>, Fault> {
    let mut models: Models = http.get("v1/models").await?;
    models.data.truncate(MODELS_MAX);
    if is_ollama(http).await {
        return ollama(http, &models).await;
    }
    if let Ok(said) = http.get::<Models>("api/v0/models").await {
        let found: Vec<Found> = said.data.iter().take(MODELS_MAX).flat_map(lm_studio).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    if let Some(server) = llama_cpp(http).await {
        let kinds = |model: &Model| match server.sees {
            Some(true) => asked(&model.id, &[CapabilityKind::CHAT, CapabilityKind::VISION]),
            Some(false) | None => by_name(&model.id),
        };
        let found = models.data.iter().flat_map(kinds);
        return Ok(found.map(|asked| Found { asked, can: server.can, window: server.window }).collect());
    }
    let found = models.data.iter().flat_map(|model| {
        let window = model.max_model_len.or(model.context_length);
        let found = move |asked| Found { asked, can: model.can(), window };
        by_name(&model.id).into_iter().map(found)
    });
    Ok(found.collect())
}

fn asked(model: &str, capabilities: &[CapabilityKind]) -> Vec<Asked> {
    let one = |capability: &CapabilityKind| Asked { capability: capability.clone(), model: model.to_owned() };
    capabilities.iter().map(one).collect()
}

fn lm_studio(model: &Model) -> Vec<Found> {
    let all = match model.kind.as_deref() {
        Some("embeddings") => asked(&model.id, &[CapabilityKind::EMBED]),
        Some("vlm") => asked(&model.id, &[CapabilityKind::CHAT, CapabilityKind::VISION]),
        Some("llm") => asked(&model.id, &[CapabilityKind::CHAT]),
        _ => by_name(&model.id),
    };
    let words = model.capabilities.as_array();
    let tools = words.is_some_and(|words| words.iter().any(|word| word == "tool_use"));
    let window = model.loaded_context_length;
    all.into_iter().map(|asked| Found { asked, can: Needs { tools, ..GRAMMAR }, window }).collect()
}

/// Other servers imitate it in one place; these two answers together are Ollama's alone.
async fn is_ollama(http: &Http) -> bool {
    http.get::<Value>("api/version").await.is_ok_and(|version| version.get("version").is_some())
        && http.get::<Value>("api/tags").await.is_ok_and(|tags| tags.get("models").is_some())
}

/// Its windows are not told: what it says is the model's largest, and not what it runs with.
async fn ollama(http: &Http, models: &Models) -> Result<Vec<Found>, Fault> {
    #[derive(Deserialize)]
    struct Show {
        #[serde(default)]
        capabilities: Vec<String>,
    }
    let mut found = Vec::new();
    for Model { id, .. } in &models.data {
        let show: Show = http.post("api/show", &json!({"model": id})).await?;
        let has = |word: &str| show.capabilities.iter().any(|capability| capability == word);
        let mut all: Vec<Asked> = Vec::new();
        for (word, capability) in [
            ("completion", CapabilityKind::CHAT),
            ("vision", CapabilityKind::VISION),
            ("embedding", CapabilityKind::EMBED),
        ] {
            all.extend(asked(id, if has(word) { std::slice::from_ref(&capability) } else { &[] }));
        }
        // Versions before 0.6.4 do not say.
        if show.capabilities.is_empty() {
            all = by_name(id);
        }
        let can = Needs { tools: has("tools"), ..GRAMMAR };
        found.extend(all.into_iter().map(|asked| Found { asked, can, window: None }));
    }
    Ok(found)
}

/// What llama.cpp's server says of the model that it runs.
struct LlamaCpp {
    /// Older ones don't say.
    sees: Option<bool>,
    can: Needs,
    window: Option<u32>,
}

/// `None` when it is another server.
async fn llama_cpp(http: &Http) -> Option<LlamaCpp> {
    let props: Value = http.get("props").await.ok()?;
    let settings = props.get("default_generation_settings");
    let sees = props.pointer("/modalities/vision").and_then(Value::as_bool);
    if settings.is_none() && sees.is_none() {
        return None;
    }
    let window = settings.and_then(|settings| settings.get("n_ctx")?.as_u64()?.try_into().ok());
    // A template that knows of tools is what it calls them by.
    let tools = match props.pointer("/chat_template_caps/supports_tools").and_then(Value::as_bool) {
        Some(says) => says,
        None => props.get("chat_template").and_then(Value::as_str).is_some_and(|text| text.contains("tools")),
    };
    Some(LlamaCpp { sees, can: Needs { tools, ..GRAMMAR }, window })
}

impl Model {
    /// What it can do beside conversing, as its server's list says, or as is known of its server.
    fn can(&self) -> Needs {
        // Whether vLLM was started with a parser of calls, it does not say.
        if self.owned_by.as_deref() == Some("vllm") {
            return GRAMMAR;
        }
        if let Some(takes) = &self.supported_parameters {
            let has = |word: &str| takes.iter().any(|parameter| parameter == word);
            return Needs { tools: has("tools"), json: has("structured_outputs") };
        }
        match self.capabilities.get("function_calling").and_then(Value::as_bool) {
            Some(tools) => Needs { tools, ..GRAMMAR },
            None => can_by_name(&self.id),
        }
    }
}

/// What models of those who sell them can do beside conversing. Of any other nobody knows: `--can` says it.
fn can_by_name(model: &str) -> Needs {
    let sold = ["gpt-4o", "gpt-4.1", "gpt-5", "o3", "o4", "gemini-"];
    let known = sold.iter().any(|name| model.starts_with(name));
    Needs { tools: known, json: known }
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
        assert!(can_by_name("gpt-4o-mini").tools && can_by_name("some-model").is_none());
    }
}
