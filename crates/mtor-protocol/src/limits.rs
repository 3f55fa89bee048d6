//! The limits of the wire, stated once. A message past one of them is refused with a [`Problem`](crate::Problem)
//! that names the limit; nothing is ever cut short in silence.

/// Longest text frame, and longest JSON body of a request: 1 MiB.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Longest binary frame, header included: 16 MiB.
pub const FRAME_BYTES_MAX: usize = 16 << 20;
/// Most messages in one chat request.
pub const MESSAGES_MAX: usize = 1_000;
/// Most inputs in one embedding request.
pub const EMBED_INPUTS_MAX: usize = 256;
/// Most stop strings in one chat request, as in OpenAI's interface.
pub const STOPS_MAX: usize = 4;
/// Longest stop string, in bytes.
pub const STOP_BYTES_MAX: usize = 256;
/// Longest name of a model, worker or capability, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Most capabilities that one worker may announce.
pub const OFFERS_MAX: usize = 64;
/// Most slots that one worker may grant for one capability.
pub const SLOTS_MAX: u32 = 1_024;
/// Longest time a job may ask to live, in milliseconds: one day.
pub const TIMEOUT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
