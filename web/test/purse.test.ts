import { describe, expect, it } from "vitest";
import { ApiError, problem, type Api } from "../src/lib/api";
import type { WalletInfo } from "../src/lib/wire";
import { Purse } from "../src/state/purse.svelte";

interface Look {
  answer: (info: WalletInfo) => void;
  fail: (error: unknown) => void;
}

/** A purse whose looks at the realm wait for their answers. */
function make() {
  const looks: Look[] = [];
  const wallet = () => new Promise<WalletInfo>((answer, fail) => void looks.push({ answer, fail }));
  return { purse: new Purse({ wallet } as Api), looks };
}
const info = (available: string) => ({ available, held: "0" }) as WalletInfo;

describe("the balance", () => {
  it("is known to whoever asked for it while it was read", async () => {
    const { purse, looks } = make();
    void purse.refresh();
    const second = purse.refresh().then(() => purse.info?.available);
    looks[0]?.answer(info("1"));
    await expect.poll(() => looks.length).toBe(2);
    looks[1]?.answer(info("2"));
    expect(await second).toBe("2");
    expect(looks).toHaveLength(2);
  });

  it("is read anew after a look has ended, well or not", async () => {
    const { purse, looks } = make();
    const first = purse.refresh();
    looks[0]?.fail(new ApiError(problem(0, "away", "")));
    await first;
    expect(purse.problem?.title).toBe("away");
    const second = purse.refresh();
    looks[1]?.answer(info("3"));
    await second;
    expect([purse.info?.available, purse.problem, looks.length]).toEqual(["3", undefined, 2]);
  });
});
