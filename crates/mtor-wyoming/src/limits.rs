//! Every limit of the protocol's readers and writers, in one place. The protocol itself names none.

use std::time::Duration;

/// Longest line that an event begins with, in bytes. What the Python package reads without complaint.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Longest data that may follow the line, in bytes. The largest in practice is an `info` with some hundred voices.
pub const DATA_BYTES_MAX: usize = 1 << 20;

/// Longest payload, in bytes: a minute and a half of speech at 22,050 Hz. Usual chunks hold 2 KiB.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 20;

/// What is read from a socket in one go, in bytes.
pub const READ_BYTES: usize = 8 * 1024;

/// Highest sample rate that is taken for one, in Hz.
pub const RATE_MAX: u32 = 768_000;

/// Most channels that are taken for channels.
pub const CHANNELS_MAX: u16 = 32;

/// An event whose first bytes have come must be whole by then.
pub const EVENT_TIMEOUT: Duration = Duration::from_secs(30);

/// A peer that does not take what is sent for so long is gone.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(15);
