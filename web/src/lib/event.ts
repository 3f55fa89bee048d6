/** The envelope of everything that crosses the WebSocket: CloudEvents 1.0. */

import { uuid7 } from "./uuid";
import type { EventData } from "./wire";

export type Kind = keyof EventData;

interface Envelope<K extends Kind> {
  id: string;
  source: string;
  type: K;
  time: string;
  /** The job that it is about. */
  subject?: string;
  /** Its place among the job's events, from 1. */
  sequence?: number;
  data: EventData[K];
}

/** An event, its data known by its type. */
export type RealmEvent = { [K in Kind]: Envelope<K> }[Kind];

/** Reads one text frame; nothing when it is no event. */
export function parseEvent(text: string): RealmEvent | undefined {
  try {
    const event: unknown = JSON.parse(text);
    return isEvent(event) ? event : undefined;
  } catch {
    return undefined;
  }
}

// The realm's own types made this; only the envelope is looked at.
function isEvent(value: unknown): value is RealmEvent {
  if (typeof value !== "object" || value === null) return false;
  const event = value as Record<string, unknown>;
  return (
    event["specversion"] === "1.0" &&
    typeof event["type"] === "string" &&
    typeof event["time"] === "string" &&
    typeof event["data"] === "object" &&
    event["data"] !== null
  );
}

export function eventText<K extends Kind>(source: string, type: K, data: EventData[K], subject?: string): string {
  const time = new Date().toISOString();
  return JSON.stringify({ specversion: "1.0", id: uuid7(), source, type, time, subject, data });
}
