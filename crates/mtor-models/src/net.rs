//! The HTTP client, and what its errors mean for a fetch.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::error::{ModelError, SourceError};
use crate::options::Options;

/// What every network operation of one fetch shares.
pub(crate) struct Net<'a> {
    pub(crate) client: Client,
    pub(crate) options: &'a Options,
    pub(crate) cancel: &'a CancellationToken,
    answered: AtomicBool,
}

impl<'a> Net<'a> {
    /// Sets up TLS with the system's certificates (or those that `SSL_CERT_FILE` names) and the proxies of the environment.
    pub(crate) fn new(options: &'a Options, cancel: &'a CancellationToken) -> Result<Self, SourceError> {
        // The process may have chosen its cryptography already; then that choice is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.idle_timeout)
            .user_agent(concat!("mtor-models/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                let why = innermost(&error);
                SourceError::Unusable(format!(
                    "cannot set up TLS ({why}); install the system's CA certificates or name a file of them in SSL_CERT_FILE"
                ))
            })?;
        Ok(Self { client, options, cancel, answered: AtomicBool::new(false) })
    }

    /// Whether any server of this source has answered yet.
    pub(crate) fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Sends a request and gives the answer, whatever its status.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, SourceError> {
        let response = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(ModelError::Cancelled.into()),
            answer = request.send() => answer.map_err(classify)?,
        };
        self.answered.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// The next piece of a body; `None` at its end.
    pub(crate) async fn next_chunk(&self, response: &mut Response) -> Result<Option<Bytes>, SourceError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ModelError::Cancelled.into()),
            chunk = response.chunk() => chunk.map_err(classify),
        }
    }
}

/// The answer, when its status is a success.
pub(crate) fn successful(response: Response) -> Result<Response, SourceError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let why = format!("the server answered {status}");
    let passing = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    Err(if passing {
        SourceError::Transient { why, pause: retry_after(&response) }
    } else {
        SourceError::Unusable(why)
    })
}

fn classify(error: reqwest::Error) -> SourceError {
    let why = innermost(&error);
    if error.is_connect() {
        let hint = if why.contains("certificate") {
            "; if your network has certificates of its own, name them in SSL_CERT_FILE"
        } else {
            ""
        };
        SourceError::Unreachable(format!("cannot connect ({why}){hint}"))
    } else if error.is_builder() || error.is_redirect() {
        SourceError::Unusable(why)
    } else if error.is_timeout() {
        SourceError::transient("the transfer stood still")
    } else {
        SourceError::transient(format!("the connection broke ({why})"))
    }
}

/// The innermost cause: the outer ones only say that a request failed, and may hold an address with a password in it.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if cause.is::<reqwest::Error>() { "the request failed".to_owned() } else { cause.to_string() }
}

/// The pause that the server asks for, when it gives it in seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
