/** Plays a plan that is over again, from when the jobs of its steps began and ended. */

import type { Api } from "../lib/api";
import { REPLAY_GAP_MS_MAX } from "../lib/defaults";
import { scenesOf, type PlanScene } from "../lib/plan";
import type { Plan } from "../lib/wire";

export class PlanReplay {
  /** The plan as it was at the moment that is played. */
  plan = $state.raw<Plan | undefined>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #run = 0;

  constructor(private readonly api: Pick<Api, "job">) {}

  async start(plan: Plan): Promise<void> {
    this.stop();
    const run = this.#run;
    const jobs = await Promise.all(plan.steps.map((step) => this.api.job(step.job).catch(() => undefined)));
    if (run === this.#run) this.#play(scenesOf(plan, jobs));
  }

  stop(): void {
    this.#run += 1;
    clearTimeout(this.#timer);
    this.plan = undefined;
  }

  #play([scene, ...rest]: readonly PlanScene[]): void {
    if (!scene) return this.stop();
    this.plan = scene.plan;
    const gap = rest[0] ? rest[0].atMs - scene.atMs : 0;
    // As in life, but for long pauses; and never faster than can be seen.
    const wait = Math.min(2 * REPLAY_GAP_MS_MAX, Math.max(REPLAY_GAP_MS_MAX, gap));
    this.#timer = setTimeout(() => this.#play(rest), wait);
  }
}
