import { describe, expect, it } from "vitest";
import { Ear, type EarEvents } from "../../src/lib/listen/ear";
import { EMBEDDING_SIZE, FRAME_MS, FRAME_SAMPLES, HEAD_EMBEDDINGS, PRE_ROLL_MS_DEFAULT, SAMPLE_RATE } from "../../src/lib/listen/limits";
import type { Models } from "../../src/lib/listen/models";
import { rms } from "../../src/lib/listen/resample";
import type { SampleOutcome } from "../../src/lib/listen/sample";
import type { SpeechEnd, SpeechStart, Wake } from "../../src/lib/listen/types";
import { noise, silence } from "./recordings";

/**
 * Networks that can be read off: whatever is loud is a voice, and an embedding holds the energy at its end. The word is
 * something very loud that has lasted for 0.4 s.
 */
class LoudModels implements Models {
  phrases = ["computer"];
  embedded = 0;
  voice() {
    return { probability: async (frame: Float32Array) => (rms(frame) > 0.02 ? 0.95 : 0.01) };
  }
  async embed(windows: Float32Array, count: number) {
    this.embedded += count;
    const size = windows.length / count;
    return Float32Array.from({ length: count * EMBEDDING_SIZE }, (_, index) => {
      const window = Math.floor(index / EMBEDDING_SIZE);
      return windows[(window + 1) * size - 1]!;
    });
  }
  async head(_phrase: string, embeddings: Float32Array) {
    expect(embeddings.length).toBe(HEAD_EMBEDDINGS * EMBEDDING_SIZE);
    const steps = Array.from({ length: 5 }, (_, step) => embeddings.at(-1 - step * EMBEDDING_SIZE)!);
    return steps.every((energy) => energy > WORD_ENERGY) ? 1 : 0;
  }
  async close() {}
}

/** Loudness of the made-up word and of other speech; the energy in its highest mel band between the two. */
const WORD = 0.9;
const SPEECH = 0.1;
const WORD_ENERGY = 10;

type Said =
  | ["wake", Wake] | ["start", SpeechStart] | ["end", SpeechEnd] | ["frame", Int16Array] | ["level", number] | ["sample", SampleOutcome];

function earOf(models = new LoudModels()) {
  const said: Said[] = [];
  const events: EarEvents = {
    level: (value) => said.push(["level", value]),
    wake: (wake) => said.push(["wake", wake]),
    speechStart: (start) => said.push(["start", start]),
    speechEnd: (end) => said.push(["end", end]),
    frame: (frame) => said.push(["frame", frame]),
    sample: (outcome) => said.push(["sample", outcome]),
  };
  const ear = new Ear(models, SAMPLE_RATE, events);
  let heardMs = 0;
  const hear = async (...sounds: Float32Array[]) => {
    for (const sound of sounds) {
      for (let at = 0; at < sound.length; at += 320) {
        const block = sound.subarray(at, at + 320);
        heardMs += block.length / 16;
        await ear.push(block, heardMs);
      }
    }
  };
  const kinds = () => said.map(([kind]) => kind).filter((kind, index, all) => kind !== "level" && (kind !== "frame" || all[index - 1] !== "frame"));
  const frames = () => said.flatMap(([kind, value]) => (kind === "frame" ? [value as Int16Array] : []));
  return { ear, said, hear, kinds, frames, models };
}

const word = () => noise(0.5, WORD);
const speech = (seconds: number) => noise(seconds, SPEECH, 7);

