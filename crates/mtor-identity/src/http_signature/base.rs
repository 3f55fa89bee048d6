//! The signature base: what is signed, line by line (RFC 9421, section 2.5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::RequestParts;

const CONTENT_DIGEST: &str = "content-digest";

/// One line for each covered component, then the parameters. No line feed at the end.
pub(super) fn signature_base<'a>(
    components: impl IntoIterator<Item = (&'a str, String)>,
    signature_params: &str,
) -> String {
    let mut base = String::new();
    for (name, value) in components {
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    base.push_str(&format!("\"@signature-params\": {signature_params}"));
    base
}

/// The components that a signature of this request has to cover, in the order in which we sign them.
pub(super) fn required_components(request: &RequestParts<'_>) -> Vec<&'static str> {
    let mut names = vec!["@method", "@authority", "@path"];
    names.extend(request.query.map(|_| "@query"));
    names.extend((!request.body.is_empty()).then_some(CONTENT_DIGEST));
    names
}

/// The value of a component, or `None` for one that this scheme does not know.
pub(super) fn component_value(
    name: &str,
    request: &RequestParts<'_>,
    content_digest: Option<&str>,
) -> Option<String> {
    match name {
        "@method" => Some(request.method.to_owned()),
        "@authority" => Some(request.authority.to_ascii_lowercase()),
        // A path that is empty on the request line means the root.
        "@path" if request.path.is_empty() => Some("/".to_owned()),
        "@path" => Some(request.path.to_owned()),
        "@query" => Some(format!("?{}", request.query.unwrap_or_default())),
        CONTENT_DIGEST => content_digest.map(|value| value.trim().to_owned()),
        _ => None,
    }
}

/// The `Content-Digest` header of a body (RFC 9530).
pub(super) fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}
