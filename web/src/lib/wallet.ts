/**
 * The wallet of this browser: an Ed25519 key pair that scripts can use but nobody can take out.
 *
 * It is made from twelve words, which bring it back when the browser is lost. The browser keeps them beside the key until
 * the owner has them, on paper or in a file, and not a moment longer: until then, what can read the page can read them.
 */

import { transact } from "./database";
import { didOfKey, guidOfKey } from "./did";
import { keysOf, keysOfSeed, makeSecret, seedOf, type Secret } from "./secret";
import type { Signer } from "./signing";

const KEY = "wallet";
/** Before the names of wallets that were replaced. */
const FORMER = "former:";

export interface Wallet extends Signer {
  /** The public account number. */
  guid: string;
  /** Whether the key outlives this tab. */
  kept: boolean;
  keeping: Keeping;
}

/** How an owner keeps a wallet. */
export const WAYS = ["words", "file", "passkey"] as const;
export type KeptBy = (typeof WAYS)[number];

/** What would bring this wallet back. */
export type Keeping =
  /** Nothing yet: its secret is in this browser alone, and can still be shown. */
  | { state: "open"; secret: Secret }
  /** What its owner has; the browser knows the secret no more. `since` is in milliseconds since 1970. */
  | { state: "kept"; by: KeptBy; since: number }
  /** Nothing ever will: consoles of old made keys without words. */
  | { state: "never" };

/** A key pair as it lies in the database. */
interface Stored extends CryptoKeyPair {
  /** Both absent in wallets of consoles of old. */
  did?: string;
  keeping?: Keeping;
}

/** A wallet that was replaced and whose coins have yet to come over. */
export interface FormerWallet {
  name: string;
  wallet: Wallet;
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
  const stored = database && (await read(database));
  if (stored) return walletOf(stored, true);
  const fresh = await makeWallet();
  if (!database) return walletOf(fresh, false);
  try {
    // Another tab may have been faster: then its key is the wallet's.
    await transact(database, "keys", "readwrite", (keys) => keys.add(fresh, KEY));
    return walletOf(fresh, true);
  } catch {
    const other = await read(database);
    return other ? walletOf(other, true) : walletOf(fresh, false);
  }
}

/** Notes how the owner keeps the wallet, and forgets its secret. */
export async function markKept(database: IDBDatabase, did: string, keeping: Keeping): Promise<void> {
  await transact(database, "keys", "readwrite", (keys) => {
    const present = keys.get(KEY) as IDBRequest<unknown>;
    present.onsuccess = () => {
      // Another tab may have replaced the wallet in the meantime.
      if (isStored(present.result) && present.result.did === did) keys.put({ ...present.result, keeping }, KEY);
    };
    return present;
  });
}

/**
 * Puts another wallet in the place of the present one. With `bringCoins` the present key stays until its coins have come
 * over (`formerWallets`), so that none is lost whatever happens in between.
 */
export async function replaceWallet(
  database: IDBDatabase,
  secret: Secret,
  keeping: Keeping,
  bringCoins: boolean,
): Promise<void> {
  const { pair, did } = await keysOf(secret);
  const next: Stored = { ...pair, did, keeping };
  await transact(database, "keys", "readwrite", (keys) => {
    const present = keys.get(KEY) as IDBRequest<unknown>;
    present.onsuccess = () => {
      if (bringCoins && isStored(present.result)) {
        const { privateKey, publicKey } = present.result;
        keys.put({ privateKey, publicKey }, FORMER + crypto.randomUUID());
      }
      keys.put(next, KEY);
    };
    return present;
  });
  // They are found again from the realm, by the wallet that asked.
  await transact(database, "conversations", "readwrite", (all) => all.clear());
}

/** The wallets that were replaced and whose coins have yet to come over. */
export async function formerWallets(database: IDBDatabase): Promise<FormerWallet[]> {
  const names = await transact(database, "keys", "readonly", (keys) => keys.getAllKeys());
  const formers = names.filter((name) => typeof name === "string" && name.startsWith(FORMER)) as string[];
  const found = formers.map(async (name) => {
    const stored = await transact<unknown>(database, "keys", "readonly", (keys) => keys.get(name));
    return isStored(stored) ? { name, wallet: await walletOf(stored, true) } : undefined;
  });
  return (await Promise.all(found)).filter((former) => former !== undefined);
}

/** Forgets a wallet that was replaced: its coins are here. */
export async function dropFormer(database: IDBDatabase, name: string): Promise<void> {
  await transact(database, "keys", "readwrite", (keys) => keys.delete(name));
}

async function makeWallet(): Promise<Stored> {
  const secret = makeSecret();
  const seed = await seedOf(secret);
  try {
    const { pair, did } = await keysOfSeed(seed);
    return { ...pair, did, keeping: { state: "open", secret } };
  } catch {
    throw new NoWallet("no-ed25519");
  }
}

async function read(database: IDBDatabase): Promise<Stored | undefined> {
  const stored = await transact<unknown>(database, "keys", "readonly", (keys) => keys.get(KEY));
  return isStored(stored) ? stored : undefined;
}

function isStored(value: unknown): value is Stored {
  return typeof value === "object" && value !== null && "privateKey" in value && "publicKey" in value;
}

async function walletOf(stored: Stored, kept: boolean): Promise<Wallet> {
  const { privateKey, publicKey, keeping = { state: "never" } } = stored;
  const bytes = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  return {
    did: didOfKey(bytes),
    guid: await guidOfKey(bytes),
    kept,
    keeping,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, privateKey, message)),
  };
}
