//! One file over HTTP: streamed to disk, resumed where it stopped, checked against its pin.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use crate::catalogue::Sha256Hex;
use crate::defaults::WRITE_BUFFER_BYTES;
use crate::disk;
use crate::error::{ModelError, SourceError};
use crate::hash;
use crate::net::{Net, successful};
use crate::progress::Meter;
use crate::retry::Attempts;

/// A file to download: where its bytes gather, and what they must be in the end.
pub(crate) struct Pinned<'a> {
    pub(crate) part: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'a Sha256Hex,
}

impl Pinned<'_> {
    /// Where the origin of the gathered bytes is remembered.
    fn origin_path(&self) -> PathBuf {
        let mut name = self.part.clone().into_os_string();
        name.push(".from");
        name.into()
    }

    /// Forgets the gathered bytes.
    pub(crate) fn discard(&self) -> Result<(), ModelError> {
        disk::remove(&self.part)?;
        disk::remove(&self.origin_path())
    }

    /// What is gathered so far.
    pub(crate) fn gathered_bytes(&self) -> u64 {
        length(&self.part)
    }

    fn write_error(&self, error: std::io::Error) -> ModelError {
        let folder = self.part.parent().unwrap_or(&self.part);
        disk::write_error(folder, &self.part, self.bytes.saturating_sub(self.gathered_bytes()), error)
    }
}

/// The size of a file, zero when it is not there.
pub(crate) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// How one complete transfer ended.
enum Outcome {
    Good,
    /// Bytes kept from earlier do not fit what the server has: the whole file is worth one more try.
    BeginAnew(String),
}

/// Downloads until the file is complete and its hash is right. What was gathered stays when this fails, unless it is wrong.
pub(crate) async fn download(
    net: &Net<'_>,
    url: &Url,
    file: &Pinned<'_>,
    meter: &mut Meter<'_>,
) -> Result<(), SourceError> {
    let base = meter.position();
    let mut attempts = Attempts::new(net);
    let mut begun_anew = false;
    loop {
        let before = file.gathered_bytes();
        let error = match attempt(net, url, file, meter, base).await {
            Ok(Outcome::Good) => return Ok(()),
            Ok(Outcome::BeginAnew(why)) if begun_anew => return Err(SourceError::Unusable(why)),
            Ok(Outcome::BeginAnew(why)) => {
                begun_anew = true;
                SourceError::transient(why)
            }
            Err(error) => error,
        };
        let gained = file.gathered_bytes().saturating_sub(before);
        attempts.after(error, gained, meter).await?;
    }
}

async fn attempt(
    net: &Net<'_>,
    url: &Url,
    file: &Pinned<'_>,
    meter: &mut Meter<'_>,
    base: u64,
) -> Result<Outcome, SourceError> {
    let mut kept = file.gathered_bytes();
    if kept > file.bytes {
        file.discard()?;
        kept = 0;
    }
    let mut hasher = Sha256::new();
    if kept > 0 {
        hasher = hash::absorb_file(&file.part, net.cancel).await?;
    }
    meter.move_to(base + kept);
    if kept < file.bytes {
        let Some(mut response) = request(net, url, file, kept).await? else {
            file.discard()?;
            return Ok(Outcome::BeginAnew(format!("the server cannot go on from byte {kept}")));
        };
        if response.status() != StatusCode::PARTIAL_CONTENT {
            file.discard()?;
            remember_origin(file, url, response.headers())?;
            (kept, hasher) = (0, Sha256::new());
            meter.move_to(base);
        }
        receive(net, &mut response, file, kept, &mut hasher, meter).await?;
    }
    let found = hash::hex(hasher);
    if found == file.sha256.as_str() {
        return Ok(Outcome::Good);
    }
    file.discard()?;
    let why = format!("its SHA-256 is {found}, not the pinned {}", file.sha256);
    if kept > 0 { Ok(Outcome::BeginAnew(why)) } else { Err(SourceError::Unusable(why)) }
}

