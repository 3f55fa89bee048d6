//! Reads the values of a GGUF header, within limits.

use std::io::{self, BufRead, Seek};
use std::path::Path;

use super::error::GgufError;
use super::tensor::Tensor;
use crate::defaults::{GGUF_ARRAY_MAX, GGUF_DEPTH_MAX, GGUF_DIMENSIONS_MAX, GGUF_STRING_BYTES_MAX};

/// A problem, before the file's name is known.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file ends within the header.
    Ended,
    NotGguf(String),
    Version(u32),
    Malformed(String),
    Io(io::Error),
}

impl Trouble {
    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }

    pub(super) fn of(self, path: &Path, bytes: u64) -> GgufError {
        let path = path.to_owned();
        match self {
            Self::Ended => GgufError::Truncated { path, bytes, expected_bytes: None },
            Self::NotGguf(why) => GgufError::NotGguf { path, why },
            Self::Version(version) => GgufError::Version { path, version },
            Self::Malformed(why) => GgufError::Malformed { path, why },
            Self::Io(source) => GgufError::Io { path, source },
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Ended,
            _ => Self::Io(error),
        }
    }
}

/// A metadata value, as far as anybody here asks for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Unsigned(u64),
    /// Read over: floats, negative numbers, truth values, arrays.
    Other,
}

/// A cursor over the header.
pub(super) struct Reader<R> {
    inner: R,
    position: u64,
    file_bytes: u64,
}

impl<R: BufRead + Seek> Reader<R> {
    pub(super) fn new(inner: R, file_bytes: u64) -> Self {
        Self { inner, position: 0, file_bytes }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn magic(&mut self) -> Result<(), Trouble> {
        if self.file_bytes == 0 {
            return Err(Trouble::NotGguf("it is empty".to_owned()));
        }
        let magic: [u8; 4] = self.array().map_err(|_| Trouble::NotGguf("it is too short".to_owned()))?;
        if &magic == b"GGUF" {
            return Ok(());
        }
        let begins = String::from_utf8_lossy(&magic).escape_debug().to_string();
        Err(Trouble::NotGguf(format!("it begins with \"{begins}\"")))
    }

    pub(super) fn version(&mut self) -> Result<u32, Trouble> {
        match self.u32()? {
            version @ (2 | 3) => Ok(version),
            version if matches!(version.swap_bytes(), 2 | 3) => {
                Err(Trouble::NotGguf("it is made for big-endian machines".to_owned()))
            }
            version => Err(Trouble::Version(version)),
        }
    }

    pub(super) fn count(&mut self, what: &str, max: u64) -> Result<u64, Trouble> {
        let count = self.u64()?;
        if count > max {
            return Err(Trouble::malformed(format!("it claims {count} {what}, at most {max} are allowed")));
        }
        Ok(count)
    }

    pub(super) fn string(&mut self) -> Result<String, Trouble> {
        let bytes = self.string_length()?;
        let mut text = vec![0; bytes];
        self.inner.read_exact(&mut text)?;
        self.position += bytes as u64;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    pub(super) fn value(&mut self) -> Result<Value, Trouble> {
        let kind = self.u32()?;
        Ok(match kind {
            0 => Value::Unsigned(u64::from(self.array::<1>()?[0])),
            2 => Value::Unsigned(u64::from(u16::from_le_bytes(self.array()?))),
            4 => Value::Unsigned(u64::from(self.u32()?)),
            10 => Value::Unsigned(self.u64()?),
            8 => Value::Text(self.string()?),
            _ => {
                self.skip_value(kind, 0)?;
                Value::Other
            }
        })
    }

    pub(super) fn tensor(&mut self) -> Result<Tensor, Trouble> {
        let name_bytes = self.string_length()?;
        self.skip(name_bytes as u64)?;
        let dimensions = self.u32()?;
        if dimensions > GGUF_DIMENSIONS_MAX {
            return Err(Trouble::malformed(format!("a tensor claims {dimensions} dimensions")));
        }
        let mut elements = 1_u64;
        for _ in 0..dimensions {
            let length = self.u64()?;
            elements = elements
                .checked_mul(length)
                .ok_or_else(|| Trouble::malformed("a tensor's size overflows"))?;
        }
        Ok(Tensor { elements, kind: self.u32()?, offset: self.u64()? })
    }

    fn skip_value(&mut self, kind: u32, depth: u8) -> Result<(), Trouble> {
        match (fixed_size(kind), kind) {
            (Some(bytes), _) => self.skip(bytes),
            (None, 8) => {
                let bytes = self.string_length()?;
                self.skip(bytes as u64)
            }
            (None, 9) if depth < GGUF_DEPTH_MAX => self.skip_array(depth),
            _ => Err(Trouble::malformed(format!("a metadata value has the unknown kind {kind}"))),
        }
    }

    fn skip_array(&mut self, depth: u8) -> Result<(), Trouble> {
        let kind = self.u32()?;
        let count = self.count("elements in an array", GGUF_ARRAY_MAX)?;
        if let Some(bytes) = fixed_size(kind) {
            return self.skip(count * bytes);
        }
        for _ in 0..count {
            self.skip_value(kind, depth + 1)?;
        }
        Ok(())
    }

    fn string_length(&mut self) -> Result<usize, Trouble> {
        let bytes = self.u64()?;
        if bytes > GGUF_STRING_BYTES_MAX {
            return Err(Trouble::malformed(format!("a text claims {bytes} bytes")));
        }
        if bytes > self.file_bytes.saturating_sub(self.position) {
            return Err(Trouble::Ended);
        }
        usize::try_from(bytes).map_err(|_| Trouble::malformed("a text is too long for this machine"))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Trouble> {
        if bytes > self.file_bytes.saturating_sub(self.position) {
            return Err(Trouble::Ended);
        }
        let distance = i64::try_from(bytes).map_err(|_| Trouble::Ended)?;
        self.inner.seek_relative(distance)?;
        self.position += bytes;
        Ok(())
    }

    fn u32(&mut self) -> Result<u32, Trouble> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Trouble> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Trouble> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }
}

/// The size of values that have always the same.
fn fixed_size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}
