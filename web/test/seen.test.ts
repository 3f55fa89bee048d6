import { describe, expect, it } from "vitest";
import { varied } from "../src/lib/drawing";
import { framesOf, isSight, readSeen, sightOf } from "../src/lib/seen";
import { countdown } from "../src/lib/time";
import { dueOf, labelOf } from "../src/lib/tools";
import type { Intent, Part } from "../src/lib/wire";

const part = (name: string, media_type = "application/json") => ({ number: 0, name, media_type, bytes: 2, sha256: "" }) as Part;

describe("what was seen", () => {
  it("is a part of its own, for each picture", () => {
    const parts = [part("seen-1.json"), part("seen-2.json"), part("table.json"), part("seen-1.json", "text/html")];
    expect(parts.map(isSight)).toEqual([true, true, false, false]);
    expect(sightOf(parts, 1)?.name).toBe("seen-2.json");
  });

  it("is drawn within the picture, whatever a worker writes", () => {
    const area = { x: 50, y: -10, width: 400, height: 20 };
    const [frame] = framesOf({ width: 200, height: 100, things: [{ label: "cup", probability: 0.9, area }] });
    expect(frame).toEqual({ kind: "thing", label: "cup", x: 25, y: 0, width: 75, height: 20 });
    for (const text of ["", "null", "[]", '{"width":0,"height":3}', '{"width":"a","height":3}']) expect(readSeen(text)).toBeUndefined();
  });
});

describe("a picture once more", () => {
  it("has another seed and size, or the worker's", () => {
    const before = { prompt: "cloud", seed: 3, width: 512, height: 512 };
    expect(varied(before, { seed: "7", size: "768x512", without: " fog " })).toEqual({
      prompt: "cloud", count: undefined, steps: undefined, seed: 7, width: 768, height: 512, negative_prompt: "fog",
    });
    expect(varied(before, { seed: "", size: "", without: "" })).toEqual({ prompt: "cloud", count: undefined, steps: undefined });
    for (const seed of ["-1", "1.5", "x", "99999999999"]) expect(varied(before, { seed, size: "", without: "" })).toBeUndefined();
  });
});

describe("a timer", () => {
  const timer = (params: Record<string, unknown>) => ({ capability: "tool.timer", params }) as unknown as Intent;

  it("rings after its seconds, or when the clock says so next", () => {
    const now = new Date(2027, 0, 15, 8, 0).getTime();
    expect(dueOf(timer({ seconds: 90 }), now)).toBe(now + 90_000);
    expect(dueOf(timer({ at: "09:30" }), now)).toBe(now + 5_400_000);
    expect(dueOf(timer({ at: "07:00" }), now)).toBe(now + 23 * 3_600_000);
    expect(dueOf(timer({ action: "query" }), now)).toBeUndefined();
    expect(labelOf(timer({ seconds: 1, label: " pasta " }))).toBe("pasta");
  });

  it("counts down", () => {
    expect([0, 9_400, 61_000, 3_661_000].map(countdown)).toEqual(["0:00", "0:10", "1:01", "1:01:01"]);
  });
});