describe("the ear", () => {
  it("hears nothing in mode off, and keeps nothing of it", async () => {
    const { ear, said, hear, frames } = earOf();
    await hear(speech(1), word(), speech(1));
    expect(said).toEqual([]);
    ear.setMode("capture", { preRollMs: 2_000 });
    await hear(silence(0.1));
    expect(frames().every((frame) => frame.every((sample) => sample === 0))).toBe(true);
  });

  it("hands out no sound before the word", async () => {
    const { ear, frames, hear } = earOf();
    ear.setMode("wake");
    await hear(speech(3), silence(1), speech(2));
    expect(frames()).toEqual([]);
  });

  it("wakes, brings the word and what follows, and ends once after the silence", async () => {
    const { ear, said, hear, kinds, frames } = earOf();
    ear.setMode("wake");
    await hear(silence(1.5), word(), silence(0.3), speech(1.5), silence(2));
    expect(kinds().filter((kind) => kind !== "frame")).toEqual(["start", "wake", "start", "end"]);
    expect(ear.mode).toBe("wake");
    const [wake, end] = [said.find(([kind]) => kind === "wake")![1] as Wake, said.find(([kind]) => kind === "end")![1] as SpeechEnd];
    expect(wake).toMatchObject({ phrase: "computer" });
    expect(wake.score).toBeGreaterThanOrEqual(0.5);
    expect(wake.atMs).toBeGreaterThan(1_500);
    expect(wake.audio.length).toBeGreaterThan(SAMPLE_RATE * 1.4);
    expect(end.reason).toBe("end");
    // The voice ended at 3.8 s.
    expect(end.atMs).toBeGreaterThan(3_700);
    expect(end.atMs).toBeLessThan(3_900);
    // The frames begin no later than the word did, run on without a gap, and none comes after the end.
    const lengthMs = frames().length * FRAME_MS;
    expect(lengthMs).toBeGreaterThanOrEqual(3_800 - 1_500);
    expect(frames().every((frame) => frame.length === FRAME_SAMPLES)).toBe(true);
    expect(said.at(-1)![0]).toBe("level");
    expect(kinds().at(-1)).toBe("end");
  });

  it("loses nothing between the word and a request in the same breath", async () => {
    const { ear, hear, frames } = earOf();
    ear.setMode("wake");
    // Each sample of the request carries its own place, as a ramp under which a gap would show.
    const ramp = Float32Array.from({ length: SAMPLE_RATE }, (_, index) => (index % 2 ? -1 : 1) * (0.03 + (0.02 * index) / SAMPLE_RATE));
    await hear(silence(1.6), word(), ramp, silence(2));
    const sound = frames().flatMap((frame) => [...frame]);
    const first = Math.round(0.03 * 32_768);
    const start = sound.findIndex((sample, index) => sample === first && Math.abs(sound[index + 1]!) === first);
    expect(start).toBeGreaterThanOrEqual(word().length - FRAME_SAMPLES);
    for (let index = 0; index < SAMPLE_RATE; index += 97) {
      expect(sound[start + index]).toBe(Math.round(ramp[index]! * 32_768));
    }
  });

  it("is silent when nothing follows the word", async () => {
    const { ear, said, hear } = earOf();
    ear.setMode("wake");
    await hear(silence(1), word(), silence(7));
    expect(said.filter(([kind]) => kind === "end").map(([, end]) => (end as SpeechEnd).reason)).toEqual(["silent"]);
  });

  it("wakes once for one word, and again for another", async () => {
    const { ear, said, hear } = earOf();
    ear.setMode("wake");
    await hear(silence(1), word(), silence(7), word(), silence(7));
    expect(said.filter(([kind]) => kind === "wake")).toHaveLength(2);
  });

  it("takes a request without the word, with what was said just before", async () => {
    const { ear, hear, kinds, frames } = earOf();
    ear.setMode("wake");
    await hear(silence(1), speech(0.3));
    ear.setMode("capture");
    await hear(speech(1), silence(2));
    expect(kinds().filter((kind) => kind !== "frame").slice(-2)).toEqual(["start", "end"]);
    const before = frames().slice(0, Math.ceil(PRE_ROLL_MS_DEFAULT / FRAME_MS));
    expect(rms(Float32Array.from(before.flatMap((frame) => [...frame]), (sample) => sample / 32_768))).toBeGreaterThan(0.03);
  });

  it("follows the button in push to talk", async () => {
    const { ear, said, hear, kinds } = earOf();
    ear.setMode("capture", { hold: true });
    await hear(silence(6), speech(1), silence(3));
    expect(kinds()).not.toContain("end");
    ear.setMode("wake");
    const before = said.filter(([kind]) => kind === "frame").length;
    await hear(speech(1));
    expect(said.filter(([kind]) => kind === "frame")).toHaveLength(before);
  });

  it("spends nothing on the word while nobody speaks", async () => {
    const { ear, hear, models } = earOf();
    ear.setMode("wake");
    await hear(silence(20));
    expect(models.embedded).toBe(0);
  });

  it("goes on without waking when the head is missing", async () => {
    const models = new LoudModels();
    models.phrases = [];
    const { ear, hear, kinds } = earOf(models);
    expect(ear.canWake).toBe(false);
    ear.setMode("wake");
    await hear(silence(1), word(), silence(1));
    ear.setMode("capture");
    await hear(speech(1), silence(2));
    expect(kinds().filter((kind) => kind !== "frame")).toEqual(["start", "start", "end"]);
  });

  it("tells the loudness about twenty times a second", async () => {
    const { ear, said, hear } = earOf();
    ear.setMode("wake");
    await hear(noise(2, 0.2));
    const levels = said.flatMap(([kind, value]) => (kind === "level" ? [value as number] : []));
    expect(levels.length).toBeGreaterThanOrEqual(39);
    expect(levels.length).toBeLessThanOrEqual(40);
    expect(levels[20]).toBeCloseTo(0.2 / Math.sqrt(3), 1);
  });

  it("refuses a threshold and a phrase that can't be", () => {
    const { ear } = earOf();
    for (const threshold of [0, -1, 1.1, Number.NaN]) expect(() => ear.setThreshold(threshold)).toThrow(/threshold/);
    expect(() => ear.setPhrase("jarvis" as "computer")).toThrow(/computer/);
    expect(() => ear.setPhrase({ id: "x", name: "x", templates: [], scale: 0.3 })).toThrow(/record it anew/);
  });
});

