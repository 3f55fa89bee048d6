/** The Merkle tree of the realm's log (RFC 6962, RFC 9162), as far as somebody needs it who checks. */

import { sha256 } from "./bytes";

export type Hash = Uint8Array<ArrayBuffer>;
export const HASH_BYTES = 32;

/** A tree as a checkpoint has it. */
export interface Tree {
  /** Leaves in it. */
  size: number;
  root: Hash;
}

/** Gives `count` hashes of one level of tiles, from number `first` on. They all lie in one tile. */
export type Hashes = (level: number, first: number, count: number) => Promise<Hash[]>;

/** Tree levels in one level of tiles. */
const TILE_HEIGHT = 8;

export function leafHash(leaf: Uint8Array): Promise<Hash> {
  return sha256(Uint8Array.from([0, ...leaf]));
}

function nodeHash(left: Hash, right: Hash): Promise<Hash> {
  const bytes = new Uint8Array(1 + 2 * HASH_BYTES);
  bytes[0] = 1;
  bytes.set(left, 1);
  bytes.set(right, 1 + HASH_BYTES);
  return sha256(bytes);
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

const half = (number: number) => Math.floor(number / 2);
const isOdd = (number: number) => number % 2 === 1;

/** The root to which a path leads (RFC 9162, 2.1.3.2), or nothing when it has not the length that it should have. */
export async function rootOfPath(leaf: Hash, index: number, size: number, path: readonly Hash[]): Promise<Hash | undefined> {
  if (index >= size) return undefined;
  let [node, last, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (isOdd(node) || node === last) {
      hash = await nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 ? hash : undefined;
}

/** Whether a proof of consistency holds between an older tree and a newer one (RFC 9162, 2.1.4.2). */
export async function isConsistent(old: Tree, now: Tree, proof: readonly Hash[]): Promise<boolean> {
  if (old.size === now.size) return proof.length === 0 && equal(old.root, now.root);
  if (old.size === 0) return proof.length === 0 && equal(old.root, await sha256(new Uint8Array()));
  if (old.size > now.size) return false;
  // A complete subtree is all of the old tree: then its root is known, and is not part of the proof.
  const whole = Number.isInteger(Math.log2(old.size)) ? [old.root, ...proof] : proof;
  const [first, ...rest] = whole;
  if (!first) return false;
  let [node, last] = [old.size - 1, now.size - 1];
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  let [oldHash, newHash] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = await nodeHash(sibling, oldHash);
      newHash = await nodeHash(sibling, newHash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = await nodeHash(newHash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equal(oldHash, old.root) && equal(newHash, now.root);
}

/** The proof that a tree of `old` leaves is the beginning of one of `size` (RFC 6962, 2.1.2), from the log's tiles. */
export async function consistency(old: number, size: number, hashes: Hashes): Promise<Hash[]> {
  const proof: Hash[] = [];
  if (old === 0 || old >= size) return proof;
  let [first, end] = [0, size];
  // From the root down to the subtree that ends where the old tree ends: at each node, the hash of the other side.
  while (end !== old) {
    const middle = first + split(end - first);
    if (old <= middle) {
      proof.push(await rootOf(middle, end, hashes));
      end = middle;
    } else {
      proof.push(await rootOf(first, middle, hashes));
      first = middle;
    }
  }
  // Whoever has the old root knows the subtree that is all of the old tree.
  if (first > 0) proof.push(await rootOf(first, end, hashes));
  return proof.reverse();
}

/** The largest power of two below a number of leaves. */
function split(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/** The root over the leaves from `first` to before `end`: a whole subtree, or the right edge of the tree. */
async function rootOf(first: number, end: number, hashes: Hashes): Promise<Hash> {
  const count = end - first;
  const height = Math.log2(count);
  if (!Number.isInteger(height)) {
    const middle = first + split(count);
    return nodeHash(await rootOf(first, middle, hashes), await rootOf(middle, end, hashes));
  }
  // The tiles have the roots of every eighth height; from there, the rest is computed.
  const level = Math.floor(height / TILE_HEIGHT);
  const span = 2 ** (level * TILE_HEIGHT);
  let row = await hashes(level, first / span, count / span);
  while (row.length > 1) {
    const above: Hash[] = [];
    for (let index = 0; index + 1 < row.length; index += 2) {
      above.push(await nodeHash(row[index] as Hash, row[index + 1] as Hash));
    }
    row = above;
  }
  const [root] = row;
  if (!root) throw new Error("a tile of the log is empty");
  return root;
}
