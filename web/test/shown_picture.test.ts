import { describe, expect, it, vi } from "vitest";
import { intentOf } from "../src/lib/conversation";
import type { Frame } from "../src/lib/frame";
import { within } from "../src/lib/shown_picture";
import { Jobs } from "../src/state/jobs.svelte";
import type { Api } from "../src/lib/api";

describe("a picture that is shown", () => {
  it("is made smaller, never larger, in its own shape", () => {
    expect(within(4000, 3000, 2048)).toEqual({ width: 2048, height: 1536 });
    expect(within(300, 4000, 400)).toEqual({ width: 30, height: 400 });
    expect(within(10, 20, 2048)).toEqual({ width: 10, height: 20 });
    expect(within(9000, 1, 100)).toEqual({ width: 100, height: 1 });
  });

  it("makes a question one about pictures", () => {
    const picture = { bytes: 3, sha256: "0".repeat(64) };
    expect(intentOf([{ role: "user", content: "?" }]).capability).toBe("chat");
    expect(intentOf([{ role: "user", content: "?", pictures: [picture] }]).capability).toBe("vision");
  });

  it("follows the words that name it, in pieces, ended by an empty one", () => {
    const frames: Frame[] = [];
    const send = vi.fn(() => true);
    const jobs = new Jobs({
      api: {} as Api, send, onMoney: () => {},
      sendFrame: (frame) => {
        expect(send).toHaveBeenCalledTimes(1);
        return frames.push({ ...frame, payload: frame.payload.slice() }) > 0;
      },
    });
    const id = jobs.submit([{ role: "user", content: "?" }], {}, [new Uint8Array(300_000).fill(1), new Uint8Array(2).fill(2)]);
    expect(frames.map(({ job, sequence, payload }) => [job === id, sequence, payload.length, payload[0]])).toEqual([
      [true, 0, 262_144, 1], [true, 1, 37_856, 1], [true, 2, 2, 2], [true, 3, 0, undefined],
    ]);
  });
});
