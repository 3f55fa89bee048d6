/**
 * The newest checkpoint of a realm's log that this browser has seen. A database of its own: it belongs to the realm and not to
 * the wallet, and stays when a wallet is replaced.
 */

import { LOGS_REMEMBERED_MAX } from "./defaults";

const NAME = "mtor-log";
const VERSION = 1;
const STORE = "seen";

/** What is remembered of one realm's log. */
export interface Seen {
  /** The realm's key. */
  realm: string;
  /** The newest checkpoint, as the realm signed it. */
  note: string;
  /** When it was seen, and when the log was last compared with it, in milliseconds since 1970. */
  seenAt: number;
  lookedAt: number;
  /** A checkpoint of the same realm of which this one is not the beginning: the history was rewritten. */
  other?: string;
}

export interface LogMemory {
  read: (realm: string) => Promise<Seen | undefined>;
  keep: (seen: Seen) => Promise<void>;
}

/** The memory of this browser; one that lasts as long as the tab where the browser stores nothing. */
export async function openLogMemory(): Promise<LogMemory> {
  const database = await openDatabase().catch(() => undefined);
  return database ? durable(database) : passing();
}

function passing(): LogMemory {
  const all = new Map<string, Seen>();
  return {
    read: async (realm) => all.get(realm),
    keep: async (seen) => void all.set(seen.realm, seen),
  };
}

function durable(database: IDBDatabase): LogMemory {
  const run = <T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database gave up"));
    });
  return {
    read: (realm) => run<Seen | undefined>("readonly", (store) => store.get(realm)),
    keep: async (seen) => {
      await run("readwrite", (store) => store.put(seen));
      const all = await run<Seen[]>("readonly", (store) => store.getAll());
      const oldest = all.sort((a, b) => b.lookedAt - a.lookedAt).slice(LOGS_REMEMBERED_MAX);
      for (const { realm } of oldest) await run("readwrite", (store) => store.delete(realm));
    },
  };
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "realm" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database cannot be opened"));
  });
}
