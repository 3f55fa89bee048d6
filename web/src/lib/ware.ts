/** What has a price of its own, as the realm writes it: a capability, and the size of the models where that is not small. */

import type { ModelSize } from "./wire";

export function wareOf({ capability, size }: { capability: string; size?: ModelSize }): string {
  return size === undefined || size === "small" ? capability : `${capability}/${size}`;
}
