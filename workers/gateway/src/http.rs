//! What all services over HTTP share: a base address, a key that is shown to nobody else, limits, and what a status means.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::defaults::{
    ANSWER_BYTES_MAX, ANSWER_TIMEOUT, CONNECT_TIMEOUT, PAUSE_MAX, PAUSE_UNSAID, PAUSES_MAX, SAID_CHARS,
};
use crate::fault::Fault;

/// A key for a service. It never shows itself.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// This key, without the white space around it that files have.
    ///
    /// # Errors
    /// When it can't be sent in a header.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err("a key is one word of printable ASCII".to_owned()),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// How a service wants to be shown its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// A header of its own.
    Named(&'static str),
}

/// A service's address, and how to speak to it.
#[derive(Debug)]
pub struct Http {
    base: Url,
    client: reqwest::Client,
    key: Option<(HeaderName, HeaderValue)>,
    /// Until when the service wants to be left alone.
    quiet: Mutex<Option<Instant>>,
}

/// Reads the address of a service: with a scheme, and without a key or a question in it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_base(text: &str) -> Result<Url, String> {
    let wrong = |what: &str| Err(format!("{what}: write http://HOST:PORT or https://HOST"));
    let Ok(mut url) = Url::parse(text) else { return wrong("this is no address") };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return wrong("a service is reached over http or https");
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return wrong(
            "an address has no password and no question in it; keys come from --key-file or --key-env",
        );
    }
    // Joining replaces what is after the last slash.
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

impl Http {
    /// Speaks to the service at `base`.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(base: Url, key: Option<Key>, header: KeyHeader) -> anyhow::Result<Self> {
        // Another part of the process may have chosen its cryptography already; then that choice is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(ANSWER_TIMEOUT)
            // A key must not follow to wherever a service sends us.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mtor-gateway/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let key = key.map(|Key(key)| match header {
            KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            KeyHeader::Named(name) => (HeaderName::from_static(name), key),
        });
        let key = match key {
            Some((name, value)) => {
                let mut value = HeaderValue::from_str(&value)?;
                value.set_sensitive(true);
                Some((name, value))
            }
            None => None,
        };
        Ok(Self { base, client: builder.build()?, key, quiet: Mutex::default() })
    }

    /// Where the service is.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The header that shows the key.
    pub(crate) fn key_header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.key.as_ref()
    }

    /// The address of a path below the base.
    ///
    /// # Errors
    /// When that is no address.
    pub fn url(&self, path: &str) -> Result<Url, Fault> {
        self.base.join(path).map_err(|error| Fault::Nonsense(format!("the path {path:?}: {error}")))
    }

    /// What is answered to a GET, read as JSON.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let response = self.send(Method::GET, path, |request| request).await?;
        read_json(response).await
    }

    /// What is answered to a POST of JSON, read as JSON.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Fault> {
        read_json(self.post_json(path, body).await?).await
    }

    /// The answer to a POST of JSON, still to be read.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Response, Fault> {
        self.send(Method::POST, path, |request| request.json(body)).await
    }

    /// The answer to a request, still to be read. A service that has too much to do is asked again when it says so, a few times
    /// and if that is soon.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Fault> {
        let url = self.url(path)?;
        let mut asked = 0;
        loop {
            self.keep_quiet().await?;
            asked += 1;
            let mut request = with(self.client.request(method.clone(), url.clone()));
            if let Some((name, value)) = &self.key {
                request = request.header(name, value);
            }
            let response = request.send().await.map_err(|error| lost(&error))?;
            match check(response, PAUSE_UNSAID * 2_u32.pow(asked)).await {
                Err(Fault::Busy { after, status }) => {
                    self.be_quiet(after);
                    if asked > PAUSES_MAX || after > PAUSE_MAX {
                        return Err(Fault::Busy { after, status });
                    }
                }
                other => return other,
            }
        }
    }

    /// Waits as long as the service wants to be left alone, unless that is too long.
    async fn keep_quiet(&self) -> Result<(), Fault> {
        let until = *self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        match until.map(|until| (until, until.saturating_duration_since(Instant::now()))) {
            Some((_, after)) if after > PAUSE_MAX => Err(Fault::Busy { status: 429, after }),
            Some((until, _)) => {
                sleep_until(until).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn be_quiet(&self, after: Duration) {
        let until = Instant::now() + after;
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        *quiet = Some(quiet.map_or(until, |known| known.max(until)));
    }
}

/// A good answer, or what a bad one means.
async fn check(response: Response, pause: Duration) -> Result<Response, Fault> {
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(response);
    }
    let asked =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::parse::<u64>);
    // A date instead of seconds is rare, and then a little patience does as well.
    let asked = asked.and_then(Result::ok).map(Duration::from_secs);
    if status == 429 || (status == 503 && asked.is_some()) || status == 529 {
        return Err(Fault::Busy { status, after: asked.unwrap_or(pause) });
    }
    let said = read_up_to(response, SAID_CHARS * 16).await.unwrap_or_default();
    Err(Fault::Refused { status, said: said_in(&said) })
}

