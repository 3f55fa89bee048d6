import { describe, expect, it, vi } from "vitest";
import { ApiError, problem } from "../src/lib/api";
import { solve } from "../src/lib/work";
import { leadingZeroBits, zeroBits } from "../src/lib/work_try";
import type { StarterChallenge, WalletInfo } from "../src/lib/wire";
import type { Purse } from "../src/state/purse.svelte";
import { Starter } from "../src/state/starter.svelte";

const challenge: StarterChallenge = {
  challenge: "a challenge for all languages", zero_bits: 6, memory_kib: 64, passes: 1, expires: "2026-01-01T00:00:00Z", coins: "2000000",
};

describe("work", () => {
  it("counts zero bits from the front", () => {
    expect([[0x80, 0], [0x01, 0], [0, 0x10], [0, 0]].map((hash) => leadingZeroBits(Uint8Array.from(hash)))).toEqual([0, 7, 11, 16]);
  });

  /** `work` of mtor-identity finds the same number. */
  it("is the same in every language", async () => {
    let number = 0;
    while ((await zeroBits(challenge, number)) < challenge.zero_bits) number += 1;
    expect([number, await zeroBits(challenge, number)]).toEqual([102, 7]);
  });

  it("is not begun when it would never end", async () => {
    const never = new AbortController().signal;
    await expect(solve({ ...challenge, zero_bits: 41 }, () => {}, never)).rejects.toThrow("more than anybody should work");
  });
});

function refusal(slug: string, status: number, more: { param?: string; retry_after?: number }) {
  return new ApiError({ ...problem(status, slug, ""), type: `urn:mtor:problem:${slug}`, ...more });
}

/** A realm that answers claims with these, one after the other. */
function setting(...claims: (ApiError | undefined)[]) {
  const info = { available: "0", held: "0", starter: "2000000" } as WalletInfo;
  const purse = { info, show: vi.fn() };
  const api = {
    starterChallenge: vi.fn(async () => challenge),
    claimStarter: vi.fn(async () => {
      const error = claims.shift();
      if (error) throw error;
      return { ...info, available: "2000000", bound: "2000000" };
    }),
  };
  const solver = vi.fn(async (_work: unknown, tried: (tries: number) => void) => {
    tried(7);
    return 102;
  });
  return { api, purse, solver, starter: new Starter(api, purse as unknown as Purse, solver) };
}

describe("starter coins", () => {
  it("are offered to a wallet that has nothing and can still get some", () => {
    const { purse, starter, api } = setting();
    expect(starter.offered).toBe(2_000_000n);
    const offeredTo = (info: Partial<WalletInfo>) =>
      new Starter(api, { ...purse, info: { ...purse.info, ...info } } as unknown as Purse).offered;
    expect(offeredTo({ held: "5" })).toBeUndefined();
    expect(offeredTo({ available: "5" })).toBeUndefined();
    expect(offeredTo({ starter: undefined })).toBeUndefined();
  });

  it("are worked for and claimed", async () => {
    const { api, purse, starter } = setting();
    expect(await starter.start()).toBe(true);
    expect(api.claimStarter).toHaveBeenCalledWith({ challenge: challenge.challenge, number: 102 });
    expect(purse.show).toHaveBeenCalledWith(expect.objectContaining({ bound: "2000000" }));
    expect([starter.work, starter.problem]).toEqual([undefined, undefined]);
  });

  it("are claimed again when the realm is busy, and worked for anew when the work was in vain", async () => {
    vi.useFakeTimers();
    const busy = refusal("too-many-requests", 429, { retry_after: 1 });
    const { api, solver, starter } = setting(busy, refusal("invalid-request", 400, { param: "challenge" }));
    const started = starter.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await started).toBe(true);
    expect([api.claimStarter.mock.calls.length, solver.mock.calls.length]).toEqual([3, 2]);
    vi.useRealTimers();
  });

  it("are given up when there are none today", async () => {
    const { starter, api } = setting(refusal("too-many-requests", 429, { retry_after: 40_000 }));
    expect(await starter.start()).toBe(false);
    expect(starter.problem?.status).toBe(429);
    expect(api.claimStarter).toHaveBeenCalledTimes(1);
  });

  it("can be left, and say nothing then", async () => {
    const { starter, solver } = setting();
    solver.mockImplementation(
      (...[, , signal]: unknown[]) =>
        new Promise((_, reject) => (signal as AbortSignal).addEventListener("abort", () => reject(new Error("aborted")))),
    );
    const started = starter.start();
    await vi.waitFor(() => expect(starter.work).toBeDefined());
    starter.cancel();
    expect([await started, starter.work, starter.problem]).toEqual([false, undefined, undefined]);
  });
});
