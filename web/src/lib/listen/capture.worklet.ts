/** In the browser's audio thread: passes the microphone's sound on to the detector, 10 ms at a time, and does nothing else. */

import { CAPTURE_NAME } from "./messages";

/** What of the worklet's own world TypeScript's library does not describe. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
declare const sampleRate: number;

const BLOCK_MS = 10;

class Capture extends AudioWorkletProcessor {
  #to: MessagePort | null = null;
  #block = new Float32Array(Math.round((sampleRate * BLOCK_MS) / 1_000));
  #filled = 0;
  #open = true;

  constructor() {
    super();
    this.port.onmessage = (message: MessageEvent<MessagePort | "close">) => {
      if (message.data === "close") this.#open = false;
      else this.#to = message.data;
    };
  }

  /** false ends the processor. Its output stays untouched: silence. */
  process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0];
    if (channel !== undefined && this.#to !== null) this.#pass(channel, this.#to);
    return this.#open;
  }

  #pass(samples: Float32Array, to: MessagePort): void {
    let from = 0;
    while (from < samples.length) {
      const taken = samples.subarray(from, from + this.#block.length - this.#filled);
      this.#block.set(taken, this.#filled);
      this.#filled += taken.length;
      from += taken.length;
      if (this.#filled === this.#block.length) {
        const full = this.#block;
        this.#block = new Float32Array(full.length);
        this.#filled = 0;
        to.postMessage(full, [full.buffer]);
      }
    }
  }
}

registerProcessor(CAPTURE_NAME, Capture);
