import { encodeQR } from "qr";
import { decodeQR } from "qr/decode.js";
import { describe, expect, it } from "vitest";
import { addressOf, isLoopback, openFromDevice, sealForDevice } from "../src/lib/handover";
import { makeSecret, type Secret } from "../src/lib/secret";

describe("what is handed over", () => {
  it("comes out as it went in, and fits through the realm", async () => {
    const seed: Secret = { kind: "seed", bytes: new Uint8Array(32).fill(7) };
    for (const thing of [{ secret: makeSecret() }, { secret: makeSecret(), by: "words" as const }, { secret: seed, by: "file" as const }]) {
      const { sealed, key } = await sealForDevice(thing);
      expect(sealed).toMatch(/^[A-Za-z0-9_-]{1,512}$/);
      expect(await openFromDevice(sealed, key)).toEqual({ by: undefined, ...thing });
    }
  });

  it("opens with its own key alone, and only whole", async () => {
    const { sealed, key } = await sealForDevice({ secret: makeSecret() });
    const other = await sealForDevice({ secret: makeSecret() });
    expect(other.key).not.toBe(key);
    for (const [box, opener] of [
      [sealed, other.key], [sealed, ""], [sealed, "!"], [sealed, key.slice(1)], [sealed.slice(2), key], ["", key], ["%", key],
    ] as const) {
      expect(await openFromDevice(box, opener), `${box} ${opener}`).toBeUndefined();
    }
  });

  it("is found by an address that a camera can read", async () => {
    const { key } = await sealForDevice({ secret: makeSecret() });
    const address = addressOf("https://realm.example.org", { id: "019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11", key });
    expect(new URL(address).hash).toBe(`#/link/019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11/${key}`);
    const rows = encodeQR(address, "raw", { border: 4 });
    const scale = 4;
    const side = rows.length * scale;
    const data = new Uint8ClampedArray(side * side * 4);
    for (let at = 0; at < side * side; at += 1) {
      const dark = rows[Math.floor(at / side / scale)]?.[Math.floor((at % side) / scale)];
      data.set(dark ? [0, 0, 0, 255] : [255, 255, 255, 255], at * 4);
    }
    expect(decodeQR({ width: side, height: side, data })).toBe(address);
  });

  it("needs an address that other devices reach", () => {
    for (const here of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "mtor.localhost"]) expect(isLoopback(here), here).toBe(true);
    for (const there of ["realm.example.org", "192.168.1.5", "attic.local"]) expect(isLoopback(there), there).toBe(false);
  });
});
