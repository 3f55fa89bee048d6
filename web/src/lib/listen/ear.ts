/**
 * The ear: sound at the microphone's rate goes in, what was heard comes out. All of listening but the browser's plumbing,
 * so that tests and measurements run the very same code over recordings.
 */

import { Endpointer, Onsets } from "./endpoint";
import {
  FRAME_MS, FRAME_SAMPLES, HOP_SAMPLES, KEPT_MS, LEVEL_MS, ONSET_MARGIN_MS, PHRASE_MS_MAX, PRE_ROLL_MS_DEFAULT, SAMPLE_RATE,
  VOICE_HINT, VOICE_HINT_SPAN_MS, WAKE_AUDIO_MS,
} from "./limits";
import type { Models, VoiceModel } from "./models";
import { Resampler, rms, toInt16 } from "./resample";
import { SampleRecorder, type SampleOutcome } from "./sample";
import type { BuiltInPhrase, CaptureOptions, EnrolledPhrase, ListenMode, SpeechEnd, SpeechStart, Wake } from "./types";
import { WakeDetector } from "./wake";

const SAMPLES_PER_MS = SAMPLE_RATE / 1_000;
const KEPT_FRAMES = Math.ceil(KEPT_MS / FRAME_MS);

export interface EarEvents {
  level(rms: number): void;
  wake(wake: Wake): void;
  speechStart(start: SpeechStart): void;
  speechEnd(end: SpeechEnd): void;
  frame(pcm: Int16Array): void;
  sample(outcome: SampleOutcome): void;
}

export class Ear {
  readonly #events: EarEvents;
  readonly #resampler: Resampler;
  readonly #models: Models;
  readonly #detector: WakeDetector;
  #voice: VoiceModel;
  #onsets = new Onsets();
  #mode: ListenMode = "off";
  /** What `setMode` asked for; taken up before the next frame. */
  #wanted: { mode: ListenMode; options: CaptureOptions } | null = null;
  #endpointer: Endpointer | null = null;
  #recorder: SampleRecorder | null = null;
  /** Sound that is not a whole frame, or a whole step of the wake word, or a whole measure of loudness yet. */
  #frame = new Gatherer(FRAME_SAMPLES);
  #hop = new Gatherer(HOP_SAMPLES);
  #level = new Gatherer(LEVEL_MS * SAMPLES_PER_MS);
  /** The last frames, oldest first. */
  #kept: Float32Array[] = [];
  #sinceHintMs = Number.POSITIVE_INFINITY;
  #nowMs = 0;

  constructor(models: Models, inputRate: number, events: EarEvents) {
    this.#models = models;
    this.#events = events;
    this.#resampler = new Resampler(inputRate);
    this.#detector = new WakeDetector(models);
    this.#voice = models.voice();
  }

  get mode(): ListenMode {
    return this.#wanted?.mode ?? this.#mode;
  }

  /** Whether the phrase can be heard at all. */
  get canWake(): boolean {
    return this.#detector.ready;
  }

  setMode(mode: ListenMode, options: CaptureOptions = {}): void {
    this.#wanted = { mode, options };
  }

  setPhrase(phrase: BuiltInPhrase | EnrolledPhrase): void {
    this.#detector.setPhrase(phrase);
  }

  setThreshold(threshold: number): void {
    this.#detector.setThreshold(threshold);
  }

  /** Hears one saying of a new phrase; the outcome comes as an event. */
  recordSample(waitMs: number): void {
    this.#recorder = new SampleRecorder(waitMs);
  }

  cancelSample(): void {
    this.#recorder = null;
  }

