/** Coins. Amounts cross the wire as strings of whole micro; 1,000,000 are one coin. */

export const MICRO_PER_COIN = 1_000_000n;

/** An amount from the wire; nothing is zero. */
export function micro(amount: string | null | undefined): bigint {
  return amount ? BigInt(amount) : 0n;
}

/** In coins, exactly, with as many decimals as are needed: `1,234.5`. */
export function coins(amount: bigint): string {
  const whole = (amount / MICRO_PER_COIN).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const rest = (amount % MICRO_PER_COIN).toString().padStart(6, "0").replace(/0+$/, "");
  return rest ? `${whole}.${rest}` : whole;
}

/**
 * What somebody has, in coins for a glance: two decimals for whole amounts, two figures for small ones; never more than it is.
 */
export function coinsShort(amount: bigint): string {
  return coins(amount - (amount % glance(amount)));
}

/** What something costs, in coins for a glance: rounded up, for a price that is shown must never be less than the price. */
export function priceShort(amount: bigint): string {
  const step = glance(amount);
  return coins(((amount + step - 1n) / step) * step);
}

/** The least difference that is seen at a glance. */
function glance(amount: bigint): bigint {
  return amount >= MICRO_PER_COIN ? MICRO_PER_COIN / 100n : 10n ** BigInt(Math.max(0, amount.toString().length - 2));
}

/** Reads coins as people write them (`12`, `0.25`, `1,000`); nothing when it is no positive amount. */
export function parseCoins(text: string): bigint | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text.trim().replace(/,(?=\d{3}\b)/g, ""));
  if (!match) return undefined;
  const amount = BigInt(match[1] ?? "0") * MICRO_PER_COIN + BigInt((match[2] ?? "").padEnd(6, "0"));
  return amount > 0n ? amount : undefined;
}
