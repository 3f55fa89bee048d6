//! Requests over HTTP, signed when a wallet asks.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use mtor_identity::{RequestParts, random_nonce, sign_request};
use mtor_protocol::Problem;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{RealmUrl, Who};
use crate::defaults::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, REQUEST_TIMEOUT, STREAM_TIMEOUT};
use crate::exit::Fault;

/// A realm's HTTP interface, as one caller sees it.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    realm: RealmUrl,
    who: Who,
}

impl Api {
    /// Talks to this realm as this caller. Connects with the first request.
    ///
    /// # Errors
    /// When the HTTP client can't be set up.
    pub(crate) fn new(realm: &RealmUrl, who: Who) -> anyhow::Result<Self> {
        // The client wants to know its cryptography even where it uses none; another part may have chosen it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            // Realms are spoken to without TLS; the system's certificates would only cost memory.
            .tls_certs_only([])
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mtor/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("setting up the HTTP client")?;
        Ok(Self { client, realm: realm.clone(), who })
    }

    /// `GET` something that is JSON. `route` is the path, with its query if there is one, percent-encoded.
    ///
    /// # Errors
    /// [`Fault::Unreachable`], the realm's [`Problem`], or an answer of another shape.
    pub(crate) async fn get<T: DeserializeOwned>(&self, route: &str) -> anyhow::Result<T> {
        json(route, &self.ask(Method::GET, route, Vec::new()).await?)
    }

    /// `GET` something as it is.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn get_bytes(&self, route: &str) -> anyhow::Result<Vec<u8>> {
        self.ask(Method::GET, route, Vec::new()).await
    }

    /// `POST` JSON and get JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        route: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        json(route, &self.ask(Method::POST, route, serde_json::to_vec(body)?).await?)
    }

    /// `POST` without a body and get JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn post_empty<T: DeserializeOwned>(&self, route: &str) -> anyhow::Result<T> {
        json(route, &self.ask(Method::POST, route, Vec::new()).await?)
    }

    /// `DELETE` something and get JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn delete<T: DeserializeOwned>(&self, route: &str) -> anyhow::Result<T> {
        json(route, &self.ask(Method::DELETE, route, Vec::new()).await?)
    }

    /// Who asks.
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// `POST` JSON, and get the answer as it comes, for as long as a job may live.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn stream(
        &self,
        route: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<reqwest::Response> {
        let mut request = self.request(Method::POST, route, body)?.timeout(STREAM_TIMEOUT);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        match status.is_success() || status == reqwest::StatusCode::BAD_REQUEST {
            true => Ok(answer),
            false => Err(refusal(status.as_u16(), route, &self.read(answer).await?)),
        }
    }

    /// `DELETE` something that this header names.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn leave(&self, route: &str, (name, value): (&str, &str)) -> anyhow::Result<()> {
        let request = self.request(Method::DELETE, route, Vec::new())?.header(name, value);
        request.send().await.map_err(|error| self.unreachable(&error)).map(drop)
    }

    async fn ask(&self, method: Method, route: &str, body: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let request = self.request(method, route, body)?;
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let bytes = self.read(answer).await?;
        if status.is_success() { Ok(bytes) } else { Err(refusal(status.as_u16(), route, &bytes)) }
    }

    fn request(&self, method: Method, route: &str, body: Vec<u8>) -> anyhow::Result<reqwest::RequestBuilder> {
        let mut request = self.client.request(method.clone(), self.realm.http(route));
        for (name, value) in self.signature(&method, route, &body)? {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body);
        }
        Ok(request)
    }

    fn signature(
        &self,
        method: &Method,
        route: &str,
        body: &[u8],
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let Some(keypair) = self.who.keypair() else { return Ok(Vec::new()) };
        let whole = self.realm.path(route);
        let (path, query) =
            whole.split_once('?').map_or((&*whole, None), |(path, query)| (path, Some(query)));
        let authority = self.realm.authority();
        let parts = RequestParts { method: method.as_str(), authority: &authority, path, query, body };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
        let signed = sign_request(keypair, &parts, now.as_secs(), &random_nonce()?)?;
        let mut headers = vec![("signature-input", signed.signature_input), ("signature", signed.signature)];
        headers.extend(signed.content_digest.map(|digest| ("content-digest", digest)));
        Ok(headers)
    }

    /// Reads an answer to its end, as long as it keeps to a sensible size.
    async fn read(&self, mut answer: reqwest::Response) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(&error))? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                anyhow::bail!("the realm's answer is longer than {} MB", ANSWER_BYTES_MAX >> 20);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        let why = if error.is_timeout() { "no answer in time".to_owned() } else { innermost(error) };
        Fault::Unreachable { realm: self.realm.to_string(), why }.into()
    }
}

fn json<T: DeserializeOwned>(route: &str, bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).with_context(|| {
        format!("the answer to {route} is not what a realm says; is it one, of this version?")
    })
}

/// The realm's own words if it has some, else the status.
fn refusal(status: u16, route: &str, bytes: &[u8]) -> anyhow::Error {
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) => problem.into(),
        Err(_) => anyhow::anyhow!("{route} answers with status {status}; is it a realm, of this version?"),
    }
}

/// What the operating system said, without the layers above it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
