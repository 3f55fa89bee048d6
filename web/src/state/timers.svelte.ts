/** The timers of this wallet that run, wherever they were set: their jobs last until they ring. */

import { isFinal } from "../lib/answer";
import type { Api } from "../lib/api";
import type { RealmEvent } from "../lib/event";
import { dueOf, labelOf } from "../lib/tools";

const TIMER = "tool.timer";
/** Jobs that are looked through for timers: those that run longest are a day old. */
const JOBS_READ = 100;
/** Steps of jobs come in groups; one look is enough for them. */
const REST_MS = 150;

export interface RunningTimer {
  job: string;
  /** What it is for. */
  label: string | undefined;
  /** When it rings, by the realm's clock, in milliseconds. */
  due: number;
}

export class Timers {
  /** The next one first. */
  running = $state.raw<readonly RunningTimer[]>([]);
  #api: Pick<Api, "jobs" | "job" | "cancelJob">;
  #known = new Map<string, RunningTimer | undefined>();
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Pick<Api, "jobs" | "job" | "cancelJob">) {
    this.#api = api;
  }

  /** A step of some job of the realm's was told: one of a timer of ours changes what runs. */
  receive(event: RealmEvent): void {
    if (event.type !== "mtor.realm.flow" || !event.data.own || event.data.capability !== TIMER) return;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => void this.refresh(), REST_MS);
  }

  async refresh(): Promise<void> {
    const page = await this.#api.jobs({ limit: JOBS_READ }).catch(() => undefined);
    if (!page) return;
    const open = page.jobs.filter((line) => line.capability === TIMER && !isFinal(line.state));
    await Promise.all(open.filter((line) => !this.#known.has(line.id)).map((line) => this.#read(line.id)));
    const running = open.flatMap((line) => this.#known.get(line.id) ?? []);
    for (const job of this.#known.keys()) if (!open.some((line) => line.id === job)) this.#known.delete(job);
    this.running = running.sort((a, b) => a.due - b.due);
  }

  async cancel(job: string): Promise<void> {
    await this.#api.cancelJob(job);
    this.running = this.running.filter((timer) => timer.job !== job);
  }

  /** What asks or cancels timers is a job of this kind as well, and none that rings. */
  async #read(job: string): Promise<void> {
    const info = await this.#api.job(job).catch(() => undefined);
    if (!info) return;
    const due = dueOf(info.intent ?? undefined, Date.parse(info.submitted));
    this.#known.set(job, due === undefined ? undefined : { job, label: labelOf(info.intent ?? undefined), due });
  }
}
