/** How long to wait before the next try: growing, with a random part so that a crowd does not come back at once. */

import { RETRY_GROWTH, RETRY_MS_MAX, RETRY_MS_MIN } from "./defaults";

/** The wait before try number `failures` + 1, between half and all of the bound; `random` lies in [0, 1). */
export function retryDelay(failures: number, random: number): number {
  const bound = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * RETRY_GROWTH ** Math.max(0, failures - 1));
  return Math.round(bound * (0.5 + random / 2));
}
