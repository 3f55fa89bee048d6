/**
 * A wallet on its way from one device to another. The realm keeps it sealed for two minutes and gives it out once; the key
 * goes from device to device, in the part of a link that browsers send to nobody.
 */

import { base64url, randomBytes, unbase64url, utf8 } from "./bytes";
import { readSecret, writeSecret, type Secret } from "./secret";
import { WAYS, type KeptBy } from "./wallet";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** The first part of the address after the `#`. */
export const LINK = "link";

/** What goes over. */
export interface HandedOver {
  secret: Secret;
  /** How its owner keeps it already, if so. */
  by?: KeptBy;
}

/** What a link says. */
export interface Link {
  id: string;
  key: string;
}

/** Seals what goes over under a new key. */
export async function sealForDevice(thing: HandedOver): Promise<{ sealed: string; key: string }> {
  const key = randomBytes(KEY_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const text = utf8(JSON.stringify({ ...writeSecret(thing.secret), by: thing.by }));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(cipherOf(nonce), await imported(key), text));
  return { sealed: base64url(Uint8Array.from([...nonce, ...sealed])), key: base64url(key) };
}

/** Opens what came over; nothing when it is not what the link is for. */
export async function openFromDevice(sealed: string, key: string): Promise<HandedOver | undefined> {
  const bytes = unbase64url(sealed);
  const opened = unbase64url(key);
  if (!bytes || opened?.length !== KEY_BYTES) return undefined;
  try {
    const cipher = cipherOf(bytes.slice(0, NONCE_BYTES));
    const text = await crypto.subtle.decrypt(cipher, await imported(opened), bytes.slice(NONCE_BYTES));
    return read(JSON.parse(new TextDecoder().decode(text)));
  } catch {
    return undefined;
  }
}

/** The address that the other device opens. */
export function addressOf(origin: string, link: Link): string {
  return `${origin}/#/${LINK}/${link.id}/${link.key}`;
}

/** Whether an address is good on this machine only. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname.startsWith("127.") || hostname === "[::1]";
}

function read(value: { kind?: unknown; bytes?: unknown; by?: unknown }): HandedOver | undefined {
  const secret = readSecret(value);
  return secret && { secret, by: WAYS.find((way) => way === value.by) };
}

function imported(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function cipherOf(nonce: Uint8Array<ArrayBuffer>): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: utf8("mtor wallet handover\nversion 1\n") };
}
