/**
 * What the page and its ear say to each other.
 *
 * The ear runs on the device: it hears the wake word, notices when somebody speaks and when they have finished, and hands
 * out sound only while it captures. It sends nothing anywhere; what happens to the frames is the caller's business.
 *
 *     const listener = await createListener({ context, stream, onWake, onSpeechStart, onSpeechEnd, onFrame, onLevel, onError });
 *     listener.setMode("wake");
 *
 * The course of a turn: mode "wake" until `onWake`; the ear is then in mode "capture" by itself, and `onFrame` brings the
 * sound from the wake word on (so nothing said in the same breath is lost), then live; `onSpeechStart` when words follow;
 * `onSpeechEnd` once, after which no more frames come and the mode is "wake" again. For a question without the wake word
 * (push to talk, a follow-up) the caller says `setMode("capture")`, and the rest is the same.
 */

/**
 * off: nothing is looked at, nothing is kept.
 * wake: waits for the phrase; `onSpeechStart` also tells of voices (for barge-in), `onFrame` brings nothing.
 * capture: `onFrame` brings the sound until `onSpeechEnd`.
 */
export type ListenMode = "off" | "wake" | "capture";

/** The phrases that have a trained head in the page. */
export type BuiltInPhrase = "computer";

/** A phrase of somebody's own, learned from a few samples (`enrol`). Plain data: it can be cloned and kept in IndexedDB. */
export interface EnrolledPhrase {
  /** Any id of the caller's that is not a built-in phrase's. */
  id: string;
  /** As it is shown and as it is removed from the front of a transcript. */
  name: string;
  /** One list of features for each sample: rows of 96 numbers, one row for each 80 ms. */
  templates: Float32Array[];
  /** The distance at which score is 0.5; from how unlike each other the samples are. */
  scale: number;
}

/** One saying of a phrase, as `Listener.recordSample` gives it. */
export interface PhraseSample {
  /** Rows of 96 numbers, one row for each 80 ms. */
  features: Float32Array;
  /** How long the phrase took. */
  durationMs: number;
  /** The sound, 16 kHz, -1 to 1, to play back to whoever said it. */
  audio: Float32Array;
}

export interface Wake {
  /** The phrase that was heard. */
  phrase: string;
  /** How sure: above the threshold, up to 1. */
  score: number;
  /** When it was heard, on the clock of `performance.now()`. */
  atMs: number;
  /** The last 1.5 s up to then, 16 kHz, -1 to 1; stays in the page unless the caller sends it. */
  audio: Float32Array;
}

export interface SpeechStart {
  /** When the voice began, on the clock of `performance.now()`: somewhat before this call. */
  atMs: number;
  /** The mode it was heard in. In "wake" it is somebody talking, to the realm or not. */
  mode: "wake" | "capture";
}

export interface SpeechEnd {
  /**
   * end: they spoke, and were silent for `silenceMs`.
   * silent: nobody spoke at all; what was captured is worth nothing.
   * long: still speaking after the longest utterance; captured so far is whole.
   */
  reason: "end" | "silent" | "long";
  /** Silence that was waited for, in milliseconds: the part of the latency that is endpointing. */
  silenceMs: number;
  /** Voice in what was captured, in milliseconds, without the wake word. */
  speechMs: number;
  /** When the voice ended, on the clock of `performance.now()`. Latency is counted from here. */
  atMs: number;
}

/** Why the ear can't hear. `detail` is for a log; the words for people are the caller's. */
export interface ListenProblem {
  /**
   * worklet: the sound can't be reached in this browser.
   * models: what is needed to listen could not be loaded.
   * detector: the detector failed while it ran.
   * ended: the microphone went away (unplugged, or taken by another program).
   * no-phrase: the phrase has no head in this page, so nothing wakes it; capture and phrases of one's own work.
   * overrun: the device is too slow to keep up; sound was dropped. The ear goes on.
   */
  kind: "worklet" | "models" | "detector" | "ended" | "no-phrase" | "overrun";
  detail: string;
}

export interface ListenerOptions {
  /** At any sample rate; the caller resumes it (a browser wants a click first). */
  context: AudioContext;
  /** From getUserMedia. The caller stops its tracks; `close` does not. */
  stream: MediaStream;
  /** The phrase to wait for: "computer" unless said otherwise. */
  phrase?: BuiltInPhrase | EnrolledPhrase;
  /** From 0 to 1: higher is deafer. Left out, the phrase's own, as measured. */
  threshold?: number;
  /** Loudness of the microphone, root mean square, 0 to 1, about 20 times a second in every mode but "off". */
  onLevel?(rms: number): void;
  onWake?(wake: Wake): void;
  onSpeechStart?(start: SpeechStart): void;
  onSpeechEnd?(end: SpeechEnd): void;
  /** 32 ms of sound: 512 samples, 16 kHz, mono. Only in mode "capture". Several at once at its beginning (what went before). */
  onFrame?(pcm16k: Int16Array): void;
  onError?(problem: ListenProblem): void;
}

export interface CaptureOptions {
  /** How much of what was heard before `setMode` comes first, in milliseconds: at most 2,000. Default 320. */
  preRollMs?: number;
  /** "silent" after so long without a voice, in milliseconds. Default 5,000. */
  noSpeechMs?: number;
  /** true (push to talk): only `setMode` ends it, or the longest utterance. */
  hold?: boolean;
}

export interface Listener {
  readonly mode: ListenMode;
  /**
   * Takes effect with the next 32 ms of sound. Leaving "capture" this way calls `onSpeechEnd` no more; frames already on
   * their way are dropped.
   */
  setMode(mode: ListenMode, options?: CaptureOptions): void;
  setThreshold(threshold: number): void;
  setPhrase(phrase: BuiltInPhrase | EnrolledPhrase): void;
  /** Hears one saying of a new phrase, in any mode but "off" (nothing wakes meanwhile). Rejects with `SampleProblem`. */
  recordSample(options?: { waitMs?: number; signal?: AbortSignal }): Promise<PhraseSample>;
  /** Ends worker and worklet and frees their memory. The context and the stream stay the caller's. */
  close(): void;
}

/** Why a saying can't be used. */
export class SampleProblem extends Error {
  constructor(
    /** nothing: nobody spoke. short, long: not a phrase of 0.3 to 2.5 s. unlike: not the same phrase as the others. */
    readonly kind: "nothing" | "short" | "long" | "unlike" | "cancelled",
    message: string,
  ) {
    super(message);
    this.name = "SampleProblem";
  }
}

/** `createListener` of ./index: loads the models, rejects with `ListenFailure` when it can't. */
export type CreateListener = (options: ListenerOptions) => Promise<Listener>;

/** `enrol` of ./index: a phrase from three or more sayings. Throws `SampleProblem` when they are not alike. */
export type Enrol = (id: string, name: string, samples: readonly PhraseSample[]) => EnrolledPhrase;

/** `withoutPhrase` of ./index: a transcript without the wake word at its front ("Computer, what ..." -> "what ..."). */
export type WithoutPhrase = (transcript: string, phraseName: string) => string;

export class ListenFailure extends Error {
  constructor(readonly problem: ListenProblem) {
    super(problem.detail);
    this.name = "ListenFailure";
  }
}
