/** What this wallet can spend. */

import { problemOf, type Api } from "../lib/api";
import { LOW_BALANCE_MICRO } from "../lib/defaults";
import { micro } from "../lib/money";
import type { Problem, WalletInfo } from "../lib/wire";

export class Purse {
  info = $state.raw<WalletInfo | undefined>();
  problem = $state.raw<Problem | undefined>();
  /** Why the owner did not fill the wallet up. */
  refusal = $state.raw<Problem | undefined>();
  filling = $state(false);
  /** Grows whenever money has moved, so that lists of movements know when to look again. */
  changes = $state(0);
  low = $derived(this.info !== undefined && micro(this.info.available) + micro(this.info.held) < LOW_BALANCE_MICRO);
  #api: Api;
  #refreshing: Promise<void> | undefined;
  #again = false;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Reads the balance; a call during another one is answered by one more look, and waits for it. */
  refresh(): Promise<void> {
    this.#again = this.#refreshing !== undefined;
    this.#refreshing ??= this.#read();
    return this.#refreshing;
  }

  async #read(): Promise<void> {
    try {
      do {
        this.#again = false;
        this.show(await this.#api.wallet());
      } while (this.#again);
      this.problem = undefined;
    } catch (error) {
      this.problem = problemOf(error);
    } finally {
      this.#refreshing = undefined;
    }
  }

  show(info: WalletInfo): void {
    this.info = info;
    this.changes += 1;
  }

  /** Asks the realm's owner for coins; says whether they came. */
  async fill(): Promise<boolean> {
    this.filling = true;
    this.refusal = undefined;
    try {
      this.show(await this.#api.welcome());
      return true;
    } catch (error) {
      this.refusal = problemOf(error);
      return false;
    } finally {
      this.filling = false;
    }
  }
}
