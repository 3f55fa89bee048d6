/** How the events of a finished job are played again. */

import { utf8Length } from "./bytes";
import { REPLAY_MS_MAX } from "./defaults";
import type { RealmEvent } from "./event";

/** An event, and how long after the one before it it is played. */
export interface Scene {
  event: RealmEvent;
  gapMs: number;
}

/**
 * The scenes of an event. The realm keeps the words of a finished answer in one piece; that piece is taken apart into
 * words again, spread over the time that the job took (but no longer than somebody would watch).
 */
export function scenesOf(event: RealmEvent, tookMs: number): Scene[] {
  if (event.type !== "mtor.job.chunk") return [{ event, gapMs: 0 }];
  const words = event.data.text.match(/\s*\S+|\s+$/g) ?? [];
  if (words.length < 2) return [{ event, gapMs: 0 }];
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
    const time = new Date(Date.parse(event.time) + Math.round(gapMs * index)).toISOString();
    return { event: { ...event, sequence, time, data }, gapMs };
  });
}
