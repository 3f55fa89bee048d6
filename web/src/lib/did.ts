/** `did:key` names of Ed25519 keys, and the account that belongs to one. */

import { base58, unbase58 } from "./base58";
import { hex, sha256, utf8 } from "./bytes";

const PREFIX = "did:key:z";
/** The multicodec of an Ed25519 public key, as the varint that it is written as. */
const ED25519 = [0xed, 0x01] as const;
const KEY_BYTES = 32;

export function didOfKey(publicKey: Uint8Array): string {
  return PREFIX + base58(Uint8Array.from([...ED25519, ...publicKey]));
}

/** The public key that a `did:key` names, or nothing when it is not the name of an Ed25519 key. */
export function keyOfDid(did: string): Uint8Array | undefined {
  // Longer texts are no names of such keys, and decoding them would cost time.
  if (!did.startsWith(PREFIX) || did.length > 60) return undefined;
  const bytes = unbase58(did.slice(PREFIX.length));
  const right = bytes?.length === ED25519.length + KEY_BYTES && ED25519.every((byte, index) => bytes[index] === byte);
  return right ? bytes.slice(ED25519.length) : undefined;
}

/** The public account number of a key, as the realm derives it: a UUID of version 8. */
export async function guidOfKey(publicKey: Uint8Array): Promise<string> {
  const digest = await sha256(Uint8Array.from([...utf8("mtor guid v1\0"), ...publicKey]));
  const bytes = digest.slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return uuidText(bytes);
}

/** What wallets with a name are called, by their accounts. */
export async function namesByAccount(named: readonly { did: string; name: string }[]): Promise<Map<string, string>> {
  const known = named.flatMap(({ did, name }) => {
    const key = keyOfDid(did);
    return key ? [{ key, name }] : [];
  });
  return new Map(await Promise.all(known.map(async ({ key, name }) => [await guidOfKey(key), name] as const)));
}

export function uuidText(bytes: Uint8Array): string {
  const digits = hex(bytes);
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join("-");
}

/** A name short enough to be read: its first and last characters. */
export function shortDid(did: string): string {
  const name = did.startsWith("did:key:") ? did.slice("did:key:".length) : did;
  return name.length > 14 ? `${name.slice(0, 7)}…${name.slice(-5)}` : name;
}
