//! The console: the page in the browser, built from `web/` and carried in the program.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mtor_protocol::{Problem, ProblemKind};
use rust_embed::RustEmbed;

use super::reply::problem_for;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Files;

/// Nothing from elsewhere, nothing inline, framed by nobody. WebAssembly is what listens for the wake word in the page; it
/// comes from here like every other script.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
    connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A file of the console; the page itself for the root.
pub(super) async fn file(request: Request) -> Response {
    let path = request.uri().path();
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let detail =
            format!("there is no route {} {path}; see the reference of the HTTP interface", request.method());
        return problem_for(path, &Problem::new(ProblemKind::NotFound, detail));
    }
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    match Files::get(name) {
        Some(file) => answer(name, &request, file),
        None if name == "index.html" => {
            let text = "This realm runs, but its console was not built. Start it with ./mtor up, which builds both.\n";
            (StatusCode::NOT_FOUND, text).into_response()
        }
        None => {
            let detail = format!("there is no {path}; see the reference of the HTTP interface");
            problem_for(path, &Problem::new(ProblemKind::NotFound, detail))
        }
    }
}

fn answer(name: &str, request: &Request, file: rust_embed::EmbeddedFile) -> Response {
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    let known =
        request.headers().get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => file.data.into_owned().into_response(),
    };
    // Files under assets/ have their hash in their name and never change.
    let caching =
        if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, media_type(name));
    set(header::CACHE_CONTROL, caching);
    set(header::ETAG, &tag);
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
