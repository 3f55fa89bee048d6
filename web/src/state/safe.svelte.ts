/** What would bring this wallet back, and other wallets that come here. */

import { Api, problemOf } from "../lib/api";
import { bringCoinsOver } from "../lib/coins_over";
import type { Secret } from "../lib/secret";
import {
  dropFormer, formerWallets, markKept, openWallet, replaceWallet, type Keeping, type KeptBy, type Wallet,
} from "../lib/wallet";
import type { Problem } from "../lib/wire";

/** Tabs of this browser tell each other when the wallet changes. */
const CHANNEL = "mtor.wallet";

export interface SafeOptions {
  wallet: Wallet;
  database: IDBDatabase | undefined;
  origin: string;
  /** How far the realm's clock is ahead of ours, in milliseconds. */
  clockAheadMs: () => number;
}

export class Safe {
  keeping = $state.raw<Keeping>({ state: "never" });
  /** What its owner brought along once more, to keep it in another way: as long as the page is open. */
  #brought = $state.raw<Secret | undefined>();
  /** What can be shown or sealed now. */
  secret = $derived(this.keeping.state === "open" ? this.keeping.secret : this.#brought);
  /** Whether nothing would bring the wallet back although something could. */
  atRisk = $derived(this.keeping.state === "open");
  /** Why the coins of a former wallet did not come over. */
  problem = $state.raw<Problem | undefined>();
  #options: SafeOptions;
  #channel = new BroadcastChannel(CHANNEL);

  constructor(options: SafeOptions) {
    this.#options = options;
    this.keeping = options.wallet.keeping;
    this.#channel.onmessage = () => void this.#lookAgain();
  }

  /** Whether the browser can hold another wallet than this one. */
  get canReplace(): boolean {
    return this.#options.database !== undefined;
  }

  /** The owner has the secret now: it is forgotten here. */
  async keptBy(by: KeptBy): Promise<void> {
    const { database, wallet } = this.#options;
    const keeping: Keeping = { state: "kept", by, since: Date.now() };
    if (database) await markKept(database, wallet.did, keeping);
    this.keeping = keeping;
    this.#brought = undefined;
    this.#channel.postMessage("kept");
  }

  /** The owner has shown the secret of this very wallet. */
  remember(secret: Secret): void {
    if (this.keeping.state !== "open") this.#brought = secret;
  }

  /** Forgets what was brought along. */
  forget(): void {
    this.#brought = undefined;
  }

  /** Replaces the wallet of this browser; every tab of it starts anew. */
  async replace(secret: Secret, keeping: Keeping, bringCoins: boolean): Promise<void> {
    const { database } = this.#options;
    if (!database) return;
    await replaceWallet(database, secret, keeping, bringCoins);
    this.#channel.postMessage("replaced");
    location.reload();
  }

  /** Brings over what former wallets hold; gives the sum, in micro. */
  async gather(): Promise<bigint> {
    const { database, origin, wallet, clockAheadMs } = this.#options;
    if (!database) return 0n;
    let sum = 0n;
    this.problem = undefined;
    for (const former of await formerWallets(database).catch(() => [])) {
      const api = new Api(origin, former.wallet);
      api.clockAheadMs = clockAheadMs();
      try {
        const brought = await bringCoinsOver(api, wallet.did);
        sum += brought.amount;
        if (brought.done) await dropFormer(database, former.name);
      } catch (error) {
        // Its key stays; the next connection tries again.
        this.problem = problemOf(error);
      }
    }
    return sum;
  }

  /** Another tab has changed something. */
  async #lookAgain(): Promise<void> {
    const { database, wallet } = this.#options;
    if (!database) return;
    const present = await openWallet(database);
    if (present.did !== wallet.did) location.reload();
    else this.keeping = present.keeping;
  }
}
