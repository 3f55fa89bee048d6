/** What eyes have seen in a picture, and where: a part of their answer, which is drawn over the picture rather than shown. */

import type { Part, Seen } from "./wire";

/** Most frames that are drawn over one picture. */
const FRAMES_MAX = 40;
/** Longer lines of text are shown by their beginning. */
const LABEL_CHARS_MAX = 40;

/** Whether a part says what was seen in a picture. */
export function isSight({ name, media_type }: Part): boolean {
  return media_type === "application/json" && /^seen-\d+\.json$/.test(name);
}

/** The part that is about the picture of this number, from 0. */
export function sightOf(parts: readonly Part[], picture: number): Part | undefined {
  return parts.find((part) => isSight(part) && part.name === `seen-${picture + 1}.json`);
}

/** A frame over a picture, in percent of its width and height. */
export interface Frame {
  kind: "thing" | "text";
  label: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Reads what was seen; a worker may have written anything. */
export function readSeen(text: string): Seen | undefined {
  try {
    const seen: unknown = JSON.parse(text);
    const { width, height } = (seen ?? {}) as Seen;
    return typeof width === "number" && typeof height === "number" && width > 0 && height > 0 ? (seen as Seen) : undefined;
  } catch {
    return undefined;
  }
}

export function framesOf(seen: Seen): Frame[] {
  const [width, height] = [seen.width ?? 1, seen.height ?? 1];
  const within = (value: number, most: number) => (Number.isFinite(value) ? Math.min(100, Math.max(0, (value / most) * 100)) : 0);
  const frame = (kind: Frame["kind"], label: string, area: { x: number; y: number; width: number; height: number }): Frame => {
    const [x, y] = [within(area.x, width), within(area.y, height)];
    return {
      kind, x, y, label: label.length > LABEL_CHARS_MAX ? `${label.slice(0, LABEL_CHARS_MAX)}…` : label,
      width: Math.min(100 - x, within(area.width, width)), height: Math.min(100 - y, within(area.height, height)),
    };
  };
  const things = (seen.things ?? []).map(({ label, area }) => frame("thing", label, area));
  const lines = (seen.lines ?? []).map(({ text, area }) => frame("text", text, area));
  return [...things, ...lines].slice(0, FRAMES_MAX);
}
