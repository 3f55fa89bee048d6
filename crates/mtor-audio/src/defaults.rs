//! Every default and every limit of this crate, in one place.

/// Samples per second of what is heard: what speech models listen to, and what the page sends.
pub const HEARD_HZ: u32 = 16_000;
/// Samples per second of what is spoken: what OpenAI's clients expect of raw PCM.
pub const SPOKEN_HZ: u32 = 24_000;

/// The lowest rate that is resampled, in samples per second.
pub const RATE_HZ_MIN: u32 = 1_000;
/// The highest rate that is resampled, in samples per second.
pub const RATE_HZ_MAX: u32 = 768_000;

/// How far the resampling filter reaches to each side, in periods of the lower of the two rates.
pub(crate) const FILTER_REACH: usize = 24;
/// Positions between two input samples for which the filter is tabulated; between them it is interpolated.
pub(crate) const FILTER_PHASES: usize = 512;
/// Where the filter begins to cut, as a share of half the lower rate.
pub(crate) const FILTER_CUTOFF: f64 = 0.92;
/// Shape of the filter's Kaiser window: what is above half the lower rate is damped by some 90 dB.
pub(crate) const FILTER_KAISER_BETA: f64 = 9.0;

/// Broken packets after which a file of which nothing was heard yet is given up.
#[cfg(feature = "decode")]
pub(crate) const BROKEN_PACKETS_MAX: u32 = 64;
/// The longest tag of a file that is kept while it is read, in bytes. Pictures are not kept at all.
#[cfg(feature = "decode")]
pub(crate) const TAG_BYTES_MAX: usize = 64 << 10;
