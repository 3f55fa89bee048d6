import { describe, expect, it, vi } from "vitest";
import { dayBefore, earningsOf, readEarnings } from "../src/lib/earnings";
import type { Movement, MovementKind } from "../src/lib/wire";

const now = new Date(2026, 10, 30, 12).getTime();
const HOUR = 3_600_000;

const movement = (at: number, amount: string, kind: MovementKind = "earned", entry = 0): Movement => ({
  amount, entry, kind, reference: "job", time: new Date(at).toISOString(),
});

describe("earnings", () => {
  it("are summed by the days of the calendar", () => {
    const movements = [
      movement(now, "5"),
      movement(dayBefore(now, 0), "7"),
      movement(dayBefore(now, 0) - 1, "11"),
      movement(dayBefore(now, 6), "100"),
      movement(dayBefore(now, 6) - 1, "1000"),
      movement(dayBefore(now, 29), "10000"),
      movement(dayBefore(now, 29) - 1, "100000"),
      movement(now, "1000000", "received"),
    ];
    const earnings = earningsOf(movements, now, true);
    expect(earnings.days).toHaveLength(30);
    expect(earnings).toMatchObject({ today: 12n, week: 123n, month: 11_123n, whole: true });
    expect(earnings.days.reduce((all, day) => all + day, 0n)).toBe(earnings.month);
  });

  it("keep to the calendar where clocks are set", () => {
    // Whatever the time zone: each day begins at midnight, and 30 of them are 30 midnights.
    const starts = Array.from({ length: 400 }, (_, days) => new Date(dayBefore(now, days)));
    for (const start of starts) expect([start.getHours(), start.getMinutes()]).toEqual([0, 0]);
    expect(new Set(starts.map((start) => start.toDateString())).size).toBe(400);
  });

  it("are read page by page, until a page is older than what is shown", async () => {
    const pages = [[now, now - HOUR], [dayBefore(now, 20)], [dayBefore(now, 31)], [dayBefore(now, 40)]];
    const pageOf = vi.fn(async ({ before }: { before?: number }) => {
      const index = before ?? 0;
      return { movements: (pages[index] ?? []).map((at) => movement(at, "1")), next: index + 1 };
    });
    expect(await readEarnings(pageOf, now)).toMatchObject({ month: 3n, whole: true });
    expect(pageOf).toHaveBeenCalledTimes(3);
  });

  it("read no more than so many pages, and say when these were not all", async () => {
    const pageOf = vi.fn(async ({ before = 0 }: { before?: number }) => ({ movements: [movement(now, "1")], next: before + 1 }));
    const earnings = await readEarnings(pageOf, now);
    expect(earnings).toMatchObject({ month: BigInt(pageOf.mock.calls.length), whole: false });
    expect(pageOf.mock.calls.length).toBeLessThanOrEqual(10);
  });

  it("are none of a wallet that nothing moved in", async () => {
    expect(await readEarnings(async () => ({ movements: [] }), now)).toMatchObject({ today: 0n, month: 0n, whole: true });
  });
});
