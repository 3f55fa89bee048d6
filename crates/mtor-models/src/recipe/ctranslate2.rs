//! The files of CTranslate2: a list of named arrays, and further names for some of them.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use super::RecipeError;

/// The most arrays that a file may have; the largest Whisper has some 1,400.
const ARRAYS_MAX: u32 = 16_384;
/// The most dimensions of an array.
const RANK_MAX: u8 = 4;

/// An array of half-precision numbers in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<u32>,
    /// Where its numbers begin in the file.
    pub(crate) offset: u64,
}

impl Array {
    /// How many numbers one step along the first dimension takes.
    pub(crate) fn row(&self) -> u64 {
        self.shape.iter().skip(1).map(|size| u64::from(*size)).product()
    }
}

/// What is where in a file. Arrays of other numbers than half-precision ones are left out: settings, not weights.
#[derive(Debug)]
pub(crate) struct Contents<R> {
    file: R,
    arrays: HashMap<String, Array>,
}

impl<R: Read + Seek> Contents<R> {
    /// Reads the names, and skips the numbers.
    pub(crate) fn read(mut file: R) -> Result<Self, RecipeError> {
        const HALF: u8 = 4;
        let version = u32_of(&mut file)?;
        if !(2..=6).contains(&version) {
            return Err(RecipeError::unfit(format!("no CTranslate2 file of a known version ({version})")));
        }
        let kind = string_of(&mut file)?;
        let _revision = u32_of(&mut file)?;
        if kind != "WhisperSpec" {
            return Err(RecipeError::unfit(format!("a CTranslate2 model of the kind {kind}, not a Whisper")));
        }
        let mut arrays = HashMap::new();
        for _ in 0..count_of(&mut file)? {
            let name = string_of(&mut file)?;
            let [rank] = bytes_of(&mut file)?;
            if rank > RANK_MAX {
                return Err(RecipeError::unfit(format!("{name} has {rank} dimensions")));
            }
            let shape = (0..rank).map(|_| u32_of(&mut file)).collect::<Result<Vec<_>, _>>()?;
            let [kind] = bytes_of(&mut file)?;
            let bytes = u32_of(&mut file)?;
            let offset = file.stream_position()?;
            if kind == HALF {
                let numbers: u64 = shape.iter().map(|size| u64::from(*size)).product();
                if numbers * 2 != u64::from(bytes) {
                    return Err(RecipeError::unfit(format!(
                        "{name} has {bytes} bytes for {numbers} numbers"
                    )));
                }
                arrays.insert(name, Array { shape, offset });
            }
            file.seek_relative(i64::from(bytes))?;
        }
        for _ in 0..count_of(&mut file)? {
            let (alias, name) = (string_of(&mut file)?, string_of(&mut file)?);
            if let Some(array) = arrays.get(&name) {
                arrays.insert(alias, array.clone());
            }
        }
        Ok(Self { file, arrays })
    }

    /// The array of that name.
    pub(crate) fn array(&self, name: &str) -> Result<&Array, RecipeError> {
        self.arrays
            .get(name)
            .ok_or_else(|| RecipeError::unfit(format!("there is no {name} in half precision in the model")))
    }

    /// How many layers are numbered below `prefix`, as in `encoder/layer_3/`.
    pub(crate) fn layers(&self, prefix: &str) -> u32 {
        let numbers =
            self.arrays.keys().filter_map(|name| name.strip_prefix(prefix)?.split('/').next()?.parse().ok());
        numbers.max().map_or(0, |last: u32| last + 1)
    }

    /// `numbers` numbers of the file from `offset` on, as they stand there.
    pub(crate) fn halves(&mut self, offset: u64, numbers: u64) -> Result<Vec<u8>, RecipeError> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut halves = Vec::new();
        self.file.by_ref().take(numbers * 2).read_to_end(&mut halves)?;
        if halves.len() as u64 != numbers * 2 {
            return Err(RecipeError::unfit("the model is cut off"));
        }
        Ok(halves)
    }
}

fn bytes_of<const N: usize>(file: &mut impl Read) -> Result<[u8; N], RecipeError> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => RecipeError::unfit("the model is cut off"),
        _ => error.into(),
    })?;
    Ok(bytes)
}

fn u32_of(file: &mut impl Read) -> Result<u32, RecipeError> {
    Ok(u32::from_le_bytes(bytes_of(file)?))
}

fn count_of(file: &mut impl Read) -> Result<u32, RecipeError> {
    match u32_of(file)? {
        count @ 0..=ARRAYS_MAX => Ok(count),
        count => Err(RecipeError::unfit(format!("{count} arrays are more than a Whisper has"))),
    }
}

/// A string with its length before it and a zero at its end.
fn string_of(file: &mut impl Read) -> Result<String, RecipeError> {
    let length = u16::from_le_bytes(bytes_of(file)?);
    let mut bytes = vec![0; usize::from(length)];
    file.read_exact(&mut bytes).map_err(|_| RecipeError::unfit("the model is cut off"))?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| RecipeError::unfit("a name in the model is no text"))
}
