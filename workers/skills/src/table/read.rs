//! A file of comma-separated values becomes a sheet: names and rows of text. What stands in a cell is never anything but data.

use std::collections::HashSet;

use crate::defaults::{TABLE_BYTES_MAX, TABLE_COLUMNS_MAX, TABLE_ROWS_MAX};

/// The most characters of a column's name.
const NAME_CHARS_MAX: usize = 64;
/// By how many lines the delimiter is found.
const PROBED_LINES: usize = 20;

/// A table as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    /// What the columns are called: no two alike, whatever the case.
    pub(super) names: Vec<String>,
    /// As many cells in each as there are names.
    pub(super) rows: Vec<Vec<String>>,
}

/// Reads CSV, TSV and their kin.
///
/// # Errors
/// A sentence that says why this is no table that can be read.
pub(super) fn read(bytes: &[u8]) -> Result<Sheet, String> {
    if bytes.len() > TABLE_BYTES_MAX {
        return Err(format!("a table has at most {} MiB", TABLE_BYTES_MAX >> 20));
    }
    let text = decoded(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(&text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("the table can't be read: {error}"))?;
        let row: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
        if row.iter().all(String::is_empty) {
            continue;
        }
        if row.len() > TABLE_COLUMNS_MAX {
            return Err(format!("a table has at most {TABLE_COLUMNS_MAX} columns"));
        }
        if rows.len() > TABLE_ROWS_MAX {
            return Err(format!("a table has at most {TABLE_ROWS_MAX} rows"));
        }
        rows.push(row);
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    if rows.len() < 2 || width == 0 {
        return Err("a table has a line with the names of its columns, and at least one row".to_owned());
    }
    let mut header = rows.remove(0);
    header.resize(width, String::new());
    for row in &mut rows {
        row.resize(width, String::new());
    }
    Ok(Sheet { names: named(&header), rows })
}

/// The text: UTF-8 with or without a mark, else Latin-1, in which all bytes mean something.
fn decoded(bytes: &[u8]) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0) {
        return Err("the file is no text in UTF-8 or Latin-1; save it as CSV in UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    })
}

/// What parts the cells: the sign that stands equally often in the most lines; quoted ones don't count.
fn delimiter(text: &str) -> u8 {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).take(PROBED_LINES).collect();
    let counts = |sign: char| {
        let in_line = |line: &&str| {
            let mut quoted = false;
            let outside = |c: &char| {
                quoted ^= *c == '"';
                !quoted && *c == sign
            };
            line.chars().filter(outside).count()
        };
        lines.iter().map(in_line).collect::<Vec<_>>()
    };
    let fitness = |sign: char| {
        let counts = counts(sign);
        let first = counts.first().copied().unwrap_or(0);
        let alike = counts.iter().filter(|count| **count == first).count();
        if first == 0 { (0, 0) } else { (alike, first) }
    };
    // In this order, so that the comma wins where nothing speaks for another one.
    let best = ['|', ';', '\t', ','].into_iter().max_by_key(|sign| fitness(*sign));
    best.map_or(b',', |sign| sign as u8)
}

/// Names for all columns, no two alike.
fn named(header: &[String]) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(at, cell): (usize, &String)| {
        let tidy: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let tidy: String = tidy.trim().chars().take(NAME_CHARS_MAX).collect();
        let tidy = if tidy.is_empty() { format!("column {}", at + 1) } else { tidy };
        let mut name = tidy.clone();
        let mut number = 2;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{tidy} {number}");
            number += 1;
        }
        name
    };
    header.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_quotes_and_encodings_are_found_out() {
        let comma = read(b"\xef\xbb\xbfname,note\nA,\"x, \"\"y\"\"\"\n\nB\n").unwrap();
        assert_eq!(comma.names, ["name", "note"]);
        assert_eq!(comma.rows, [["A", "x, \"y\""], ["B", ""]]);
        let semicolon = read(b"Ort;Preis\nK\xf6ln;1,5\nBonn;2,5\n").unwrap();
        assert_eq!(semicolon.rows[0], ["Köln", "1,5"]);
        assert_eq!(read(b"a\tb\n1\t2\n").unwrap().names, ["a", "b"]);
        assert_eq!(read(b"one\n1\n2\n").unwrap().rows.len(), 2);
    }

    #[test]
    fn names_differ_and_none_is_empty() {
        let names = read(b"A,a,,A 2\n1,2,3,4,5\n").unwrap().names;
        assert_eq!(names, ["A", "a 2", "column 3", "A 2 2", "column 5"]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert!(read(b"").unwrap_err().contains("at least one row"));
        assert!(read(b"\xff\xfea\0").unwrap_err().contains("UTF-8"));
        let wide = "x,".repeat(TABLE_COLUMNS_MAX + 1);
        assert!(read(format!("{wide}\n{wide}\n").as_bytes()).unwrap_err().contains("columns"));
        assert!(read(&vec![b'x'; TABLE_BYTES_MAX + 1]).unwrap_err().contains("MiB"));
    }
}
