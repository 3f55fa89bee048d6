/** Remembers the newest checkpoint of the realm's log, and finds out when a later one does not have it in it. */

import { openCheckpoint, type Checkpoint } from "../lib/checkpoint";
import { LOG_LOOK_MS } from "../lib/defaults";
import { isOneLog, newestOf, type LogSource } from "../lib/log";
import type { LogMemory, Seen } from "../lib/log_memory";

export interface LogWatchOptions {
  source: LogSource;
  memory: Promise<LogMemory>;
  /** The realm's key, as the realm says it. */
  realm: () => Promise<string>;
}

/** What a look at the log has shown. */
export interface Look {
  /** The checkpoint that the realm publishes now, with its witnesses. */
  published: Checkpoint;
  /** When the checkpoint was seen from which the log has only grown, and its size; absent when none was known before. */
  since?: { at: number; size: number };
}

/** The log does not contain what the realm had signed. */
export class Rewritten extends Error {}

export class LogWatch {
  /** The two checkpoints that contradict each other, while that is so. */
  finding = $state.raw<Seen | undefined>();
  #options: LogWatchOptions;
  #dueAt = 0;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: LogWatchOptions) {
    this.#options = options;
  }

  /** Looks at the log if the last look was some time ago. What does not work now is tried again another time. */
  async lookIfDue(): Promise<void> {
    if (Date.now() < this.#dueAt) return;
    this.#dueAt = Date.now() + LOG_LOOK_MS;
    try {
      const { memory, realm } = this.#options;
      const known = await (await memory).read(await realm());
      this.finding = known?.other ? known : undefined;
      const dueAt = (known?.lookedAt ?? 0) + LOG_LOOK_MS;
      if (Date.now() >= dueAt) await this.look();
      else this.#dueAt = dueAt;
    } catch (error) {
      if (!(error instanceof Rewritten)) this.#dueAt = 0;
    }
  }

  /**
   * Looks at the log now: whether what it publishes, the checkpoint that was given and the newest one that was seen before are
   * of one log.
   *
   * Fails with `Rewritten` when they are not, and as whatever it reads from fails.
   */
  look(given?: Checkpoint): Promise<Look> {
    // One after the other: each relies on what the one before it has remembered.
    const look = this.#looking.then(() => this.#look(given));
    this.#looking = look.catch(() => {});
    return look;
  }

  /** The person knows that the history was rewritten (a backup was restored, say): what is there now counts from now on. */
  async accept(): Promise<void> {
    const { finding } = this;
    if (!finding?.other) return;
    const now = Date.now();
    await (await this.#options.memory).keep({ realm: finding.realm, note: finding.other, seenAt: now, lookedAt: now });
    this.finding = undefined;
  }

  async #look(given: Checkpoint | undefined): Promise<Look> {
    const { source } = this.#options;
    const [memory, realm] = await Promise.all([this.#options.memory, this.#options.realm()]);
    const known = await memory.read(realm);
    const published = await openCheckpoint(await source.checkpoint(), realm);
    const before = known && (await openCheckpoint(known.note, realm));
    const now = [published, ...(given ? [given] : [])];
    const lookedAt = Date.now();
    for (const [one, other] of pairs(before, now)) {
      if (await isOneLog(source, one, other)) continue;
      const finding = { realm, note: one.note, seenAt: known?.seenAt ?? lookedAt, lookedAt, other: other.note };
      this.finding = finding;
      await memory.keep(finding);
      throw new Rewritten();
    }
    this.finding = undefined;
    this.#dueAt = lookedAt + LOG_LOOK_MS;
    const newest = newestOf(now);
    const isNewer = newest && newest.size > (before?.size ?? -1);
    const seen = isNewer ? { note: newest.note, seenAt: lookedAt } : { note: published.note, seenAt: lookedAt, ...known };
    await memory.keep({ realm, note: seen.note, seenAt: seen.seenAt, lookedAt });
    return known && before ? { published, since: { at: known.seenAt, size: before.size } } : { published };
  }
}

/** What must be of one log: what was seen before and each that is seen now, and these among themselves. */
function pairs(before: Checkpoint | undefined, now: readonly Checkpoint[]): [Checkpoint, Checkpoint][] {
  const [first, ...others] = now;
  const base = before ?? first;
  const compared = before ? now : others;
  const all: [Checkpoint, Checkpoint][] = base ? compared.map((one) => [base, one]) : [];
  // Two that are both beyond what was seen could still differ from each other.
  if (before && first) all.push(...others.map((one): [Checkpoint, Checkpoint] => [first, one]));
  return all;
}
