//! Looks into a GGUF file without loading it: what it is, and whether it is all there.
//!
//! Reads the header, the metadata and the list of tensors only, within the limits of [`crate::defaults`]: a hostile or
//! broken file costs neither much memory nor much time.

mod error;
mod reader;
mod tensor;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::defaults::{GGUF_ENTRIES_MAX, GGUF_TENSORS_MAX};
pub use error::GgufError;
use reader::{Reader, Trouble, Value};

/// What a GGUF file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufInfo {
    /// The model's architecture, such as `llama` or `qwen2`.
    pub architecture: String,
    /// The model's name, when the file gives one.
    pub name: Option<String>,
    /// The tokens of context the model was made for, when the file says so.
    pub context_length: Option<u64>,
    /// Whether the file has a chat template, without which a chat model cannot be asked properly.
    pub chat_template_present: bool,
    /// How many tensors there are.
    pub tensors: u64,
    /// The size of the file.
    pub bytes: u64,
    /// Whether the end of every tensor is known to lie within the file. False when it holds tensors of a kind that
    /// this program does not know, whose size it therefore cannot tell.
    pub complete: bool,
}

/// Inspects the file at `path`. Reads a few megabytes and blocks: call it outside async tasks.
///
/// # Errors
/// [`GgufError::Truncated`] when the file ends before its last tensor does, [`GgufError::NotGguf`] and
/// [`GgufError::Version`] for other files, [`GgufError::Malformed`] past a limit, [`GgufError::Io`].
pub fn inspect(path: &Path) -> Result<GgufInfo, GgufError> {
    let io = |source| GgufError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let mut reader = Reader::new(BufReader::with_capacity(256 << 10, file), bytes);
    let (info, end) = read(&mut reader, bytes).map_err(|trouble| trouble.of(path, bytes))?;
    if bytes < end {
        return Err(GgufError::Truncated { path: path.to_owned(), bytes, expected_bytes: Some(end) });
    }
    Ok(info)
}

/// The information, and where the last tensor of a known kind ends.
fn read(
    reader: &mut Reader<impl std::io::BufRead + std::io::Seek>,
    bytes: u64,
) -> Result<(GgufInfo, u64), Trouble> {
    reader.magic()?;
    reader.version()?;
    let tensors = reader.count("tensors", GGUF_TENSORS_MAX)?;
    let entries = reader.count("metadata entries", GGUF_ENTRIES_MAX)?;

    let mut info = GgufInfo {
        architecture: String::new(),
        name: None,
        context_length: None,
        chat_template_present: false,
        tensors,
        bytes,
        complete: true,
    };
    let mut alignment = 32;
    for _ in 0..entries {
        let key = reader.string()?;
        let value = reader.value()?;
        match (key.as_str(), value) {
            ("general.architecture", Value::Text(text)) => info.architecture = text,
            ("general.name", Value::Text(text)) => info.name = Some(text),
            ("general.alignment", Value::Unsigned(number)) => alignment = number,
            ("tokenizer.chat_template", Value::Text(text)) => info.chat_template_present = !text.is_empty(),
            (key, Value::Unsigned(number)) if key.ends_with(".context_length") => {
                info.context_length = Some(number)
            }
            _ => {}
        }
    }
    if info.architecture.is_empty() {
        return Err(Trouble::malformed("it names no architecture"));
    }
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(Trouble::malformed(format!("its alignment is {alignment}")));
    }

    let mut end_of_data = 0;
    for _ in 0..tensors {
        match reader.tensor()?.end() {
            Some(end) => end_of_data = end_of_data.max(end),
            None => info.complete = false,
        }
    }
    let start_of_data = reader.position().next_multiple_of(alignment);
    let end =
        start_of_data.checked_add(end_of_data).ok_or_else(|| Trouble::malformed("its size overflows"))?;
    Ok((info, end))
}
