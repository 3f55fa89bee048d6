//! Who asks. A wallet signs its requests (RFC 9421) or sends an API key that it made; on the realm's own machine a request
//! with neither is the owner's.
//!
//! A web page of somebody else, open in the owner's browser, is on the owner's machine too. So whatever a browser marks
//! as coming from another site is turned away, and the owner is only assumed when the address that was asked for is this
//! machine's own: a name that was made to point here (DNS rebinding) does not count.

use std::net::{IpAddr, SocketAddr};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use mtor_identity::{PublicKey, RequestParts, SignatureHeaders, key_id, verify_request};
use mtor_ledger::digest;
use mtor_protocol::{Problem, ProblemKind};

use crate::app::{App, Wallet};
use crate::{clock, defaults};

/// What an API key begins with, so that a leaked one can be recognised.
pub(crate) const KEY_PREFIX: &str = "mtor_";

const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: [HeaderName; 2] = [HeaderName::from_static("forwarded"), FORWARDED_FOR];

impl App {
    /// Whose request this is.
    ///
    /// # Errors
    /// Why nobody's.
    pub(crate) async fn identify(
        &self,
        parts: &Parts,
        body: &[u8],
        peer: SocketAddr,
    ) -> Result<Wallet, Problem> {
        let headers = &parts.headers;
        if headers.contains_key(SIGNATURE) || headers.contains_key(SIGNATURE_INPUT) {
            return self.check_signature(parts, body);
        }
        let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if let Some(secret) = bearer.filter(|secret| secret.starts_with(KEY_PREFIX)) {
            return self.check_key(secret).await;
        }
        // Clients of OpenAI's interface always send some key. At home one that is none of ours is as good as none.
        if is_at_home(headers, peer) {
            return Ok(self.owner.clone());
        }
        let detail = "sign the request (RFC 9421) or send an API key as \"Authorization: Bearer mtor_...\"; make one with: mtor wallet key new";
        Err(Problem::new(ProblemKind::Unauthorized, detail))
    }

    fn check_signature(&self, parts: &Parts, body: &[u8]) -> Result<Wallet, Problem> {
        let refuse = |detail: String| Problem::new(ProblemKind::Unauthorized, detail);
        let headers = &parts.headers;
        let value = |name| text(headers, &name).unwrap_or_default().to_owned();
        let signature = SignatureHeaders {
            signature_input: value(SIGNATURE_INPUT),
            signature: value(SIGNATURE),
            content_digest: text(headers, &CONTENT_DIGEST).map(str::to_owned),
        };
        let request = RequestParts {
            method: parts.method.as_str(),
            authority: text(headers, &header::HOST).unwrap_or_default(),
            path: parts.uri.path(),
            query: parts.uri.query(),
            body,
        };
        let now_s = clock::now_s();
        let verified = verify_request(&request, &signature, now_s, defaults::SIGNATURE_AGE_MAX_S)
            .map_err(|error| refuse(error.to_string()))?;
        // The cache is whole whatever panicked elsewhere.
        let mut nonces = self.nonces.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        nonces.spend(&verified, now_s).map_err(|error| refuse(error.to_string()))?;
        self.keys.wallet(&verified.key)
    }

    async fn check_key(&self, secret: &str) -> Result<Wallet, Problem> {
        let hash = digest(secret.as_bytes());
        let key = self.realm.ledger_read(move |ledger| ledger.key_by_hash(hash)).await?;
        let refuse = |detail: &str| Problem::new(ProblemKind::Unauthorized, detail);
        let key = key.ok_or_else(|| refuse("this API key is not known here, or was revoked"))?;
        if let Some(grant) = key.grant
            && !self.realm.view(move |realm| realm.state().grants().contains_key(&grant)).await?
        {
            return Err(refuse("the grant that this API key spends from has ended"));
        }
        Ok(Wallet { did: key.did, account: key.account, grant: key.grant })
    }
}

/// Whether a request comes from the realm's own machine, asked for by an address of its own, and through no proxy.
pub(crate) fn is_at_home(headers: &HeaderMap, peer: SocketAddr) -> bool {
    let direct = FORWARDED.iter().all(|name| !headers.contains_key(name));
    let own_name = text(headers, &header::HOST).is_some_and(is_loopback_host);
    peer.ip().to_canonical().is_loopback() && direct && own_name
}

/// Where a request comes from: the other end of its connection; or, when that is a proxy on this machine, whom the proxy
/// names. It adds its own word at the end of the list, and what stands before that can be anybody's.
pub(crate) fn origin_address(headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    let peer = peer.ip().to_canonical();
    if !peer.is_loopback() {
        return peer;
    }
    let named = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|list| list.to_str().ok());
    let last = named.and_then(|list| list.rsplit(',').next()).and_then(|address| address.trim().parse().ok());
    last.map_or(peer, |address: IpAddr| address.to_canonical())
}

