/** What this browser calls itself, so that the wallet's owner can tell it from the others. */

import { uuid7 } from "./uuid";
import type { Device } from "./wire";

const KEY = "mtor.device";
const BROWSERS: [RegExp, string][] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bHeadlessChrome\/|\bChrom(e|ium)\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/\bAndroid\b/, "Android"],
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMacintosh\b/, "Mac"],
  [/\bLinux\b/, "Linux"],
];

/** This device: its id stays the same for as long as the browser keeps what pages store. */
export function thisDevice(userAgent = navigator.userAgent, storage: () => Storage = () => localStorage): Device {
  return { id: kept(storage), name: deviceName(userAgent) };
}

/** A browser and a system, as people know them. */
export function deviceName(userAgent: string): string {
  const first = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(userAgent))?.[1];
  return [first(BROWSERS), first(SYSTEMS)].filter((word) => word !== undefined).join(", ") || "Browser";
}

function kept(storage: () => Storage): string {
  const fresh = uuid7();
  try {
    const store = storage();
    const known = store.getItem(KEY);
    if (known !== null && /^[0-9a-f-]{36}$/.test(known)) return known;
    store.setItem(KEY, fresh);
  } catch {
    // A browser that stores nothing is another device each time.
  }
  return fresh;
}
