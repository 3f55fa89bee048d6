// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import type { ChatMessage, ServiceClass } from "../src/lib/wire";
import { Spending } from "../src/state/spending.svelte";
import { quoted } from "./quoted";

const MESSAGES: ChatMessage[] = [{ role: "user", content: "why?" }];

/** A realm that asks these prices one after the other, and a person with a limit. */
function setUp(limit: bigint, prices: (string | undefined)[]) {
  const realm = { holds: true };
  const quoteOf = (max: string) => quoted(max, `until ${max}`);
  const ask = vi.fn(async (_messages: ChatMessage[], _of: ServiceClass) => {
    const price = prices.shift();
    return price === undefined ? undefined : quoteOf(price);
  });
  const spending = new Spending({ unaskedMost: limit, ask, holds: () => realm.holds });
  const act = vi.fn();
  return { realm, spending, ask, act };
}

describe("a typed question", () => {
  it("is asked at once where no limit is set", () => {
    const { spending, ask, act } = setUp(0n, []);
    spending.weigh("why?", MESSAGES, act);
    expect(act).toHaveBeenCalledExactlyOnceWith({});
    expect(ask).not.toHaveBeenCalled();
  });

  it("is asked without a word within the limit, and can't cost more than that", async () => {
    const { spending, ask, act } = setUp(10n, ["10"]);
    spending.weigh("why?", MESSAGES, act);
    await vi.waitFor(() => expect(act).toHaveBeenCalledExactlyOnceWith({ quote: "until 10", max_price: "10" }));
    expect(ask).toHaveBeenCalledExactlyOnceWith(MESSAGES, "interactive");
    expect(spending.waiting).toBeUndefined();
  });

  it("waits above the limit for a yes, which counts for that price", async () => {
    const { spending, act } = setUp(10n, ["11"]);
    spending.weigh("why?", MESSAGES, act);
    spending.accept();
    await vi.waitFor(() => expect(spending.waiting?.quote?.max).toBe("11"));
    expect(act).not.toHaveBeenCalled();
    spending.accept();
    expect(act).toHaveBeenCalledExactlyOnceWith({ quote: "until 11", max_price: "11" });
    expect(spending.waiting).toBeUndefined();
  });

  it("is quoted anew when the person took their time, and asked about again if it has risen", async () => {
    const { realm, spending, act } = setUp(10n, ["11", "12", "12"]);
    spending.weigh("why?", MESSAGES, act);
    await vi.waitFor(() => expect(spending.waiting?.quote?.max).toBe("11"));
    realm.holds = false;
    spending.accept();
    await vi.waitFor(() => expect(spending.waiting).toMatchObject({ risen: true, quote: { max: "12" } }));
    spending.accept();
    await vi.waitFor(() => expect(act).toHaveBeenCalledExactlyOnceWith({ quote: "until 12", max_price: "12" }));
  });

  it("comes back to be changed when the person does not want it", async () => {
    const { spending, act } = setUp(10n, ["11"]);
    spending.weigh("why?", MESSAGES, act);
    // Even before its price is there.
    expect(spending.drop()).toBe("why?");
    await Promise.resolve();
    expect(spending.waiting).toBeUndefined();
    expect(spending.drop()).toBeUndefined();
    expect(act).not.toHaveBeenCalled();
  });

  it("gives way to the next one", async () => {
    const { spending, act } = setUp(10n, ["11", "12"]);
    spending.weigh("why?", MESSAGES, act);
    spending.weigh("how?", MESSAGES, act);
    await vi.waitFor(() => expect(spending.waiting?.quote?.max).toBe("12"));
    expect(spending.waiting?.question).toBe("how?");
  });

  it("carries its limit along when the realm does not say a price", async () => {
    const { spending, act } = setUp(10n, [undefined]);
    spending.weigh("why?", MESSAGES, act);
    await vi.waitFor(() => expect(act).toHaveBeenCalledExactlyOnceWith({ max_price: "10" }));
  });
});
