//! Every default and limit of this crate, in one place.

use std::time::Duration;

use mtor_protocol::limits::TEXT_BYTES_MAX;

/// How long running jobs may go on after a shutdown was asked for, unless [`Settings`](crate::Settings) say otherwise.
pub const GRACE: Duration = Duration::from_secs(30);

/// How long a job may go on after it was cancelled; then its future is dropped.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// From the first packet to the realm's welcome, all in.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The shortest wait before another try to connect.
pub const BACKOFF_MIN: Duration = Duration::from_millis(200);

/// The longest wait before another try to connect.
pub const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A session that stood this long was a good one: after it the waits start at the shortest again.
pub const BACKOFF_RESET: Duration = Duration::from_secs(5);

/// The shortest time between two beats, whatever the broker asks for.
pub const BEAT_MIN: Duration = Duration::from_millis(10);

/// The longest time between two beats, whatever the broker asks for.
pub const BEAT_MAX: Duration = Duration::from_secs(60);

/// After so many beats without a byte from the broker the link counts as lost.
pub const SILENT_BEATS_MAX: u32 = 3;

/// Frames that wait for the socket, all jobs together. When it is full, [`Output::text`](crate::Output::text) waits.
pub const QUEUE_FRAMES: usize = 64;

/// How long a frame that is no chunk may wait for its place in the queue; then the link counts as lost.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most text in one chunk, in bytes; longer text is sent in several.
pub const PIECE_BYTES_MAX: usize = 16 * 1024;

/// The most sound in one frame, in bytes (two thirds of a second of raw speech); more is sent in several.
pub const PAYLOAD_BYTES_MAX: usize = 32 * 1024;

/// The longest frame with a job, in bytes: a client's intent may fill a whole text frame, and the lease, the deadline
/// and the text that was delivered before come on top of it.
pub const RUN_BYTES_MAX: usize = 2 * TEXT_BYTES_MAX;

/// The longest message that is read at all, in bytes; what is longer ends the link. So far beyond [`RUN_BYTES_MAX`] that a
/// job that is merely too large is refused by itself.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Read and write buffer of the WebSocket, in bytes.
pub const BUFFER_BYTES: usize = 4 * 1024;

/// How long the last frames and the goodbye may take when the worker leaves.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
