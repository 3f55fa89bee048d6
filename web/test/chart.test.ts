import { describe, expect, it } from "vitest";
import { chartOf, HEIGHT, WIDTH } from "../src/lib/chart";

describe("a chart", () => {
  it("runs from the first sample to the last, high values up", () => {
    const { line, area } = chartOf([{ at: 1_000, value: 0.9 }, { at: 2_000, value: 2.9 }, { at: 3_000, value: 1.9 }], 1);
    expect(line).toBe(`M0 45L${WIDTH / 2} 3L${WIDTH} 24`);
    expect(area).toBe(`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`);
  });

  it("has the level in it, wherever the values are", () => {
    expect(chartOf([{ at: 0, value: 4 }, { at: 1, value: 5 }], 1).level).toBeGreaterThan(40);
    expect(chartOf([{ at: 0, value: 0.5 }, { at: 1, value: 0.25 }], 1).level).toBeLessThan(10);
  });

  it("draws small changes small, and nothing of nothing", () => {
    expect(chartOf([{ at: 0, value: 1 }, { at: 1, value: 1.001 }], 1).line).toBe(`M0 24L${WIDTH} 23.8`);
    expect(chartOf([], 1).line).toBe("");
    expect(chartOf([], 1).area).toBe("");
  });
});
