import { describe, expect, it } from "vitest";
import { applyEvent, newAnswer } from "../src/lib/answer";
import { REPLAY_GAP_MS_MAX, REPLAY_MS_MAX } from "../src/lib/defaults";
import type { RealmEvent } from "../src/lib/event";
import { gapBetween, scenesOf } from "../src/lib/replay";

const event = (text: string): RealmEvent => ({
  id: "e", source: "r", type: "mtor.job.chunk", time: "2027-01-15T08:00:00.000Z", subject: "j", sequence: 7,
  data: { offset: 0, text, tokens: 10 },
});

describe("a replay", () => {
  it.each(["Größe ist\n\n- viel \u{1F600}  und\tmehr\n", "one", "", "   ", "\nx y\n\n"])("of %j ends with the same words", (text) => {
    const scenes = scenesOf(event(text), 1000);
    const answer = scenes.reduce((known, scene) => applyEvent(known, scene), newAnswer("j"));
    expect(answer).toMatchObject({ text, tokens: 10, sequence: 7, gap: false });
  });

  it("takes as long as the job took, but not for ever", () => {
    const words = "word ".repeat(100);
    const length = (tookMs: number) => {
      const scenes = scenesOf(event(words), tookMs);
      return scenes.reduce((sum, scene, index) => sum + gapBetween(scenes[index - 1], scene), 0);
    };
    expect(length(2000)).toBeCloseTo(2000 * 0.99, -2);
    expect(length(3_600_000)).toBeCloseTo(REPLAY_MS_MAX * 0.99, -2);
  });

  it("goes at the pace of life, without its long pauses", () => {
    const at = (ms: number) => ({ ...event("a"), time: new Date(ms).toISOString() });
    expect(gapBetween(undefined, at(5000))).toBe(0);
    expect(gapBetween(at(5000), at(5040))).toBe(40);
    expect(gapBetween(at(5000), at(60_000))).toBe(REPLAY_GAP_MS_MAX);
    expect(gapBetween(at(5000), at(4000))).toBe(0);
  });
});
