//! What is at an address: it is asked what only one kind of service answers, one kind after the other. No key is shown to it, no
//! redirect is followed, and nothing of what it says goes further than its kind.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mtor_wyoming::Address;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Serialize;
use serde_json::{Value, json};

use crate::discover::{self, Kind};
use crate::http::parse_base;
use crate::wyoming;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// A service, as it is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probed {
    /// A word for it, to name a worker with.
    pub service: &'static str,
    /// What people call it.
    pub name: String,
    /// What the gateway is told to attach it.
    pub gateway: &'static str,
    /// Its address, as the gateway takes it.
    pub address: String,
}

/// Finds out what is at an address.
///
/// # Errors
/// What is wrong with the address, or that nothing there speaks what the gateway does.
pub async fn probe(address: &str) -> anyhow::Result<Probed> {
    let address = address.trim();
    if let Ok(address) = address.parse::<Address>() {
        return wyoming_service(address).await;
    }
    let written = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let base = api_root(parse_base(&written).map_err(anyhow::Error::msg)?);
    let client = client(&base).await?;
    for (kind, _) in Kind::ALL {
        if !discover::is_at(&client, kind, &base).await {
            continue;
        }
        let gateway = kind.gateway_kind().ok_or_else(|| {
            anyhow::anyhow!("this is {kind}: attach its voice services one by one, by tcp://HOST:PORT; its devices are switched by the skills worker")
        })?;
        return Ok(found(kind.word(), kind.to_string(), gateway, &base));
    }
    if let Some(probed) = by_models(&client, &base).await {
        return Ok(probed);
    }
    if speaks_mcp(&client, &base).await {
        return Ok(found("mcp", "MCP server".to_owned(), "mcp", &base));
    }
    anyhow::bail!(
        "nothing at {base} answers as Ollama, llama.cpp, LM Studio, ComfyUI, Automatic1111 (it must run with --api), OpenAI's \
         interface, Anthropic or an MCP server does; a voice service is attached by tcp://HOST:PORT"
    )
}

fn found(service: &'static str, name: String, gateway: &'static str, base: &Url) -> Probed {
    Probed { service, name, gateway, address: base.as_str().trim_end_matches('/').to_owned() }
}

/// People paste the address with the version of the interface at its end.
fn api_root(mut base: Url) -> Url {
    if let Some(root) = base.path().strip_suffix("v1/").map(str::to_owned) {
        base.set_path(&root);
    }
    base
}

async fn wyoming_service(address: Address) -> anyhow::Result<Probed> {
    if let Address::Tcp(host, port) = &address {
        places(host, *port).await?;
    }
    let info = tokio::time::timeout(PATIENCE, wyoming::Service::new(address.clone()).describe()).await;
    match info {
        Ok(Ok(_)) => Ok(Probed {
            service: "wyoming",
            name: "Voice service (Wyoming)".to_owned(),
            gateway: "wyoming",
            address: address.to_string(),
        }),
        Ok(Err(error)) => anyhow::bail!("nothing at {address} speaks Wyoming: {error}"),
        Err(_) => anyhow::bail!("nothing at {address} answers within {} s", PATIENCE.as_secs()),
    }
}

/// A client that goes to the places alone that were looked at: a name that points elsewhere a moment later goes nowhere.
async fn client(base: &Url) -> anyhow::Result<Client> {
    // Another part of the process may have chosen its cryptography already; then that choice is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Brackets stand round an IPv6 address in a URL alone.
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let places = places(host, base.port_or_known_default().unwrap_or(80)).await?;
    let builder = Client::builder().timeout(PATIENCE).no_proxy().redirect(Policy::none());
    Ok(builder.resolve_to_addrs(host, &places).build()?)
}

/// Where a name leads, if services can be there: on this machine, in the house, on the internet.
async fn places(host: &str, port: u16) -> anyhow::Result<Vec<SocketAddr>> {
    let places: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| anyhow::anyhow!("{host} is not known: {error}"))?
        .collect();
    anyhow::ensure!(!places.is_empty(), "{host} is not known");
    if let Some(place) = places.iter().find(|place| !may_serve(place.ip())) {
        anyhow::bail!("{} is no address of a service", place.ip());
    }
    Ok(places)
}