  /** Takes sound whose last sample was heard at `atMs`. Calls must not overlap: wait for one before the next. */
  async push(block: Float32Array, atMs: number): Promise<void> {
    const samples = this.#resampler.push(block);
    if (this.#mode === "off" && this.#wanted === null) return;
    for (const measure of this.#level.take(samples)) this.#events.level(rms(measure));
    const frames = this.#frame.take(samples);
    for (const [index, frame] of frames.entries()) {
      const after = (frames.length - 1 - index) * FRAME_SAMPLES + this.#frame.waiting;
      this.#nowMs = atMs - after / SAMPLES_PER_MS;
      await this.#hear(frame);
    }
  }

  async #hear(frame: Float32Array): Promise<void> {
    this.#change();
    if (this.#mode === "off") return;
    this.#kept.push(frame);
    if (this.#kept.length > KEPT_FRAMES) this.#kept.shift();
    const probability = await this.#voice.probability(frame);
    // Asked for another mode meanwhile: what this frame would have said in the old one is no longer wanted.
    if (this.#wanted !== null) return;
    this.#sinceHintMs = probability >= VOICE_HINT ? 0 : this.#sinceHintMs + FRAME_MS;
    const onset = this.#onsets.push(probability);

    const recorder = this.#recorder;
    if (this.#mode === "wake" && onset && recorder === null) {
      this.#events.speechStart({ atMs: this.#nowMs - this.#onsets.sinceOnsetMs, mode: "wake" });
    }
    if (this.#mode === "capture") this.#capture(frame, probability);
    const listen = this.#mode === "wake" && recorder === null && this.#sinceHintMs <= VOICE_HINT_SPAN_MS;
    for (const hop of this.#hop.take(frame)) {
      const score = await this.#detector.push(hop, listen);
      if (score !== null && this.#wanted === null) this.#woken(score);
    }
    if (recorder !== null) await this.#record(recorder, probability);
  }

  /** Takes up what `setMode` asked for. */
  #change(): void {
    if (this.#wanted === null) return;
    const { mode, options } = this.#wanted;
    this.#wanted = null;
    if (this.#mode === "off" && mode !== "off") this.#forget();
    this.#mode = mode;
    this.#endpointer = null;
    if (mode === "capture") {
      this.#endpointer = new Endpointer({ afterWake: false, noSpeechMs: options.noSpeechMs, hold: options.hold });
      this.#preRoll(options.preRollMs ?? PRE_ROLL_MS_DEFAULT);
    }
    if (mode === "off") this.#forget();
  }

  /** Nothing that was heard before "off" is heard after it. */
  #forget(): void {
    this.#kept = [];
    this.#frame.clear();
    this.#hop.clear();
    this.#level.clear();
    this.#detector.reset();
    this.#voice = this.#models.voice();
    this.#onsets = new Onsets();
    this.#sinceHintMs = Number.POSITIVE_INFINITY;
  }

  #woken(score: number): void {
    const audio = joined(this.#kept.slice(-Math.ceil(WAKE_AUDIO_MS / FRAME_MS)));
    this.#mode = "capture";
    this.#endpointer = new Endpointer({ afterWake: true });
    this.#events.wake({ phrase: this.#detector.phraseId, score, atMs: this.#nowMs, audio });
    // From where the voice began, so that the transcriber hears the whole word and nothing is cut in two.
    this.#preRoll(Math.min(PHRASE_MS_MAX, this.#onsets.sinceOnsetMs + ONSET_MARGIN_MS));
  }

  #preRoll(lengthMs: number): void {
    const frames = Math.min(Math.ceil(lengthMs / FRAME_MS), this.#kept.length);
    for (const frame of this.#kept.slice(this.#kept.length - frames)) this.#events.frame(toInt16(frame));
  }

  #capture(frame: Float32Array, probability: number): void {
    this.#events.frame(toInt16(frame));
    const endpoint = this.#endpointer?.push(probability) ?? null;
    if (endpoint?.kind === "start") {
      this.#events.speechStart({ atMs: this.#nowMs - endpoint.agoMs, mode: "capture" });
    }
    if (endpoint?.kind === "end") {
      this.#mode = "wake";
      this.#endpointer = null;
      const { reason, silenceMs, speechMs } = endpoint;
      this.#events.speechEnd({ reason, silenceMs, speechMs, atMs: this.#nowMs - silenceMs });
    }
  }

  async #record(recorder: SampleRecorder, probability: number): Promise<void> {
    const outcome = await recorder.push(probability, this.#detector.features, this.#kept);
    if (outcome === null || this.#recorder !== recorder) return;
    this.#recorder = null;
    this.#events.sample(outcome);
  }
}

/** Cuts a stream into pieces of one length. */
class Gatherer {
  readonly #length: number;
  #held = new Float32Array(0);

  constructor(length: number) {
    this.#length = length;
  }

  get waiting(): number {
    return this.#held.length;
  }

  take(samples: Float32Array): Float32Array[] {
    const all = joined([this.#held, samples]);
    const whole = Math.floor(all.length / this.#length);
    this.#held = all.slice(whole * this.#length);
    return Array.from({ length: whole }, (_, index) => all.slice(index * this.#length, (index + 1) * this.#length));
  }

  clear(): void {
    this.#held = new Float32Array(0);
  }
}

export function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
