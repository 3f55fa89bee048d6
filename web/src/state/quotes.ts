/** What a question would cost, asked before it is asked; and how much may be spent without the person being asked. */

import type { Api } from "../lib/api";
import { intentOf } from "../lib/conversation";
import { QUOTE_LEFT_MS_MIN } from "../lib/defaults";
import { MICRO_PER_COIN } from "../lib/money";
import type { ChatMessage, Intent, Quote, ServiceClass } from "../lib/wire";
import { preferences } from "./preferences.svelte";
import type { Streams } from "./streams";

/** A question of a conversation, or something that a tool is to do. */
export type Wanted = ChatMessage[] | Intent;

export class Quotes {
  constructor(
    private readonly api: Pick<Api, "clockAheadMs">,
    private readonly streams: Pick<Streams, "quote">,
  ) {}

  /** The most that a question may cost without the person being asked, in micro; 0: whatever it costs. */
  get unaskedMost(): bigint {
    return BigInt(Math.round(preferences.voice.askAboveCoins * Number(MICRO_PER_COIN)));
  }

  /** What a question would cost at most, or nothing when the realm does not say. */
  ask(wanted: Wanted, of: ServiceClass): Promise<Quote | undefined> {
    return this.streams.quote({ intent: Array.isArray(wanted) ? intentOf(wanted) : wanted, class: of });
  }

  /** Whether a quote will still hold when a job that relies on it reaches the realm, by the realm's clock. */
  holds(quote: Quote): boolean {
    const now = Date.now() + this.api.clockAheadMs;
    return Date.parse(quote.expires) - now >= QUOTE_LEFT_MS_MIN;
  }
}
