/** UUIDs of version 7: 48 bits of time, then randomness. Later ones sort later. */

import { randomBytes } from "./bytes";
import { uuidText } from "./did";

export function uuid7(nowMs: number = Date.now(), random: Uint8Array = randomBytes(10)): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(nowMs) << 16n);
  bytes.set(random, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return uuidText(bytes);
}

/** The moment that a UUID of version 7 carries, in milliseconds since the Unix epoch. */
export function uuid7Time(id: string): number {
  return Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
}
