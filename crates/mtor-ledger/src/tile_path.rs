//! The paths of tiles, as C2SP tlog-tiles writes them: `<level>/<index>[.p/<width>]`, the index in groups of three
//! digits with an `x` before all but the last.

use mtor_core::merkle::TILE_WIDTH;

/// The largest level that a path may name.
const LEVEL_MAX: u32 = 63;

/// Which tile, or bundle of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TilePath {
    pub(crate) content: TileContent,
    pub(crate) index: u64,
    /// Hashes or entries in it: 256, or fewer at the right edge of the tree.
    pub(crate) width: u64,
}

/// What is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TileContent {
    /// Hashes of this level.
    Hashes(u32),
    /// Leaves.
    Entries,
}

impl TilePath {
    /// Reads a path; `None` unless it is written exactly as the standard says.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let content = match level {
            "entries" => TileContent::Entries,
            level => TileContent::Hashes(canonical(level).filter(|level| *level <= LEVEL_MAX)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                let width = canonical(width).filter(|width| (1..TILE_WIDTH).contains(&u64::from(*width)))?;
                (index, width.into())
            }
            None => (rest, TILE_WIDTH),
        };
        Some(Self { content, index: parse_index(index)?, width })
    }
}

/// A number without leading zeroes or signs.
fn canonical(digits: &str) -> Option<u32> {
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn parse_index(path: &str) -> Option<u64> {
    let mut index = 0u64;
    for group in path.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    // Misplaced x and leading groups of zeroes are found by writing the number again.
    (format_index(index) == path).then_some(index)
}

fn format_index(index: u64) -> String {
    let last = format!("{:03}", index % 1_000);
    match index / 1_000 {
        0 => last,
        higher => format!("{}/{last}", format_higher(higher)),
    }
}

fn format_higher(index: u64) -> String {
    let group = format!("x{:03}", index % 1_000);
    match index / 1_000 {
        0 => group,
        higher => format!("{}/{group}", format_higher(higher)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        let hashes =
            |level, index, width| Some(TilePath { content: TileContent::Hashes(level), index, width });
        assert_eq!(TilePath::parse("0/x001/x234/067"), hashes(0, 1_234_067, 256));
        assert_eq!(TilePath::parse("1/000.p/17"), hashes(1, 0, 17));
        assert_eq!(
            TilePath::parse("entries/x001/005.p/255"),
            Some(TilePath { content: TileContent::Entries, index: 1_005, width: 255 })
        );
        for wrong in [
            "",
            "0",
            "0/",
            "00/000",
            "64/000",
            "0/0",
            "0/x000/001",
            "0/x001",
            "0/001/002",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "8/0/000",
            "entries/",
            "data/000",
            "0/000/",
            "+1/000",
            "0/+01",
            "0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TilePath::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_index_is_read_as_it_is_written(index: u64) {
            prop_assert_eq!(parse_index(&format_index(index)), Some(index));
        }

        #[test]
        fn nonsense_never_panics(path in "[0-9xep/.]{0,30}") {
            let _ = TilePath::parse(&path);
        }
    }
}
