//! The Merkle tree of RFC 6962 (section 2.1), grown one leaf at a time: only the roots of the complete subtrees are kept, one
//! for each bit of the size. The ledger's log is such a tree, and so is each list of balances that is written into it.

use std::convert::Infallible;

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash in the tree.
pub type Hash = [u8; 32];

/// Tree levels in one level of tiles: a tile is 256 hashes wide.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
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
fn naive_root(leaves: &[Hash]) -> Hash {
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
///
/// # Errors
/// What `hashes` says.
pub fn path<E>(
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

/// The path of a leaf in a tree whose leaves are all at hand.
///
/// # Panics
/// When there is no such leaf.
#[must_use]
pub fn path_in(leaves: &[Hash], index: usize) -> Vec<Hash> {
    assert!(index < leaves.len(), "leaf {index} of {}", leaves.len());
    // Of the upper levels of tiles nothing is stored here: each hash is the root of what is below it.
    let mut below = |level: u32, first: u64, count: u64| {
        let span = 1_usize << (level * TILE_HEIGHT);
        let first = first as usize * span;
        let roots = leaves[first..first + count as usize * span].chunks(span).map(|chunk| {
            let mut tree = Frontier::default();
            chunk.iter().for_each(|hash| tree.append(*hash, |_| {}));
            tree.root()
        });
        Ok::<_, Infallible>(roots.collect())
    };
    let Ok(path) = path(index as u64, leaves.len() as u64, &mut below);
    path
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

/// The proof of RFC 6962 (section 2.1.2) that a tree of `old` leaves is the beginning of one of `new`, from the same `hashes`
/// as [`path`]. Nothing has to be proven for the empty tree, or for the same one; nothing can be for a larger one.
///
/// # Errors
/// What `hashes` says.
pub fn consistency<E>(
    old: u64,
    new: u64,
    hashes: &mut impl FnMut(u32, u64, u64) -> Result<Vec<Hash>, E>,
) -> Result<Vec<Hash>, E> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    let (mut first, mut end) = (0, new);
    // From the root down to the subtree that ends where the old tree ends: at each node, the hash of the other side.
    while end != old {
        let middle = first + (end - first).next_power_of_two() / 2;
        if old <= middle {
            proof.push(root_of(middle, end, hashes)?);
            end = middle;
        } else {
            proof.push(root_of(first, middle, hashes)?);
            first = middle;
        }
    }
    // Whoever has the old root knows the subtree that is all of the old tree.
    if first > 0 {
        proof.push(root_of(first, end, hashes)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether a proof of consistency holds between two trees, each a size and a root (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn is_consistent((old, old_root): (u64, Hash), (new, new_root): (u64, Hash), proof: &[Hash]) -> bool {
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && old_root == Frontier::default().root();
    }
    if old > new {
        return false;
    }
    // A complete subtree is all of the old tree: then its root is known, and is not part of the proof.
    let start = old.is_power_of_two().then_some(old_root);
    let mut proof = start.iter().chain(proof);
    let Some(first) = proof.next() else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node % 2 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node % 2 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

/// The root to which a path leads (RFC 9162, section 2.1.3.2); `None` when it has not the length that it should have.
#[must_use]
pub fn root_of_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
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
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, the largest first; one for each 1 in the binary form of `size`.
    peaks: Vec<Hash>,
}

/// The root of a full tile, which is one hash in the tiles of the level above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileRoot {
    /// The level of the tiles that this hash is in; 1 for the root of a tile of leaves.
    pub level: u32,
    /// Its place in that level.
    pub index: u64,
    /// The hash.
    pub hash: Hash,
}

impl Frontier {
    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. Every tile that it completes is given to `completed`, the lowest level first.
    pub fn append(&mut self, leaf: Hash, mut completed: impl FnMut(TileRoot)) {
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
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The frontier of a tree of this size, from the rightmost hashes of each level of tiles: `hashes(level, first,
    /// count)` gives those from number `first` on.
    ///
    /// # Errors
    /// What `hashes` says.
    pub fn rebuild<E>(
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
                assert_eq!(path, path_in(&leaves[..size as usize], index as usize), "leaf {index} of {size}");
                let root = |leaf, index, size| root_of_path(leaf, index, size, &path);
                let leaf = leaves[index as usize];
                assert_eq!(root(leaf, index, size), Some(frontier.root()), "leaf {index} of {size}");
                assert_ne!(root(leaf_hash(b"another"), index, size), Some(frontier.root()));
                assert_ne!(root(leaf, index ^ 1, size), Some(frontier.root()), "leaf {index} of {size}");
                assert_eq!(root(leaf, size, size), None);
            }
        }
    }

    /// A tree's hashes, level by level of tiles.
    fn levels_of(leaves: &[Hash]) -> (Vec<Vec<Hash>>, Frontier) {
        let mut levels = vec![leaves.to_vec()];
        levels.resize(8, Vec::new());
        let mut frontier = Frontier::default();
        for leaf in leaves {
            frontier.append(*leaf, |root| levels[root.level as usize].push(root.hash));
        }
        (levels, frontier)
    }

    fn consistency_in(levels: &[Vec<Hash>], old: u64, new: u64) -> Vec<Hash> {
        let mut hashes = |level: u32, first: u64, count: u64| {
            let first = first as usize;
            Ok::<_, ()>(levels[level as usize][first..first + count as usize].to_vec())
        };
        consistency(old, new, &mut hashes).unwrap()
    }

    /// RFC 6962, word by word.
    fn naive_consistency(old: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if is_whole { Vec::new() } else { vec![naive_root(leaves)] };
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (mut proof, other) = match old <= split {
            true => (naive_consistency(old, &leaves[..split], is_whole), naive_root(&leaves[split..])),
            false => (naive_consistency(old - split, &leaves[split..], false), naive_root(&leaves[..split])),
        };
        proof.push(other);
        proof
    }

    #[test]
    fn every_tree_is_consistent_with_each_of_its_beginnings() {
        let leaves = leaves(70);
        let roots: Vec<Hash> = (0..=leaves.len()).map(|size| naive_root(&leaves[..size])).collect();
        let (levels, _) = levels_of(&leaves);
        for new in 0..=70_usize {
            for old in 0..=new {
                let proof = consistency_in(&levels, old as u64, new as u64);
                if old > 0 {
                    assert_eq!(proof, naive_consistency(old, &leaves[..new], true), "{old} of {new}");
                }
                let (before, after) = ((old as u64, roots[old]), (new as u64, roots[new]));
                assert!(is_consistent(before, after, &proof), "{old} of {new}");
                let other = leaf_hash(b"another history");
                assert!(!is_consistent((before.0, other), after, &proof), "{old} of {new}");
                assert!(old == new || old == 0 || !is_consistent(before, (after.0, other), &proof));
                assert!(!is_consistent(before, after, &[&proof[..], &[other]].concat()), "{old} of {new}");
                if old > 0 && old < new {
                    assert!(!is_consistent(after, before, &proof), "no log shrinks: {old} of {new}");
                    assert!(!is_consistent(before, after, &proof[..proof.len() - 1]), "{old} of {new}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_proof_of_consistency_with_one_changed_bit_is_none(
            new in 2u64..1_500,
            old in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let leaves = leaves(new);
            let old = 1 + old.index(new as usize - 1) as u64;
            let (levels, frontier) = levels_of(&leaves);
            let mut proof = consistency_in(&levels, old, new);
            let (before, after) = ((old, naive_root(&leaves[..old as usize])), (new, frontier.root()));
            prop_assert_eq!(&proof, &naive_consistency(old as usize, &leaves, true));
            prop_assert!(is_consistent(before, after, &proof));
            let at = at.index(proof.len() * 32);
            proof[at / 32][at % 32] ^= 1 << bit;
            prop_assert!(!is_consistent(before, after, &proof));
        }

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
