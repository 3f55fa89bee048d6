//! Parts: what comes out of a job beside its text, such as a picture, a table or a chart. A worker says what comes
//! ([`NewPart`]), and the bytes follow at once as binary output [frames](crate::frame). Whoever listens is told of a part when
//! all of it is there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::limits;

/// A part that a worker is about to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPart {
    /// What a file with it would be called.
    pub name: String,
    /// What kind of thing it is, such as `image/png`.
    pub media_type: String,
    /// Its size: so many bytes of output frames, after this, are it.
    pub bytes: u32,
    /// Whether it only shows how a part comes on. The next one replaces it; it is no part of the answer, of its digest or
    /// of what is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
}

impl NewPart {
    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        if self.name.is_empty() || self.name.len() > limits::NAME_BYTES_MAX {
            return Some(format!("part.name: 1 to {} bytes", limits::NAME_BYTES_MAX));
        }
        // It becomes the name of a file.
        if self.name.starts_with('.')
            || self.name.contains(['/', '\\', '"'])
            || self.name.contains(char::is_control)
        {
            return Some("part.name: the name of a file, without its folder".to_owned());
        }
        if !is_media_type(&self.media_type) {
            return Some("part.media_type: a media type in lower case, such as image/png".to_owned());
        }
        let bytes_max = if self.preview { limits::PREVIEW_BYTES_MAX } else { limits::PART_BYTES_MAX };
        (self.bytes == 0 || self.bytes > bytes_max)
            .then(|| format!("part.bytes: 1 to {bytes_max}, not {}", self.bytes))
    }
}

/// A type and a subtype, without parameters.
fn is_media_type(text: &str) -> bool {
    let is_token = |token: &str| {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-._".contains(&byte);
        !token.is_empty() && token.bytes().all(allowed)
    };
    text.len() <= limits::NAME_BYTES_MAX
        && text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// A part of an answer, as it is told of: as the data of `mtor.job.part`, whose bytes follow as binary output frames, and in
/// lists of what a job brought forth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its number among the parts of its job, from 0: `GET /api/jobs/{id}/parts/{number}` gives its bytes. A preview has the
    /// number of the part that it shows coming, and is not to be had there.
    pub number: u32,
    /// What a file with it would be called.
    pub name: String,
    /// What kind of thing it is.
    pub media_type: String,
    /// Its size, in bytes.
    pub bytes: u32,
    /// SHA-256 over it.
    pub sha256: Digest,
    /// Whether it only shows how the part comes on: the next one, or the part itself, replaces it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_names_of_files_and_media_types() {
        let good =
            NewPart { name: "cloud.png".into(), media_type: "image/png".into(), bytes: 1, preview: false };
        assert_eq!(good.fault(), None);
        let svg = NewPart { media_type: "image/svg+xml".into(), ..good.clone() };
        assert_eq!(svg.fault(), None);
        for name in ["", "../cloud.png", "a/b", ".profile", "a\"b", "a\nb"] {
            assert!(NewPart { name: name.into(), ..good.clone() }.fault().is_some(), "{name:?}");
        }
        for media_type in ["", "png", "image/", "Image/PNG", "text/html; charset=utf-8", "a/b/c"] {
            assert!(
                NewPart { media_type: media_type.into(), ..good.clone() }.fault().is_some(),
                "{media_type:?}"
            );
        }
        assert!(NewPart { bytes: 0, ..good.clone() }.fault().is_some());
        let large = NewPart { bytes: limits::PREVIEW_BYTES_MAX + 1, ..good };
        assert_eq!(large.fault(), None);
        assert!(NewPart { preview: true, ..large }.fault().unwrap().starts_with("part.bytes: 1 to"));
    }
}
