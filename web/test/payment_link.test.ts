import { describe, expect, it } from "vitest";
import { isPaymentLink, paymentLink, readPaymentLink } from "../src/lib/payment_link";

const to = "did:key:z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP";
const page = "https://realm.example/";

describe("a link that asks for coins", () => {
  it("is read as it was written", () => {
    const all = [
      { to },
      { to, amount: 1n },
      { to, amount: 1_234_500_000n, memo: "Tea & cake + 5 % = good? #1 / dö\u{1f370}" },
      { to, memo: "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u{1f469}\u200d\u{1f373}" },
      { to, memo: "wallet?to=nobody&amount=1" },
    ];
    for (const asked of all) {
      const link = paymentLink(page, asked);
      expect(link.startsWith(`${page}#/wallet?to=${to}`)).toBe(true);
      expect(link).toMatch(/^[\x21-\x7e]+$/);
      expect(isPaymentLink(link)).toBe(true);
      expect(readPaymentLink(link)).toEqual(asked);
      expect(readPaymentLink(link.slice(link.indexOf("?") + 1))).toEqual(asked);
    }
  });

  it("is refused when it is anything else, and the reason is named", () => {
    const of = (query: string) => readPaymentLink(`${page}#/wallet?${query}`);
    for (const name of ["", "to=", `to=${to}x`, "to=z6Mk", "to=did:web:example.org", "amount=1"]) {
      expect(of(name), name).toBe("to");
    }
    for (const amount of ["", "0", "-1", "1e3", "1.0000001", "0x1", "9999999999999", "NaN"]) {
      expect(of(`to=${to}&amount=${amount}`), amount).toBe("amount");
    }
    for (const memo of ["%00", "a%0Ab", "%E2%80%AEabc", "%E2%80%8B", "%C2%AD", "x".repeat(201)]) {
      expect(of(`to=${to}&memo=${memo}`), memo).toBe("memo");
    }
    for (const more of ["&send=1", `&to=${to}`, "&amount=1&amount=2", "&MEMO=x"]) {
      expect(of(`to=${to}${more}`), more).toBe("unknown");
    }
    expect(isPaymentLink(to)).toBe(false);
  });
});
