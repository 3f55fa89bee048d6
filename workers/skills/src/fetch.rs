//! Fetching from servers: services that the sysop named, and pages of the open web, which are something else: an address
//! that somebody was led to must not be one inside the house.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use crate::defaults::{CONNECT_TIMEOUT, FETCH_BYTES_MAX, FETCH_TIMEOUT, REDIRECTS_MAX};
use crate::skill::SkillError;

/// What is told to servers of who asks.
const USER_AGENT: &str =
    concat!("mtor-skills/", env!("CARGO_PKG_VERSION"), " (https://github.com/mtor-realm/mtor)");

/// Fetches from services whose addresses stand in the settings.
#[derive(Debug, Clone)]
pub struct Services(Client);

impl Services {
    /// A client for services.
    ///
    /// # Errors
    /// When the system has no certificates to check servers with.
    pub fn new() -> Result<Self, SkillError> {
        // Who is sent on elsewhere by a service takes no token of ours along.
        build(Client::builder().redirect(reqwest::redirect::Policy::none())).map(Self)
    }

    /// A request for an address of the service.
    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.0.get(url)
    }

    /// Something for an address of the service.
    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.0.post(url)
    }
}

/// The JSON that a service answers with.
pub(crate) async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, SkillError> {
    let bytes = body(sent(request).await?).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| SkillError::Service(format!("the service's answer can't be read: {error}")))
}

/// A service's answer, if it is a good one.
pub(crate) async fn sent(request: RequestBuilder) -> Result<Response, SkillError> {
    let answer = answered(request).await?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    Err(SkillError::Service(format!("{} answered {}", host(&answer), answer.status())))
}

/// A service's answer, whatever it is.
pub(crate) async fn answered(request: RequestBuilder) -> Result<Response, SkillError> {
    // The address is left out: it may hold what somebody asked for.
    request
        .send()
        .await
        .map_err(|error| SkillError::Service(format!("it can't be reached: {}", innermost(&error))))
}

fn host(answer: &Response) -> String {
    answer.url().host_str().unwrap_or("the service").to_owned()
}

/// All of an answer, within the limit.
pub(crate) async fn body(mut answer: Response) -> Result<Vec<u8>, SkillError> {
    let mut bytes = Vec::new();
    let broken =
        |error: reqwest::Error| SkillError::Service(format!("the answer broke off: {}", innermost(&error)));
    while let Some(piece) = answer.chunk().await.map_err(broken)? {
        if bytes.len() + piece.len() > FETCH_BYTES_MAX {
            return Err(SkillError::Service(format!(
                "{} sends more than {FETCH_BYTES_MAX} bytes",
                host(&answer)
            )));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Fetches pages of the open web.
#[derive(Debug, Clone)]
pub struct Pages {
    client: Client,
    private: Arc<Vec<String>>,
    only: Option<Arc<Vec<String>>>,
}

/// A page that was fetched.
#[derive(Debug)]
pub struct Page {
    /// Where it lies, after all redirections.
    pub url: Url,
    /// What the server says it is, in lower case.
    pub content_type: String,
    /// All of it.
    pub text: String,
}

impl Pages {
    /// A client for pages. Hosts of `private` may be read although their addresses are private.
    ///
    /// # Errors
    /// When the system has no certificates to check servers with.
    pub fn new(private: Vec<String>) -> Result<Self, SkillError> {
        let private = Arc::new(private.into_iter().map(|host| host.to_ascii_lowercase()).collect::<Vec<_>>());
        // Redirections are followed by hand. A proxy would look names up itself, past the check of what they stand for.
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Public { private: private.clone() }));
        Ok(Self { client: build(client)?, private, only: None })
    }

    /// The same client, for nothing but these hosts: `name`, or `name:port` where the port is not that of the scheme. It
    /// follows no redirection to another one.
    #[must_use]
    pub fn only(self, hosts: Vec<String>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { only: Some(Arc::new(hosts)), ..self }
    }

    /// A page, wherever it was moved to.
    ///
    /// # Errors
    /// [`SkillError::Forbidden`] when the address, or one that it leads to, may not be read;
    /// [`SkillError::Service`] when its server does not give it.
    pub async fn fetch(&self, url: &str) -> Result<Page, SkillError> {
        let address = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        let mut url = Url::parse(&address)
            .map_err(|error| SkillError::Arguments(format!("{address:?} is no address: {error}")))?;
        for _ in 0..=REDIRECTS_MAX {
            self.allow(&url)?;
            let answer = answered(self.client.get(url.clone())).await?;
            if answer.status().is_redirection() {
                let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| url.join(to).ok());
                url =
                    to.ok_or_else(|| SkillError::Service(format!("{} sends on to nowhere", host(&answer))))?;
                continue;
            }
            if !answer.status().is_success() {
                return Err(SkillError::Service(format!("{} answered {}", host(&answer), answer.status())));
            }
            let content_type = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let content_type = content_type.unwrap_or("text/html").to_ascii_lowercase();
            let bytes = body(answer).await?;
            return Ok(Page { url, text: decoded(&bytes, &content_type), content_type });
        }
        Err(SkillError::Service(format!("the page was moved more than {REDIRECTS_MAX} times")))
    }

    /// Whether an address may be asked at all. One that is a name is checked once it has been looked up.
    fn allow(&self, url: &Url) -> Result<(), SkillError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SkillError::Forbidden(format!("only http and https are read, not {}", url.scheme())));
        }
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let place = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        if self.only.as_ref().is_some_and(|only| !is_listed(only, &place)) {
            return Err(SkillError::Forbidden(format!("{place} is not among the hosts that may be asked")));
        }
        if is_listed(&self.private, &host) {
            return Ok(());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(not_public(&host)),
            _ => Ok(()),
        }
    }
}

