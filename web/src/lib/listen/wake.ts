/** Whether the phrase was said: one step of 80 ms in, a score from 0 to 1 out, and a decision that is made once. */

import { PhraseMatcher } from "./enrol";
import { Features } from "./features";
import { HEAD_EMBEDDINGS, HOP_MS, REFRACTORY_MS, SCORES_MEANT } from "./limits";
import type { Models } from "./models";
import type { BuiltInPhrase, EnrolledPhrase } from "./types";

/** The thresholds of the trained heads, where misses and false wakes balance as measured (docs, "The wake word"). */
export const THRESHOLDS: Record<BuiltInPhrase, number> = { computer: 0.5 };
/** A phrase of one's own scores 0.5 at the distance that its samples have from each other. */
export const ENROLLED_THRESHOLD = 0.5;

export class WakeDetector {
  readonly #models: Models;
  readonly features: Features;
  #phrase: BuiltInPhrase | EnrolledPhrase = "computer";
  #matcher: PhraseMatcher | null = null;
  #threshold = THRESHOLDS.computer;
  #scores: number[] = [];
  #restSteps = 0;

  constructor(models: Models) {
    this.#models = models;
    this.features = new Features(models);
  }

  get phraseId(): string {
    return typeof this.#phrase === "string" ? this.#phrase : this.#phrase.id;
  }

  /** False when the page was built without the phrase's head: it never wakes, and the rest of listening works. */
  get ready(): boolean {
    return this.#matcher !== null || this.#models.phrases.includes(this.phraseId);
  }

  /** Takes effect at once; the threshold becomes the phrase's own. */
  setPhrase(phrase: BuiltInPhrase | EnrolledPhrase): void {
    if (typeof phrase === "string" && !this.#models.phrases.includes(phrase)) {
      throw new RangeError(`there is no phrase "${phrase}"; there are: ${this.#models.phrases.join(", ")}`);
    }
    this.#matcher = typeof phrase === "string" ? null : new PhraseMatcher(phrase);
    this.#phrase = phrase;
    this.#threshold = typeof phrase === "string" ? THRESHOLDS[phrase] : ENROLLED_THRESHOLD;
    this.#scores = [];
  }

  setThreshold(threshold: number): void {
    if (!(threshold > 0 && threshold <= 1)) throw new RangeError(`a threshold lies above 0 and up to 1, not ${threshold}`);
    this.#threshold = threshold;
  }

  /** Forgets what was heard. */
  reset(): void {
    this.features.reset();
    this.#scores = [];
    this.#restSteps = 0;
  }

  /** Takes one step of sound; `listen` false: nobody has spoken, so nothing is computed. The score of a wake, else null. */
  async push(hop: Float32Array, listen: boolean): Promise<number | null> {
    this.features.push(hop);
    if (this.#restSteps > 0) {
      this.#restSteps -= 1;
      return null;
    }
    if (!listen || !this.ready) {
      this.#scores = [];
      return null;
    }
    this.#scores.push(await this.score());
    if (this.#scores.length > SCORES_MEANT) this.#scores.shift();
    const mean = this.#scores.reduce((sum, score) => sum + score, 0) / SCORES_MEANT;
    if (mean < this.#threshold) return null;
    this.#scores = [];
    this.#restSteps = Math.ceil(REFRACTORY_MS / HOP_MS);
    return mean;
  }

  /** How much the last two seconds end with the phrase. */
  async score(): Promise<number> {
    if (this.#matcher !== null) return this.#matcher.score(await this.features.last(this.#matcher.rows));
    return this.#models.head(this.phraseId, await this.features.last(HEAD_EMBEDDINGS));
  }
}
