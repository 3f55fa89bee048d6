/** How the events of a finished job are played again. */

import { utf8Length } from "./bytes";
import { REPLAY_GAP_MS_MAX, REPLAY_MS_MAX } from "./defaults";
import type { RealmEvent } from "./event";

/**
 * The events that are played for one. The realm keeps the words of a finished answer in one piece; that piece is taken
 * apart into words again, spread over the time that the job took (but no longer than somebody would watch).
 */
export function scenesOf(event: RealmEvent, tookMs: number): RealmEvent[] {
  if (event.type !== "mtor.job.chunk") return [event];
  const words = event.data.text.match(/\s*\S+|\s+$/g) ?? [];
  if (words.length < 2) return [event];
  const startMs = Date.parse(event.time);
  const gapMs = Math.min(REPLAY_MS_MAX, tookMs) / words.length;
  let offset = event.data.offset;
  let tokensBefore = 0;
  return words.map((text, index) => {
    const tokensUntil = Math.round((event.data.tokens * (index + 1)) / words.length);
    const data = { offset, text, tokens: tokensUntil - tokensBefore };
    offset += utf8Length(text);
    tokensBefore = tokensUntil;
    // Only the last word carries the number: the ones before it would make it look repeated.
    const sequence = index === words.length - 1 ? event.sequence : undefined;
    const time = new Date(startMs + Math.round(gapMs * index)).toISOString();
    return { ...event, sequence, time, data };
  });
}

/** How long after one event the next is played: as in life, but for long pauses. */
export function gapBetween(before: RealmEvent | undefined, next: RealmEvent): number {
  const gap = before ? Date.parse(next.time) - Date.parse(before.time) : 0;
  return Math.min(REPLAY_GAP_MS_MAX, Math.max(0, gap));
}
