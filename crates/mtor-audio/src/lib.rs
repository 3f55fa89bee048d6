//! Sound as the realm's workers handle it: samples, rates, files in, files out.
//!
//! Inside the realm a sound is mono: `f32` samples between -1 and 1 while it is worked on, little-endian 16-bit integers
//! ("s16le") on the wire. What is heard runs at [`HEARD_HZ`], what is spoken at [`SPOKEN_HZ`].
//!
//! - [`pcm`]: between the two forms of a sample, loudness, WAV files.
//! - [`resample`]: from any rate to any other, as the samples come.
//! - `decode` (feature): a file of any common format to samples, with bounded memory.
//! - `encode` (feature): samples to a file of a common format, as they come.
//!
//! What is not here: the wire, models, and anything that plays or records.

#[cfg(feature = "decode")]
pub mod decode;
pub mod defaults;
#[cfg(feature = "encode")]
pub mod encode;
pub mod pcm;
pub mod resample;

pub use defaults::{HEARD_HZ, SPOKEN_HZ};
