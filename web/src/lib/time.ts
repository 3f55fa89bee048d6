/** Moments and spans in words. */

import { t } from "./strings";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const sameYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const otherYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const timeOfDay = (ms: number) => clock.format(ms);
export const timeOfDaySeconds = (ms: number) => clockSeconds.format(ms);
export const dateAndTime = (ms: number) => full.format(ms);

/** A span, as exact as matters: `0.4 s`, `12 s`, `3 min`, `2 h`. */
export function span(ms: number, decimals = 1): string {
  if (ms < 9_950) return t.units.seconds((Math.max(0, ms) / 1000).toFixed(decimals));
  if (ms < 99_500) return t.units.seconds(String(Math.round(ms / 1000)));
  if (ms < 5_400_000) return t.units.minutes(Math.round(ms / 60_000));
  return t.units.hours(Math.round(ms / 3_600_000));
}

/** The day of a moment for a person who looks now. */
export function dayName(ms: number, now: number): string {
  const days = Math.round((midnight(now) - midnight(ms)) / 86_400_000);
  if (days === 0) return t.units.today;
  if (days === 1) return t.units.yesterday;
  return (new Date(ms).getFullYear() === new Date(now).getFullYear() ? sameYear : otherYear).format(ms);
}

/** Things in the order given, put together by day. */
export function byDay<T>(things: readonly T[], at: (thing: T) => number, now: number): { day: string; things: T[] }[] {
  const days: { day: string; things: T[] }[] = [];
  for (const thing of things) {
    const day = dayName(at(thing), now);
    const last = days.at(-1);
    if (last?.day === day) last.things.push(thing);
    else days.push({ day, things: [thing] });
  }
  return days;
}

function midnight(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}
