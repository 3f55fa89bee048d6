/** From the microphone's rate to 16 kHz, as a stream: a low-pass (windowed sinc, Kaiser) and one output per 1/16,000 s. */

import { SAMPLE_RATE } from "./limits";

/** Zero crossings of the sinc on each side: 32 gives a stop band below -80 dB, 2 ms of delay at 16 kHz. */
const CROSSINGS = 32;
/** Of the lower rate's half: the pass band ends at 7.2 kHz of 8, so that the transition fits below the fold. */
const ROLL_OFF = 0.94;
const KAISER_BETA = 8.5;
/** Positions between two input samples that the filter is computed for. */
const PHASES = 256;

/** The lowest and the highest rate that a microphone may have. */
export const RATE_MIN = 8_000;
export const RATE_MAX = 384_000;

export class Resampler {
  readonly #step: number;
  readonly #half: number;
  readonly #filters: Float32Array[] | null;
  /** Input not used up yet; its first sample has the index #base. */
  #held = new Float32Array(0);
  /** Where the next output lies, in input samples from the beginning of #held. */
  #at: number;

  constructor(inputRate: number) {
    if (!Number.isFinite(inputRate) || inputRate < RATE_MIN || inputRate > RATE_MAX) {
      throw new RangeError(`a sample rate of ${inputRate} Hz is outside ${RATE_MIN} to ${RATE_MAX}`);
    }
    this.#step = inputRate / SAMPLE_RATE;
    const cutoff = Math.min(1, SAMPLE_RATE / inputRate) * ROLL_OFF;
    this.#half = Math.ceil(CROSSINGS / cutoff);
    this.#at = this.#half;
    this.#held = new Float32Array(this.#half);
    this.#filters = inputRate === SAMPLE_RATE ? null : filters(cutoff, this.#half);
  }

  /** The output that the input so far is enough for. */
  push(input: Float32Array): Float32Array {
    if (this.#filters === null) return input.slice();
    const held = new Float32Array(this.#held.length + input.length);
    held.set(this.#held);
    held.set(input, this.#held.length);
    const half = this.#half;
    const output: number[] = [];
    let at = this.#at;
    while (Math.floor(at) + half + 1 < held.length) {
      const whole = Math.floor(at);
      // The fraction is rounded to one of PHASES positions; the last one is the next sample.
      const phase = Math.round((at - whole) * PHASES);
      const filter = this.#filters[phase]!;
      let sum = 0;
      const first = whole - half + 1;
      for (let tap = 0; tap < filter.length; tap++) sum += filter[tap]! * held[first + tap]!;
      output.push(sum);
      at += this.#step;
    }
    const used = Math.max(0, Math.floor(at) - half);
    this.#held = held.slice(used);
    this.#at = at - used;
    return Float32Array.from(output);
  }
}

/** For each phase the taps at input samples -half + 1 ... half around it. */
function filters(cutoff: number, half: number): Float32Array[] {
  return Array.from({ length: PHASES + 1 }, (_, phase) => {
    const taps = Float32Array.from({ length: 2 * half }, (_, tap) => {
      const distance = tap - half + 1 - phase / PHASES;
      const edge = distance / half;
      const window = Math.abs(edge) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - edge * edge)) / bessel(KAISER_BETA);
      const angle = Math.PI * cutoff * distance;
      return cutoff * (angle === 0 ? 1 : Math.sin(angle) / angle) * window;
    });
    // The same loudness in every phase: the taps sum to one.
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return taps.map((tap) => tap / sum);
  });
}

/** The modified Bessel function of the first kind, order 0. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** To whole numbers, as the wire carries sound. */
export function toInt16(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))));
}

export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}
