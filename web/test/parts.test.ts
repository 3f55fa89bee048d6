import { describe, expect, it } from "vitest";
import { applyEvent, newAnswer } from "../src/lib/answer";
import type { RealmEvent } from "../src/lib/event";
import type { Part } from "../src/lib/wire";

function told(sequence: number, part: Partial<Part>): RealmEvent {
  const data: Part = { number: 0, name: "a.png", media_type: "image/png", bytes: 4, sha256: "00", ...part };
  return { id: "1", source: "realm", type: "mtor.job.part", time: "2026-01-01T00:00:00Z", subject: "j", sequence, data } as RealmEvent;
}

describe("parts of an answer", () => {
  it("are those that stay, each once, and no previews", () => {
    let answer = newAnswer("j");
    answer = applyEvent(answer, told(1, { preview: true }));
    expect(answer.parts).toEqual([]);
    answer = applyEvent(answer, told(3, {}));
    answer = applyEvent(answer, told(5, { number: 1, name: "b.png" }));
    // Told again after a lost connection.
    answer = applyEvent(answer, told(7, { number: 1, name: "b.png" }));
    expect(answer.parts.map((part) => part.name)).toEqual(["a.png", "b.png"]);
  });
});
