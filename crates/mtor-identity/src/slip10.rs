//! SLIP-0010 for Ed25519: from one seed to many keys, by a path of hardened steps.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::Zeroizing;

/// The key of the HMAC that makes the master key, fixed by SLIP-0010 for this curve.
const MASTER_HMAC_KEY: &[u8] = b"ed25519 seed";
/// The bit that marks a hardened step; Ed25519 has no others.
const HARDENED: u32 = 1 << 31;

/// The secret key and the chain code at one place in the tree. The key is wiped on drop.
struct Node {
    key: Zeroizing<[u8; 32]>,
    chain: Zeroizing<[u8; 32]>,
}

/// The secret key at `path` below `seed`. Each step is hardened here: write 44 for 44'.
pub(crate) fn derive(seed: &[u8], path: &[u32]) -> Zeroizing<[u8; 32]> {
    node_at(seed, path).key
}

fn node_at(seed: &[u8], path: &[u32]) -> Node {
    path.iter().fold(node(MASTER_HMAC_KEY, &[seed]), |parent, step| {
        let index = (step | HARDENED).to_be_bytes();
        node(&*parent.chain, &[&[0], &*parent.key, &index])
    })
}

/// HMAC-SHA-512, split into key (left half) and chain code (right half).
fn node(hmac_key: &[u8], message: &[&[u8]]) -> Node {
    let mut mac = Hmac::<Sha512>::new_from_slice(hmac_key).expect("HMAC takes a key of any length");
    message.iter().for_each(|part| mac.update(part));
    let mut digest = mac.finalize().into_bytes();
    let mut node = Node { key: Zeroizing::new([0; 32]), chain: Zeroizing::new([0; 32]) };
    node.key.copy_from_slice(&digest[..32]);
    node.chain.copy_from_slice(&digest[32..]);
    zeroize::Zeroize::zeroize(&mut digest[..]);
    node
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::Keypair;

    /// Bytes from hexadecimal digits, for the vectors of every module here.
    pub(crate) fn bytes<const N: usize>(digits: &str) -> [u8; N] {
        assert_eq!(digits.len(), 2 * N);
        std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
    }

    fn check(seed: &[u8], path: &[u32], chain: &str, private: &str, public: &str) {
        let node = node_at(seed, path);
        assert_eq!(*node.chain, bytes::<32>(chain), "chain code at {path:?}");
        assert_eq!(*node.key, bytes::<32>(private), "private key at {path:?}");
        assert_eq!(
            Keypair::from_seed(*node.key).public().to_bytes(),
            bytes::<32>(public),
            "public at {path:?}"
        );
    }

    /// SLIP-0010, "Test vector 1 for ed25519" (the public keys without their leading 00).
    #[test]
    fn official_vector_1() {
        let seed = bytes::<16>("000102030405060708090a0b0c0d0e0f");
        check(
            &seed,
            &[],
            "90046a93de5380a72b5e45010748567d5ea02bbf6522f979e05c0d8d8ca9fffb",
            "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7",
            "a4b2856bfec510abab89753fac1ac0e1112364e7d250545963f135f2a33188ed",
        );
        check(
            &seed,
            &[0],
            "8b59aa11380b624e81507a27fedda59fea6d0b779a778918a2fd3590e16e9c69",
            "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3",
            "8c8a13df77a28f3445213a0f432fde644acaa215fc72dcdf300d5efaa85d350c",
        );
        check(
            &seed,
            &[0, 1, 2],
            "2e69929e00b5ab250f49c3fb1c12f252de4fed2c1db88387094a0f8c4c9ccd6c",
            "92a5b23c0b8a99e37d07df3fb9966917f5d06e02ddbd909c7e184371463e9fc9",
            "ae98736566d30ed0e9d2f4486a64bc95740d89c7db33f52121f8ea8f76ff0fc1",
        );
        check(
            &seed,
            &[0, 1, 2, 2, 1_000_000_000],
            "68789923a0cac2cd5a29172a475fe9e0fb14cd6adb5ad98a3fa70333e7afa230",
            "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793",
            "3c24da049451555d51a7014a37337aa4e12d41e485abccfa46b47dfb2af54b7a",
        );
    }

    /// SLIP-0010, "Test vector 2 for ed25519".
    #[test]
    fn official_vector_2() {
        let seed = bytes::<64>(
            "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2\
             9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542",
        );
        check(
            &seed,
            &[],
            "ef70a74db9c3a5af931b5fe73ed8e1a53464133654fd55e7a66f8570b8e33c3b",
            "171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012",
            "8fe9693f8fa62a4305a140b9764c5ee01e455963744fe18204b4fb948249308a",
        );
        check(
            &seed,
            &[0],
            "0b78a3226f915c082bf118f83618a618ab6dec793752624cbeb622acb562862d",
            "1559eb2bbec5790b0c65d8693e4d0875b1747f4970ae8b650486ed7470845635",
            "86fab68dcb57aa196c77c5f264f215a112c22a912c10d123b0d03c3c28ef1037",
        );
    }

    #[test]
    fn a_step_is_hardened_whether_marked_or_not() {
        assert_eq!(*derive(&[1; 64], &[44]), *derive(&[1; 64], &[44 | HARDENED]));
    }
}
