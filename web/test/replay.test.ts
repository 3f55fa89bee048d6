import { describe, expect, it } from "vitest";
import { applyEvent, newAnswer } from "../src/lib/answer";
import { REPLAY_MS_MAX } from "../src/lib/defaults";
import type { RealmEvent } from "../src/lib/event";
import { scenesOf } from "../src/lib/replay";

const event = (text: string): RealmEvent => ({
  id: "e", source: "r", type: "mtor.job.chunk", time: "2027-01-15T08:00:00.000Z", subject: "j", sequence: 7,
  data: { offset: 0, text, tokens: 10 },
});

describe("a replay", () => {
  it.each(["Größe ist\n\n- viel \u{1F600}  und\tmehr\n", "one", "", "   ", "\nx y\n\n"])("of %j ends with the same words", (text) => {
    const scenes = scenesOf(event(text), 1000);
    const answer = scenes.reduce((known, scene) => applyEvent(known, scene.event), newAnswer("j"));
    expect(answer).toMatchObject({ text, tokens: 10, sequence: 7, gap: false });
  });

  it("takes as long as the job took, but not for ever", () => {
    const length = (tookMs: number) => scenesOf(event("a b c d"), tookMs).reduce((sum, scene) => sum + scene.gapMs, 0);
    expect(length(2000)).toBeCloseTo(2000);
    expect(length(3_600_000)).toBeCloseTo(REPLAY_MS_MAX);
  });
});
