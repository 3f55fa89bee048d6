/** Which key speaks for this wallet, which one may ask for it, and what that has asked for. */

import { Api, problemOf, problemSlug } from "../lib/api";
import type { RealmEvent } from "../lib/event";
import { signedStatement, signerOf } from "../lib/keys";
import type { Secret } from "../lib/secret";
import type { Signer } from "../lib/signing";
import { uuid7 } from "../lib/uuid";
import type { Wallet } from "../lib/wallet";
import type { AccountId, Did, KeyChange, Problem, WalletKeysInfo } from "../lib/wire";

export class WalletKeys {
  info = $state.raw<WalletKeysInfo | undefined>();
  problem = $state.raw<Problem | undefined>();
  #api: Api;
  #wallet: Wallet;
  #origin: string;

  constructor(api: Api, wallet: Wallet, origin: string) {
    this.#api = api;
    this.#wallet = wallet;
    this.#origin = origin;
  }

  /** Whether an event was about the wallet's keys. */
  receive(event: RealmEvent): boolean {
    if (event.type !== "mtor.wallet.keys") return false;
    this.info = event.data;
    return true;
  }

  async refresh(): Promise<void> {
    try {
      this.info = await this.#api.walletKeys();
      this.problem = undefined;
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  /** The wallet's key is that of this secret from now on. */
  async rotate(secret: Secret): Promise<void> {
    const next = await signerOf(secret);
    try {
      await this.#say(this.#wallet, next, this.#wallet.guid, { do: "rotate", next: next.did });
    } catch (error) {
      // It was taken before, and the answer was lost.
      if (problemSlug(problemOf(error)) !== "key-replaced") throw error;
      await this.#as(next).walletKeys(this.#wallet.did);
    }
  }

  /** This key may ask for the wallet; without one, none may. */
  async nameRecovery(key: Did | undefined): Promise<void> {
    this.info = await this.#say(this.#wallet, undefined, this.#wallet.guid, { do: "name_recovery", ...(key ? { key } : {}) });
  }

  /** Says no to what the recovery key has asked for. */
  async veto(): Promise<void> {
    const ask = this.info?.pending?.ask;
    if (!ask) return;
    try {
      this.info = await this.#say(this.#wallet, undefined, this.#wallet.guid, { do: "veto", ask });
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  /** A recovery key asks for a wallet to have another key. */
  async ask(lost: AccountId, recovery: Secret, secret: Secret): Promise<WalletKeysInfo> {
    const next = await signerOf(secret);
    return this.#say(await signerOf(recovery), next, lost, { do: "ask_recovery", next: next.did });
  }

  async #say(by: Signer, next: Signer | undefined, wallet: AccountId, change: KeyChange): Promise<WalletKeysInfo> {
    const { did: realm } = await this.#api.realm();
    return this.#as(by).changeKeys(await signedStatement(by, next, { realm, id: uuid7(), wallet, change }));
  }

  #as(signer: Signer): Api {
    const api = new Api(this.#origin, signer);
    api.clockAheadMs = this.#api.clockAheadMs;
    return api;
  }
}