/// Addresses that mean every machine, several, or the one that clouds keep their secrets at, are none of a service.
fn may_serve(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast())
        }
        IpAddr::V6(ip) => !(ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast()),
    }
}

/// OpenAI's interface and Anthropic's list models at the same place. Without a key they refuse, each in its own words.
async fn by_models(client: &Client, base: &Url) -> Option<Probed> {
    let (status, body) = ask(client.get(base.join("v1/models").ok()?)).await?;
    let host = base.host_str().unwrap_or_default();
    let openai = || match host {
        "api.openai.com" => found("openai", "OpenAI".to_owned(), "openai", base),
        _ => found("openai", format!("OpenAI's interface at {host}"), "openai", base),
    };
    match status {
        200 if body.get("has_more").is_some() || body.get("first_id").is_some() => {
            Some(found("anthropic", "Anthropic".to_owned(), "anthropic", base))
        }
        200 => body.get("data").is_some_and(Value::is_array).then(openai),
        400..=499 if body.get("type") == Some(&json!("error")) => {
            Some(found("anthropic", "Anthropic".to_owned(), "anthropic", base))
        }
        401 | 403 => body.pointer("/error/message").is_some().then(openai),
        _ => None,
    }
}

/// An MCP server answers the beginning of a session, or asks for a key.
async fn speaks_mcp(client: &Client, base: &Url) -> bool {
    let mut at = base.clone();
    at.set_path(base.path().trim_end_matches('/'));
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "mtor", "version": env!("CARGO_PKG_VERSION") },
    } });
    let request = client
        .post(at)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json, text/event-stream")
        .body(hello.to_string());
    let Ok(response) = request.send().await else { return false };
    let wants_key = response.status().as_u16() == 401 && response.headers().contains_key("www-authenticate");
    let Some(text) = beginning(response).await else { return wants_key };
    // One message, as JSON or as the first event of a stream.
    let message = text.lines().find_map(|line| line.strip_prefix("data:")).unwrap_or(&text);
    let message: Value = serde_json::from_str(message.trim()).unwrap_or_default();
    wants_key || (message.get("jsonrpc") == Some(&json!("2.0")) && message.get("result").is_some())
}

/// The status of an answer, and its JSON.
async fn ask(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let text = beginning(response).await?;
    Some((status, serde_json::from_str(&text).unwrap_or_default()))
}

/// As much of an answer as a service needs to say who it is. A stream that stays open is read up to its first event.
pub(crate) async fn beginning(mut response: reqwest::Response) -> Option<String> {
    const BYTES_MAX: usize = 1 << 20;
    let is_stream = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > BYTES_MAX || (is_stream && body.windows(2).any(|end| end == b"\n\n")) {
            break;
        }
    }
    body.truncate(BYTES_MAX);
    String::from_utf8(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_on_machines_and_not_where_clouds_keep_secrets() {
        for good in ["127.0.0.1", "192.168.1.7", "10.0.0.1", "::1", "fd00::1", "203.0.113.9"] {
            assert!(may_serve(good.parse().unwrap()), "{good}");
        }
        for bad in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1"] {
            assert!(!may_serve(bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn the_version_at_the_end_of_an_address_is_no_part_of_it() {
        let root = |text: &str| api_root(parse_base(text).unwrap()).to_string();
        assert_eq!(root("http://a:1/v1"), "http://a:1/");
        assert_eq!(root("http://a:1/x/v1/"), "http://a:1/x/");
        assert_eq!(root("http://a:1/mcp"), "http://a:1/mcp/");
    }

    #[tokio::test]
    async fn what_is_no_address_is_said_so() {
        for (address, why) in [
            ("ftp://a", "http or https"),
            ("http://u:p@127.0.0.1", "no password"),
            ("http://169.254.169.254/", "no address of a service"),
            ("tcp://169.254.0.1:10300", "no address of a service"),
        ] {
            let error = probe(address).await.unwrap_err().to_string();
            assert!(error.contains(why), "{address}: {error}");
        }
    }
}
