import { describe, expect, it } from "vitest";
import { hex } from "../src/lib/bytes";
import { decodeFrame, encodeFrame, HEADER_BYTES } from "../src/lib/frame";

const job = "01890a5d-ac96-774b-bcce-b302099a8057";

describe("a binary frame", () => {
  it("has the header that the realm reads", () => {
    const bytes = encodeFrame({ kind: "input", job, sequence: 258, payload: Uint8Array.of(7, 8) });
    expect(hex(bytes)).toBe(`4d460100${job.replaceAll("-", "")}${"00".repeat(8)}${"00".repeat(6)}01020708`);
    expect(bytes).toHaveLength(HEADER_BYTES + 2);
  });

  it("survives its bytes", () => {
    for (const frame of [
      { kind: "input", job, lease: 0n, sequence: 0, payload: new Uint8Array() },
      { kind: "output", job, lease: 2n ** 63n, sequence: Number.MAX_SAFE_INTEGER, payload: Uint8Array.of(1, 2, 3) },
    ] as const) {
      expect(decodeFrame(encodeFrame(frame).buffer)).toEqual(frame);
    }
  });

  it("is nothing when it is cut, of another kind, version or maker, or numbered beyond counting", () => {
    const good = encodeFrame({ kind: "output", job, sequence: 1, payload: Uint8Array.of(1) });
    const changed = (index: number, value: number) => good.with(index, value).buffer as ArrayBuffer;
    expect(decodeFrame(good.buffer.slice(0, HEADER_BYTES - 1))).toBeUndefined();
    for (const [index, value] of [[0, 0], [1, 0], [2, 2], [3, 2], [28, 255]] as const) {
      expect(decodeFrame(changed(index, value)), `byte ${index}`).toBeUndefined();
    }
  });

  it("is not made for what is no job", () => {
    expect(() => encodeFrame({ kind: "input", job: "x", sequence: 0, payload: new Uint8Array() })).toThrow("x");
  });
});
