/** The wallet of this browser: an Ed25519 key pair that scripts can use but nobody can take out. */

import { transact } from "./database";
import { didOfKey, guidOfKey } from "./did";
import type { Signer } from "./signing";

const KEY = "wallet";

export interface Wallet extends Signer {
  /** The public account number. */
  guid: string;
  /** Whether the key outlives this tab. */
  kept: boolean;
}

/** Why a browser can't hold a wallet; the page has words for each. */
export type WalletObstacle = "insecure" | "no-webcrypto" | "no-ed25519";

export class NoWallet extends Error {
  constructor(readonly obstacle: WalletObstacle) {
    super(obstacle);
  }
}

/** The wallet of this browser, made now if it has none. Without a database it lasts as long as the tab. */
export async function openWallet(database: IDBDatabase | undefined): Promise<Wallet> {
  if (!globalThis.isSecureContext) throw new NoWallet("insecure");
  if (!globalThis.crypto?.subtle) throw new NoWallet("no-webcrypto");
  const stored = database && (await transact<unknown>(database, "keys", "readonly", (keys) => keys.get(KEY)));
  if (isPair(stored)) return walletOf(stored, true);
  const fresh = await makePair();
  if (!database) return walletOf(fresh, false);
  try {
    // Another tab may have been faster: then its key is the wallet's.
    await transact(database, "keys", "readwrite", (keys) => keys.add(fresh, KEY));
    return walletOf(fresh, true);
  } catch {
    const other = await transact<unknown>(database, "keys", "readonly", (keys) => keys.get(KEY));
    return isPair(other) ? walletOf(other, true) : walletOf(fresh, false);
  }
}

async function makePair(): Promise<CryptoKeyPair> {
  try {
    return (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
  } catch {
    throw new NoWallet("no-ed25519");
  }
}

function isPair(value: unknown): value is CryptoKeyPair {
  return typeof value === "object" && value !== null && "privateKey" in value && "publicKey" in value;
}

async function walletOf(pair: CryptoKeyPair, kept: boolean): Promise<Wallet> {
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return {
    did: didOfKey(publicKey),
    guid: await guidOfKey(publicKey),
    kept,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, pair.privateKey, message)),
  };
}
