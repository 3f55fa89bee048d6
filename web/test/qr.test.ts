import decodeQR from "qr/decode.js";
import { describe, expect, it } from "vitest";
import { paymentLink } from "../src/lib/payment_link";
import { qrPicture, type QrPicture } from "../src/lib/qr";

const PIXELS = 4;

/** The picture as a camera would have it: four bytes for each pixel. */
function seen({ size, path }: QrPicture) {
  const width = size * PIXELS;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * PIXELS; row < (Number(y) + 1) * PIXELS; row++) {
      const from = (row * width + Number(x) * PIXELS) * 4;
      for (let byte = from; byte < from + Number(run) * PIXELS * 4; byte++) if (byte % 4 !== 3) data[byte] = 0;
    }
  }
  return { width, height: width, data };
}

describe("the code of a link", () => {
  const to = "did:key:z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP";

  it("is read by others as the link", async () => {
    const link = paymentLink("https://realm.example/", { to, amount: 12_500_000n, memo: "Tea & cake \u{1f370}" });
    expect(decodeQR(seen(await qrPicture(link)))).toBe(link);
  });

  it("holds the longest link that the page makes", async () => {
    const link = paymentLink(`https://${"long.".repeat(12)}example:65535/`, { to, amount: 10n ** 18n - 1n, memo: "\u00e4".repeat(200) });
    expect(decodeQR(seen(await qrPicture(link)))).toBe(link);
  });
});
