import { describe, expect, it } from "vitest";
import { Endpointer, type Endpoint, type EndpointOptions, Onsets } from "../../src/lib/listen/endpoint";
import { END_SILENCE_FLUENT_MS, END_SILENCE_MS, END_SILENCE_MS_MAX, FRAME_MS, NO_SPEECH_MS, UTTERANCE_MS_MAX } from "../../src/lib/listen/limits";

/** "v500 s700": 500 ms of voice, 700 ms of silence. What was said, and when. */
function heard(timeline: string, options: EndpointOptions = { afterWake: false }): (Endpoint & { atMs: number })[] {
  const endpointer = new Endpointer(options);
  const said: (Endpoint & { atMs: number })[] = [];
  let atMs = 0;
  for (const part of timeline.split(" ")) {
    const until = atMs + Number(part.slice(1));
    while (atMs < until) {
      atMs += FRAME_MS;
      const endpoint = endpointer.push(part[0] === "v" ? 0.9 : 0.02);
      if (endpoint !== null) said.push({ ...endpoint, atMs });
      if (endpoint?.kind === "end") return said;
    }
  }
  return said;
}

const end = (timeline: string, options?: EndpointOptions) => heard(timeline, options).find((endpoint) => endpoint.kind === "end");

describe("the end of speech", () => {
  it("comes after the usual silence, once", () => {
    const said = heard("s300 v1000 s3000");
    expect(said.map((endpoint) => endpoint.kind)).toEqual(["start", "end"]);
    expect(said[1]).toMatchObject({ reason: "end" });
    expect(said[1]!.atMs).toBeGreaterThanOrEqual(1_300 + END_SILENCE_MS - FRAME_MS);
    expect(said[1]!.atMs).toBeLessThanOrEqual(1_300 + END_SILENCE_MS + 2 * FRAME_MS);
  });

  it("says how long it waited and how much was said", () => {
    expect(end("s320 v960 s3000")).toMatchObject({ speechMs: 960, silenceMs: expect.closeTo(END_SILENCE_MS, -2) });
  });

  it("does not come within a pause", () => {
    expect(heard("v600 s500 v600 s500 v600").map((endpoint) => endpoint.kind)).toEqual(["start"]);
  });

  it("comes sooner after long fluent speech and later for somebody who pauses", () => {
    expect(end("v4000 s3000")?.silenceMs).toBeLessThan(END_SILENCE_FLUENT_MS + FRAME_MS);
    const slow = end("v600 s650 v600 s3000")?.silenceMs ?? 0;
    expect(slow).toBeGreaterThan(END_SILENCE_MS + 100);
    expect(slow).toBeLessThanOrEqual(END_SILENCE_MS_MAX + FRAME_MS);
  });

  it("is 'silent' when nobody speaks, and a cough is nobody", () => {
    expect(end("s9000")).toMatchObject({ reason: "silent", speechMs: 0 });
    expect(end("s9000")!.atMs).toBeLessThanOrEqual(NO_SPEECH_MS + FRAME_MS);
    expect(end("s1000 v96 s9000")).toMatchObject({ reason: "silent" });
    expect(end("s9000", { afterWake: false, noSpeechMs: 2_000 })!.atMs).toBeLessThanOrEqual(2_000 + FRAME_MS);
  });

  it("is 'long' for somebody who never stops", () => {
    const said = end(`v${UTTERANCE_MS_MAX + 1_000}`);
    expect(said).toMatchObject({ reason: "long" });
    expect(said!.atMs).toBeLessThanOrEqual(UTTERANCE_MS_MAX + FRAME_MS);
  });

  it("waits for the button when it is held", () => {
    expect(heard("s8000 v500 s8000", { afterWake: false, hold: true }).map((endpoint) => endpoint.kind)).toEqual(["start"]);
  });
});

describe("after the wake word", () => {
  it("the word's own voice is no request", () => {
    expect(end("v200 s9000", { afterWake: true })).toMatchObject({ reason: "silent", speechMs: 0 });
  });

  it("a request in the same breath is one", () => {
    const said = heard("v1500 s3000", { afterWake: true });
    expect(said.map((endpoint) => endpoint.kind)).toEqual(["start", "end"]);
    expect(said[0]!.atMs).toBeLessThan(400);
    expect(said[1]).toMatchObject({ reason: "end" });
  });

  it("a request after a pause is one", () => {
    expect(heard("v160 s900 v800 s3000", { afterWake: true }).map((endpoint) => endpoint.kind)).toEqual(["start", "end"]);
  });
});

describe("a voice is told of", () => {
  const told = (timeline: [number, number][]): number[] => {
    const onsets = new Onsets();
    const frames = timeline.flatMap(([probability, ms]) => Array<number>(Math.round(ms / FRAME_MS)).fill(probability));
    return frames.flatMap((probability, index) => (onsets.push(probability) ? [(index + 1) * FRAME_MS] : []));
  };

  it("within 70 ms, once for each", () => {
    expect(told([[0.1, 320], [0.9, 960], [0.1, 320], [0.9, 640]])).toEqual([384]);
    expect(told([[0.9, 640], [0.1, 960], [0.9, 640]])).toHaveLength(2);
  });

  it("and not for a click", () => expect(told([[0.1, 320], [0.9, 32], [0.1, 640]])).toEqual([]));

  it("with the time that it began", () => {
    const onsets = new Onsets();
    expect(onsets.sinceOnsetMs).toBe(Number.POSITIVE_INFINITY);
    for (let frame = 0; frame < 10; frame++) onsets.push(0.9);
    expect(onsets.sinceOnsetMs).toBe(10 * FRAME_MS);
  });
});
