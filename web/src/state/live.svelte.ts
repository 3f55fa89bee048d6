/** The realm as it is now: who it is, its queues, workers and prices, and jobs moving through it. */

import { problemOf, type Api } from "../lib/api";
import type { RealmEvent } from "../lib/event";
import { applyFlow, emptyFlow } from "../lib/flow";
import type { PriceInfo, Problem, QueueInfo, RealmFlow, RealmInfo, WorkerInfo } from "../lib/wire";

export class Live {
  info = $state.raw<RealmInfo | undefined>();
  queue = $state.raw<QueueInfo | undefined>();
  workers = $state.raw<WorkerInfo[] | undefined>();
  prices = $state.raw<PriceInfo[] | undefined>();
  problem = $state.raw<Problem | undefined>();
  flow = $state.raw(emptyFlow());
  #api: Api;
  #watchers = new Set<(flow: RealmFlow) => void>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** Reads everything once; from then on the realm tells what changes. */
  async refresh(): Promise<void> {
    try {
      const [info, queue, workers, prices] = await Promise.all([
        this.#api.realm(), this.#api.queue(), this.#api.workers(), this.#api.prices(),
      ]);
      Object.assign(this, { info, queue, workers, prices, problem: undefined });
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  /** Takes an event about the realm; says whether it was one. */
  receive(event: RealmEvent): boolean {
    if (event.type === "mtor.realm.status") {
      this.queue = event.data.queue;
      this.workers = event.data.workers;
      return true;
    }
    if (event.type !== "mtor.realm.flow") return false;
    this.flow = applyFlow(this.flow, event.data, Date.parse(event.time));
    for (const watcher of this.#watchers) watcher(event.data);
    return true;
  }

  /** The connection is gone: what moved is no longer known. */
  disconnected(): void {
    this.flow = { ...this.flow, jobs: new Map() };
  }

  /** Calls `watcher` for every step from now on; gives a function that ends it. */
  onFlow(watcher: (flow: RealmFlow) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
