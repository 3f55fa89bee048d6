/** Tells a voice that goes on from a short noise, by loudness alone: the ear takes longer to be sure of silence. */

/** Below this part of its loudest moment a voice has faded. */
const FADED = 0.3;
/** So many quiet measurements in a row, 50 ms each, are no pause between syllables. */
const QUIET_MAX = 2;

export class Gauge {
  #peak = 0;
  #quiet = 0;

  begin(rms = 0): void {
    this.#peak = rms;
    this.#quiet = 0;
  }

  /** One more measurement; says whether the voice has faded. */
  faded(rms: number): boolean {
    this.#peak = Math.max(this.#peak, rms);
    this.#quiet = rms < this.#peak * FADED ? this.#quiet + 1 : 0;
    return this.#quiet >= QUIET_MAX;
  }
}
