/** Brings the coins of a wallet that was replaced over to the one in its place. */

import { ApiError, type Api } from "./api";
import { micro } from "./money";
import { uuid7 } from "./uuid";

/** What came over, in micro, and whether the former wallet is done with. */
export interface BroughtOver {
  amount: bigint;
  done: boolean;
}

/**
 * Sends all that `former` can send to `did`: coins that can only be spent stay where they are. What is held for running jobs
 * comes another time, when they are settled.
 */
export async function bringCoinsOver(former: Pick<Api, "wallet" | "transfer">, did: string): Promise<BroughtOver> {
  const info = await former.wallet().catch((error: unknown) => {
    // The realm has never heard of it: nothing can be in it.
    if (error instanceof ApiError && error.problem.status === 404) return undefined;
    throw error;
  });
  if (!info) return { amount: 0n, done: true };
  const amount = micro(info.available) - micro(info.bound);
  if (amount > 0n) await former.transfer({ id: uuid7(), to: did, amount: amount.toString() });
  return { amount, done: micro(info.held) === 0n };
}
