/** Hears one saying of a phrase: waits for a voice, follows it to its end, and keeps its path through the embedding. */

import { Voice } from "./endpoint";
import type { Features } from "./features";
import { EMBEDDINGS_KEPT } from "./features";
import { FRAME_MS, HOP_MS, ONSET_MARGIN_MS, SAMPLE_MS_MAX, SAMPLE_MS_MIN, SAMPLE_SILENCE_MS, VOICE_FRAMES_MIN } from "./limits";
import type { PhraseSample } from "./types";

/** An embedding sees 0.8 s back: the first ones of a phrase are mostly what was before it. */
const HEAD_START_MS = 240;
/** The last point of the path lies so long after the voice's end, which is when the phrase is recognised. */
const TAIL_MS = 80;
const ROWS_MIN = 4;

export type SampleOutcome =
  | { kind: "heard"; sample: PhraseSample }
  | { kind: "nothing" | "short" | "long"; detail: string };

export class SampleRecorder {
  readonly #voice = new Voice();
  readonly #waitMs: number;
  #waitedMs = 0;
  #voicedFrames = 0;
  /** From the first voiced frame on; 0 while nobody speaks. */
  #lengthMs = 0;
  #silenceMs = 0;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  async push(probability: number, features: Features, kept: readonly Float32Array[]): Promise<SampleOutcome | null> {
    this.#waitedMs += FRAME_MS;
    const voiced = this.#voice.heard(probability);
    if (voiced) this.#voicedFrames += 1;
    if (voiced || this.#lengthMs > 0) this.#lengthMs += FRAME_MS;
    this.#silenceMs = voiced ? 0 : this.#silenceMs + FRAME_MS;
    if (this.#lengthMs === 0) {
      return this.#waitedMs < this.#waitMs ? null : { kind: "nothing", detail: `nobody spoke for ${this.#waitMs} ms` };
    }
    const spokenMs = this.#lengthMs - this.#silenceMs;
    if (spokenMs > SAMPLE_MS_MAX) {
      return { kind: "long", detail: `a phrase lasts up to ${SAMPLE_MS_MAX} ms, and this one goes on` };
    }
    if (this.#silenceMs < SAMPLE_SILENCE_MS) return null;
    if (this.#voicedFrames < VOICE_FRAMES_MIN) {
      // A click: waiting goes on.
      this.#lengthMs = 0;
      this.#voicedFrames = 0;
      return null;
    }
    if (spokenMs < SAMPLE_MS_MIN) {
      return { kind: "short", detail: `a phrase lasts ${SAMPLE_MS_MIN} ms or more, this one was ${spokenMs} ms` };
    }
    return { kind: "heard", sample: await this.#sample(spokenMs, features, kept) };
  }

  async #sample(spokenMs: number, features: Features, kept: readonly Float32Array[]): Promise<PhraseSample> {
    const rows = Math.max(ROWS_MIN, Math.round((spokenMs - HEAD_START_MS + TAIL_MS) / HOP_MS));
    const after = Math.round((this.#silenceMs - TAIL_MS) / HOP_MS);
    const count = Math.min(rows + after, EMBEDDINGS_KEPT);
    const recent = await features.last(count);
    const path = recent.slice(0, (recent.length / count) * (count - after));
    const frames = Math.ceil((spokenMs + this.#silenceMs + ONSET_MARGIN_MS) / FRAME_MS);
    const audio = kept.slice(-frames);
    const sound = new Float32Array(audio.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of audio) {
      sound.set(frame, at);
      at += frame.length;
    }
    return { features: path, durationMs: spokenMs, audio: sound };
  }
}
