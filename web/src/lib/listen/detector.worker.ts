/** The detector's thread: loads the models, hears the sound that the worklet sends, and tells the page what was heard. */

import { Ear, type EarEvents } from "./ear";
import { fetchModelFiles } from "./files";
import { WAITING_MS_MAX } from "./limits";
import type { FromDetector, ToDetector } from "./messages";
import { loadModels } from "./models";

/** Losses are told of at most this often. */
const OVERRUN_TOLD_MS = 10_000;

interface Block {
  samples: Float32Array;
  atMs: number;
}

function tell(message: FromDetector, transfer: Transferable[] = []): void {
  postMessage(message, { transfer });
}

class Detector {
  readonly #ear: Ear;
  readonly #inputRate: number;
  readonly #pageOffsetMs: number;
  #waiting: Block[] = [];
  #busy = false;
  #overrunToldMs = Number.NEGATIVE_INFINITY;
  /** The epoch of the mode that the ear works in, and those that it has not taken up yet. */
  #epoch = 0;

  constructor(models: Awaited<ReturnType<typeof loadModels>>, inputRate: number, pageOrigin: number) {
    this.#inputRate = inputRate;
    this.#pageOffsetMs = performance.timeOrigin - pageOrigin;
    this.#ear = new Ear(models, inputRate, this.#events());
  }

  #events(): EarEvents {
    return {
      level: (rms) => tell({ kind: "level", rms }),
      wake: (wake) => tell({ kind: "wake", epoch: this.#epoch, wake }, [wake.audio.buffer]),
      speechStart: (start) => tell({ kind: "speech-start", epoch: this.#epoch, start }),
      speechEnd: (end) => tell({ kind: "speech-end", epoch: this.#epoch, end }),
      frame: (pcm) => tell({ kind: "frame", epoch: this.#epoch, pcm }, [pcm.buffer]),
      sample: (outcome) => tell({ kind: "sample", outcome }),
    };
  }

  /** A page that was built without the head listens, captures and learns phrases, but must say that nothing wakes it. */
  complain(): void {
    if (this.#ear.canWake) return;
    const detail = "this page was built without the head of its wake word; tools/wake/train.sh makes it";
    tell({ kind: "problem", problem: { kind: "no-phrase", detail } });
  }

  hear(samples: Float32Array): void {
    this.#waiting.push({ samples, atMs: performance.now() + this.#pageOffsetMs });
    const waitingMs = (this.#waiting.length * samples.length * 1_000) / this.#inputRate;
    if (waitingMs > WAITING_MS_MAX) {
      this.#waiting.shift();
      this.#overrun(waitingMs);
    }
    void this.#work();
  }

  #overrun(waitingMs: number): void {
    if (performance.now() - this.#overrunToldMs < OVERRUN_TOLD_MS) return;
    this.#overrunToldMs = performance.now();
    const detail = `${Math.round(waitingMs)} ms of sound were waiting, at most ${WAITING_MS_MAX} may; the oldest was dropped`;
    tell({ kind: "problem", problem: { kind: "overrun", detail } });
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let block = this.#waiting.shift(); block !== undefined; block = this.#waiting.shift()) {
        await this.#ear.push(block.samples, block.atMs);
      }
      this.#busy = false;
    } catch (error) {
      // It stays busy: a detector that failed once hears no more.
      this.#waiting = [];
      tell({ kind: "problem", problem: { kind: "detector", detail: String(error) } });
    }
  }

  obey(message: Exclude<ToDetector, { kind: "start" }>): void {
    switch (message.kind) {
      case "mode":
        this.#ear.setMode(message.mode, message.options);
        this.#epoch = message.epoch;
        if (message.mode === "wake") this.complain();
        return;
      case "phrase":
        return this.#ear.setPhrase(message.phrase);
      case "threshold":
        return this.#ear.setThreshold(message.threshold);
      case "sample":
        return this.#ear.recordSample(message.waitMs);
      case "cancel-sample":
        return this.#ear.cancelSample();
    }
  }
}

let detector: Detector | null = null;

async function start(message: Extract<ToDetector, { kind: "start" }>): Promise<void> {
  try {
    const models = await loadModels(await fetchModelFiles());
    const started = new Detector(models, message.inputRate, message.pageOrigin);
    message.sound.onmessage = (sound: MessageEvent<Float32Array>) => started.hear(sound.data);
    detector = started;
    tell({ kind: "ready" });
  } catch (error) {
    tell({ kind: "problem", problem: { kind: "models", detail: String(error) } });
  }
}

addEventListener("message", (event: MessageEvent<ToDetector>) => {
  const message = event.data;
  if (message.kind === "start") void start(message);
  else detector?.obey(message);
});
