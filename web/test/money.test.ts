import { describe, expect, it } from "vitest";
import { coins, coinsShort, micro, parseCoins, priceShort } from "../src/lib/money";

describe("amounts", () => {
  it("come from the wire whole, however large", () => {
    expect(micro("18446744073709551615")).toBe(18446744073709551615n);
    expect(micro(undefined)).toBe(0n);
    expect(micro(null)).toBe(0n);
  });

  it("are shown exactly", () => {
    expect(coins(0n)).toBe("0");
    expect(coins(1n)).toBe("0.000001");
    expect(coins(12_500_000n)).toBe("12.5");
    expect(coins(1_234_567_000_000n)).toBe("1,234,567");
    expect(coins(18446744073709551615n)).toBe("18,446,744,073,709.551615");
  });

  it("are shown short, never as nothing when there is something", () => {
    expect(coinsShort(12_345_678n)).toBe("12.34");
    expect(coinsShort(5_000_000n)).toBe("5");
    expect(coinsShort(123_456n)).toBe("0.12");
    expect(coinsShort(712n)).toBe("0.00071");
    expect(coinsShort(7n)).toBe("0.000007");
    expect(coinsShort(0n)).toBe("0");
  });

  it("are never shown as less than they cost, nor as more than there is", () => {
    expect(priceShort(12_345_678n)).toBe("12.35");
    expect(priceShort(5_000_000n)).toBe("5");
    expect(priceShort(5_000_001n)).toBe("5.01");
    expect(priceShort(999_999n)).toBe("1");
    expect(priceShort(711n)).toBe("0.00072");
    expect(priceShort(0n)).toBe("0");
    for (let amount = 1n; amount < 10n ** 15n; amount = amount * 3n + 1n) {
      expect(parseCoins(priceShort(amount))).toBeGreaterThanOrEqual(amount);
      expect(parseCoins(coinsShort(amount))).toBeLessThanOrEqual(amount);
    }
  });

  it("are read as people write them", () => {
    expect(parseCoins("12")).toBe(12_000_000n);
    expect(parseCoins(" 0.25 ")).toBe(250_000n);
    expect(parseCoins("1,000.000001")).toBe(1_000_000_001n);
    for (const wrong of ["", "0", "0.0", "-1", "1.0000001", "1e3", "a", ".5", "1.", "1,00", "0x10"]) {
      expect(parseCoins(wrong), wrong).toBeUndefined();
    }
  });

  it("come back from what is shown", () => {
    for (const amount of [1n, 10n, 999_999n, 1_000_000n, 123_456_789_012n]) expect(parseCoins(coins(amount))).toBe(amount);
  });
});
