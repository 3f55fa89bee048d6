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

/** In coins for a glance: two decimals for whole amounts, two figures for small ones; never zero for something. */
export function coinsShort(amount: bigint): string {
  if (amount === 0n || amount % MICRO_PER_COIN === 0n) return coins(amount);
  if (amount >= MICRO_PER_COIN) return coins((amount / 10_000n) * 10_000n);
  const digits = amount.toString();
  const step = 10n ** BigInt(Math.max(0, digits.length - 2));
  return coins((amount / step) * step);
}

/** Reads coins as people write them (`12`, `0.25`, `1,000`); nothing when it is no positive amount. */
export function parseCoins(text: string): bigint | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text.trim().replace(/,(?=\d{3}\b)/g, ""));
  if (!match) return undefined;
  const amount = BigInt(match[1] ?? "0") * MICRO_PER_COIN + BigInt((match[2] ?? "").padEnd(6, "0"));
  return amount > 0n ? amount : undefined;
}
