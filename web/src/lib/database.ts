/** What this browser remembers, in IndexedDB: its wallet's key, and which jobs make up which conversation. */

const NAME = "mtor";
const VERSION = 1;

export type Store = "keys" | "conversations";

/** Opens the database; fails where the browser allows none. */
export function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys");
      request.result.createObjectStore("conversations", { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database cannot be opened"));
  });
}

/** Runs one transaction on one store and gives the result of its last request, once everything is written. */
export function transact<T>(
  database: IDBDatabase,
  store: Store,
  mode: IDBTransactionMode,
  run: (objects: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode);
    const request = run(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database gave up"));
    transaction.onerror = () => reject(transaction.error ?? new Error("the browser's database failed"));
  });
}
