/** What a wallet has earned with jobs, day by day. */

import { EARNINGS_DAYS, EARNINGS_PAGES_MAX, EARNINGS_PAGE_SIZE } from "./defaults";
import { micro } from "./money";
import type { Movement, MovementPage } from "./wire";

export interface Earnings {
  /** In micro, for each of the last days by this browser's calendar, today last. */
  days: bigint[];
  today: bigint;
  /** In the last seven days, and in all of them. */
  week: bigint;
  month: bigint;
  /** Whether all movements of these days were looked at. */
  whole: boolean;
}

const DAYS_OF_WEEK = 7;

/** Reads as many pages of movements as these days have, and no more than a bound. */
export async function readEarnings(
  pageOf: (page: { before?: number; limit: number }) => Promise<MovementPage>,
  now: number,
): Promise<Earnings> {
  const since = dayBefore(now, EARNINGS_DAYS - 1);
  const movements: Movement[] = [];
  let before: number | undefined;
  for (let count = 0; count < EARNINGS_PAGES_MAX; count++) {
    const page = await pageOf({ before, limit: EARNINGS_PAGE_SIZE });
    movements.push(...page.movements);
    const oldest = page.movements.at(-1);
    before = page.next ?? undefined;
    if (before === undefined || !oldest || Date.parse(oldest.time) < since) return earningsOf(movements, now, true);
  }
  return earningsOf(movements, now, false);
}

export function earningsOf(movements: readonly Movement[], now: number, whole: boolean): Earnings {
  const starts = Array.from({ length: EARNINGS_DAYS }, (_, index) => dayBefore(now, EARNINGS_DAYS - 1 - index));
  const days = starts.map(() => 0n);
  for (const movement of movements) {
    if (movement.kind !== "earned") continue;
    const day = starts.findLastIndex((start) => start <= Date.parse(movement.time));
    if (day >= 0) days[day] = (days[day] ?? 0n) + micro(movement.amount);
  }
  const sum = (some: readonly bigint[]) => some.reduce((all, one) => all + one, 0n);
  return { days, today: days.at(-1) ?? 0n, week: sum(days.slice(-DAYS_OF_WEEK)), month: sum(days), whole };
}

/** The midnight with which a day began; days differ in length where clocks are set. */
export function dayBefore(now: number, days: number): number {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days).getTime();
}
