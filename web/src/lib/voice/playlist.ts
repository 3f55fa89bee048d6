/**
 * When each piece of sound is played: one right after the other, after a little waiting at the beginning and after a
 * gap, so that an uneven network does not tear the voice apart. Everything is counted in whole samples: at fractions of
 * one, pieces would not join.
 */

import { JITTER_S } from "../defaults";

/** Samples in a second of the realm's speech. */
export const SPEECH_RATE = 24_000;
const JITTER = JITTER_S * SPEECH_RATE;
/** Between the placing of a piece and its beginning, so that it does not begin in the past. */
const LEAD = 0.02 * SPEECH_RATE;

export interface Playlist {
  /** Samples that wait for enough to begin with. */
  waiting: number;
  /** When the last piece that was placed ends; nothing before the first. */
  until?: number;
}

/** Whether sound must first gather: at the beginning, and when it ran out. */
export function isGathering(list: Playlist, now: number): boolean {
  return list.until === undefined || list.until < now;
}

/** Sound came; says whether what waits shall be played now. */
export function gather(list: Playlist, samples: number, now: number, last = false): [Playlist, boolean] {
  const waiting = list.waiting + samples;
  const ready = waiting > 0 && (last || !isGathering(list, now) || waiting >= JITTER);
  return [{ ...list, waiting }, ready];
}

/** A place for a piece; gives when it begins. */
export function place(list: Playlist, samples: number, now: number): [Playlist, number] {
  const at = list.until !== undefined && list.until >= now ? list.until : now + LEAD;
  return [{ waiting: Math.max(0, list.waiting - samples), until: at + samples }, at];
}
