//! What comes out of one job beside its text: parts that are whole, and the one that is being received. A part is shown to
//! listeners when it is whole, so that one that a dying worker left half done is nobody's concern.

use bytes::{Bytes, BytesMut};
use mtor_ledger::PartRecord;
use mtor_protocol::{Digest, NewPart, Part, limits};
use sha2::{Digest as _, Sha256};

/// All parts of one job.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    whole: Vec<PartRecord>,
    bytes: u64,
    previews: u32,
    coming: Option<Coming>,
    /// Where the preview that is shown stands among the job's events: its first and its last number.
    pub(crate) shown: Option<(u64, u64)>,
}

/// A part of which more has to come.
#[derive(Debug)]
struct Coming {
    part: NewPart,
    data: BytesMut,
}

/// What a piece of a part brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// More has to come.
    More,
    /// The last of it.
    Whole(Part, Bytes),
    /// No part was announced.
    Nothing,
}

/// A worker does not do as it says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Parts {
    /// A worker says what it sends next.
    pub(crate) fn announce(&mut self, part: NewPart) -> Result<(), Broken> {
        if self.coming.is_some() || part.fault().is_some() {
            return Err(Broken);
        }
        match part.preview {
            true if self.previews == limits::PREVIEWS_MAX => return Err(Broken),
            true => self.previews += 1,
            false => {
                let bytes = self.bytes + u64::from(part.bytes);
                if self.whole.len() == limits::PARTS_MAX || bytes > limits::PARTS_BYTES_MAX {
                    return Err(Broken);
                }
            }
        }
        // Grows as it comes: whoever announces much has not sent it yet.
        self.coming = Some(Coming { part, data: BytesMut::new() });
        Ok(())
    }

    /// A piece of it has come.
    pub(crate) fn receive(&mut self, piece: &[u8]) -> Result<Received, Broken> {
        let Some(mut coming) = self.coming.take() else { return Ok(Received::Nothing) };
        coming.data.extend_from_slice(piece);
        let (has, needs) = (coming.data.len(), coming.part.bytes as usize);
        if has > needs {
            return Err(Broken);
        }
        if has < needs {
            self.coming = Some(coming);
            return Ok(Received::More);
        }
        let (NewPart { name, media_type, bytes, preview }, data) = (coming.part, coming.data.freeze());
        let (number, sha256) = (self.count(), Digest(Sha256::digest(&data).into()));
        Ok(Received::Whole(Part { number, name, media_type, bytes, sha256, preview }, data))
    }

    /// Keeps a part that is whole.
    pub(crate) fn keep(&mut self, part: PartRecord) {
        self.bytes += part.data.len() as u64;
        self.whole.push(part);
    }

    /// What has come of a part is of no use any more.
    pub(crate) fn drop_coming(&mut self) {
        self.coming = None;
    }

    /// Whether a part has begun that is not whole.
    pub(crate) fn is_coming(&self) -> bool {
        self.coming.is_some()
    }

    /// The parts that are whole.
    pub(crate) fn whole(&self) -> &[PartRecord] {
        &self.whole
    }

    /// How many.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.whole.len()).unwrap_or(u32::MAX)
    }
}

/// The pieces in which a part goes to a client.
pub(crate) fn pieces(data: &Bytes) -> impl Iterator<Item = Bytes> {
    (0..data.len())
        .step_by(limits::PART_FRAME_BYTES)
        .map(|start| data.slice(start..data.len().min(start + limits::PART_FRAME_BYTES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bytes: u32, preview: bool) -> NewPart {
        NewPart { name: "a.png".into(), media_type: "image/png".into(), bytes, preview }
    }

    fn whole(parts: &mut Parts, bytes: u32) {
        parts.announce(part(bytes, false)).unwrap();
        let Received::Whole(part, data) = parts.receive(&vec![7; bytes as usize]).unwrap() else {
            panic!("more")
        };
        parts.keep(PartRecord { part, data, sequence: 1, offset: 0 });
    }

    #[test]
    fn a_part_comes_in_pieces_and_has_just_its_bytes() {
        let mut parts = Parts::default();
        assert_eq!(parts.receive(b"raw").unwrap(), Received::Nothing);
        parts.announce(part(4, false)).unwrap();
        assert_eq!(parts.announce(part(4, false)), Err(Broken), "one after the other");
        assert_eq!(parts.receive(b"abc").unwrap(), Received::More);
        assert!(parts.is_coming());
        let Received::Whole(told, data) = parts.receive(b"d").unwrap() else { panic!("more") };
        assert_eq!(
            (told.number, told.sha256, &data[..]),
            (0, Digest(Sha256::digest("abcd").into()), &b"abcd"[..])
        );
        parts.announce(part(4, false)).unwrap();
        assert_eq!(parts.receive(b"abcde"), Err(Broken), "more than it said");
    }

    #[test]
    fn parts_are_bounded() {
        let mut parts = Parts::default();
        whole(&mut parts, limits::PART_BYTES_MAX);
        whole(&mut parts, limits::PART_BYTES_MAX);
        assert_eq!(parts.announce(part(1, false)), Err(Broken), "too many bytes");
        let mut parts = Parts::default();
        (0..limits::PARTS_MAX).for_each(|_| whole(&mut parts, 1));
        assert_eq!(parts.announce(part(1, false)), Err(Broken), "too many parts");
        for _ in 0..limits::PREVIEWS_MAX {
            parts.announce(part(1, true)).unwrap();
            assert!(matches!(parts.receive(b"p").unwrap(), Received::Whole(part, _) if part.number == 32));
        }
        assert_eq!(parts.announce(part(1, true)), Err(Broken), "too many previews");
    }

    #[test]
    fn pieces_are_all_of_it() {
        let data = Bytes::from(vec![1; limits::PART_FRAME_BYTES * 2 + 1]);
        let lengths: Vec<usize> = pieces(&data).map(|piece| piece.len()).collect();
        assert_eq!(lengths, [limits::PART_FRAME_BYTES, limits::PART_FRAME_BYTES, 1]);
    }
}
