/** What a wallet is made from, and the keys that come of it. */

import { base64url, unbase64url } from "./bytes";
import { didOfKey } from "./did";

/** The whole wallet in a few bytes. Key files of the command that have no words are a seed. */
export type Secret =
  | { kind: "phrase-entropy"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "seed"; bytes: Uint8Array<ArrayBuffer> };

export const SECRET_BYTES: Record<Secret["kind"], number> = { "phrase-entropy": 16, seed: 32 };

/** A pair whose secret half can sign and can't be taken out, and whose it is. */
export interface Keys {
  pair: CryptoKeyPair;
  publicKey: Uint8Array<ArrayBuffer>;
  did: string;
}

/** In DER, before the 32 bytes: here comes the secret of an Ed25519 key. */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20] as const;

/** A secret as it is written where it is sealed. */
export interface WrittenSecret {
  kind: Secret["kind"];
  bytes: string;
}

export function writeSecret({ kind, bytes }: Secret): WrittenSecret {
  return { kind, bytes: base64url(bytes) };
}

/** The secret that was written; nothing when it is none. */
export function readSecret(value: { kind?: unknown; bytes?: unknown }): Secret | undefined {
  const { kind } = value;
  const bytes = typeof value.bytes === "string" ? unbase64url(value.bytes) : undefined;
  if ((kind !== "phrase-entropy" && kind !== "seed") || bytes?.length !== SECRET_BYTES[kind]) return undefined;
  return { kind, bytes };
}

/** A new wallet's secret. */
export function makeSecret(): Secret {
  return { kind: "phrase-entropy", bytes: crypto.getRandomValues(new Uint8Array(SECRET_BYTES["phrase-entropy"])) };
}

/** The keys of a secret. */
export async function keysOf(secret: Secret): Promise<Keys> {
  return keysOfSeed(await seedOf(secret));
}

/** The 32 bytes that are the secret key. */
export async function seedOf(secret: Secret): Promise<Uint8Array<ArrayBuffer>> {
  if (secret.kind === "seed") return secret.bytes;
  // The list of words is loaded only by whoever makes a wallet or brings one back.
  const { seedOfPhrase } = await import("./phrase");
  return seedOfPhrase(secret.bytes);
}

/** The keys of a seed; fails where the browser knows no Ed25519. */
export async function keysOfSeed(seed: Uint8Array<ArrayBuffer>): Promise<Keys> {
  const der = Uint8Array.from([...PKCS8_HEAD, ...seed]);
  // WebCrypto gives the public half only of a key that may be taken out; that one lives no longer than this function.
  const open = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", open);
  const publicKey = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x }, "Ed25519", true, ["verify"]);
  const privateKey = await crypto.subtle.importKey("pkcs8", der, "Ed25519", false, ["sign"]);
  der.fill(0);
  const bytes = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  return { pair: { privateKey, publicKey }, publicKey: bytes, did: didOfKey(bytes) };
}
