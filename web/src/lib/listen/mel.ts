/**
 * The spectrum that the speech embedding looks at: 32 mel bands of 60 to 3,800 Hz, one row for each 10 ms.
 *
 * The embedding's own package brings this step as a model of 1.1 MB; it is a Fourier transform and a small table, so it is
 * computed here, and in the same way where the heads are trained (tools/wake/features.py).
 */

import { SAMPLE_RATE } from "./limits";

export const MEL_BANDS = 32;
/** Samples from one row to the next: 10 ms. */
export const MEL_HOP = 160;
/** Samples that one row looks at. */
export const MEL_WINDOW = 512;
/** Of them, the ones in the middle that the Hann window lets through: 25 ms. */
const HANN_SAMPLES = 400;
const BAND_HZ_MIN = 60;
const BAND_HZ_MAX = 3_800;
/**
 * The quietest that a band can be, in dB on the scale of 16-bit samples: about what a single bit of noise has. Microphones
 * that fall digitally silent between words would otherwise give numbers that the embedding never saw.
 */
const FLOOR_DB = 20;
const INT16_SCALE = 32_768;
/** What every band is in silence. */
export const MEL_SILENCE = FLOOR_DB / 10 + 2;

export class Mel {
  readonly #window = hann();
  readonly #bands = bands();
  readonly #real = new Float64Array(MEL_WINDOW);
  readonly #imaginary = new Float64Array(MEL_WINDOW);
  /** The last samples, fewer than a window and a hop. */
  #held = new Float32Array(MEL_WINDOW - MEL_HOP);

  /** Rows for what has come in, one for each 160 samples; `MEL_BANDS` numbers each. */
  push(samples: Float32Array): Float32Array {
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);
    const rows = Math.max(0, Math.floor((held.length - MEL_WINDOW) / MEL_HOP) + 1);
    const output = new Float32Array(rows * MEL_BANDS);
    for (let row = 0; row < rows; row++) this.#row(held, row * MEL_HOP, output, row * MEL_BANDS);
    this.#held = held.slice(rows * MEL_HOP);
    return output;
  }

  #row(samples: Float32Array, from: number, output: Float32Array, to: number): void {
    for (let index = 0; index < MEL_WINDOW; index++) {
      this.#real[index] = samples[from + index]! * this.#window[index]! * INT16_SCALE;
      this.#imaginary[index] = 0;
    }
    fourier(this.#real, this.#imaginary);
    for (const [band, { first, weights }] of this.#bands.entries()) {
      let power = 0;
      for (let index = 0; index < weights.length; index++) {
        const bin = first + index;
        power += weights[index]! * (this.#real[bin]! ** 2 + this.#imaginary[bin]! ** 2);
      }
      const decibel = Math.max(FLOOR_DB, 10 * Math.log10(Math.max(power, 1e-10)));
      output[to + band] = decibel / 10 + 2;
    }
  }
}

function hann(): Float64Array {
  const window = new Float64Array(MEL_WINDOW);
  const margin = (MEL_WINDOW - HANN_SAMPLES) / 2;
  for (let index = 0; index < HANN_SAMPLES; index++) {
    window[margin + index] = 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / HANN_SAMPLES);
  }
  return window;
}

interface Band {
  first: number;
  weights: number[];
}

/** Triangles on Slaney's mel scale (linear below 1 kHz), each of area one. */
function bands(): Band[] {
  const lowest = toMel(BAND_HZ_MIN);
  const step = (toMel(BAND_HZ_MAX) - lowest) / (MEL_BANDS + 1);
  const edges = Array.from({ length: MEL_BANDS + 2 }, (_, index) => toHz(lowest + step * index));
  return Array.from({ length: MEL_BANDS }, (_, band) => {
    const [from, peak, to] = [edges[band]!, edges[band + 1]!, edges[band + 2]!];
    const weight = (bin: number): number => {
      const hz = (bin * SAMPLE_RATE) / MEL_WINDOW;
      return Math.max(0, Math.min((hz - from) / (peak - from), (to - hz) / (to - peak))) * (2 / (to - from));
    };
    const first = Math.ceil((from * MEL_WINDOW) / SAMPLE_RATE);
    const last = Math.floor((to * MEL_WINDOW) / SAMPLE_RATE);
    return { first, weights: Array.from({ length: last - first + 1 }, (_, index) => weight(first + index)) };
  });
}

const LINEAR_HZ_PER_MEL = 200 / 3;
const LINEAR_HZ_MAX = 1_000;
const LINEAR_MEL_MAX = LINEAR_HZ_MAX / LINEAR_HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

function toMel(hz: number): number {
  return hz < LINEAR_HZ_MAX ? hz / LINEAR_HZ_PER_MEL : LINEAR_MEL_MAX + Math.log(hz / LINEAR_HZ_MAX) / LOG_STEP;
}

function toHz(mel: number): number {
  return mel < LINEAR_MEL_MAX ? mel * LINEAR_HZ_PER_MEL : LINEAR_HZ_MAX * Math.exp(LOG_STEP * (mel - LINEAR_MEL_MAX));
}

/** The Fourier transform in place, radix 2; the length is a power of two. */
function fourier(real: Float64Array, imaginary: Float64Array): void {
  const length = real.length;
  for (let index = 1, swapped = 0; index < length; index++) {
    let bit = length >> 1;
    for (; swapped & bit; bit >>= 1) swapped ^= bit;
    swapped ^= bit;
    if (index < swapped) {
      [real[index], real[swapped]] = [real[swapped]!, real[index]!];
      [imaginary[index], imaginary[swapped]] = [imaginary[swapped]!, imaginary[index]!];
    }
  }
  for (let size = 2; size <= length; size <<= 1) {
    const angle = (-2 * Math.PI) / size;
    const half = size >> 1;
    for (let offset = 0; offset < half; offset++) {
      const [cos, sin] = [Math.cos(angle * offset), Math.sin(angle * offset)];
      for (let start = 0; start < length; start += size) {
        const [even, odd] = [start + offset, start + offset + half];
        const r = real[odd]! * cos - imaginary[odd]! * sin;
        const i = real[odd]! * sin + imaginary[odd]! * cos;
        real[odd] = real[even]! - r;
        imaginary[odd] = imaginary[even]! - i;
        real[even] = real[even]! + r;
        imaginary[even] = imaginary[even]! + i;
      }
    }
  }
}
