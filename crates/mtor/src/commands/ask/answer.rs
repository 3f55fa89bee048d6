//! The text of an answer, put together from chunks, and what of it still has to be shown.

use mtor_protocol::Digest;
use mtor_protocol::body::Chunk;
use sha2::Digest as _;

/// An answer as far as it came.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// What the realm says.
    text: String,
    /// What was shown of it. What was shown can't be taken back, so it may differ after a crash of the realm.
    shown: String,
}

/// What to show next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Show {
    /// This, right after what was shown.
    More(String),
    /// Words that were shown are no longer true. This is the whole of the line where that begins, and what follows.
    Anew(String),
}

/// A chunk that begins behind the end of what came: something in between is missing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gap;

impl Answer {
    /// Takes a chunk and says what to show.
    ///
    /// # Errors
    /// [`Gap`]; the text stays as it was.
    pub(crate) fn take(&mut self, chunk: &Chunk) -> Result<Show, Gap> {
        let offset = usize::try_from(chunk.offset).map_err(|_| Gap)?;
        if !self.text.is_char_boundary(offset) {
            return Err(Gap);
        }
        self.text.truncate(offset);
        self.text.push_str(&chunk.text);
        if let Some(more) = self.text.strip_prefix(&*self.shown) {
            let more = more.to_owned();
            self.shown.push_str(&more);
            return Ok(Show::More(more));
        }
        if self.shown.starts_with(&*self.text) {
            // Words that are written anew, the same so far.
            return Ok(Show::More(String::new()));
        }
        let same = self.text.bytes().zip(self.shown.bytes()).take_while(|(a, b)| a == b).count();
        let line =
            self.text.as_bytes()[..same].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.shown.clone_from(&self.text);
        Ok(Show::Anew(self.text[line..].to_owned()))
    }

    /// Whether something was shown already, and whether it ends in the middle of a line.
    pub(crate) fn ends_in_mid_line(&self) -> bool {
        !self.shown.is_empty() && !self.shown.ends_with('\n')
    }

    /// Whether what was shown is all of the answer and nothing else, as this digest says.
    pub(crate) fn is_whole(&self, digest: &Digest) -> bool {
        let found: [u8; 32] = sha2::Sha256::digest(&self.text).into();
        self.shown == self.text && found == digest.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(offset: u64, text: &str) -> Chunk {
        Chunk { offset, text: text.into(), tokens: 1 }
    }

    fn more(text: &str) -> Result<Show, Gap> {
        Ok(Show::More(text.into()))
    }

    #[test]
    fn chunks_follow_each_other() {
        let mut answer = Answer::default();
        assert_eq!(answer.take(&chunk(0, "Par")), more("Par"));
        assert_eq!(answer.take(&chunk(3, "is é")), more("is é"));
        assert!(answer.ends_in_mid_line());
        assert_eq!(answer.take(&chunk(8, "\n")), more("\n"));
        assert!(!answer.ends_in_mid_line());
        assert!(answer.is_whole(&Digest(sha2::Sha256::digest("Paris é\n").into())));
        assert!(!answer.is_whole(&Digest([0; 32])));
    }

    #[test]
    fn words_written_anew_are_shown_once() {
        let mut answer = Answer::default();
        answer.take(&chunk(0, "one two three")).unwrap();
        assert_eq!(answer.take(&chunk(4, "two ")), more(""));
        assert_eq!(answer.take(&chunk(8, "three four")), more(" four"));
    }

    #[test]
    fn words_that_changed_are_shown_with_their_line() {
        let mut answer = Answer::default();
        answer.take(&chunk(0, "first\none two three")).unwrap();
        let anew = Show::Anew("one other".into());
        assert_eq!(answer.take(&chunk(10, "other")), Ok(anew));
        assert_eq!(answer.take(&chunk(15, "!")), more("!"));
    }

    #[test]
    fn a_missing_piece_is_noticed() {
        let mut answer = Answer::default();
        assert_eq!(answer.take(&chunk(1, "x")), Err(Gap));
        answer.take(&chunk(0, "é")).unwrap();
        assert_eq!(answer.take(&chunk(1, "x")), Err(Gap), "in the middle of a character");
        assert_eq!(answer.take(&chunk(u64::MAX, "x")), Err(Gap));
    }
}
