//! The Merkle tree of RFC 6962 (section 2.1) over the journal's leaves, grown one leaf at a time: only the roots of the
//! complete subtrees are kept, one for each bit of the size.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash in the tree.
pub(crate) type Hash = [u8; 32];

/// Tree levels in one level of tiles: a tile is 256 hashes wide.
pub(crate) const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub(crate) const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// The hash of a leaf.
pub(crate) fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root of a full tile's hashes, or of any complete subtree's.
#[cfg(test)]
pub(crate) fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&naive_root(&leaves[..split]), &naive_root(&leaves[split..]))
        }
    }
}

/// The path of RFC 6962 (section 2.1.1) from a leaf of a tree of this size to its root: `hashes(level, first, count)` gives
/// hashes of one level of tiles.
pub(crate) fn path<E>(
    index: u64,
    size: u64,
    hashes: &mut impl FnMut(u32, u64, u64) -> Result<Vec<Hash>, E>,
) -> Result<Vec<Hash>, E> {
    let (mut first, mut end) = (0, size);
    let mut path = Vec::new();
    // From the root down: at each node, the hash of the side in which the leaf is not.
    while end - first > 1 {
        let middle = first + (end - first).next_power_of_two() / 2;
        if index < middle {
            path.push(root_of(middle, end, hashes)?);
            end = middle;
        } else {
            path.push(root_of(first, middle, hashes)?);
            first = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The root over the leaves from `first` to before `end`, of which there is one at least: a whole subtree, or the right edge
/// of the tree.
fn root_of<E>(
    first: u64,
    end: u64,
    hashes: &mut impl FnMut(u32, u64, u64) -> Result<Vec<Hash>, E>,
) -> Result<Hash, E> {
    let count = end - first;
    if !count.is_power_of_two() {
        let middle = first + count.next_power_of_two() / 2;
        let (left, right) = (root_of(first, middle, hashes)?, root_of(middle, end, hashes)?);
        return Ok(node_hash(&left, &right));
    }
    // The tiles have the roots of every eighth height; from there, the rest is computed.
    let level = count.trailing_zeros() / TILE_HEIGHT;
    let span = level * TILE_HEIGHT;
    let mut edge = Frontier::default();
    for hash in hashes(level, first >> span, count >> span)? {
        edge.append(hash, |_| {});
    }
    Ok(edge.root())
}

/// The root to which a path leads (RFC 9162, section 2.1.3.2); `None` when it has not the length that it should have.
pub(crate) fn root_of_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node % 2 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

/// The right edge of the tree: all that is needed to append to it and to know its root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, the largest first; one for each 1 in the binary form of `size`.
    peaks: Vec<Hash>,
}

/// The root of a full tile, which is one hash in the tiles of the level above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TileRoot {
    /// The level of the tiles that this hash is in; 1 for the root of a tile of leaves.
    pub(crate) level: u32,
    /// Its place in that level.
    pub(crate) index: u64,
    /// The hash.
    pub(crate) hash: Hash,
}

impl Frontier {
    /// Leaves in the tree.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. Every tile that it completes is given to `completed`, the lowest level first.
    pub(crate) fn append(&mut self, leaf: Hash, mut completed: impl FnMut(TileRoot)) {
        let mut hash = leaf;
        // Each trailing 1 of the size is a complete subtree that merges with the one that ends here.
        for height in 1..=self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
            if height % TILE_HEIGHT == 0 {
                completed(TileRoot { level: height / TILE_HEIGHT, index: self.size >> height, hash });
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root over all leaves; the hash of nothing for an empty tree.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The frontier of a tree of this size, from the rightmost hashes of each level of tiles: `hashes(level, first,
    /// count)` gives those from number `first` on.
    pub(crate) fn rebuild<E>(
        size: u64,
        mut hashes: impl FnMut(u32, u64, u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Self, E> {
        let mut peaks = Vec::new();
        for level in (0..u64::BITS / TILE_HEIGHT).rev() {
            let at_level = size >> (level * TILE_HEIGHT);
            let partial = at_level % TILE_WIDTH;
            let mut edge = Self::default();
            for hash in hashes(level, at_level - partial, partial)? {
                edge.append(hash, |_| {});
            }
            peaks.append(&mut edge.peaks);
        }
        Ok(Self { size, peaks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn known_roots() {
        // From RFC 6962 test vectors used across implementations: the empty tree, and the tree of one empty leaf.
        let hex = |hash: Hash| mtor_protocol::Digest(hash).to_string();
        assert_eq!(
            hex(Frontier::default().root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn every_size_has_the_root_of_the_definition_and_every_full_tile_its_root() {
        let leaves = leaves(70_000);
        let mut frontier = Frontier::default();
        let mut roots = Vec::new();
        for (size, leaf) in leaves.iter().enumerate() {
            if size < 600 || size % 9_973 == 0 {
                assert_eq!(frontier.root(), naive_root(&leaves[..size]), "at size {size}");
            }
            frontier.append(*leaf, |root| roots.push(root));
        }
        assert_eq!(roots.iter().filter(|root| root.level == 1).count(), 70_000 / 256);
        assert_eq!(roots.iter().filter(|root| root.level == 2).count(), 1);
        for TileRoot { level, index, hash } in roots {
            let span = 1 << (level * TILE_HEIGHT);
            let first = index as usize * span;
            assert_eq!(hash, naive_root(&leaves[first..first + span]), "level {level}, index {index}");
        }
    }

    #[test]
    fn a_rebuilt_frontier_is_the_grown_one() {
        let mut frontier = Frontier::default();
        let mut levels = vec![Vec::new(); 8];
        for (size, leaf) in (0u64..).zip(leaves(70_000)) {
            if size < 600 || size % 997 == 0 || size % 65_536 < 3 {
                let rebuilt = Frontier::rebuild(size, |level, first, count| {
                    let first = first as usize;
                    Ok::<_, ()>(levels[level as usize][first..first + count as usize].to_vec())
                });
                assert_eq!(rebuilt.as_ref(), Ok(&frontier), "at size {size}");
            }
            levels[0].push(leaf);
            frontier.append(leaf, |root| levels[root.level as usize].push(root.hash));
        }
    }

    #[test]
    fn every_leaf_has_a_path_to_the_root() {
        let leaves = leaves(700);
        for size in [1, 2, 3, 7, 8, 255, 256, 257, 511, 600, 700] {
            let mut levels = vec![Vec::new(); 8];
            let mut frontier = Frontier::default();
            for leaf in &leaves[..size] {
                levels[0].push(*leaf);
                frontier.append(*leaf, |root| levels[root.level as usize].push(root.hash));
            }
            let mut hashes = |level: u32, first: u64, count: u64| {
                let first = first as usize;
                Ok::<_, ()>(levels[level as usize][first..first + count as usize].to_vec())
            };
            let size = size as u64;
            for index in 0..size {
                let path = path(index, size, &mut hashes).unwrap();
                let root = |leaf, index, size| root_of_path(leaf, index, size, &path);
                let leaf = leaves[index as usize];
                assert_eq!(root(leaf, index, size), Some(frontier.root()), "leaf {index} of {size}");
                assert_ne!(root(leaf_hash(b"another"), index, size), Some(frontier.root()));
                assert_ne!(root(leaf, index ^ 1, size), Some(frontier.root()), "leaf {index} of {size}");
                assert_eq!(root(leaf, size, size), None);
            }
        }
    }

    proptest! {
        #[test]
        fn any_leaves_have_the_root_of_the_definition(leaves: Vec<Vec<u8>>) {
            let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
            let mut frontier = Frontier::default();
            for hash in &hashes {
                frontier.append(*hash, |_| {});
            }
            prop_assert_eq!(frontier.root(), naive_root(&hashes));
        }
    }
}