/// Asks for what is missing and checks that the answer can be the pinned file, before a byte of it is taken. Nothing is
/// given when the server has no answer that begins where it should.
async fn request(
    net: &Net<'_>,
    url: &Url,
    file: &Pinned<'_>,
    kept: u64,
) -> Result<Option<Response>, SourceError> {
    let mut request = net.client.get(url.clone());
    if kept > 0 {
        request = request.header(RANGE, format!("bytes={kept}-"));
        if let Some(validator) = known_validator(file, url) {
            request = request.header(IF_RANGE, validator);
        }
    }
    let response = net.send(request).await?;
    if kept > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(None);
    }
    let response = successful(response)?;
    let total = if response.status() == StatusCode::PARTIAL_CONTENT {
        match content_range(response.headers()) {
            Some((start, total)) if start == kept => total,
            _ => return Ok(None),
        }
    } else {
        response.content_length()
    };
    match total {
        Some(total) if total != file.bytes => Err(SourceError::Unusable(format!(
            "the server has another file: {total} bytes, expected {}",
            file.bytes
        ))),
        _ => Ok(Some(response)),
    }
}

/// Adds the body to the gathered bytes. Whatever ends it, what came until then is written.
async fn receive(
    net: &Net<'_>,
    response: &mut Response,
    file: &Pinned<'_>,
    kept: u64,
    hasher: &mut Sha256,
    meter: &mut Meter<'_>,
) -> Result<(), SourceError> {
    // Written at its place rather than appended: a write that a dropped fetch has left under way puts the same bytes there.
    let opened = File::options().create(true).write(true).truncate(false).open(&file.part).await;
    let mut out = opened.map_err(|error| file.write_error(error))?;
    out.seek(SeekFrom::Start(kept)).await.map_err(|error| file.write_error(error))?;
    let mut buffer = Vec::with_capacity(2 * WRITE_BUFFER_BYTES);
    let mut have = kept;
    let end = loop {
        let chunk = match net.next_chunk(response).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        if have + chunk.len() as u64 > file.bytes {
            file.discard()?;
            return Err(SourceError::Unusable(format!(
                "the server sends more than the {} bytes expected",
                file.bytes
            )));
        }
        hasher.update(&chunk);
        buffer.extend_from_slice(&chunk);
        have += chunk.len() as u64;
        meter.advance(chunk.len() as u64);
        if buffer.len() >= WRITE_BUFFER_BYTES {
            out.write_all(&buffer).await.map_err(|error| file.write_error(error))?;
            buffer.clear();
        }
    };
    out.write_all(&buffer).await.map_err(|error| file.write_error(error))?;
    // tokio's files write in the background: only a flush says that the bytes are with the operating system.
    out.flush().await.map_err(|error| file.write_error(error))?;
    end?;
    if have < file.bytes {
        return Err(SourceError::transient(format!("the connection ended at byte {have} of {}", file.bytes)));
    }
    Ok(())
}

/// First byte and, when told, total size of a partial answer.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, total) =
        headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.parse().ok()?;
    Some((start, total.parse().ok()))
}

/// Where the gathered bytes come from, kept beside them for `If-Range`.
#[derive(Serialize, Deserialize)]
struct Origin {
    url: String,
    validator: String,
}

fn remember_origin(file: &Pinned<'_>, url: &Url, headers: &HeaderMap) -> Result<(), ModelError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // A weak tag promises equal meaning, not equal bytes, and is not allowed in If-Range.
    let Some(validator) = text(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(LAST_MODIFIED))
    else {
        return Ok(());
    };
    let origin = Origin { url: url.to_string(), validator };
    let json = serde_json::to_vec(&origin).map_err(std::io::Error::other);
    json.and_then(|json| std::fs::write(file.origin_path(), json)).map_err(|error| file.write_error(error))
}

/// Bytes from elsewhere are gone on with as well, without a validator: in the end the hash decides.
fn known_validator(file: &Pinned<'_>, url: &Url) -> Option<String> {
    let origin: Origin = serde_json::from_slice(&std::fs::read(file.origin_path()).ok()?).ok()?;
    (origin.url == url.as_str()).then_some(origin.validator)
}
