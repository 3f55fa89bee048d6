/** Tools: what is asked of a worker that does one thing, rather than of a model that talks. */

import type { Intent, Resolved, ToolInfo } from "./wire";

/** How much longer than its timer a job may take, in milliseconds. */
const AFTER_RING_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Whether somebody has to say yes before a tool does its work. What the words asked for in just these words, they said already. */
export function needsYes(tool: ToolInfo | undefined, by: Resolved["by"]): boolean {
  switch (tool?.effect ?? "unknown") {
    case "reads":
    case "notes": return false;
    case "switches": return by !== "rules";
    default: return true;
  }
}

const isTimer = (intent: Intent | undefined) => intent?.capability === "tool.timer";

/** Whether a job lasts: its answer comes in two parts, one at once and one when a bell rings. */
export function lasts(intent: Intent | undefined): boolean {
  const params = paramsOf(intent);
  return isTimer(intent) && (params.action ?? "set") === "set" && (params.seconds !== undefined || params.at !== undefined);
}

/** How long a job may take, when that is another time than usual. */
export function patienceMs(intent: Intent | undefined): number | undefined {
  if (!lasts(intent)) return undefined;
  const { seconds } = paramsOf(intent);
  return typeof seconds === "number" ? Math.min(seconds * 1000 + AFTER_RING_MS, DAY_MS) : DAY_MS;
}

/** The part of a lasting answer that comes at once, and the one that comes when the bell rings. */
export function partsOf(text: string): { first: string; second: string } {
  const at = text.indexOf("\n\n");
  return at < 0 ? { first: text, second: "" } : { first: text.slice(0, at), second: text.slice(at).trim() };
}

/** When a timer rings that was set then, in milliseconds; nothing when it is none that does. */
export function dueOf(intent: Intent | undefined, setAt: number): number | undefined {
  if (!lasts(intent)) return undefined;
  const { seconds, at } = paramsOf(intent);
  if (typeof seconds === "number") return setAt + seconds * 1000;
  const [hour, minute] = typeof at === "string" ? at.split(":").map(Number) : [];
  if (hour === undefined || minute === undefined || !Number.isFinite(hour + minute)) return undefined;
  // The realm and who asks it are in one house, and on one time.
  const due = new Date(setAt);
  due.setHours(hour, minute, 0, 0);
  return due.getTime() > setAt ? due.getTime() : due.setDate(due.getDate() + 1);
}

/** What a timer is for. */
export function labelOf(intent: Intent | undefined): string | undefined {
  const { label } = paramsOf(intent);
  return typeof label === "string" && label.trim() ? label.trim() : undefined;
}

function paramsOf(intent: Intent | undefined): Record<string, unknown> {
  return isTimer(intent) ? (intent?.params as Record<string, unknown>) : {};
}
