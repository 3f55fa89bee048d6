import { describe, expect, it } from "vitest";
import { byDay, dayName, span } from "../src/lib/time";

describe("times in words", () => {
  it("are as exact as matters", () => {
    expect([0, -5, 440, 9_900, 12_300, 95_000, 180_000, 7_200_000].map((ms) => span(ms))).toEqual(
      ["0.0 s", "0.0 s", "0.4 s", "9.9 s", "12 s", "95 s", "3 min", "2 h"],
    );
    expect(span(4_000, 0)).toBe("4 s");
  });

  it("name days as somebody who looks now would", () => {
    const now = new Date(2027, 2, 1, 0, 30).getTime();
    expect(dayName(now - 60_000, now)).toBe("Today");
    expect(dayName(now - 3_600_000, now)).toBe("Yesterday");
    expect(dayName(new Date(2027, 1, 20).getTime(), now)).not.toMatch(/2027/);
    expect(dayName(new Date(2025, 1, 20).getTime(), now)).toMatch(/2025/);
  });

  it("put things of one day together, in the order given", () => {
    const now = new Date(2027, 2, 1, 12).getTime();
    const hour = 3_600_000;
    const days = byDay([now, now - hour, now - 20 * hour, now - 21 * hour], (at) => at, now);
    expect(days.map(({ day, things }) => [day, things.length])).toEqual([["Today", 2], ["Yesterday", 2]]);
  });
});
