//! Reading a published log: entry bundles as C2SP tlog-tiles lays them out.

use anyhow::{Context as _, bail};
use mtor_identity::PublicKey;
use mtor_protocol::http::RealmInfo;

use crate::client::Api;

/// Entries in a full bundle.
const BUNDLE_ENTRIES: u64 = 256;

/// All that a realm publishes of its log. Nothing of it is believed yet.
pub(crate) struct PublishedLog {
    /// The key that must have signed it.
    pub(crate) key: PublicKey,
    /// The note that says how much there is.
    pub(crate) checkpoint: String,
    /// The entries, in order.
    pub(crate) leaves: Vec<Vec<u8>>,
}

impl PublishedLog {
    /// Downloads it. Without a key, the one that the realm names is believed.
    ///
    /// # Errors
    /// When the realm can't be reached, or what it gives is no log.
    pub(crate) async fn download(api: &Api, key: Option<PublicKey>) -> anyhow::Result<Self> {
        let key = match key {
            Some(key) => key,
            None => {
                let info: RealmInfo = api.get("/api/realm").await?;
                PublicKey::from_did(info.did.as_str()).context("the realm's key")?
            }
        };
        let checkpoint =
            String::from_utf8(api.get_bytes("/log/checkpoint").await?).context("the checkpoint")?;
        let leaves = download(api, size_of(&checkpoint)?).await?;
        Ok(Self { key, checkpoint, leaves })
    }
}

/// The number of entries that a checkpoint speaks of: its second line. Nothing is believed of it yet; the signature is
/// checked with the entries.
///
/// # Errors
/// When the text is no checkpoint.
fn size_of(checkpoint: &str) -> anyhow::Result<u64> {
    let size = checkpoint.lines().nth(1).and_then(|line| line.parse().ok());
    size.context("the checkpoint does not say how many entries there are on its second line")
}

/// Downloads the entries of a log of this size, in order.
///
/// # Errors
/// When a bundle is missing or is none.
async fn download(api: &Api, size: u64) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    for index in 0..size.div_ceil(BUNDLE_ENTRIES) {
        let width = BUNDLE_ENTRIES.min(size - index * BUNDLE_ENTRIES);
        let path = path_of(index, width);
        let bundle = api.get_bytes(&path).await.with_context(|| format!("downloading {path}"))?;
        let found = split(&bundle).with_context(|| format!("{path} is no bundle of entries"))?;
        if found.len() as u64 != width {
            bail!("{path} holds {} entries instead of {width}", found.len());
        }
        entries.extend(found);
    }
    Ok(entries)
}

/// Where a bundle is: its index in groups of three digits with an `x` before all but the last, then its width unless it
/// is full.
fn path_of(index: u64, width: u64) -> String {
    let mut groups = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        groups = format!("x{:03}/{groups}", rest % 1_000);
        rest /= 1_000;
    }
    let partial = if width == BUNDLE_ENTRIES { String::new() } else { format!(".p/{width}") };
    format!("/log/tile/entries/{groups}{partial}")
}

/// Takes a bundle apart: each entry stands behind its length in two bytes, the larger first.
fn split(bundle: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry.to_vec());
        rest = after;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        assert_eq!(path_of(0, 256), "/log/tile/entries/000");
        assert_eq!(path_of(5, 17), "/log/tile/entries/005.p/17");
        assert_eq!(path_of(1_234_067, 256), "/log/tile/entries/x001/x234/067");
    }

    #[test]
    fn bundles_are_taken_apart_or_refused() {
        assert_eq!(split(b"\0\x02hi\0\0\0\x01!"), Some(vec![b"hi".to_vec(), Vec::new(), b"!".to_vec()]));
        assert_eq!(split(b""), Some(Vec::new()));
        assert_eq!(split(b"\0\x03hi"), None);
        assert_eq!(split(b"\0"), None);
    }

    #[test]
    fn the_size_is_on_the_second_line() {
        assert_eq!(size_of("mtor/x\n42\nroot=\n\n- x y\n").unwrap(), 42);
        assert!(size_of("mtor/x\nmany\n").is_err() && size_of("").is_err());
    }
}