fn not_public(host: &str) -> SkillError {
    SkillError::Forbidden(format!(
        "{host} is no address of the open web; the sysop can allow it in skills.toml"
    ))
}

fn is_listed(private: &[String], host: &str) -> bool {
    private.iter().any(|listed| listed == host)
}

/// Looks names up, and keeps only addresses of the open web. The connection is made to what was checked, and not to what a
/// second look would give.
struct Public {
    private: Arc<Vec<String>>,
}

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_ascii_lowercase();
        let listed = is_listed(&self.private, &host);
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| listed || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(not_public(&host).to_string().into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the open web: not of this machine, of the house, of a network's own business, or nobody's.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (18..20).contains(&b);
    let reserved = a >= 240 || a == 0;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || shared
        || protocol
        || benchmark
        || reserved)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // An address of the old kind inside one of the new leads to where the old one does.
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let segments = address.segments();
    // Only 2000::/3 is given out; in it, the tunnels of 2002::/16 and 2001::/32 hide others, and 2001:db8::/32 is nobody's.
    let given_out = segments[0] & 0xe000 == 0x2000;
    let hides = segments[0] == 0x2002 || segments[0] == 0x2001 && (segments[1] == 0 || segments[1] == 0xdb8);
    given_out && !hides
}

/// A text in its encoding, as far as that is one of the two that the web is written in.
fn decoded(bytes: &[u8], content_type: &str) -> String {
    let latin = ["iso-8859-1", "iso-8859-15", "windows-1252", "latin1"];
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1_024)]).to_ascii_lowercase();
    let says = |text: &str| latin.iter().any(|name| text.contains(name));
    let is_latin = says(content_type) || (!content_type.contains("utf-8") && says(&head));
    if is_latin && std::str::from_utf8(bytes).is_err() {
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    String::from_utf8_lossy(bytes).into_owned()
}

fn build(builder: reqwest::ClientBuilder) -> Result<Client, SkillError> {
    // The process may have chosen its cryptography already; then that choice is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(FETCH_TIMEOUT)
        .user_agent(USER_AGENT)
        .build()
        .map_err(|error| SkillError::Service(format!("cannot set up TLS: {}", innermost(&error))))
}

/// The cause that says something.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if cause.is::<reqwest::Error>() { "the request failed".to_owned() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_open_web_are_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "100.128.0.1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[tokio::test]
    async fn addresses_of_the_house_are_refused_before_and_after_they_are_looked_up() {
        let pages = Pages::new(Vec::new()).unwrap();
        for url in [
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
            "http://2130706433:1/",
            "http://0x7f.1:1/",
            "http://localhost:1/",
        ] {
            let refused = pages.fetch(url).await.unwrap_err().to_string();
            assert!(refused.contains("no address of the open web"), "{url}: {refused}");
        }
        assert!(pages.fetch("file:///etc/passwd").await.unwrap_err().to_string().contains("only http"));
    }

    #[test]
    fn old_encodings_are_read() {
        assert_eq!(decoded(b"caf\xe9", "text/html; charset=iso-8859-1"), "café");
        assert_eq!(decoded("café".as_bytes(), "text/html"), "café");
    }
}
