/** SLIP-0010 for Ed25519: from one seed to many keys, by a path of hardened steps. The realm's own is in mtor-identity. */

import { utf8 } from "./bytes";

/** The path from a recovery phrase to the key: m/44'/9000'/0', after the coin "9000". */
export const DERIVATION_PATH: readonly number[] = [44, 9000, 0];

/** The bit that marks a hardened step; Ed25519 has no others. */
const HARDENED = 0x8000_0000;

/** The secret key at `path` below `seed`: 32 bytes. Each step is hardened here: write 44 for 44'. */
export async function derive(
  seed: Uint8Array<ArrayBuffer>,
  path: readonly number[],
): Promise<Uint8Array<ArrayBuffer>> {
  let node = await hmac(utf8("ed25519 seed"), seed);
  for (const step of path) {
    const message = new Uint8Array(1 + 32 + 4);
    message.set(node.subarray(0, 32), 1);
    new DataView(message.buffer).setUint32(33, (step | HARDENED) >>> 0);
    node = await hmac(node.slice(32), message);
  }
  return node.slice(0, 32);
}

/** HMAC-SHA-512: the left half is a key, the right half the chain code. */
async function hmac(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}
