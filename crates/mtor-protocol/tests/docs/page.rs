//! A page of the book with parts that are made from code, each between two marks:
//!
//! ```text
//! <!-- NAME: generated -->
//! <!-- NAME: end -->
//! ```
//!
//! What stands outside the marks is written by hand. Shared by the tests of several crates.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A page of the book, as it is and as it should be.
pub(crate) struct Page {
    path: PathBuf,
    is: String,
    should_be: String,
}

impl Page {
    /// A page by its path in the book.
    pub(crate) fn open(page: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src").join(page);
        let is = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { should_be: is.clone(), path, is }
    }

    /// Puts `table` between the marks of that name.
    pub(crate) fn with(mut self, name: &str, table: &str) -> Self {
        let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- {name}: end -->"));
        let text = &self.should_be;
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("there is no mark {begin}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("there is no mark {end}"));
        self.should_be = format!("{before}{begin}\n{}\n\n{end}{after}", table.trim());
        self
    }

    /// Compares the page with what it should be; with `MTOR_BLESS` set, writes it anew instead.
    pub(crate) fn check(self) {
        if std::env::var_os("MTOR_BLESS").is_some() {
            std::fs::write(&self.path, &self.should_be).unwrap();
            return;
        }
        assert!(
            self.is == self.should_be,
            "{} is not what the code says; run MTOR_BLESS=1 cargo test -p {} --test docs",
            self.path.display(),
            env!("CARGO_PKG_NAME")
        );
    }
}

/// A Markdown table.
pub(crate) fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}
