/** Something that is tried, may take a moment, and may go wrong: what a form shows of it. */

import { problemOf } from "../lib/api";
import type { Problem } from "../lib/wire";

export class Attempt {
  working = $state(false);
  problem = $state.raw<Problem | undefined>();

  /** Tries it; says whether it went well. */
  async run(work: () => Promise<void>): Promise<boolean> {
    this.working = true;
    this.problem = undefined;
    try {
      await work();
      return true;
    } catch (error) {
      this.problem = problemOf(error);
      return false;
    } finally {
      this.working = false;
    }
  }
}