/// A service's own words, wherever it puts them, short enough to be handed on.
fn said_in(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let said = json.as_ref().and_then(|json| {
        let places = ["/error/message", "/error", "/message", "/detail", "/error/type"];
        places.iter().find_map(|place| json.pointer(place)?.as_str())
    });
    said.unwrap_or(&text).trim().chars().filter(|char| !char.is_control()).take(SAID_CHARS).collect()
}

/// Reads an answer as JSON.
///
/// # Errors
/// [`Fault`]
pub async fn read_json<T: DeserializeOwned>(response: Response) -> Result<T, Fault> {
    let body = read_all(response).await?;
    serde_json::from_slice(&body).map_err(|error| Fault::Nonsense(error.to_string()))
}

/// Reads a whole answer.
///
/// # Errors
/// [`Fault`]
pub async fn read_all(response: Response) -> Result<Bytes, Fault> {
    read_up_to(response, ANSWER_BYTES_MAX).await
}

async fn read_up_to(mut response: Response, bytes_max: usize) -> Result<Bytes, Fault> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + piece.len() > bytes_max {
            return Err(Fault::Nonsense(format!("it is longer than {bytes_max} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.into())
}

/// What a failed request means. Without the address, which is known, and the layers above what the system said.
pub(crate) fn lost(error: &reqwest::Error) -> Fault {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Fault::Lost(if error.is_timeout() {
        "it said nothing for too long".to_owned()
    } else {
        innermost.to_string()
    })
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_secrets_in_them() {
        assert_eq!(parse_base("http://127.0.0.1:11434").unwrap().as_str(), "http://127.0.0.1:11434/");
        assert_eq!(parse_base("https://a.example/v1").unwrap().join("models").unwrap().path(), "/v1/models");
        for wrong in ["127.0.0.1:1", "ftp://a", "http://me:secret@a", "http://a?key=secret"] {
            assert!(parse_base(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = Key::new(" sk-secret\n").unwrap();
        assert_eq!(format!("{key:?}"), "Key(..)");
        let http =
            Http::new(parse_base("http://127.0.0.1:1").unwrap(), Some(key), KeyHeader::Bearer).unwrap();
        assert!(!format!("{http:?}").contains("secret"));
        assert!(Key::new("two words").is_err() && Key::new("\n").is_err());
    }

    #[test]
    fn the_words_of_a_service_are_found() {
        assert_eq!(said_in(br#"{"error":{"message":"no such model","type":"x"}}"#), "no such model");
        assert_eq!(said_in(br#"{"error":"model 'a' not found"}"#), "model 'a' not found");
        assert_eq!(said_in(b"Bad Gateway\n"), "Bad Gateway");
    }
}