fn is_loopback_host(host: &str) -> bool {
    let Ok(uri) = format!("http://{host}/").parse::<Uri>() else { return false };
    let name = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Turns away what a browser sends for another site's page.
///
/// # Errors
/// When it is such.
pub(crate) fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail: String| Err(Problem::new(ProblemKind::Forbidden, detail));
    if let Some(origin) = text(headers, &header::ORIGIN) {
        let host = text(headers, &header::HOST).unwrap_or_default();
        let same =
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if !same {
            let origin: String = origin.chars().take(100).collect();
            return refused(format!("pages of {origin} may not use this realm"));
        }
    }
    match text(headers, &FETCH_SITE) {
        Some("cross-site" | "same-site") => refused("pages of other sites may not use this realm".to_owned()),
        _ => Ok(()),
    }
}

/// The wallet that a path names, by whichever key it has or had, if it is the caller's own, and the caller may do all that it
/// can.
///
/// # Errors
/// When it is no name, or another's: nobody learns more than that. When the caller has an API key that can only spend
/// from a grant.
pub(crate) fn own_wallet(app: &App, caller: &Wallet, did: &str) -> Result<(), Problem> {
    if did == caller.did.as_str() {
        return whole_wallet(caller);
    }
    match PublicKey::from_did(did) {
        Ok(key) if caller.grant.is_none() && app.keys.account_of(key_id(&key)) == caller.account => Ok(()),
        Ok(_) => Err(Problem::new(ProblemKind::Forbidden, "this wallet is not yours")),
        Err(error) => Err(Problem::new(ProblemKind::InvalidRequest, error.to_string()).param("did")),
    }
}

/// Turns away who can only spend from a grant.
///
/// # Errors
/// When the caller is such.
pub(crate) fn whole_wallet(caller: &Wallet) -> Result<(), Problem> {
    match caller.grant {
        None => Ok(()),
        Some(_) => {
            let detail = "this API key spends from a grant and can do nothing else with the wallet";
            Err(Problem::new(ProblemKind::Forbidden, detail))
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_owner_is_assumed_only_at_home() {
        let here: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        let there: SocketAddr = "192.0.2.7:5000".parse().unwrap();
        let home = |host: &str, peer| is_at_home(&headers(&[("host", host)]), peer);
        assert!(home("127.0.0.1:9000", here) && home("localhost:9000", here) && home("[::1]:9000", here));
        assert!(!home("127.0.0.1:9000", there), "from another machine");
        assert!(!home("evil.example:9000", here), "a name that was made to point here");
        assert!(
            !is_at_home(&headers(&[("host", "localhost"), ("x-forwarded-for", "192.0.2.7")]), here),
            "through a proxy"
        );
        assert!(!is_at_home(&headers(&[]), here));
    }

    #[test]
    fn only_a_proxy_on_this_machine_says_where_a_request_comes_from() {
        let here: SocketAddr = "[::ffff:127.0.0.1]:5000".parse().unwrap();
        let there: SocketAddr = "192.0.2.7:5000".parse().unwrap();
        let origin = |forwarded: &[&str], peer| {
            let named = forwarded.iter().map(|value| (FORWARDED_FOR, value.parse().unwrap()));
            origin_address(&named.collect(), peer).to_string()
        };
        assert_eq!(origin(&[], here), "127.0.0.1");
        assert_eq!(origin(&["198.51.100.9"], here), "198.51.100.9");
        assert_eq!(
            origin(&["203.0.113.1, 198.51.100.9"], here),
            "198.51.100.9",
            "the first was the client's"
        );
        assert_eq!(origin(&["203.0.113.1", "2001:db8::9"], here), "2001:db8::9");
        assert_eq!(origin(&["nobody"], here), "127.0.0.1");
        assert_eq!(origin(&["198.51.100.9"], there), "192.0.2.7", "anybody can write that");
    }

    #[test]
    fn pages_of_other_sites_are_turned_away() {
        let check = |list: &[(&'static str, &str)]| refuse_other_sites(&headers(list)).is_ok();
        assert!(check(&[("host", "127.0.0.1:9000")]), "no browser at all");
        assert!(check(&[
            ("host", "127.0.0.1:9000"),
            ("origin", "http://127.0.0.1:9000"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!check(&[("host", "127.0.0.1:9000"), ("origin", "https://evil.example")]));
        assert!(
            !check(&[("host", "127.0.0.1:9000"), ("origin", "http://127.0.0.1:8000")]),
            "another port is another site"
        );
        assert!(!check(&[("host", "127.0.0.1:9000"), ("origin", "null")]));
        assert!(!check(&[("host", "127.0.0.1:9000"), ("sec-fetch-site", "cross-site")]));
    }
}
