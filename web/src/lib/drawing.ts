/** Pictures that are drawn once more. */

import type { ImagineTask } from "./wire";

/** Sizes to choose from: a square, and both ways of being longer. */
export const SIZES: readonly string[] = ["512x512", "768x768", "1024x1024", "768x512", "512x768", "1344x768", "768x1344"];

/** The largest seed: what every engine takes. */
const SEED_MAX = 4_294_967_295;

/** What is changed, as it was typed; nothing is the worker's choice. */
export interface Changes {
  seed: string;
  size: string;
  without: string;
}

/** The same picture with other particulars; nothing when the seed is none. */
export function varied(before: ImagineTask, { seed, size, without }: Changes): ImagineTask | undefined {
  const number = seed.trim() === "" ? undefined : Number(seed.trim());
  if (number !== undefined && !(Number.isInteger(number) && number >= 0 && number <= SEED_MAX)) return undefined;
  const [width, height] = size.split("x").map(Number);
  const { prompt, count, steps } = before;
  return {
    prompt, count, steps,
    ...(number === undefined ? {} : { seed: number }),
    ...(width && height ? { width, height } : {}),
    ...(without.trim() ? { negative_prompt: without.trim() } : {}),
  };
}
