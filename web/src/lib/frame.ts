/**
 * Binary frames: sound and other heavy payloads without base64, in one WebSocket message each.
 *
 *     0      2        3      4                20          28              36
 *     "MF"   version  kind   job id (16, BE)  lease (BE)  sequence (BE)   payload ...
 */

import { uuidText } from "./did";

export const HEADER_BYTES = 36;
const MAGIC = [0x4d, 0x46] as const;
const VERSION = 1;
const KINDS = ["input", "output"] as const;

export interface Frame {
  /** In: from a client, on to the worker. Out: from a worker, on to the clients. */
  kind: (typeof KINDS)[number];
  job: string;
  /** The worker's assignment; a client has none and says 0. */
  lease?: bigint;
  /** Of an input: its number among the job's inputs, from 0. Of an output: the job's event sequence. */
  sequence: number;
  /** Of an input: an empty one ends it. */
  payload: Uint8Array;
}

export function encodeFrame({ kind, job, lease = 0n, sequence, payload }: Frame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  bytes.set([...MAGIC, VERSION, KINDS.indexOf(kind)]);
  bytes.set(uuidBytes(job), 4);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(20, lease);
  view.setBigUint64(28, BigInt(sequence));
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Reads a frame; the payload stays where it is. Nothing when the bytes are none. */
export function decodeFrame(data: ArrayBuffer): Frame | undefined {
  if (data.byteLength < HEADER_BYTES) return undefined;
  const bytes = new Uint8Array(data);
  const view = new DataView(data);
  const kind = KINDS[bytes[3] ?? KINDS.length];
  if (bytes[0] !== MAGIC[0] || bytes[1] !== MAGIC[1] || bytes[2] !== VERSION || kind === undefined) return undefined;
  const sequence = Number(view.getBigUint64(28));
  if (!Number.isSafeInteger(sequence)) return undefined;
  return {
    kind, job: uuidText(bytes.subarray(4, 20)), lease: view.getBigUint64(20), sequence,
    payload: bytes.subarray(HEADER_BYTES),
  };
}

function uuidBytes(id: string): Uint8Array {
  const digits = id.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(digits)) throw new Error(`not a job's id: ${id}`);
  return Uint8Array.from({ length: 16 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
}
