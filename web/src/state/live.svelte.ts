/** The realm as it is now: who it is, its queues, workers and prices, and jobs moving through it. */

import { problemOf, type Api } from "../lib/api";
import type { RealmEvent } from "../lib/event";
import { applyFlow, emptyFlow } from "../lib/flow";
import type { PriceHistory, PriceInfo, Problem, QueueInfo, RealmFlow, RealmInfo, WorkerInfo } from "../lib/wire";

export class Live {
  info = $state.raw<RealmInfo | undefined>();
  queue = $state.raw<QueueInfo | undefined>();
  workers = $state.raw<WorkerInfo[] | undefined>();
  prices = $state.raw<PriceInfo[] | undefined>();
  priceHistory = $state.raw<PriceHistory[]>([]);
  /** How many days that history is of. */
  priceDays = $state(1);
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
      const [info, queue, workers] = await Promise.all([
        this.#api.realm(), this.#api.queue(), this.#api.workers(), this.refreshPrices(),
      ]);
      Object.assign(this, { info, queue, workers, problem: undefined });
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  /** Reads prices anew: where they follow load, they change without an event. */
  async refreshPrices(): Promise<void> {
    const days = this.priceDays;
    const [prices, priceHistory] = await Promise.all([this.#api.prices(), this.#api.priceHistory(days)]);
    // Another span may have been chosen meanwhile.
    if (days === this.priceDays) Object.assign(this, { prices, priceHistory });
  }

  /** Shows prices of so many days. */
  async showPriceDays(days: number): Promise<void> {
    this.priceDays = days;
    await this.refreshPrices();
  }

  /** Whether prices follow load here. */
  get pricesFollowLoad(): boolean {
    return this.prices?.some((info) => info.load_percent !== undefined && info.load_percent !== null) ?? false;
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
