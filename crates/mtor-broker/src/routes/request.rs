//! Reading requests: the whole body within its limits, whose it is, and what it says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts as _, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use futures_util::stream::once;
use mtor_protocol::{Problem, ProblemKind, limits};
use serde::de::DeserializeOwned;

use super::reply::Refusal;
use crate::app::{App, Wallet};

/// Longest wait for the whole of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a body that is too long is read before the connection is closed on it.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

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
        Self::read_up_to(app, request, limits::TEXT_BYTES_MAX).await
    }

    /// The same with a body of at most so many bytes.
    ///
    /// # Errors
    /// Why it can't be read, or is nobody's.
    pub(super) async fn read_up_to(app: &App, request: Request, bytes_max: usize) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Extension(ConnectInfo(peer)) =
            Extension::<ConnectInfo<SocketAddr>>::from_request_parts(&mut parts, &())
                .await
                .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        let body = match tokio::time::timeout(BODY_TIMEOUT, read_body(body, bytes_max)).await {
            Ok(read) => read?,
            Err(_) => {
                let detail = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
                return Err(Problem::new(ProblemKind::InvalidRequest, detail));
            }
        };
        let wallet = app.identify(&parts, &body, peer).await?;
        Ok(Self { wallet, body, parts })
    }

    /// Whether it says that an answer that is remembered will not do (`Cache-Control: no-cache` or `no-store`).
    pub(super) fn wants_fresh(&self) -> bool {
        let said = self.parts.headers.get_all(header::CACHE_CONTROL).into_iter();
        let mut words = said.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        words.any(|word| matches!(word.trim().to_ascii_lowercase().as_str(), "no-cache" | "no-store"))
    }

    /// The body as JSON of this type.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse(&self.body)
    }

    /// The body as a form.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn form(&self) -> Result<multer::Multipart<'static>, multer::Error> {
        let content_type = self.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default())?;
        let body = self.body.clone();
        Ok(multer::Multipart::new(once(async { Ok::<_, Infallible>(body) }), boundary))
    }
}

impl FromRequest<Arc<App>> for Asked {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        Ok(Self::read(app, request).await?)
    }
}

/// Whether a request's body is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| multer::parse_boundary(value).is_ok())
}

/// What to say of a form that breaks off.
pub(super) fn broken_form(error: multer::Error) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, format!("the form can't be read: {error}"))
}

/// The whole body. What is too long is read on for a while and thrown away: a connection that is closed on a client that
/// still sends would take the answer with it.
async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut pieces = body.into_data_stream();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(ProblemKind::InvalidRequest, format!("the body did not arrive whole: {error}"))
        })?;
        length += piece.len();
        if length <= bytes_max {
            whole.extend_from_slice(&piece);
        } else if length < bytes_max + DISCARDED_BYTES_MAX {
            whole = BytesMut::new();
        } else {
            break;
        }
    }
    if length > bytes_max {
        let detail = format!("a body has at most {bytes_max} bytes");
        return Err(Problem::new(ProblemKind::TooLarge, detail));
    }
    Ok(whole.freeze())
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

/// Whether a text is base64url, and has 1 to so many characters.
pub(super) fn is_base64url(text: &str, most: usize) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=most).contains(&text.len()) && text.bytes().all(is_one)
}
