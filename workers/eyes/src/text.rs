//! What stands written in a picture: where the lines are ([`lines`]), and what they say ([`letters`]). PP-OCRv4, which reads
//! Latin letters and Chinese, printed rather than written by hand.

mod letters;
mod lines;

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use image::imageops::{crop_imm, rotate270};
use rten::ThreadPool;

use crate::defaults::{LINES_MAX, READ_MIN, READ_SINGLE_MIN};
use crate::error::{Failure, LoadError};
use crate::sight::{Area, Line};
use letters::Letters;
use lines::Lines;

/// Both networks.
#[derive(Debug)]
pub(crate) struct Text {
    lines: Lines,
    letters: Letters,
}

impl Text {
    pub(crate) fn load(lines: &Path, letters: &Path, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        Ok(Self { lines: Lines::load(lines, pool)?, letters: Letters::load(letters, pool)? })
    }

    /// The lines of a picture, as one reads them. `cancelled` is asked before each.
    pub(crate) fn read(
        &self,
        picture: &RgbImage,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<Line>, Failure> {
        let mut areas = self.lines.find(picture)?;
        areas.truncate(LINES_MAX);
        let mut read = Vec::new();
        for area in areas {
            if cancelled() {
                return Err(Failure::Cancelled);
            }
            let (text, probability) = self.letters.read(&cut_out(picture, &area))?;
            let text = text.trim();
            let wanted = if text.chars().nth(1).is_some() { READ_MIN } else { READ_SINGLE_MIN };
            if !text.is_empty() && probability >= wanted {
                read.push(Line { text: text.to_owned(), probability, area });
            }
        }
        Ok(in_reading_order(read))
    }
}

/// A line by itself, lying down.
fn cut_out(picture: &RgbImage, area: &Area) -> RgbImage {
    let (x, y) = (area.x as u32, area.y as u32);
    let (width, height) = ((area.width.ceil() as u32).max(1), (area.height.ceil() as u32).max(1));
    let line = crop_imm(picture, x, y, width, height).to_image();
    // What is much higher than it is wide was written upwards.
    if 2 * line.height() > 3 * line.width() { rotate270(&line) } else { line }
}

/// From top to bottom, and from left to right what stands in one row.
fn in_reading_order(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|a, b| a.area.y.total_cmp(&b.area.y));
    let mut rows: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        let middle = line.area.y + line.area.height / 2.0;
        match rows.last_mut() {
            Some(row)
                if row
                    .iter()
                    .all(|other| middle < other.area.y + other.area.height && middle > other.area.y) =>
            {
                row.push(line);
            }
            _ => rows.push(vec![line]),
        }
    }
    rows.iter_mut().for_each(|row| row.sort_by(|a, b| a.area.x.total_cmp(&b.area.x)));
    rows.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_left_to_right() {
        let line = |text: &str, x, y| Line {
            text: text.to_owned(),
            probability: 1.0,
            area: Area { x, y, width: 10.0, height: 10.0 },
        };
        let lines = vec![line("third", 0.0, 20.0), line("second", 50.0, 0.0), line("first", 0.0, 2.0)];
        let texts: Vec<_> = in_reading_order(lines).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["first", "second", "third"]);
    }
}
