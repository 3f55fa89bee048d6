//! `mtor-gateway`: attaches services that speak another protocol to a realm. Only wiring: what it does is the library of
//! this crate.

mod cli;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_gateway::anthropic::Anthropic;
use mtor_gateway::automatic1111::Automatic1111;
use mtor_gateway::comfyui::{ComfyUi, read_workflow};
use mtor_gateway::discover::{Found, Kind, discover};
use mtor_gateway::huggingface::HuggingFace;
use mtor_gateway::mcp::Mcp;
use mtor_gateway::openai::OpenAi;
use mtor_gateway::probe::probe;
use mtor_gateway::{Offered, Service, attach, defaults, wyoming};
use mtor_worker::program::{self, cancelled_by_signals};
use mtor_worker::{KeyFile, Settings, WorkerError};
use tokio::task::JoinSet;

use crate::cli::{Attached, ComfyOptions, CommandOptions, DiscoverOptions, Options, ServiceKind, WebOptions};

fn main() -> ExitCode {
    program::run("info", run(Options::parse().service), is_bad_input)
}

/// From start to the end of the last job.
async fn run(service: ServiceKind) -> anyhow::Result<()> {
    match service {
        ServiceKind::Wyoming(options) => {
            let shutdown = cancelled_by_signals().context("no signals can be received")?;
            let (settings, name, slots) = settings(options.attached, "wyoming")?;
            Ok(wyoming::attach(wyoming::Service::new(options.address), &name, slots, settings, shutdown)
                .await?)
        }
        ServiceKind::OpenAi(options) => web(options, "openai", OpenAi::new).await,
        ServiceKind::Anthropic(options) => web(options, "anthropic", Anthropic::new).await,
        ServiceKind::Automatic1111(options) => web(options, "automatic1111", Automatic1111::new).await,
        ServiceKind::ComfyUi(ComfyOptions { web: options, workflow }) => {
            let workflow = workflow.as_deref().map(read_workflow).transpose()?;
            web(options, "comfyui", |base, key, offered| ComfyUi::new(base, key, offered, workflow)).await
        }
        ServiceKind::HuggingFace(options) => {
            web(options, "huggingface", |base, key, offered| HuggingFace::new(base, key, &offered)).await
        }
        ServiceKind::Mcp(options) => web(options, "mcp", Mcp::over_http).await,
        ServiceKind::McpCommand(mut options) => {
            let server = options.server();
            let CommandOptions { terms, attached, .. } = options;
            let offered = terms.offered(attached.slots);
            serve(Mcp::over_stdio(server, offered), attached, "mcp").await
        }
        ServiceKind::Probe { address } => {
            println!("{}", serde_json::to_string(&probe(&address).await?)?);
            Ok(())
        }
        ServiceKind::Discover(options) => say_what_is_here(&options).await,
    }
}

/// Attaches a service over HTTP.
async fn web<S: Service>(
    options: WebOptions,
    name: &str,
    make: impl FnOnce(reqwest::Url, Option<mtor_gateway::http::Key>, mtor_gateway::Offered) -> anyhow::Result<S>,
) -> anyhow::Result<()> {
    let WebOptions { address, secret, terms, attached } = options;
    let key = secret.read()?;
    if key.is_some() && address.scheme() == "http" && !is_near(&address) {
        tracing::warn!(%address, "the key goes there unencrypted: whoever is on the way can read it");
    }
    serve(make(address, key, terms.offered(attached.slots))?, attached, name).await
}

fn is_near(address: &reqwest::Url) -> bool {
    address.host_str().is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

async fn serve<S: Service>(service: S, attached: Attached, name: &str) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    let (settings, name, _) = settings(attached, name)?;
    Ok(attach(service, &name, settings, shutdown).await?)
}

/// How it works for the realm, what it is called there, and in how many slots.
fn settings(attached: Attached, default_name: &str) -> anyhow::Result<(Settings, String, u32)> {
    let key = KeyFile::load_or_create(&attached.key).context("the worker's key")?;
    let mut settings = Settings::new(attached.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-gateway/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok((settings, attached.name.unwrap_or_else(|| default_name.to_owned()), attached.slots))
}

/// Says which services run on this machine, and attaches them if that was asked for.
async fn say_what_is_here(options: &DiscoverOptions) -> anyhow::Result<()> {
    let found = discover(&Kind::ALL).await?;
    if options.attach {
        return attach_all(options, &found).await;
    }
    if found.is_empty() && !options.json {
        let names = Kind::ALL.map(|(kind, port)| format!("{kind} ({port})")).join(", ");
        println!("Nothing was found on the ports on which these usually listen: {names}.");
        println!("What listens elsewhere is attached by its address: mtor worker gateway -- --help");
    }
    for Found { kind, address } in &found {
        let address = address.as_str().trim_end_matches('/');
        match options.json {
            true => {
                let line = serde_json::json!({
                    "service": kind.word(), "name": kind.to_string(), "address": address, "gateway": kind.gateway_kind(),
                });
                println!("{line}");
            }
            false => {
                println!("{kind} at {address}");
                match kind.gateway_kind() {
                    Some(word) => println!("  attach it: mtor worker gateway -- {word} {address}"),
                    None => println!(
                        "  its voice services are attached one by one: mtor worker gateway -- wyoming tcp://HOST:PORT"
                    ),
                }
            }
        }
    }
    if !options.json && found.iter().any(|found| found.kind.gateway_kind().is_some()) {
        println!("All of them at once: mtor worker discover --attach");
    }
    Ok(())
}

/// Attaches each in this very process, until a signal ends them all.
async fn attach_all(options: &DiscoverOptions, found: &[Found]) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    let mut attached = JoinSet::new();
    for Found { kind, address } in found {
        let terms = Offered { slots: defaults::SLOTS, ..Offered::default() };
        let (settings, name, _) = match kind.gateway_kind() {
            Some(_) => settings(options.attached(kind.word()), kind.word())?,
            None => continue,
        };
        println!("attaching {kind} at {address}");
        let (address, shutdown) = (address.clone(), shutdown.clone());
        match kind {
            Kind::ComfyUi => {
                let service = ComfyUi::new(address, None, terms, None)?;
                attached.spawn(async move { attach(service, &name, settings, shutdown).await });
            }
            Kind::Automatic1111 | Kind::StableDiffusionCpp => {
                let service = Automatic1111::new(address, None, terms)?;
                attached.spawn(async move { attach(service, &name, settings, shutdown).await });
            }
            Kind::Ollama | Kind::LlamaCpp | Kind::LmStudio => {
                let service = OpenAi::new(address, None, terms)?;
                attached.spawn(async move { attach(service, &name, settings, shutdown).await });
            }
            Kind::HomeAssistant => {}
        }
    }
    anyhow::ensure!(!attached.is_empty(), "nothing was found that could be attached");
    while let Some(ended) = attached.join_next().await {
        // One that the realm does not want ends them all, rather than go on unseen.
        ended.context("a service's task broke")??;
    }
    Ok(())
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(WorkerError::Address { .. } | WorkerError::Tls(_) | WorkerError::Announcement(_))
    )
}
