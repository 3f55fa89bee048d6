//! Reading requests: the whole body within its limits, whose it is, and what it says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts as _, Request};
use axum::http::request::Parts;
use mtor_protocol::{Problem, ProblemKind, limits};
use serde::de::DeserializeOwned;

use super::reply::Refusal;
use crate::app::{App, Wallet};

/// Longest wait for the whole of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request with its body, and whose it is.
pub(super) struct Asked {
    pub(super) wallet: Wallet,
    pub(super) body: Bytes,
    pub(super) parts: Parts,
}

impl Asked {
    /// Reads and identifies a request.
    ///
    /// # Errors
    /// Why it can't be read, or is nobody's.
    pub(super) async fn read(app: &App, request: Request) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Extension(ConnectInfo(peer)) =
            Extension::<ConnectInfo<SocketAddr>>::from_request_parts(&mut parts, &())
                .await
                .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        let read = axum::body::to_bytes(body, limits::TEXT_BYTES_MAX);
        let body = match tokio::time::timeout(BODY_TIMEOUT, read).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => {
                let detail =
                    format!("a body has at most {} bytes, and must arrive whole", limits::TEXT_BYTES_MAX);
                return Err(Problem::new(ProblemKind::TooLarge, detail));
            }
            Err(_) => {
                let detail = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
                return Err(Problem::new(ProblemKind::InvalidRequest, detail));
            }
        };
        let wallet = app.identify(&parts, &body, peer).await?;
        Ok(Self { wallet, body, parts })
    }

    /// The body as JSON of this type.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse(&self.body)
    }
}

impl FromRequest<Arc<App>> for Asked {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        Ok(Self::read(app, request).await?)
    }
}

/// JSON of this type.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(ProblemKind::InvalidRequest, error.to_string()))
}

/// One value out of a path or a query.
///
/// # Errors
/// When it can't be read.
pub(super) fn value<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: &str,
) -> Result<T, Problem> {
    text.parse()
        .map_err(|error: T::Err| Problem::new(ProblemKind::InvalidRequest, error.to_string()).param(name))
}
