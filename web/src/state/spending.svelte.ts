/** The limit above which a typed question is not asked before the person has seen what it may cost, and has said yes. */

import { micro } from "../lib/money";
import type { Quote } from "../lib/wire";
import type { Conditions } from "./jobs.svelte";
import type { Quotes, Wanted } from "./quotes";

/** A question that waits for its price, or for a yes to it. */
export interface Waiting {
  question: string;
  wanted: Wanted;
  /** What it may cost at most, once the realm has said it. */
  quote?: Quote;
  /** Whether it costs more than what the person has said yes to. */
  risen?: boolean;
  act: (conditions: Conditions) => void;
}

export class Spending {
  waiting = $state.raw<Waiting | undefined>();
  #quotes: Pick<Quotes, "unaskedMost" | "ask" | "holds">;

  constructor(quotes: Pick<Quotes, "unaskedMost" | "ask" | "holds">) {
    this.#quotes = quotes;
  }

  /** The limit as a condition, for what asks by itself when it may cost more. */
  get limited(): Conditions | undefined {
    const limit = this.#quotes.unaskedMost;
    return limit === 0n ? undefined : { max_price: limit.toString() };
  }

  /** Asks a question: at once where no limit is set, else if it is within the limit or the person says yes. */
  weigh(question: string, wanted: Wanted, act: (conditions: Conditions) => void): void {
    const limit = this.#quotes.unaskedMost;
    this.waiting = undefined;
    if (limit === 0n) return act({});
    void this.#price({ question, wanted, act }, limit);
  }

  /** The person says yes to what is shown. It counts for that price: if it has run out since, the question is quoted anew. */
  accept(): void {
    const { waiting } = this;
    if (!waiting?.quote) return;
    const { quote, act } = waiting;
    if (!this.#quotes.holds(quote)) return void this.#price({ ...waiting, quote: undefined }, micro(quote.max), true);
    this.waiting = undefined;
    act({ quote: quote.expires, max_price: quote.max });
  }

  /** The person does not want it; gives the question, so that it can be changed. */
  drop(): string | undefined {
    const question = this.waiting?.question;
    this.waiting = undefined;
    return question;
  }

  async #price(asked: Waiting, limit: bigint, agreed = false): Promise<void> {
    this.waiting = asked;
    const quote = await this.#quotes.ask(asked.wanted, "interactive");
    // Dropped meanwhile, or another question took its place.
    if (this.waiting !== asked) return;
    const isWithin = quote === undefined || micro(quote.max) <= limit;
    this.waiting = isWithin ? undefined : { ...asked, quote, risen: agreed };
    // The limit goes along: whatever happens on the way, the realm refuses the job before it costs more.
    if (isWithin) asked.act({ ...(quote ? { quote: quote.expires } : {}), max_price: limit.toString() });
  }
}
