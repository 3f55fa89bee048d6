//! Tiles of the log and bundles of its entries, in the form of C2SP tlog-tiles, read from the database.

use mtor_core::merkle::{TILE_HEIGHT, TILE_WIDTH};
use rusqlite::Connection;

use crate::columns::integer;
use crate::error::QueryError;
use crate::journal::{self, bytes};
use crate::tile_path::{TileContent, TilePath};

/// A tile by its path, if a log of `size` entries has it.
pub(crate) fn read(connection: &Connection, size: u64, path: &str) -> Result<Option<Vec<u8>>, QueryError> {
    let Some(TilePath { content, index, width }) = TilePath::parse(path) else { return Ok(None) };
    let level = match content {
        TileContent::Hashes(level) => level,
        TileContent::Entries => 0,
    };
    let available = size.checked_shr(level * TILE_HEIGHT).unwrap_or(0);
    let Some(first) = index.checked_mul(TILE_WIDTH) else { return Ok(None) };
    if first.checked_add(width).is_none_or(|end| end > available) {
        return Ok(None);
    }
    match content {
        TileContent::Hashes(_) => {
            journal::hashes(connection, level, first, width).map(|hashes| Some(hashes.concat()))
        }
        TileContent::Entries => bundle(connection, first, width).map(Some),
    }
}

/// Leaves, each after its length in 16 bits.
fn bundle(connection: &Connection, first: u64, count: u64) -> Result<Vec<u8>, QueryError> {
    let mut statement =
        connection.prepare_cached("SELECT leaf FROM journal WHERE seq >= ?1 AND seq < ?2 ORDER BY seq")?;
    let mut rows = statement.query([integer(first), integer(first + count)])?;
    let mut bundle = Vec::new();
    let mut found = 0;
    while let Some(row) = rows.next()? {
        let leaf = bytes(row, 0)?;
        let length = u16::try_from(leaf.len()).map_err(|_| {
            QueryError::Damaged(format!("entry {} is longer than a leaf can be", first + found))
        })?;
        bundle.extend(length.to_be_bytes());
        bundle.extend(leaf);
        found += 1;
    }
    match found == count {
        true => Ok(bundle),
        false => Err(QueryError::Damaged(format!("entries from {first} on are missing"))),
    }
}

/// The leaves in a bundle that came from elsewhere; `None` when it is cut short.
pub fn parse_bundle(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut leaves = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (leaf, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        leaves.push(leaf);
        bundle = rest;
    }
    Some(leaves)
}
