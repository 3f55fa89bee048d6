/** When somebody has begun and when they have finished, from one probability of a voice for each 32 ms. Pure: no clock, no sound. */

import {
  END_SILENCE_FLUENT_MS, END_SILENCE_MS, END_SILENCE_MS_MAX, FLUENT_PAUSE_MS, FLUENT_SPEECH_MS, FRAME_MS, NO_SPEECH_MS,
  ONE_BREATH_MS, ONSET_FRAMES, PAUSE_FACTOR, SPEECH_MS_MIN, UTTERANCE_MS_MAX, VOICE_GAP_MS, VOICE_OFF, VOICE_ON,
} from "./limits";

/** Whether there is a voice, with two thresholds so that it does not flicker. */
export class Voice {
  #on = false;

  heard(probability: number): boolean {
    this.#on = probability >= (this.#on ? VOICE_OFF : VOICE_ON);
    return this.#on;
  }
}

/** Tells once of each voice, a few frames after it began; for barge-in, and for where a phrase began. */
export class Onsets {
  readonly #voice = new Voice();
  #voicedFrames = 0;
  #silenceMs = Number.POSITIVE_INFINITY;
  #sinceOnsetMs = Number.POSITIVE_INFINITY;
  #told = false;

  /** True for the frame with which a voice is likely enough to be told of. */
  push(probability: number): boolean {
    this.#sinceOnsetMs += FRAME_MS;
    if (this.#voice.heard(probability)) {
      if (this.#silenceMs > VOICE_GAP_MS) this.#sinceOnsetMs = FRAME_MS;
      this.#silenceMs = 0;
      this.#voicedFrames += 1;
      if (this.#voicedFrames >= ONSET_FRAMES && !this.#told) {
        this.#told = true;
        return true;
      }
      return false;
    }
    this.#voicedFrames = 0;
    this.#silenceMs += FRAME_MS;
    if (this.#silenceMs > VOICE_GAP_MS) this.#told = false;
    return false;
  }

  /** How long ago the present (or last) voice began; infinite when there was none. */
  get sinceOnsetMs(): number {
    return this.#sinceOnsetMs;
  }
}

export interface EndpointOptions {
  /** The frames begin within or right after the wake word, whose own voice does not count. */
  afterWake: boolean;
  noSpeechMs?: number;
  /** Ends by no silence, only by the longest utterance. */
  hold?: boolean;
}

export type Endpoint =
  | { kind: "start"; agoMs: number }
  | { kind: "end"; reason: "end" | "silent" | "long"; silenceMs: number; speechMs: number };

/** One utterance: says `start` at most once, then `end` once. */
export class Endpointer {
  readonly #voice = new Voice();
  readonly #noSpeechMs: number;
  readonly #hold: boolean;
  /** Still within the voice that said the wake word. */
  #inWake: boolean;
  #elapsedMs = 0;
  #run = 0;
  #started = false;
  #speechMs = 0;
  #silenceMs = 0;
  #longestPauseMs = 0;

  constructor(options: EndpointOptions) {
    this.#inWake = options.afterWake;
    this.#noSpeechMs = options.noSpeechMs ?? NO_SPEECH_MS;
    this.#hold = options.hold ?? false;
  }

  push(probability: number): Endpoint | null {
    this.#elapsedMs += FRAME_MS;
    const voiced = this.#voice.heard(probability);
    if (this.#elapsedMs >= UTTERANCE_MS_MAX) return this.#end(this.#started || this.#hold ? "long" : "silent");
    if (this.#inWake) {
      if (voiced && this.#elapsedMs < ONE_BREATH_MS) return null;
      this.#inWake = false;
      if (voiced) {
        this.#run = Math.ceil(ONE_BREATH_MS / FRAME_MS);
        return this.#start(ONE_BREATH_MS);
      }
    }
    return voiced ? this.#voiced() : this.#silent();
  }

  #voiced(): Endpoint | null {
    this.#run += 1;
    if (this.#started) {
      this.#longestPauseMs = Math.max(this.#longestPauseMs, this.#silenceMs);
      this.#silenceMs = 0;
      this.#speechMs += FRAME_MS;
      return null;
    }
    this.#silenceMs = 0;
    return this.#run * FRAME_MS >= SPEECH_MS_MIN ? this.#start(this.#run * FRAME_MS) : null;
  }

  #start(agoMs: number): Endpoint {
    this.#started = true;
    this.#speechMs = agoMs;
    return { kind: "start", agoMs };
  }

  #silent(): Endpoint | null {
    this.#run = 0;
    this.#silenceMs += FRAME_MS;
    if (this.#hold) return null;
    if (!this.#started) return this.#elapsedMs >= this.#noSpeechMs ? this.#end("silent") : null;
    return this.#silenceMs >= this.#silenceNeeded() ? this.#end("end") : null;
  }

  /** Somebody who pauses is given time; somebody fluent is answered sooner. */
  #silenceNeeded(): number {
    const fluent = this.#speechMs >= FLUENT_SPEECH_MS && this.#longestPauseMs < FLUENT_PAUSE_MS;
    const usual = fluent ? END_SILENCE_FLUENT_MS : END_SILENCE_MS;
    return Math.max(usual, Math.min(END_SILENCE_MS_MAX, this.#longestPauseMs * PAUSE_FACTOR));
  }

  #end(reason: "end" | "silent" | "long"): Endpoint {
    return { kind: "end", reason, silenceMs: this.#silenceMs, speechMs: this.#speechMs };
  }
}
