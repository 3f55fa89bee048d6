//! Which services run on this machine: the ports on which they usually listen are asked, on loopback alone, for what only they
//! answer.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use crate::probe::beginning;

/// How long a port may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What kind of service was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ollama.
    Ollama,
    /// llama.cpp's server.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// ComfyUI.
    ComfyUi,
    /// Automatic1111, or one that speaks like it.
    Automatic1111,
    /// stable-diffusion.cpp's server, which speaks like Automatic1111 too.
    StableDiffusionCpp,
    /// Home Assistant.
    HomeAssistant,
}

impl Kind {
    /// All of them, with the port on which each usually listens.
    pub const ALL: [(Self, u16); 7] = [
        (Self::Ollama, 11_434),
        (Self::LlamaCpp, 8_080),
        (Self::LmStudio, 1_234),
        (Self::ComfyUi, 8_188),
        (Self::Automatic1111, 7_860),
        // As LM Studio: one of the two is there.
        (Self::StableDiffusionCpp, 1_234),
        (Self::HomeAssistant, 8_123),
    ];

    /// What the gateway is told to attach it; nothing for what is attached otherwise.
    pub fn gateway_kind(self) -> Option<&'static str> {
        match self {
            Self::Ollama | Self::LlamaCpp | Self::LmStudio => Some("openai"),
            Self::ComfyUi => Some("comfyui"),
            Self::Automatic1111 | Self::StableDiffusionCpp => Some("automatic1111"),
            Self::HomeAssistant => None,
        }
    }

    /// A word for it, to name a worker with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::LlamaCpp => "llama-cpp",
            Self::LmStudio => "lm-studio",
            Self::ComfyUi => "comfyui",
            Self::Automatic1111 => "automatic1111",
            Self::StableDiffusionCpp => "stable-diffusion-cpp",
            Self::HomeAssistant => "home-assistant",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ollama => "Ollama",
            Self::LlamaCpp => "llama.cpp's server",
            Self::LmStudio => "LM Studio",
            Self::ComfyUi => "ComfyUI",
            Self::Automatic1111 => "Automatic1111",
            Self::StableDiffusionCpp => "stable-diffusion.cpp's server",
            Self::HomeAssistant => "Home Assistant",
        })
    }
}

/// A service that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub address: Url,
}

/// Looks at these ports of this machine, all at once.
///
/// # Errors
/// When no HTTP client can be made.
pub async fn discover(ports: &[(Kind, u16)]) -> anyhow::Result<Vec<Found>> {
    // Another part of the process may have chosen its cryptography already; then that choice is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let looks = ports.iter().map(|(kind, port)| look(&client, *kind, *port));
    Ok(futures_util::future::join_all(looks).await.into_iter().flatten().collect())
}

async fn look(client: &reqwest::Client, kind: Kind, port: u16) -> Option<Found> {
    let address = Url::parse(&format!("http://127.0.0.1:{port}/")).ok()?;
    is_at(client, kind, &address).await.then_some(Found { kind, address })
}

/// Whether a service of this kind is at an address.
pub(crate) async fn is_at(client: &reqwest::Client, kind: Kind, address: &Url) -> bool {
    answers_as(client, kind, address).await.unwrap_or(false)
}

async fn answers_as(client: &reqwest::Client, kind: Kind, address: &Url) -> Option<bool> {
    let ask = async |path: &str| {
        let response = client.get(address.join(path).ok()?).send().await.ok()?;
        Some((response.status().as_u16(), beginning(response).await?))
    };
    let json = async |path: &str| match ask(path).await? {
        (200, text) => serde_json::from_str::<Value>(&text).ok(),
        _ => None,
    };
    Some(match kind {
        Kind::Ollama => {
            json("api/version").await?.get("version").is_some()
                && json("api/tags").await?.get("models").is_some()
        }
        Kind::LlamaCpp => json("props").await?.get("default_generation_settings").is_some(),
        Kind::LmStudio => json("api/v0/models").await?.get("data").is_some(),
        Kind::ComfyUi => {
            json("system_stats").await?.pointer("/system/comfyui_version").is_some()
                || json("object_info/KSampler").await?.get("KSampler").is_some()
        }
        Kind::Automatic1111 => json("sdapi/v1/sd-models").await?.is_array(),
        Kind::StableDiffusionCpp => json("sdcpp/v1/capabilities").await?.get("model").is_some(),
        // It says nothing without a key, and this in its own way.
        Kind::HomeAssistant => {
            let (status, _) = ask("api/").await?;
            status == 401 && ask("manifest.json").await?.1.contains("Home Assistant")
        }
    })
}
