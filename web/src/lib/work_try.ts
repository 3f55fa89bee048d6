/** One try of a proof of work. For the thread alone: the page itself never hashes. */

import { argon2id } from "hash-wasm";
import type { Work } from "./work";

/** The bytes of the hash. */
const HASH_BYTES = 32;

/** How many zero bits a hash begins with. */
export function leadingZeroBits(hash: Uint8Array): number {
  let bits = 0;
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

/** One try: how many zero bits this number's hash begins with. */
export async function zeroBits(work: Work, number: number): Promise<number> {
  const hash = await argon2id({
    password: String(number), salt: work.challenge, iterations: work.passes, memorySize: work.memory_kib, parallelism: 1,
    hashLength: HASH_BYTES, outputType: "binary",
  });
  return leadingZeroBits(hash);
}
