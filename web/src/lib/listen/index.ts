/** The door of listening: `createListener` for a microphone, `enrol` for a phrase of one's own. See ./types. */

import captureUrl from "./capture.worklet?worker&url";
import { SAMPLE_WAIT_MS } from "./limits";
import { CAPTURE_NAME, type FromDetector, type ToDetector } from "./messages";
import type { SampleOutcome } from "./sample";
import {
  type BuiltInPhrase, type CaptureOptions, type EnrolledPhrase, ListenFailure, type ListenMode, type ListenProblem, type Listener,
  type ListenerOptions, type PhraseSample, SampleProblem,
} from "./types";

export { enrol } from "./enrol";
export { withoutPhrase } from "./phrase";
export * from "./types";

/** Loads what listening needs, connects the microphone, and begins in mode "off". Rejects with `ListenFailure`. */
export async function createListener(options: ListenerOptions): Promise<Listener> {
  const listener = new MicrophoneListener(options);
  try {
    await listener.start();
  } catch (error) {
    listener.close();
    throw error;
  }
  return listener;
}

interface WaitingSample {
  resolve(sample: PhraseSample): void;
  reject(problem: SampleProblem): void;
}

class MicrophoneListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #worker: Worker;
  #source: MediaStreamAudioSourceNode | null = null;
  #capture: AudioWorkletNode | null = null;
  #mode: ListenMode = "off";
  #epoch = 0;
  #sample: WaitingSample | null = null;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#worker = new Worker(new URL("./detector.worker.ts", import.meta.url), { type: "module" });
  }

  async start(): Promise<void> {
    const { context, stream, phrase, threshold } = this.#options;
    const sound = new MessageChannel();
    const ready = this.#whenReady();
    this.#send({ kind: "start", sound: sound.port1, inputRate: context.sampleRate, pageOrigin: performance.timeOrigin }, [sound.port1]);
    const [worklet] = await Promise.allSettled([context.audioWorklet.addModule(captureUrl), ready]);
    if (worklet.status === "rejected") throw failure("worklet", worklet.reason);
    await ready;
    if (phrase !== undefined) this.setPhrase(phrase);
    if (threshold !== undefined) this.setThreshold(threshold);
    try {
      this.#capture = new AudioWorkletNode(context, CAPTURE_NAME, { channelCount: 1, channelCountMode: "explicit" });
      this.#capture.port.postMessage(sound.port2, [sound.port2]);
      this.#source = context.createMediaStreamSource(stream);
      // Its output is silence; being connected is what makes every browser run it.
      this.#source.connect(this.#capture).connect(context.destination);
    } catch (error) {
      throw failure("worklet", error);
    }
    for (const track of stream.getAudioTracks()) track.addEventListener("ended", this.#trackEnded);
  }

  /** Resolves when the worker has its models; from then on its messages are for the caller. */
  #whenReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#worker.onerror = (event) => {
        event.preventDefault();
        const problem: ListenProblem = { kind: "detector", detail: event.message || "the detector's script could not be loaded" };
        reject(new ListenFailure(problem));
        if (!this.#closed) this.#options.onError?.(problem);
      };
      this.#worker.onmessage = (message: MessageEvent<FromDetector>) => {
        const { data } = message;
        if (data.kind === "problem") return reject(new ListenFailure(data.problem));
        if (data.kind !== "ready") return;
        this.#worker.onmessage = (later: MessageEvent<FromDetector>) => this.#heard(later.data);
        resolve();
      };
    });
  }

  get mode(): ListenMode {
    return this.#mode;
  }

  setMode(mode: ListenMode, options: CaptureOptions = {}): void {
    this.#mode = mode;
    this.#epoch += 1;
    this.#send({ kind: "mode", mode, options, epoch: this.#epoch });
  }

  setThreshold(threshold: number): void {
    if (!(threshold > 0 && threshold <= 1)) throw new RangeError(`a threshold lies above 0 and up to 1, not ${threshold}`);
    this.#send({ kind: "threshold", threshold });
  }

  setPhrase(phrase: BuiltInPhrase | EnrolledPhrase): void {
    this.#send({ kind: "phrase", phrase });
  }

  recordSample(options: { waitMs?: number; signal?: AbortSignal } = {}): Promise<PhraseSample> {
    this.#settleSample({ kind: "cancelled" });
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) return reject(new SampleProblem("cancelled", "cancelled"));
      this.#sample = { resolve, reject };
      options.signal?.addEventListener("abort", () => this.#settleSample({ kind: "cancelled" }), { once: true });
      this.#send({ kind: "sample", waitMs: options.waitMs ?? SAMPLE_WAIT_MS });
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mode = "off";
    this.#settleSample({ kind: "cancelled" });
    for (const track of this.#options.stream.getAudioTracks()) track.removeEventListener("ended", this.#trackEnded);
    this.#source?.disconnect();
    this.#capture?.disconnect();
    this.#capture?.port.postMessage("close");
    this.#worker.terminate();
  }

  #trackEnded = (): void => {
    this.#mode = "off";
    this.#options.onError?.({ kind: "ended", detail: "the microphone's track ended" });
  };

  #heard(message: FromDetector): void {
    // What belongs to a mode that the caller has left since is no longer wanted.
    if (this.#closed || ("epoch" in message && message.epoch !== this.#epoch)) return;
    const options = this.#options;
    switch (message.kind) {
      case "level":
        return options.onLevel?.(message.rms);
      case "wake":
        this.#mode = "capture";
        return options.onWake?.(message.wake);
      case "speech-start":
        return options.onSpeechStart?.(message.start);
      case "speech-end":
        this.#mode = "wake";
        return options.onSpeechEnd?.(message.end);
      case "frame":
        return options.onFrame?.(message.pcm);
      case "sample":
        return this.#settleSample(message.outcome);
      case "problem":
        return options.onError?.(message.problem);
      case "ready":
        return;
    }
  }

  #settleSample(outcome: SampleOutcome | { kind: "cancelled" }): void {
    const waiting = this.#sample;
    if (waiting === null) return;
    this.#sample = null;
    if (outcome.kind === "heard") return waiting.resolve(outcome.sample);
    if (outcome.kind !== "cancelled") return waiting.reject(new SampleProblem(outcome.kind, outcome.detail));
    this.#send({ kind: "cancel-sample" });
    waiting.reject(new SampleProblem("cancelled", "cancelled"));
  }

  #send(message: ToDetector, transfer: Transferable[] = []): void {
    if (!this.#closed) this.#worker.postMessage(message, transfer);
  }
}

function failure(kind: ListenProblem["kind"], reason: unknown): ListenFailure {
  return new ListenFailure({ kind, detail: String(reason) });
}
