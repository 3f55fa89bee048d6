/** Brings the coins of a wallet that was replaced over to the one in its place. */

import { ApiError, type Api } from "./api";
import { micro } from "./money";
import { uuid7 } from "./uuid";

/** What came over, in micro, and whether the former wallet is done with. */
export interface BroughtOver {
  amount: bigint;
  done: boolean;
}

/** After the coins were sent, one more look, which finds nothing left when nothing is under way. */
const LOOKS_MAX = 2;

/**
 * Takes back what `former` shares with others, and sends all that it can send to `did`: coins that can only be spent stay
 * where they are. What is held for running jobs, its own or others', comes another time, when they are settled: only a wallet
 * in which nothing more can come is done with.
 */
export async function bringCoinsOver(
  former: Pick<Api, "wallet" | "transfer" | "grants" | "takeGrantBack">,
  did: string,
): Promise<BroughtOver> {
  let sum = 0n;
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const { given } = await former.grants();
    for (const grant of given) await former.takeGrantBack(grant.id);
    const info = await former.wallet().catch((error: unknown) => {
      // The realm has never heard of it: nothing can be in it.
      if (error instanceof ApiError && error.problem.status === 404) return undefined;
      throw error;
    });
    if (!info) return { amount: sum, done: true };
    const amount = micro(info.available) - micro(info.bound);
    if (amount > 0n) await former.transfer({ id: uuid7(), to: did, amount: amount.toString() });
    sum += amount;
    if (amount === 0n && given.length === 0) return { amount: sum, done: micro(info.held) === 0n };
  }
  return { amount: sum, done: false };
}
