//! Binary frames: heavy payloads (audio, images) without base64. Header, then payload, in one WebSocket message:
//!
//! ```text
//! 0      2        3      4                20          28            36
//! "MF"   version  kind   job id (16, BE)  lease (BE)  sequence (BE) payload ...
//! ```
//!
//! The lease is that of the assignment between broker and worker, and 0 between client and broker. An empty payload ends
//! the input of a job. Output frames to a client carry the sequence of the job's events, among which they stand.

use crate::id::JobId;
use crate::limits;

/// The bytes before the payload.
pub const HEADER_BYTES: usize = 36;
const MAGIC: [u8; 2] = *b"MF";
const VERSION: u8 = 1;

/// What a payload is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// What goes in: from a client, and on to the worker.
    Input,
    /// What comes out: from a worker, and on to the clients.
    Output,
}

/// One binary frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// In or out.
    pub kind: FrameKind,
    /// The job that it belongs to.
    pub job: JobId,
    /// The fencing token of the assignment that it belongs to, between broker and worker; else 0.
    pub lease: u64,
    /// Its number: growing, among the frames of its job and kind.
    pub sequence: u64,
    /// The bytes.
    pub payload: &'a [u8],
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than a header.
    #[error("a binary frame has at least {HEADER_BYTES} bytes, this one {0}")]
    Short(usize),
    /// Longer than the wire allows.
    #[error("a binary frame has at most {max} bytes, this one {0}", max = limits::FRAME_BYTES_MAX)]
    Long(usize),
    /// Not ours.
    #[error("a binary frame begins with \"MF\"")]
    Magic,
    /// Another version.
    #[error("binary frames of version {0} are not known here, only version {VERSION}")]
    Version(u8),
    /// Another kind.
    #[error("there is no binary frame of kind {0}")]
    Kind(u8),
}

impl<'a> Frame<'a> {
    /// The bytes of this frame.
    ///
    /// # Errors
    /// [`FrameError::Long`] when the payload does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let length = HEADER_BYTES + self.payload.len();
        if length > limits::FRAME_BYTES_MAX {
            return Err(FrameError::Long(length));
        }
        let kind = match self.kind {
            FrameKind::Input => 0,
            FrameKind::Output => 1,
        };
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, kind]);
        bytes.extend(self.job.0.to_be_bytes());
        bytes.extend(self.lease.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.payload);
        Ok(bytes)
    }

    /// Reads a frame; the payload stays where it is.
    ///
    /// # Errors
    /// [`FrameError`], in words for the sender.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        if bytes.len() > limits::FRAME_BYTES_MAX {
            return Err(FrameError::Long(bytes.len()));
        }
        let Some((header, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FrameError::Short(bytes.len()));
        };
        let [m, f, version, kind, rest @ ..] = *header;
        if [m, f] != MAGIC {
            return Err(FrameError::Magic);
        }
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let kind = match kind {
            0 => FrameKind::Input,
            1 => FrameKind::Output,
            other => return Err(FrameError::Kind(other)),
        };
        let (mut job, mut lease, mut sequence) = ([0; 16], [0; 8], [0; 8]);
        job.copy_from_slice(&rest[..16]);
        lease.copy_from_slice(&rest[16..24]);
        sequence.copy_from_slice(&rest[24..]);
        Ok(Self {
            kind,
            job: JobId(u128::from_be_bytes(job)),
            lease: u64::from_be_bytes(lease),
            sequence: u64::from_be_bytes(sequence),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_frame_survives_its_bytes(job: u128, lease: u64, sequence: u64, out: bool, payload: Vec<u8>) {
            let kind = if out { FrameKind::Output } else { FrameKind::Input };
            let frame = Frame { kind, job: JobId(job), lease, sequence, payload: &payload };
            let bytes = frame.encode().unwrap();
            prop_assert_eq!(Frame::decode(&bytes).unwrap(), frame);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(frame) = Frame::decode(&bytes) {
                prop_assert_eq!(frame.encode().unwrap(), bytes);
            }
        }
    }

    #[test]
    fn wrong_headers_are_named() {
        let good = Frame { kind: FrameKind::Input, job: JobId(1), lease: 0, sequence: 2, payload: b"x" }
            .encode()
            .unwrap();
        let with = |index: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[index] = value;
            Frame::decode(&bytes).unwrap_err()
        };
        assert_eq!(with(0, 0), FrameError::Magic);
        assert_eq!(with(2, 9), FrameError::Version(9));
        assert_eq!(with(3, 7), FrameError::Kind(7));
        assert_eq!(Frame::decode(&good[..35]), Err(FrameError::Short(35)));
        let long = vec![0; limits::FRAME_BYTES_MAX + 1];
        assert_eq!(Frame::decode(&long), Err(FrameError::Long(long.len())));
        assert!(
            Frame { kind: FrameKind::Input, job: JobId(1), lease: 0, sequence: 0, payload: &long }
                .encode()
                .is_err()
        );
    }
}
