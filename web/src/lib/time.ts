/** Moments and spans in words. */

import { language, languageOf, t } from "./strings";

const FORMATS = {
  clock: { hour: "2-digit", minute: "2-digit" },
  clockSeconds: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  sameYear: { weekday: "long", day: "numeric", month: "long" },
  otherYear: { day: "numeric", month: "long", year: "numeric" },
  full: { dateStyle: "medium", timeStyle: "medium" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** Made once for each language: making one is slow. */
const made = new Map<string, Intl.DateTimeFormat>();

function format(name: keyof typeof FORMATS, ms: number): string {
  const key = `${language} ${name}`;
  let format = made.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale(), FORMATS[name]);
    made.set(key, format);
  }
  return format.format(ms);
}

/** The browser's own kind of the language that is shown (British English, say), or else the language. */
function locale(): string | undefined {
  const own = globalThis.navigator?.languages ?? [];
  return own.find((tag) => languageOf([tag]) === language && tag.toLowerCase().startsWith(language)) ?? language;
}

export const timeOfDay = (ms: number) => format("clock", ms);
export const timeOfDaySeconds = (ms: number) => format("clockSeconds", ms);
export const dateAndTime = (ms: number) => format("full", ms);

/** A span, as exact as matters: `0.4 s`, `12 s`, `3 min`, `2 h`. */
export function span(ms: number, decimals = 1): string {
  if (ms < 9_950) return t.units.seconds((Math.max(0, ms) / 1000).toFixed(decimals));
  if (ms < 99_500) return t.units.seconds(String(Math.round(ms / 1000)));
  if (ms < 5_400_000) return t.units.minutes(Math.round(ms / 60_000));
  return t.units.hours(Math.round(ms / 3_600_000));
}

/** What is left of a countdown: `4:32`, `1:04:32`. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (part: number) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** The day of a moment for a person who looks now. */
export function dayName(ms: number, now: number): string {
  const days = Math.round((midnight(now) - midnight(ms)) / 86_400_000);
  if (days === 0) return t.units.today;
  if (days === 1) return t.units.yesterday;
  return format(new Date(ms).getFullYear() === new Date(now).getFullYear() ? "sameYear" : "otherYear", ms);
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
