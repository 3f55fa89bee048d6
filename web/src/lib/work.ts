/**
 * Proofs of work: a number whose Argon2id hash begins with enough zero bits. Found in a thread of its own, so that the page
 * stays alive; the other side of it is `work` of mtor-identity.
 */

import { WORK_MEMORY_KIB_MAX, WORK_ZERO_BITS_MAX } from "./defaults";
import type { StarterChallenge } from "./wire";

/** What is worked on. */
export type Work = Pick<StarterChallenge, "challenge" | "zero_bits" | "memory_kib" | "passes">;

/** What the thread tells. */
export type FromWorker =
  | { kind: "tried"; tries: number }
  | { kind: "found"; number: number }
  | { kind: "failed"; detail: string };

/** Finds a number, telling how often it has tried; `signal` ends the work, and the promise with an AbortError. */
export function solve(work: Work, tried: (tries: number) => void, signal: AbortSignal): Promise<number> {
  if (work.memory_kib > WORK_MEMORY_KIB_MAX || work.zero_bits > WORK_ZERO_BITS_MAX) {
    return Promise.reject(new Error(`${work.zero_bits} zero bits with ${work.memory_kib} KiB are more than anybody should work`));
  }
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const worker = new Worker(new URL("./work.worker.ts", import.meta.url), { type: "module" });
    const end = () => {
      worker.terminate();
      signal.removeEventListener("abort", stopped);
    };
    const stopped = () => {
      end();
      reject(signal.reason);
    };
    signal.addEventListener("abort", stopped);
    worker.onerror = (event) => {
      event.preventDefault();
      end();
      reject(new Error(event.message || "the script that works could not be loaded"));
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "tried") return tried(data.tries);
      end();
      if (data.kind === "found") resolve(data.number);
      else reject(new Error(data.detail));
    };
    worker.postMessage(work);
  });
}
