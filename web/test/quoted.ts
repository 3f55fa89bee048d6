/** A quote as the realm says it, for tests. */

import type { Quote } from "../src/lib/wire";

export function quoted(max: string, expires: string): Quote {
  return { max, expires, position: 0, price: {}, capability: "chat", model: "default", size: "small", offers: 1 };
}
