/**
 * Proofs of what the realm's journal says of a job, checked here without believing the realm: the leaf's path to the root of a
 * checkpoint that the realm has signed (C2SP tlog-proof), and the texts that the entry commits to. The format is that of the
 * crate mtor-ledger (proof.rs); each thing in it can be written in one way only, so that any changed byte is found.
 */

import { base64, hex, sha256, unbase64, unbase64url, unhex, utf8 } from "./bytes";
import { BadCheckpoint, isSigned, openCheckpoint, wholeNumber, type Checkpoint } from "./checkpoint";
import { keyOfDid } from "./did";
import { equal, HASH_BYTES, leafHash, rootOfPath, type Hash } from "./merkle";
import type {
  AccountId, CapabilityKind, Did, Digest, JobId, JobProofs, Micro, OrderSeal, Price, Receipt, Submit, Timestamp, Usage,
} from "./wire";

const FORMAT = "c2sp.org/tlog-proof@v1";
/** Longest proof that is looked at, in characters. */
const PROOF_CHARS_MAX = 64 << 20;
/** Hashes in the longest path. */
const PATH_MAX = 64;
const SALT_BYTES = 16;
const FIELDS = ["leaf", "salt", "request", "answer", "order", "receipt"];

/** What is looked at, in this order; a proof that does not hold says at which of them it fails. */
export const STEPS = ["format", "signature", "path", "entry", "text", "signed"] as const;
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
  /** What the wallet's signature under it is committed to by, if there is one. */
  order?: Digest;
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
  /** What the worker's signature under its result is committed to by. */
  receipt?: Digest;
}

export type Outcome = "stop" | "length" | "failed" | "cancelled" | "expired";

/** What a proof proves. */
export interface Proven<E> {
  entry: E;
  checkpoint: Checkpoint;
  /** The text that the entry is shown to commit to. */
  text?: string;
  /** Who has signed it: the wallet what it asked, the worker what it has done. */
  signedBy?: Did;
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
  order?: string;
  receipt?: string;
}

/** Checks what a realm says of a job of this account, or of one that this account was paid for. */
export async function checkJob(proofs: JobProofs, realm: string, account: AccountId, earned = false): Promise<ProvenJob> {
  const accepted = await checkProof<AcceptedEntry>(proofs.accepted, realm, "accepted");
  const isOwn = earned || accepted.entry.account === account;
  if (accepted.entry.id !== proofs.job || !isOwn) throw new BadProof("entry");
  if (!proofs.settled && !earned) return { accepted };
  const settled = await checkProof<SettledEntry>(proofs.settled ?? "", realm, "settled");
  const isPaid = !earned || settled.entry.legs.some((leg) => leg.to === account);
  if (settled.entry.id !== proofs.job || settled.entry.seq <= accepted.entry.seq || !isPaid) throw new BadProof("entry");
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
  const signedBy = await signerOf(entry, shown, realm);
  return {
    entry, checkpoint, ...(shownText === undefined ? {} : { text: shownText }), ...(signedBy === undefined ? {} : { signedBy }),
  };
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
  const isAnything = text ?? shown.order ?? shown.receipt;
  if (other !== undefined || (isAnything === undefined) !== (shown.salt === undefined)) throw new BadProof("text");
  if (text === undefined) return undefined;
  const committed = entry.fact === "accepted" ? entry.request : entry.output;
  if ((await commitment(shown.salt, text)) !== committed) throw new BadProof("text");
  return text;
}

/** Who signed what is shown to be signed, if the entry commits to that signature and it holds. */
async function signerOf(entry: AcceptedEntry | SettledEntry, shown: Shown, realm: string): Promise<Did | undefined> {
  const isAccepted = entry.fact === "accepted";
  const [seal, other] = isAccepted ? [shown.order, shown.receipt] : [shown.receipt, shown.order];
  if (other !== undefined) throw new BadProof("signed");
  if (seal === undefined) return undefined;
  const committed = isAccepted ? entry.order : entry.receipt;
  if ((await commitment(shown.salt, seal)) !== committed) throw new BadProof("signed");
  const signed = sealOf(seal);
  if (!signed) throw new BadProof("signed");
  const text = isAccepted ? await orderText(realm, shown.request) : receiptText(entry.id, seal);
  const key = keyOfDid(signed.by);
  const signature = unbase64url(signed.signature);
  if (!key || !signature || !text || !(await isSigned(key, signature, text))) throw new BadProof("signed");
  return signed.by;
}

function sealOf(json: string): OrderSeal | undefined {
  try {
    const { by, signature } = JSON.parse(json) as OrderSeal;
    return typeof by === "string" && typeof signature === "string" ? { by, signature } : undefined;
  } catch {
    return undefined;
  }
}

/** What a wallet signs of what it asks, as in mtor-protocol (order.rs). */
async function orderText(realm: string, request: string | undefined): Promise<string | undefined> {
  return request === undefined ? undefined : `mtor.v1 order\n${realm}\n${hex(await sha256(utf8(request)))}\n`;
}

/** What a worker signs of what it has done, as in mtor-protocol (worker.rs). */
function receiptText(job: JobId, json: string): string | undefined {
  const { output, usage } = JSON.parse(json) as Receipt;
  // Read from the text: numbers of 64 bits do not fit into one of ours.
  const [, lease] = /"lease":(\d+)[,}]/.exec(json) ?? [];
  const used = [usage?.input_tokens, usage?.output_tokens, usage?.audio_ms, usage?.images].map((count) => count ?? 0).join(" ");
  return lease && `mtor.v1 done\n${job}\n${lease}\n${output}\n${used}\n`;
}

async function commitment(saltText: string | undefined, text: string): Promise<Digest | undefined> {
  const salt = unhex(saltText ?? "");
  return salt?.length === SALT_BYTES ? hex(await sha256(concat(salt, utf8(text)))) : undefined;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
