//! Signed HTTP requests: HTTP Message Signatures (RFC 9421) with Ed25519, for those who don't hold a session.
//!
//! A signature covers the method, the authority, the path, the query if there is one and the digest of the body if
//! there is one (RFC 9530, SHA-256), and says who signed (`keyid`, a `did:key`), when (`created`), until when
//! (`expires`), once (`nonce`) and what for (`tag="mtor"`). The verifier insists on every one of these. Whether a nonce
//! was used before, [`NonceCache`](crate::NonceCache) knows.
//!
//! Nothing here depends on an HTTP library: a request comes as [`RequestParts`], headers come and go as text. Signatures
//! with other tags may stand beside ours in the same headers, from proxies for instance; they are left alone.

mod base;
mod fields;

use sha2::{Digest, Sha256};

use mtor_protocol::Did;

use crate::defaults::{
    HTTP_CLOCK_AHEAD_MAX_S, HTTP_HEADER_BYTES_MAX, HTTP_NONCE_CHARS_MAX, HTTP_NONCE_CHARS_MIN,
    HTTP_SIGNATURE_LIFETIME_S,
};
use crate::did::DidError;
use crate::key::{Keypair, PublicKey, Signature};
use base::{component_value, content_digest, required_components, signature_base};
use fields::{Bare, InnerList, Member, Parameters, is_string, parse_dictionary};

/// The label of our signature in both headers.
const LABEL: &str = "mtor";
/// What the signature is for. The verifier looks for this, not for the label, as RFC 9421 advises.
const TAG: &str = "mtor";
const ALGORITHM: &str = "ed25519";

/// What is signed of a request. Both sides must see the same: behind a proxy that rewrites host or path, the verifier
/// gives what the signer saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestParts<'a> {
    /// The method as sent, `POST`.
    pub method: &'a str,
    /// The host and, unless it is the scheme's own, the port: `127.0.0.1:9000`. Its case does not matter.
    pub authority: &'a str,
    /// The path as sent, percent-encoded: `/api/jobs`.
    pub path: &'a str,
    /// The query as sent, without the question mark; `None` when the request has no question mark.
    pub query: Option<&'a str>,
    /// The whole body, empty when there is none.
    pub body: &'a [u8],
}

/// The headers that carry a signature. Each field is the value of the header of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Signature-Input`: what is covered, and the parameters.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
    /// `Content-Digest`, when the request has a body.
    pub content_digest: Option<String>,
}

/// Who made a request, once its signature is found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The signer's name.
    pub did: Did,
    /// The signer's key.
    pub key: PublicKey,
    /// The nonce, to be spent in a [`NonceCache`](crate::NonceCache).
    pub nonce: String,
    /// The last second (Unix time) at which this verifier takes the request: the end that the signer set, or its
    /// creation and the verifier's `max_age_s`, whichever comes first. So long its nonce has to be remembered.
    pub expires: u64,
}

