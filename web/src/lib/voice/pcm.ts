/** Sound as 16-bit numbers, little-endian, and what is measured of it. */

/** Puts pieces of bytes together to whole samples: a frame may be cut in the middle of one. */
export class SampleReader {
  #odd: number | undefined;

  read(bytes: Uint8Array): Float32Array<ArrayBuffer> {
    const whole = this.#odd === undefined ? bytes : Uint8Array.from([this.#odd, ...bytes]);
    this.#odd = whole.length % 2 === 1 ? whole.at(-1) : undefined;
    const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
    return Float32Array.from({ length: whole.length >> 1 }, (_, index) => view.getInt16(index * 2, true) / 32768);
  }
}

export function bytesOfSamples(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  samples.forEach((sample, index) => view.setInt16(index * 2, sample, true));
  return bytes;
}

/** Gathers small pieces until there is enough for one frame. */
export class FrameGatherer {
  #pieces: Int16Array[] = [];
  #length = 0;

  constructor(private readonly samples: number) {}

  /** All that is there once it is enough for a frame. */
  add(piece: Int16Array): Uint8Array | undefined {
    this.#pieces.push(piece);
    this.#length += piece.length;
    return this.#length >= this.samples ? this.rest() : undefined;
  }

  /** What has not been given yet. */
  rest(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const all = new Int16Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#length = 0;
    return bytesOfSamples(all);
  }
}

/** Loudness for the eye, 0 to 1: quiet speech is visible, and shouting stays on the page. */
export function visible(rms: number): number {
  if (!(rms > 0)) return 0;
  const decibel = 20 * Math.log10(rms);
  return Math.min(1, Math.max(0, (decibel + 55) / 45));
}
