/**
 * Proofs of what the realm's journal says of a job, checked here without believing the realm: the leaf's path to the root of a
 * checkpoint that the realm has signed (C2SP tlog-proof), and the texts that the entry commits to. The format is that of the
 * crate mtor-ledger (proof.rs); each thing in it can be written in one way only, so that any changed byte is found.
 */

import { base64, sha256, unbase64, unhex, utf8, hex } from "./bytes";
import { BadCheckpoint, openCheckpoint, wholeNumber, type Checkpoint } from "./checkpoint";
import { equal, HASH_BYTES, leafHash, rootOfPath, type Hash } from "./merkle";
import type { AccountId, CapabilityKind, Digest, JobId, JobProofs, Micro, Price, Submit, Timestamp, Usage } from "./wire";

const FORMAT = "c2sp.org/tlog-proof@v1";
/** Longest proof that is looked at, in characters. */
const PROOF_CHARS_MAX = 64 << 20;
/** Hashes in the longest path. */
const PATH_MAX = 64;
const SALT_BYTES = 16;
const FIELDS = ["leaf", "salt", "request", "answer"];

/** What is looked at, in this order; a proof that does not hold says at which of them it fails. */
export const STEPS = ["format", "signature", "path", "entry", "text"] as const;
export type Step = (typeof STEPS)[number];

/** A proof that proves nothing. */
export class BadProof extends Error {
  constructor(readonly step: Step) {
    super(`the proof does not hold: ${step}`);
  }
}

/** That a job was taken. */
export interface AcceptedEntry {
  seq: number;
  time: Timestamp;
  fact: "accepted";
  id: JobId;
  account: AccountId;
  payer?: AccountId;
  capability: CapabilityKind;
  model: string;
  /** What the question is committed to by. */
  request: Digest;
  hold: Micro;
  price: Price;
}

/** That it has ended. */
export interface SettledEntry {
  seq: number;
  time: Timestamp;
  fact: "settled";
  id: JobId;
  outcome: Outcome;
  usage: Usage;
  legs: { to: AccountId; amount: Micro }[];
  output?: Digest;
}

export type Outcome = "stop" | "length" | "failed" | "cancelled" | "expired";

/** What a proof proves. */
export interface Proven<E> {
  entry: E;
  checkpoint: Checkpoint;
  /** The text that the entry is shown to commit to. */
  text?: string;
}

/** What is proven of a job. */
export interface ProvenJob {
  accepted: Proven<AcceptedEntry>;
  /** Absent while it has not ended. */
  settled?: Proven<SettledEntry>;
}

/** Of an entry, what it is and what it commits to. */
interface Shown {
  leaf: string;
  salt?: string;
  request?: string;
  answer?: string;
}

/** Checks what a realm says of a job of this account. */
export async function checkJob(proofs: JobProofs, realm: string, account: AccountId): Promise<ProvenJob> {
  const accepted = await checkProof<AcceptedEntry>(proofs.accepted, realm, "accepted");
  if (accepted.entry.id !== proofs.job || accepted.entry.account !== account) throw new BadProof("entry");
  if (!proofs.settled) return { accepted };
  const settled = await checkProof<SettledEntry>(proofs.settled, realm, "settled");
  if (settled.entry.id !== proofs.job || settled.entry.seq <= accepted.entry.seq) throw new BadProof("entry");
  return { accepted, settled };
}

/** Checks a proof of an entry of this kind, in the log of this realm. */
export async function checkProof<E extends AcceptedEntry | SettledEntry>(
  text: string,
  realm: string,
  fact: E["fact"],
): Promise<Proven<E>> {
  const { shown, index, path, note } = parse(text);
  const checkpoint = await openCheckpoint(note, realm).catch((error: unknown) => {
    throw error instanceof BadCheckpoint ? new BadProof(error.why) : error;
  });
  const root = await rootOfPath(await leafHash(utf8(shown.leaf)), index, checkpoint.size, path);
  if (!root || !equal(root, checkpoint.root)) throw new BadProof("path");
  const entry = entryOf<E>(shown.leaf);
  if (entry?.seq !== index || entry.fact !== fact) throw new BadProof("entry");
  const shownText = await textOf(entry, shown);
  return shownText === undefined ? { entry, checkpoint } : { entry, checkpoint, text: shownText };
}

/** The same proof without the words in it. What it proves of the entry is the same. */
export function withoutWords(proof: string): string {
  const { shown } = parse(proof);
  const bare = base64(utf8(JSON.stringify({ leaf: shown.leaf })));
  return proof.replace(/^extra .*$/m, () => `extra ${bare}`);
}

/** The question in what an entry commits to: the last message of a chat, or the whole request where it is something else. */
export function questionOf(request: string): string {
  try {
    const { intent } = JSON.parse(request) as Submit;
    const last = intent.capability === "chat" ? intent.params.messages?.at(-1)?.content : undefined;
    return typeof last === "string" ? last : request;
  } catch {
    return request;
  }
}

function parse(text: string): { shown: Shown; index: number; path: Hash[]; note: string } {
  const split = text.indexOf("\n\n");
  if (text.length > PROOF_CHARS_MAX || split < 0) throw new BadProof("format");
  const [format, extra = "", number = "", ...lines] = text.slice(0, split).split("\n");
  const shown = extra.startsWith("extra ") ? shownOf(extra.slice("extra ".length)) : undefined;
  const index = number.startsWith("index ") ? wholeNumber(number.slice("index ".length)) : undefined;
  const path = lines.slice(0, PATH_MAX + 1).map(unbase64);
  const isPath = path.every((hash) => hash?.length === HASH_BYTES);
  if (format !== FORMAT || !shown || index === undefined || !isPath) throw new BadProof("format");
  return { shown, index, path: path as Hash[], note: text.slice(split + 2) };
}

function shownOf(encoded: string): Shown | undefined {
  const bytes = unbase64(encoded);
  try {
    const json = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(json) as Shown;
    const isShown =
      typeof value.leaf === "string" &&
      Object.entries(value).every(([name, part]) => FIELDS.includes(name) && typeof part === "string") &&
      JSON.stringify(value) === json;
    return isShown ? value : undefined;
  } catch {
    return undefined;
  }
}

function entryOf<E>(leaf: string): E | undefined {
  try {
    return JSON.parse(leaf) as E;
  } catch {
    return undefined;
  }
}

/** The text that is shown, if it is the one that the entry commits to. */
async function textOf(entry: AcceptedEntry | SettledEntry, shown: Shown): Promise<string | undefined> {
  const [text, other] = entry.fact === "accepted" ? [shown.request, shown.answer] : [shown.answer, shown.request];
  if (other !== undefined || (text === undefined) !== (shown.salt === undefined)) throw new BadProof("text");
  if (text === undefined) return undefined;
  const salt = unhex(shown.salt ?? "");
  const committed = entry.fact === "accepted" ? entry.request : entry.output;
  if (salt?.length !== SALT_BYTES) throw new BadProof("text");
  if (hex(await sha256(concat(salt, utf8(text)))) !== committed) throw new BadProof("text");
  return text;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