/// Why a request can't be signed or its signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpSignatureError {
    /// A part of the request that no HTTP request has, such as a path with a line feed.
    #[error("the {part} of the request holds a character that HTTP does not allow there; percent-encode it")]
    Request {
        /// Which part.
        part: &'static str,
    },
    /// A nonce of the wrong length or with characters that a header can't hold.
    #[error("a nonce has {HTTP_NONCE_CHARS_MIN} to {HTTP_NONCE_CHARS_MAX} printable ASCII characters")]
    Nonce,
    /// A time beyond those that a header can hold.
    #[error("the time {0} is no Unix time in seconds")]
    Time(u64),
    /// A header that is no structured field.
    #[error("the {header} header can't be read, from byte {at} on; see RFC 9651 for its form")]
    Malformed {
        /// Which header.
        header: &'static str,
        /// Where it went wrong.
        at: usize,
    },
    /// A header of absurd length.
    #[error("the {header} header is longer than {HTTP_HEADER_BYTES_MAX} bytes")]
    TooLong {
        /// Which header.
        header: &'static str,
    },
    /// No signature in the headers is meant for a realm.
    #[error("no signature with tag=\"mtor\" is in the headers")]
    NoSignature,
    /// Two signatures are, and it is unclear who asks.
    #[error("more than one signature with tag=\"mtor\" is in the headers; send one")]
    Ambiguous,
    /// A part of the request that the signature does not protect.
    #[error("the signature must cover \"{0}\"")]
    NotCovered(&'static str),
    /// A covered component that this scheme does not know, or that stands there twice.
    #[error("the signature covers {0}, which is not known here or is named twice")]
    UnknownComponent(String),
    /// A parameter that is missing or of the wrong type.
    #[error("the signature parameter {0} is missing or not of its type")]
    Parameter(&'static str),
    /// Another algorithm.
    #[error("the signature's algorithm is {0:?}; only \"ed25519\" is taken")]
    Algorithm(String),
    /// The signer's name is no `did:key`.
    #[error("the keyid of the signature names no wallet: {0}")]
    Signer(#[from] DidError),
    /// The request has a body and no `Content-Digest`.
    #[error("a request with a body needs a Content-Digest header with sha-256")]
    NoDigest,
    /// The body is not the one that was signed.
    #[error("the body does not match its Content-Digest; it was changed on its way")]
    WrongDigest,
    /// Signed later than now.
    #[error("the signature was made {ahead_s} s in the future; set the signer's clock")]
    FromTheFuture {
        /// How far.
        ahead_s: u64,
    },
    /// Signed too long ago, or past the end that the signer set.
    #[error("the signature ended {late_s} s ago; sign the request again (or set the signer's clock)")]
    Expired {
        /// How long ago.
        late_s: u64,
    },
    /// The signature is not that of this request and key.
    #[error("the signature does not belong to this request and this key")]
    Signature,
}

/// Signs a request. Send the headers with it, unchanged.
///
/// `created_unix_s` is the time now; the signature is good for [`HTTP_SIGNATURE_LIFETIME_S`] seconds from then. `nonce`
/// must be new for each request, as [`random_nonce`](crate::random_nonce) makes it.
///
/// ```
/// use mtor_identity::{Keypair, RequestParts, sign_request, verify_request};
/// let wallet = Keypair::from_seed([2; 32]);
/// let request = RequestParts {
///     method: "POST",
///     authority: "127.0.0.1:9000",
///     path: "/api/jobs",
///     query: None,
///     body: br#"{"intent":"chat"}"#,
/// };
/// let headers = sign_request(&wallet, &request, 1_767_225_600, "0pXq1vJxkYl2bWm5cT7dZg")?;
/// assert!(headers.signature_input.starts_with(r#"mtor=("@method" "@authority" "@path" "content-digest");created="#));
///
/// let verified = verify_request(&request, &headers, 1_767_225_603, 60)?;
/// assert_eq!(verified.did, wallet.did());
/// # Ok::<(), mtor_identity::HttpSignatureError>(())
/// ```
///
/// # Errors
/// [`HttpSignatureError::Request`], [`HttpSignatureError::Nonce`] or [`HttpSignatureError::Time`] when what is to be
/// signed can't stand in a request.
pub fn sign_request(
    keypair: &Keypair,
    request: &RequestParts<'_>,
    created_unix_s: u64,
    nonce: &str,
) -> Result<SignatureHeaders, HttpSignatureError> {
    check_request(request)?;
    check_nonce(nonce)?;
    let expires_unix_s = created_unix_s.saturating_add(HTTP_SIGNATURE_LIFETIME_S);
    let text = |value: &str| Bare::String(value.to_owned());
    let input = InnerList {
        items: required_components(request)
            .into_iter()
            .map(|name| (text(name), Parameters::default()))
            .collect(),
        parameters: Parameters(vec![
            ("created".to_owned(), integer(created_unix_s)?),
            ("expires".to_owned(), integer(expires_unix_s)?),
            ("nonce".to_owned(), text(nonce)),
            ("keyid".to_owned(), text(keypair.did().as_str())),
            ("alg".to_owned(), text(ALGORITHM)),
            ("tag".to_owned(), text(TAG)),
        ]),
    };
    let content_digest = (!request.body.is_empty()).then(|| content_digest(request.body));
    let base = base_of(&input, request, content_digest.as_deref())?;
    let signature = Bare::Bytes(keypair.sign(base.as_bytes()).to_bytes().to_vec());
    Ok(SignatureHeaders {
        signature_input: format!("{LABEL}={input}"),
        signature: format!("{LABEL}={signature}"),
        content_digest,
    })
}

/// Checks the signature of a request and says whose it is.
///
/// `now_unix_s` is the time now; a signature made more than `max_age_s` seconds ago is refused whatever end its signer
/// set, and so is one made more than [`HTTP_CLOCK_AHEAD_MAX_S`] seconds in the future. The nonce is returned, not
/// remembered: spend it in a [`NonceCache`](crate::NonceCache) before acting on the request.
///
/// # Errors
/// [`HttpSignatureError`] says what is missing or wrong. Whatever it is, the request is nobody's.
pub fn verify_request(
    request: &RequestParts<'_>,
    headers: &SignatureHeaders,
    now_unix_s: u64,
    max_age_s: u64,
) -> Result<Verified, HttpSignatureError> {
    check_request(request)?;
    let (input, signature) = our_signature(headers)?;
    let parameters = &input.parameters;

    let algorithm = string(parameters, "alg")?;
    if algorithm != ALGORITHM {
        return Err(HttpSignatureError::Algorithm(algorithm.to_owned()));
    }
    let nonce = string(parameters, "nonce")?;
    check_nonce(nonce)?;
    let created = time(parameters, "created")?;
    let expires = time(parameters, "expires")?.min(created.saturating_add(max_age_s));
    if created > now_unix_s.saturating_add(HTTP_CLOCK_AHEAD_MAX_S) {
        return Err(HttpSignatureError::FromTheFuture { ahead_s: created - now_unix_s });
    }
    if now_unix_s > expires {
        return Err(HttpSignatureError::Expired { late_s: now_unix_s - expires });
    }

    check_coverage(&input, request)?;
    check_digest(request, headers.content_digest.as_deref())?;

    let key = PublicKey::from_did(string(parameters, "keyid")?)?;
    let base = base_of(&input, request, headers.content_digest.as_deref())?;
    key.verify(base.as_bytes(), &signature).map_err(|_| HttpSignatureError::Signature)?;
    Ok(Verified { did: key.to_did(), key, nonce: nonce.to_owned(), expires })
}

/// The one signature in the headers that is meant for a realm.
fn our_signature(headers: &SignatureHeaders) -> Result<(InnerList, Signature), HttpSignatureError> {
    let inputs = dictionary("Signature-Input", &headers.signature_input)?;
    let mut ours = inputs.into_iter().filter_map(|(label, member)| match member {
        Member::List(list) if list.parameters.get("tag") == Some(&Bare::String(TAG.to_owned())) => {
            Some((label, list))
        }
        _ => None,
    });
    let (label, input) = ours.next().ok_or(HttpSignatureError::NoSignature)?;
    if ours.next().is_some() {
        return Err(HttpSignatureError::Ambiguous);
    }
    let signatures = dictionary("Signature", &headers.signature)?;
    let signature = signatures.into_iter().find(|(key, _)| *key == label).map(|(_, member)| member);
    let Some(Member::Item(Bare::Bytes(bytes), _)) = signature else {
        return Err(HttpSignatureError::NoSignature);
    };
    let bytes: [u8; 64] = bytes.try_into().map_err(|_| HttpSignatureError::Signature)?;
    Ok((input, Signature::from_bytes(bytes)))
}

fn dictionary(header: &'static str, text: &str) -> Result<Vec<(String, Member)>, HttpSignatureError> {
    if text.len() > HTTP_HEADER_BYTES_MAX {
        return Err(HttpSignatureError::TooLong { header });
    }
    parse_dictionary(text).map_err(|malformed| HttpSignatureError::Malformed { header, at: malformed.at })
}

/// Every required component is covered, each once, and nothing is that we can't check.
fn check_coverage(input: &InnerList, request: &RequestParts<'_>) -> Result<(), HttpSignatureError> {
    let mut covered: Vec<&str> = Vec::new();
    for (item, parameters) in &input.items {
        match item {
            Bare::String(name)
                if *parameters == Parameters::default() && !covered.contains(&name.as_str()) =>
            {
                covered.push(name);
            }
            _ => return Err(HttpSignatureError::UnknownComponent(format!("{item}{parameters}"))),
        }
    }
    match required_components(request).into_iter().find(|name| !covered.contains(name)) {
        Some(missing) => Err(HttpSignatureError::NotCovered(missing)),
        None => Ok(()),
    }
}

/// The body has the SHA-256 that its header says; a request without a body needs no header, but a wrong one is refused.
fn check_digest(request: &RequestParts<'_>, header: Option<&str>) -> Result<(), HttpSignatureError> {
    let Some(header) = header else {
        return if request.body.is_empty() { Ok(()) } else { Err(HttpSignatureError::NoDigest) };
    };
    let digests = dictionary("Content-Digest", header)?;
    let sha_256 = digests.iter().find(|(algorithm, _)| algorithm == "sha-256").map(|(_, member)| member);
    let Some(Member::Item(Bare::Bytes(claimed), _)) = sha_256 else {
        return Err(HttpSignatureError::NoDigest);
    };
    if claimed.as_slice() != Sha256::digest(request.body).as_slice() {
        return Err(HttpSignatureError::WrongDigest);
    }
    Ok(())
}

fn base_of(
    input: &InnerList,
    request: &RequestParts<'_>,
    content_digest: Option<&str>,
) -> Result<String, HttpSignatureError> {
    let mut components = Vec::with_capacity(input.items.len());
    for (item, _) in &input.items {
        let Bare::String(name) = item else {
            return Err(HttpSignatureError::UnknownComponent(item.to_string()));
        };
        let value = component_value(name, request, content_digest)
            .ok_or_else(|| HttpSignatureError::UnknownComponent(item.to_string()))?;
        components.push((name.as_str(), value));
    }
    Ok(signature_base(components, &input.to_string()))
}

/// No part can end its line of the signature base and so pretend to be two.
fn check_request(request: &RequestParts<'_>) -> Result<(), HttpSignatureError> {
    let parts = [
        ("method", request.method),
        ("authority", request.authority),
        ("path", request.path),
        ("query", request.query.unwrap_or_default()),
    ];
    match parts.into_iter().find(|(_, value)| !value.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some((part, _)) => Err(HttpSignatureError::Request { part }),
        None => Ok(()),
    }
}

fn check_nonce(nonce: &str) -> Result<(), HttpSignatureError> {
    let length_fits = (HTTP_NONCE_CHARS_MIN..=HTTP_NONCE_CHARS_MAX).contains(&nonce.len());
    if length_fits && is_string(nonce) { Ok(()) } else { Err(HttpSignatureError::Nonce) }
}

/// A structured field holds integers of up to fifteen digits.
fn integer(value: u64) -> Result<Bare, HttpSignatureError> {
    match i64::try_from(value) {
        Ok(value) if value <= 999_999_999_999_999 => Ok(Bare::Integer(value)),
        _ => Err(HttpSignatureError::Time(value)),
    }
}

fn string<'a>(parameters: &'a Parameters, name: &'static str) -> Result<&'a str, HttpSignatureError> {
    match parameters.get(name) {
        Some(Bare::String(value)) => Ok(value),
        _ => Err(HttpSignatureError::Parameter(name)),
    }
}

fn time(parameters: &Parameters, name: &'static str) -> Result<u64, HttpSignatureError> {
    match parameters.get(name) {
        Some(Bare::Integer(value)) => u64::try_from(*value).map_err(|_| HttpSignatureError::Parameter(name)),
        _ => Err(HttpSignatureError::Parameter(name)),
    }
}

#[cfg(test)]
mod tests;
