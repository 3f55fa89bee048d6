/** Wake phrases of the person's own. What was learned of them stays in this browser's database. */

import { openDatabase, transact } from "../lib/database";
import type { EnrolledPhrase } from "../lib/listen/types";

const KEY = "phrases";

class Phrases {
  list = $state.raw<EnrolledPhrase[]>([]);

  async read(): Promise<readonly EnrolledPhrase[]> {
    const database = await openDatabase().catch(() => undefined);
    const kept = database && (await transact<unknown>(database, "keys", "readonly", (keys) => keys.get(KEY)).catch(() => undefined));
    database?.close();
    if (Array.isArray(kept)) this.list = kept as EnrolledPhrase[];
    return this.list;
  }

  async keep(list: EnrolledPhrase[]): Promise<void> {
    this.list = list;
    const database = await openDatabase().catch(() => undefined);
    // A browser that stores nothing: the phrase lasts as long as the page.
    if (database) await transact(database, "keys", "readwrite", (keys) => keys.put(list, KEY)).catch(() => {});
    database?.close();
  }
}

export const phrases = new Phrases();
