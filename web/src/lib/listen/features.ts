/** The speech embeddings of the last two seconds, computed when somebody asks for them and not before. */

import { EMBEDDING_ROWS, EMBEDDING_SIZE, EMBEDDING_STEP } from "./limits";
import { MEL_BANDS, MEL_SILENCE, Mel } from "./mel";
import type { Models } from "./models";

/** Embeddings that are kept: 3.2 s, enough for a head and for the longest phrase of somebody's own. */
export const EMBEDDINGS_KEPT = 40;
const ROWS_KEPT = EMBEDDING_ROWS + (EMBEDDINGS_KEPT - 1) * EMBEDDING_STEP;

export class Features {
  readonly #models: Models;
  #mel = new Mel();
  /** The last ROWS_KEPT rows of the spectrum. */
  readonly #rows = new Float32Array(ROWS_KEPT * MEL_BANDS);
  /** The last EMBEDDINGS_KEPT embeddings, as far as they were asked for. */
  readonly #embeddings = new Float32Array(EMBEDDINGS_KEPT * EMBEDDING_SIZE);
  /** How many of them, counted from the newest, are true; and how many steps were heard since the newest. */
  #known = 0;
  #behind = 0;
  /** Steps heard since the beginning. */
  #steps = 0;

  constructor(models: Models) {
    this.#models = models;
    this.reset();
  }

  /** As after two seconds of silence. */
  reset(): void {
    this.#mel = new Mel();
    this.#rows.fill(MEL_SILENCE);
    this.#known = 0;
    this.#behind = 0;
    this.#steps = 0;
  }

  /** Takes one step of 80 ms. */
  push(hop: Float32Array): void {
    const rows = this.#mel.push(hop);
    this.#rows.copyWithin(0, rows.length);
    this.#rows.set(rows, this.#rows.length - rows.length);
    this.#behind += 1;
    this.#steps += 1;
  }

  /** The last `count` embeddings, oldest first. */
  async last(count: number): Promise<Float32Array> {
    await this.#catchUp(count);
    return this.#embeddings.slice((EMBEDDINGS_KEPT - count) * EMBEDDING_SIZE);
  }

  /** How many steps were heard since the last reset. */
  get steps(): number {
    return this.#steps;
  }

  async #catchUp(count: number): Promise<void> {
    // The known ones move to where they are now; some fall out at the far end.
    const shift = Math.min(this.#behind, EMBEDDINGS_KEPT);
    this.#embeddings.copyWithin(0, shift * EMBEDDING_SIZE);
    this.#known = Math.min(this.#known, EMBEDDINGS_KEPT - shift);
    // New ones are embedded, and old ones too when they are asked for and were never known.
    const missing = this.#known + shift >= count ? Math.min(shift, count) : count;
    this.#behind = 0;
    if (missing === 0) return;
    const windows = new Float32Array(missing * EMBEDDING_ROWS * MEL_BANDS);
    for (let index = 0; index < missing; index++) {
      const end = ROWS_KEPT - (missing - 1 - index) * EMBEDDING_STEP;
      const rows = this.#rows.subarray((end - EMBEDDING_ROWS) * MEL_BANDS, end * MEL_BANDS);
      windows.set(rows, index * EMBEDDING_ROWS * MEL_BANDS);
    }
    const embedded = await this.#models.embed(windows, missing);
    this.#embeddings.set(embedded, this.#embeddings.length - embedded.length);
    this.#known = missing < shift ? missing : Math.max(this.#known + shift, missing);
  }
}
