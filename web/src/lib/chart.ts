/** A line through values over time, as the paths of a picture. */

export const WIDTH = 240;
export const HEIGHT = 48;
/** Room above and below the line. */
const MARGIN = 3;

export interface Sample {
  at: number;
  value: number;
}

export interface Chart {
  /** Through the values. */
  line: string;
  /** Beneath them. */
  area: string;
  /** How far down the level lies. */
  level: number;
}

/** How much of the level is in the picture at least, above and below it: a change of a thousandth shall not look like one. */
const BAND = 0.1;

/** The line through samples in the order of time; the level is always in the picture. */
export function chartOf(samples: readonly Sample[], level: number): Chart {
  const values = samples.map((sample) => sample.value).concat(level * (1 - BAND), level * (1 + BAND));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const down = (value: number) => round(HEIGHT - MARGIN - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * MARGIN));
  const [first, last] = [samples[0]?.at ?? 0, samples.at(-1)?.at ?? 0];
  const across = (at: number) => round(((at - first) / (last - first || 1)) * WIDTH);
  const line = samples.map(({ at, value }, index) => `${index === 0 ? "M" : "L"}${across(at)} ${down(value)}`).join("");
  const area = line && `${line}L${across(last)} ${HEIGHT}L0 ${HEIGHT}Z`;
  return { line, area, level: down(level) };
}

export interface Bar {
  x: number;
  width: number;
  height: number;
}

/** Of the room of each bar, the part that is bar. */
const BAR_SHARE = 0.72;

/** A bar for each amount, the largest as high as the picture; whatever is more than nothing can be seen. */
export function barsOf(amounts: readonly bigint[]): Bar[] {
  const most = amounts.reduce((largest, amount) => (amount > largest ? amount : largest), 1n);
  const room = WIDTH / (amounts.length || 1);
  return amounts.map((amount, index) => {
    // In thousandths, so that no amount is too large to be divided exactly.
    const height = (Number((amount * 1000n) / most) / 1000) * HEIGHT;
    return { x: round(index * room), width: round(room * BAR_SHARE), height: amount === 0n ? 0 : Math.max(2, round(height)) };
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
