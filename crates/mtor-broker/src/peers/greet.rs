//! The one request that a realm makes of another by HTTP: a greeting, signed by the realm's key.

use mtor_identity::{RequestParts, random_nonce, sign_request};
use mtor_protocol::peer::{PeerGreeting, PeerWelcome};
use mtor_protocol::{Problem, ProblemKind};
use reqwest::{StatusCode, Url};

use super::TEXT_BYTES_MAX;
use crate::app::App;
use crate::clock;
use crate::defaults::{PEER_ANSWER_BYTES_MAX, PEER_TIMEOUT};

/// Clocks that differ by less are not the reason why a signature is refused, in seconds.
const CLOCKS_AGREE_S: u64 = 20;
const ROUTE: &str = "/api/peers/greet";

/// A realm's address, if it is one.
pub(super) fn address(text: &str) -> Result<String, Problem> {
    let wrong = |detail: &str| Problem::new(ProblemKind::InvalidRequest, detail).param("address");
    let url = Some(text).filter(|text| text.len() <= TEXT_BYTES_MAX).and_then(|text| Url::parse(text).ok());
    let url = url.ok_or_else(|| wrong("write it as http://HOST:PORT"))?;
    if url.scheme() != "http" {
        let detail = "realms speak http; for TLS run a tunnel on this machine, and give its address";
        return Err(wrong(detail));
    }
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.path() == "/";
    if !is_plain || url.host_str().is_none() {
        return Err(wrong("write it as http://HOST:PORT, with nothing else"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Greets the realm at this address. Where its clock says something else than this one's, it is greeted by its own.
pub(super) async fn say(app: &App, address: &str, greeting: &PeerGreeting) -> Result<PeerWelcome, Problem> {
    // Another part of the process may have chosen its cryptography already; then that choice is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(PEER_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tls_certs_only([])
        .user_agent(concat!("mtor/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(super::internal)?;
    let body = serde_json::to_vec(greeting).map_err(super::internal)?;
    let mut reply = post(app, &client, address, &body, clock::now_s()).await?;
    if let Some(their_time_s) = reply.their_time_s.filter(|_| reply.status == StatusCode::UNAUTHORIZED)
        && their_time_s.abs_diff(clock::now_s()) > CLOCKS_AGREE_S
    {
        reply = post(app, &client, address, &body, their_time_s).await?;
    }
    if reply.status.is_success() {
        return serde_json::from_slice(&reply.bytes).map_err(|error| unreachable(address, error));
    }
    let said = serde_json::from_slice::<Problem>(&reply.bytes).map(|problem| problem.detail);
    let detail = said.unwrap_or_else(|_| format!("status {}", reply.status));
    Err(Problem::new(ProblemKind::InvalidRequest, format!("the other realm says: {detail}")).param("code"))
}

/// What came back.
struct Reply {
    status: StatusCode,
    /// What time it is there, in seconds since 1970.
    their_time_s: Option<u64>,
    bytes: Vec<u8>,
}

async fn post(
    app: &App,
    client: &reqwest::Client,
    address: &str,
    body: &[u8],
    now_s: u64,
) -> Result<Reply, Problem> {
    // What `address` has let through is http:// and an authority.
    let authority = address.trim_start_matches("http://");
    let parts = RequestParts { method: "POST", authority, path: ROUTE, query: None, body };
    let nonce = random_nonce().map_err(super::internal)?;
    let signed = sign_request(&app.key, &parts, now_s, &nonce).map_err(super::internal)?;
    let mut request = client
        .post(format!("{address}{ROUTE}"))
        .header("content-type", "application/json")
        .header("signature-input", signed.signature_input)
        .header("signature", signed.signature);
    if let Some(digest) = signed.content_digest {
        request = request.header("content-digest", digest);
    }
    let mut answer = request.body(body.to_vec()).send().await.map_err(|error| unreachable(address, error))?;
    let their_time_s = answer.headers().get("date").and_then(|date| seconds(date.to_str().ok()?));
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(address, error))? {
        if bytes.len() + chunk.len() > PEER_ANSWER_BYTES_MAX {
            return Err(unreachable(address, "its answer is too long"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Reply { status: answer.status(), their_time_s, bytes })
}

/// An HTTP date in seconds since 1970.
fn seconds(date: &str) -> Option<u64> {
    let time = jiff::fmt::rfc2822::parse(&date.replace("GMT", "+0000")).ok()?;
    u64::try_from(time.timestamp().as_second()).ok()
}

fn unreachable(address: &str, why: impl std::fmt::Display) -> Problem {
    let detail = format!("the realm at {address} does not answer: {why}");
    Problem::new(ProblemKind::InvalidRequest, detail).param("code")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_another_realm_is_read() {
        assert_eq!(seconds("Tue, 01 Dec 2026 15:09:03 GMT"), Some(1_796_137_743));
        assert_eq!(seconds("yesterday"), None);
    }

    #[test]
    fn an_address_is_a_host_and_a_port_and_nothing_else() {
        assert_eq!(address("http://10.0.0.2:9000/").unwrap(), "http://10.0.0.2:9000");
        assert_eq!(address("http://[::1]:9000").unwrap(), "http://[::1]:9000");
        let long = format!("http://{}:9000", "a".repeat(TEXT_BYTES_MAX));
        for wrong in [
            "",
            "10.0.0.2:9000",
            "https://a:9000",
            "http://me:pass@a",
            "http://a/b",
            "http://a?c",
            "file:///etc",
            &long,
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
