//! The names by which a module and this worker know each other; the book's page on the interface says what they mean.
//!
//! Texts are UTF-8. What a module gives back is packed into 64 bits: where it begins in its memory in the upper half, how
//! many bytes it has in the lower.

/// What a module exports: its memory.
pub const MEMORY: &str = "memory";
/// `(bytes: i32) -> i32`: room for what it is given.
pub const ALLOC: &str = "mtor_alloc";
/// `() -> i64`: its manifest, as JSON.
pub const MANIFEST: &str = "mtor_manifest";
/// `(arguments: i32, bytes: i32) -> i64`: does one job; gives back an [`Answer`], as JSON.
pub const RUN: &str = "mtor_run";

/// What a module imports from: this worker.
pub const HOST: &str = "mtor";
/// `(text: i32, bytes: i32)`: a line for the log of whoever runs the worker.
pub const LOG: &str = "log";
/// `(text: i32, bytes: i32)`: a piece of the answer, delivered at once.
pub const CHUNK: &str = "chunk";
/// `(url: i32, bytes: i32) -> i32`: gets a page. How many bytes [`Fetched`] has as JSON, which [`TAKE`] copies.
pub const HTTP_GET: &str = "http_get";
/// `(to: i32)`: copies what was fetched last into the module's memory.
pub const TAKE: &str = "take";

/// What a job ends with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The rest of the answer, after the pieces that were delivered already.
    Text(String),
    /// The arguments can't be done, and why.
    Error(String),
}

/// What came of getting a page.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetched {
    /// It is there.
    Page {
        /// Where it lies, after all redirections.
        url: String,
        /// What its server says it is.
        content_type: String,
        /// All of it.
        text: String,
    },
    /// It could not be had, and why.
    Error(String),
}

/// Where a text lies in a module's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

impl Span {
    /// Out of the two halves of what a module gives back.
    pub(crate) fn unpacked(packed: i64) -> Self {
        let [a, b, c, d, e, f, g, h] = packed.to_be_bytes();
        Self { start: size([a, b, c, d]), bytes: size([e, f, g, h]) }
    }

    /// Out of two arguments. WebAssembly knows no signs; this side reads the bits as what they are.
    pub(crate) fn of(start: i32, bytes: i32) -> Self {
        Self { start: size(start.to_be_bytes()), bytes: size(bytes.to_be_bytes()) }
    }

    /// The bytes there, if memory reaches so far.
    pub(crate) fn within(self, memory: &[u8]) -> Option<&[u8]> {
        memory.get(self.start..self.start.checked_add(self.bytes)?)
    }
}

fn size(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_without_signs_and_never_past_the_end() {
        assert_eq!(Span::unpacked(0x0000_0010_0000_0003), Span { start: 16, bytes: 3 });
        assert_eq!(Span::of(-1, -1), Span { start: 0xffff_ffff, bytes: 0xffff_ffff });
        assert_eq!(Span { start: 1, bytes: 2 }.within(b"abc"), Some(&b"bc"[..]));
        assert_eq!(Span { start: 2, bytes: 2 }.within(b"abc"), None);
        assert_eq!(Span::of(-1, -1).within(b"abc"), None);
    }
}
