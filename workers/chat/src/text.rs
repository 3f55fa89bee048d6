//! From bytes to text that can be sent: whole characters only, and nothing that may turn out to be a stop string.

/// The text of one answer on its way out.
///
/// A token may end in the middle of a character, and a stop string may arrive in several tokens. Both are held back
/// until they are decided, so what was sent never has to be taken back.
#[derive(Debug, Default)]
pub(crate) struct TextStream {
    stops: Vec<String>,
    /// Bytes of a character that isn't complete yet: at most three.
    partial: Vec<u8>,
    /// Text that may be the beginning of a stop string: shorter than the longest one.
    held: String,
}

/// What a push set free.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Freed {
    /// Text to send now, perhaps empty.
    pub text: String,
    /// Whether a stop string was found. The text ends before it, and nothing more may be pushed.
    pub stopped: bool,
}

impl TextStream {
    /// A stream that ends before the first of `stops`. Empty stop strings are ignored.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(), ..Self::default() }
    }

    /// Takes the bytes of the next token.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Freed {
        self.partial.extend_from_slice(bytes);
        self.take_whole_characters();

        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            return Freed { text: std::mem::take(&mut self.held), stopped: true };
        }
        let undecided = self.undecided_bytes();
        let kept = self.held.split_off(self.held.len() - undecided);
        Freed { text: std::mem::replace(&mut self.held, kept), stopped: false }
    }

    /// The rest, when the answer is over: a stop string that was begun and not finished was text after all. Bytes of
    /// a character that never became whole are dropped.
    pub(crate) fn finish(self) -> String {
        self.held
    }

    /// Moves what is certain from `partial` to `held`. Bytes that can't be part of any character become U+FFFD.
    fn take_whole_characters(&mut self) {
        loop {
            match std::str::from_utf8(&self.partial) {
                Ok(text) => {
                    self.held.push_str(text);
                    self.partial.clear();
                    return;
                }
                Err(error) => {
                    let (whole, rest) = self.partial.split_at(error.valid_up_to());
                    self.held.push_str(&String::from_utf8_lossy(whole));
                    let Some(invalid) = error.error_len() else {
                        self.partial = rest.to_vec();
                        return;
                    };
                    self.held.push(char::REPLACEMENT_CHARACTER);
                    self.partial = rest[invalid..].to_vec();
                }
            }
        }
    }

    /// Length of the longest end of `held` that some stop string begins with.
    fn undecided_bytes(&self) -> usize {
        let longest_beginning = |stop: &String| {
            let candidates = stop.char_indices().map(|(at, _)| at).skip(1);
            candidates.filter(|&at| self.held.ends_with(&stop[..at])).max().unwrap_or(0)
        };
        self.stops.iter().map(longest_beginning).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(stops: &[&str]) -> TextStream {
        TextStream::new(stops.iter().map(|stop| stop.to_string()).collect())
    }

    /// Pushes `bytes` one at a time, as the worst tokeniser would, and returns what was sent.
    fn byte_by_byte(stops: &[&str], bytes: &[u8]) -> (String, bool) {
        let mut stream = stream(stops);
        let mut sent = String::new();
        for byte in bytes {
            let freed = stream.push(&[*byte]);
            sent.push_str(&freed.text);
            if freed.stopped {
                return (sent, true);
            }
        }
        sent.push_str(&stream.finish());
        (sent, false)
    }

    #[test]
    fn text_without_stops_passes_at_once() {
        let mut stream = stream(&[]);
        assert_eq!(stream.push(b"Hello"), Freed { text: "Hello".into(), stopped: false });
        assert_eq!(stream.push(b", you"), Freed { text: ", you".into(), stopped: false });
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn characters_are_sent_whole() {
        let text = "é 日本 👩‍🚀 ok";
        assert_eq!(byte_by_byte(&[], text.as_bytes()), (text.to_string(), false));

        let mut stream = stream(&[]);
        assert_eq!(stream.push(&"👍".as_bytes()[..3]).text, "");
        assert_eq!(stream.push(&"👍".as_bytes()[3..]).text, "👍");
    }

    #[test]
    fn junk_bytes_become_replacement_characters_and_lose_nothing_around_them() {
        assert_eq!(
            byte_by_byte(&[], b"a\xff\xfeb\xc3(c"),
            ("a\u{fffd}\u{fffd}b\u{fffd}(c".to_string(), false)
        );
    }

    #[test]
    fn a_character_cut_off_by_the_end_is_dropped() {
        assert_eq!(byte_by_byte(&[], b"ok \xf0\x9f\x91"), ("ok ".to_string(), false));
    }

    #[test]
    fn a_stop_string_is_never_sent_however_it_arrives() {
        assert_eq!(byte_by_byte(&["END"], b"the END is near"), ("the ".to_string(), true));
        let mut stream = stream(&["END"]);
        assert_eq!(stream.push(b"the END is near"), Freed { text: "the ".into(), stopped: true });
    }

    #[test]
    fn the_beginning_of_a_stop_string_is_held_until_it_is_decided() {
        let mut stream = stream(&["\n\nUser:"]);
        assert_eq!(stream.push(b"Yes.\n").text, "Yes.");
        assert_eq!(stream.push(b"\nUs").text, "");
        assert_eq!(stream.push(b"ually").text, "\n\nUsually");
        assert_eq!(stream.push(b"\n\n").text, "");
        assert_eq!(stream.finish(), "\n\n");
    }

    #[test]
    fn a_stop_string_that_overlaps_its_own_beginning_is_found() {
        assert_eq!(byte_by_byte(&["aab"], b"xaaab"), ("xa".to_string(), true));
    }

    #[test]
    fn the_earliest_of_several_stops_wins() {
        assert_eq!(byte_by_byte(&["later", "now"], b"stop now or later"), ("stop ".to_string(), true));
        let mut stream = stream(&["later", "now"]);
        assert_eq!(stream.push(b"stop now or later").text, "stop ");
    }

    #[test]
    fn stops_of_several_bytes_a_character_are_cut_at_characters() {
        assert_eq!(byte_by_byte(&["é→"], "caf é→ x".as_bytes()), ("caf ".to_string(), true));
        assert_eq!(byte_by_byte(&["é→"], "café x".as_bytes()), ("café x".to_string(), false));
    }

    #[test]
    fn empty_stop_strings_are_ignored() {
        assert_eq!(byte_by_byte(&[""], b"all of it"), ("all of it".to_string(), false));
    }
}
