/** The coins that a new wallet begins with, in a realm that gives some: offered, worked for, claimed. */

import { ApiError, problemOf, problemSlug, type Api } from "../lib/api";
import { CLAIM_TRIES, CLAIM_WAIT_S_MAX } from "../lib/defaults";
import { micro } from "../lib/money";
import { solve, type Work } from "../lib/work";
import type { Problem } from "../lib/wire";
import type { Purse } from "./purse.svelte";

type Solve = (work: Work, tried: (tries: number) => void, signal: AbortSignal) => Promise<number>;

/** How far the work is. */
export interface WorkDone {
  tries: number;
  /** How many it takes on average. */
  expected: number;
}

export class Starter {
  /** While it works. */
  work = $state.raw<WorkDone | undefined>();
  problem = $state.raw<Problem | undefined>();
  /** What there is for a wallet without any coins, in micro. */
  offered = $derived.by(() => {
    const { info } = this.#purse;
    const has = micro(info?.available) + micro(info?.held);
    return info?.starter !== undefined && has === 0n ? micro(info.starter) : undefined;
  });
  #api: Pick<Api, "starterChallenge" | "claimStarter">;
  #purse: Purse;
  #solve: Solve;
  #stop: AbortController | undefined;

  constructor(api: Pick<Api, "starterChallenge" | "claimStarter">, purse: Purse, solver: Solve = solve) {
    this.#api = api;
    this.#purse = purse;
    this.#solve = solver;
  }

  /** Works for the coins and claims them; says whether they came. */
  async start(): Promise<boolean> {
    if (this.#stop) return false;
    const stop = new AbortController();
    this.#stop = stop;
    this.problem = undefined;
    try {
      for (let left = CLAIM_TRIES; ; left -= 1) {
        try {
          await this.#attempt(stop.signal);
          return true;
        } catch (error) {
          // The work had become harder meanwhile, or took too long: new work may do.
          const anew = error instanceof ApiError && error.problem.param === "challenge" && left > 1;
          if (!anew) throw error;
        }
      }
    } catch (error) {
      if (!stop.signal.aborted) this.problem = problemOf(error);
      return false;
    } finally {
      this.work = undefined;
      this.#stop = undefined;
    }
  }

  /** Ends the work; it costs nothing but itself. */
  cancel(): void {
    this.#stop?.abort();
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const work = await this.#api.starterChallenge();
    const expected = 2 ** work.zero_bits;
    this.work = { tries: 0, expected };
    const number = await this.#solve(work, (tries) => (this.work = { tries, expected }), signal);
    for (let left = CLAIM_TRIES; ; left -= 1) {
      signal.throwIfAborted();
      try {
        this.#purse.show(await this.#api.claimStarter({ challenge: work.challenge, number }));
        return;
      } catch (error) {
        const wait = error instanceof ApiError ? soon(error.problem) : undefined;
        if (wait === undefined || left <= 1) throw error;
        await rest(wait * 1000, signal);
      }
    }
  }
}

/** After how many seconds the same claim may do, when the realm is busy for a moment only. */
function soon(problem: Problem): number | undefined {
  const wait = problem.retry_after ?? undefined;
  return problemSlug(problem) === "too-many-requests" && wait !== undefined && wait <= CLAIM_WAIT_S_MAX ? wait : undefined;
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stopped);
      resolve();
    }, ms);
    signal.addEventListener("abort", stopped, { once: true });
  });
}