describe("a saying of a new phrase", () => {
  const outcomeOf = async (...sounds: Float32Array[]) => {
    const { ear, said, hear } = earOf();
    ear.setMode("wake");
    await hear(silence(0.5));
    ear.recordSample(3_000);
    await hear(...sounds);
    return said.flatMap(([kind, value]) => (kind === "sample" ? [value as SampleOutcome] : []));
  };

  it("is kept with its length, its sound and its path", async () => {
    const [outcome, ...more] = await outcomeOf(silence(0.5), speech(1), silence(1));
    expect(more).toEqual([]);
    if (outcome?.kind !== "heard") throw new Error(`not heard: ${JSON.stringify(outcome)}`);
    expect(outcome.sample.durationMs).toBeGreaterThan(900);
    expect(outcome.sample.durationMs).toBeLessThan(1_100);
    expect(outcome.sample.features.length % EMBEDDING_SIZE).toBe(0);
    expect(outcome.sample.features.length / EMBEDDING_SIZE).toBeGreaterThanOrEqual(9);
    expect(rms(outcome.sample.audio)).toBeGreaterThan(0.03);
  });

  it("can be missing, too short or too long", async () => {
    expect((await outcomeOf(silence(4))).map((outcome) => outcome.kind)).toEqual(["nothing"]);
    expect((await outcomeOf(speech(0.2), silence(1))).map((outcome) => outcome.kind)).toEqual(["short"]);
    expect((await outcomeOf(speech(4))).map((outcome) => outcome.kind)).toEqual(["long"]);
    expect((await outcomeOf(speech(0.05), silence(4))).map((outcome) => outcome.kind)).toEqual(["nothing"]);
  });

  it("does not wake anybody meanwhile", async () => {
    const { ear, hear, kinds } = earOf();
    ear.setMode("wake");
    await hear(silence(1));
    ear.recordSample(5_000);
    await hear(word(), silence(0.2));
    expect(kinds()).not.toContain("wake");
  });
});
