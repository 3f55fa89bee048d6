/**
 * Checkpoints: the size and the root of the realm's log, signed by the realm (C2SP tlog-checkpoint). What is read here is what
 * the crate mtor-ledger writes (checkpoint.rs), and nothing that only looks like it: each thing can be written in one way.
 */

import { base64, hex, sha256, unbase64, utf8 } from "./bytes";
import { keyOfDid } from "./did";
import { equal, HASH_BYTES, type Tree } from "./merkle";

/** Longest note that is looked at, in characters. */
const NOTE_CHARS_MAX = 16 << 10;
const SIGNATURE = "\u{2014} ";
/** The signed note's types of an Ed25519 signature, and of a witness's cosignature. */
const ED25519 = 1;
const COSIGNATURE = 4;
const KEY_BYTES = 32;
const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;

export interface Checkpoint extends Tree {
  /** The note as it was signed, with all its signatures. */
  note: string;
  /** Names of others in it who say that they have seen it: not checked; `cosignersOf` does that, with their keys. */
  witnesses: string[];
}

/** A checkpoint that is none: not of the form, or not signed by the realm. */
export class BadCheckpoint extends Error {
  constructor(readonly why: "format" | "signature") {
    super(`the checkpoint does not hold: ${why}`);
  }
}

/** Reads a note, if the realm of this name has signed it. */
export async function openCheckpoint(note: string, realm: string): Promise<Checkpoint> {
  const key = keyOfDid(realm);
  const at = note.lastIndexOf("\n\n");
  if (!key || note.length > NOTE_CHARS_MAX || at < 0 || !note.endsWith("\n")) throw new BadCheckpoint("format");
  const text = note.slice(0, at + 1);
  const [origin, sizeText = "", rootText = ""] = text.split("\n");
  const size = wholeNumber(sizeText);
  const root = unbase64(rootText);
  if (size === undefined || root?.length !== HASH_BYTES) throw new BadCheckpoint("format");
  if (origin !== realm) throw new BadCheckpoint("signature");

  const lines = note.slice(at + 2, -1).split("\n").map(signatureLine);
  const id = await keyId(realm, ED25519, key);
  const own = lines.find((line) => line.name === realm && equal(line.id, id));
  if (!own || !(await isSigned(key, own.signature, text))) throw new BadCheckpoint("signature");
  const others = lines.filter((line) => line.name !== realm && line.signature.length === TIME_BYTES + SIGNATURE_BYTES);
  return { size, root, note, witnesses: [...new Set(others.map((line) => line.name))] };
}

/**
 * The names of those who have cosigned a checkpoint (C2SP cosignature/v1), of witnesses with these keys: name, key id and key, joined
 * by plus signs.
 */
export async function cosignersOf({ note }: Checkpoint, keys: readonly string[]): Promise<string[]> {
  const at = note.lastIndexOf("\n\n");
  const text = note.slice(0, at + 1);
  const lines = note.slice(at + 2, -1).split("\n").map(signatureLine);
  const signed = async (witness: Witness) => {
    for (const { name, id, signature } of lines) {
      if (name !== witness.name || !equal(id, witness.id) || signature.length !== TIME_BYTES + SIGNATURE_BYTES) continue;
      const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
      const message = `cosignature/v1\ntime ${time}\n${text}`;
      if (await isSigned(witness.key, signature.slice(TIME_BYTES), message)) return true;
    }
    return false;
  };
  const witnesses = (await Promise.all(keys.map(witnessOf))).filter((witness) => witness !== undefined);
  const found = await Promise.all(witnesses.map(async (witness) => ((await signed(witness)) ? [witness.name] : [])));
  return [...new Set(found.flat())];
}

interface Witness {
  name: string;
  id: Uint8Array;
  key: Uint8Array;
}

/** A witness's key as its keeper gives it out; nothing when the text is none. */
async function witnessOf(text: string): Promise<Witness | undefined> {
  const [name = "", idText = "", encoded = ""] = splitPlus(text);
  const bytes = unbase64(encoded);
  if (!name || bytes?.[0] !== COSIGNATURE || bytes.length !== 1 + KEY_BYTES) return undefined;
  const key = bytes.slice(1);
  const id = await keyId(name, COSIGNATURE, key);
  return hex(id) === idText.toLowerCase() ? { name, id, key } : undefined;
}

/** Name, key id and key: the key's own coding may have plus signs in it. */
function splitPlus(text: string): string[] {
  const first = text.indexOf("+");
  const second = text.indexOf("+", first + 1);
  return first < 0 || second < 0 ? [] : [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)];
}

/** A whole number from its one way of being written, if it can be counted with. */
export function wholeNumber(text: string): number | undefined {
  const number = Number(text);
  return /^(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
}

function signatureLine(line: string): { name: string; id: Uint8Array; signature: Uint8Array<ArrayBuffer> } {
  const [name, encoded, ...more] = line.startsWith(SIGNATURE) ? line.slice(SIGNATURE.length).split(" ") : [];
  const bytes = unbase64(encoded ?? "");
  if (!name || !bytes || bytes.length < ID_BYTES || more.length > 0) throw new BadCheckpoint("format");
  return { name, id: bytes.slice(0, ID_BYTES), signature: bytes.slice(ID_BYTES) };
}

/** Whether a signature over a text is of this Ed25519 key. */
export async function isSigned(key: Uint8Array, signature: Uint8Array<ArrayBuffer>, text: string): Promise<boolean> {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const imported = await crypto.subtle.importKey("raw", Uint8Array.from(key), "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, utf8(text));
}

/** The signed note's key id: no proof of anything; it only says which signature to look at. */
async function keyId(name: string, kind: number, key: Uint8Array): Promise<Uint8Array> {
  return (await sha256(Uint8Array.from([...utf8(`${name}\n`), kind, ...key]))).slice(0, ID_BYTES);
}

/** The root as it stands in a checkpoint. */
export function rootText(tree: Tree): string {
  return base64(tree.root);
}
