/**
 * Links that ask for coins: they open the wallet's page with the form filled in. Nothing is sent without a click of the person.
 */

import { MEMO_CHARS_MAX } from "./defaults";
import { keyOfDid } from "./did";
import { coins, parseCoins } from "./money";

/** Who asks, and for what. Amount in micro. */
export interface Asked {
  to: string;
  amount?: bigint;
  memo?: string;
}

/** What is wrong with a link; the page has words for each. */
export type BadLink = "to" | "amount" | "memo" | "unknown";

const VIEW = "#/wallet?";

/** The link to the page of this realm. */
export function paymentLink(page: string, { to, amount, memo }: Asked): string {
  const query = new URLSearchParams({ to });
  if (amount) query.set("amount", coins(amount).replaceAll(",", ""));
  if (memo) query.set("memo", memo);
  // A did:key has colons, which may stand in a fragment as they are.
  return `${page}${VIEW}${query.toString().replaceAll("%3A", ":")}`;
}

/** Whether a text is such a link, or means to be one: what is typed or scanned where a wallet's name belongs. */
export function isPaymentLink(text: string): boolean {
  return text.includes(VIEW);
}

/** What stands in a link, or in what follows its question mark. Anything that is not known is a reason to refuse all of it. */
export function readPaymentLink(text: string): Asked | BadLink {
  const at = text.indexOf(VIEW);
  const query = new URLSearchParams(at < 0 ? text : text.slice(at + VIEW.length).trim());
  const names = [...query.keys()];
  const [to, amount, memo] = ["to", "amount", "memo"].map((name) => query.get(name) ?? undefined);
  if (names.length !== new Set(names).size || names.some((name) => !["to", "amount", "memo"].includes(name))) return "unknown";
  if (to === undefined || !keyOfDid(to)) return "to";
  const sum = amount === undefined ? undefined : parseCoins(amount);
  if (amount !== undefined && sum === undefined) return "amount";
  if (memo !== undefined && !isMemo(memo)) return "memo";
  return { to, ...(sum === undefined ? {} : { amount: sum }), ...(memo ? { memo } : {}) };
}

/**
 * Texts that could show themselves as something else (control characters, changes of direction) are none. The joiners of scripts
 * and of emoji are no such thing.
 */
function isMemo(text: string): boolean {
  return text.length <= MEMO_CHARS_MAX && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text.replace(/[\u200c\u200d]/g, ""));
}
