import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { utf8 } from "../src/lib/bytes";
import { openDatabase, transact } from "../src/lib/database";
import { keyOfDid } from "../src/lib/did";
import { openWallet } from "../src/lib/wallet";

beforeEach(() => {
  vi.unstubAllGlobals();
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("isSecureContext", true);
});

describe("the wallet of a browser", () => {
  it("is made once and found again", async () => {
    const first = await openWallet(await openDatabase());
    const second = await openWallet(await openDatabase());
    expect(second.did).toBe(first.did);
    expect(first.kept && second.kept).toBe(true);
  });

  it("is one, even when two tabs make it at the same time", async () => {
    const database = await openDatabase();
    const tabs = await Promise.all([openWallet(database), openWallet(database), openWallet(database)]);
    expect(new Set(tabs.map((wallet) => wallet.did)).size).toBe(1);
  });

  it("signs so that its name proves it", async () => {
    const wallet = await openWallet(await openDatabase());
    const publicKey = keyOfDid(wallet.did) as Uint8Array<ArrayBuffer>;
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    const signature = await wallet.sign(utf8("hello"));
    expect(await crypto.subtle.verify("Ed25519", key, signature, utf8("hello"))).toBe(true);
    expect(await crypto.subtle.verify("Ed25519", key, signature, utf8("hullo"))).toBe(false);
  });

  it("gives its secret to nobody", async () => {
    const database = await openDatabase();
    await openWallet(database);
    const pair = await transact<CryptoKeyPair>(database, "keys", "readonly", (keys) => keys.get("wallet"));
    expect(pair.privateKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey("pkcs8", pair.privateKey)).rejects.toThrow();
  });

  it("lasts as long as the tab where nothing is stored, and says so", async () => {
    const wallet = await openWallet(undefined);
    expect(wallet.kept).toBe(false);
    expect(wallet.did).toMatch(/^did:key:z6Mk/);
  });

  it("is refused in plain terms where it can't be", async () => {
    vi.stubGlobal("isSecureContext", false);
    await expect(openWallet(undefined)).rejects.toMatchObject({ obstacle: "insecure" });
    vi.stubGlobal("isSecureContext", true);
    vi.stubGlobal("crypto", {});
    await expect(openWallet(undefined)).rejects.toMatchObject({ obstacle: "no-webcrypto" });
    vi.stubGlobal("crypto", { subtle: { generateKey: () => Promise.reject(new Error("unknown algorithm")) } });
    await expect(openWallet(undefined)).rejects.toMatchObject({ obstacle: "no-ed25519" });
  });
});
