import { describe, expect, it } from "vitest";
import { chartOf, HEIGHT, WIDTH } from "../src/lib/chart";

describe("a chart", () => {
  it("runs from the first sample to the last, high values up", () => {
    const { line, area, level } = chartOf([{ at: 1_000, value: 1 }, { at: 2_000, value: 3 }, { at: 3_000, value: 2 }], 1);
    expect(line).toBe(`M0 45L${WIDTH / 2} 3L${WIDTH} 24`);
    expect(area).toBe(`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`);
    expect(level).toBe(45);
  });

  it("has the level in it, wherever the values are", () => {
    expect(chartOf([{ at: 0, value: 4 }, { at: 1, value: 5 }], 1).level).toBe(45);
    expect(chartOf([{ at: 0, value: 0.5 }, { at: 1, value: 0.25 }], 1).level).toBe(3);
  });

  it("draws values that do not change, and nothing of nothing", () => {
    expect(chartOf([{ at: 0, value: 1 }, { at: 1, value: 1 }], 1).line).toBe(`M0 45L${WIDTH} 45`);
    expect(chartOf([], 1).line).toBe("");
    expect(chartOf([], 1).area).toBe("");
  });
});
