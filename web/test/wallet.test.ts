import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, problem } from "../src/lib/api";
import { utf8 } from "../src/lib/bytes";
import { bringCoinsOver } from "../src/lib/coins_over";
import { openDatabase, transact } from "../src/lib/database";
import { keyOfDid } from "../src/lib/did";
import { keysOf, makeSecret } from "../src/lib/secret";
import { dropFormer, formerWallets, markKept, openWallet, replaceWallet, type Keeping } from "../src/lib/wallet";
import type { GrantList, TransferRequest, WalletInfo } from "../src/lib/wire";

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
    const { subtle } = crypto;
    vi.stubGlobal("crypto", {});
    await expect(openWallet(undefined)).rejects.toMatchObject({ obstacle: "no-webcrypto" });
    vi.stubGlobal("crypto", { subtle, getRandomValues: (bytes: Uint8Array) => bytes });
    const importKey = subtle.importKey.bind(subtle);
    vi.spyOn(subtle, "importKey").mockImplementation(async (...given: unknown[]) => {
      if (given[2] === "Ed25519") throw new DOMException("unknown algorithm", "NotSupportedError");
      return (importKey as (...given: unknown[]) => Promise<CryptoKey>)(...given);
    });
    await expect(openWallet(undefined)).rejects.toMatchObject({ obstacle: "no-ed25519" });
  });
});

describe("the words of a wallet", () => {
  it("stay until its owner has them, and bring the same wallet back", async () => {
    const database = await openDatabase();
    const { did, keeping } = await openWallet(database);
    expect((await openWallet(database)).keeping).toEqual(keeping);
    if (keeping.state !== "open") throw new Error(keeping.state);
    expect((await keysOf(keeping.secret)).did).toBe(did);

    const kept: Keeping = { state: "kept", by: "words", since: 5 };
    await markKept(database, did, kept);
    const after = await openWallet(database);
    expect(after).toMatchObject({ did, keeping: kept });
    await after.sign(utf8("still signs"));
    // Nowhere in the database is anything left of them.
    const everything = await transact<unknown[]>(database, "keys", "readonly", (keys) => keys.getAll());
    expect(JSON.stringify(everything)).not.toContain("secret");
    expect(everything).toHaveLength(1);
  });

  it("are not forgotten on behalf of another wallet", async () => {
    const database = await openDatabase();
    const { keeping } = await openWallet(database);
    await markKept(database, (await keysOf(makeSecret())).did, { state: "kept", by: "file", since: 5 });
    expect((await openWallet(database)).keeping).toEqual(keeping);
  });

  it("are there where nothing is stored, too", async () => {
    expect((await openWallet(undefined)).keeping.state).toBe("open");
  });

  it("were never known of a wallet that an earlier console made", async () => {
    const database = await openDatabase();
    const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    await transact(database, "keys", "readwrite", (keys) => keys.put(pair, "wallet"));
    const wallet = await openWallet(database);
    expect(wallet.keeping).toEqual({ state: "never" });
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    expect(keyOfDid(wallet.did)).toEqual(publicKey);
  });
});

describe("a wallet that is replaced", () => {
  const kept: Keeping = { state: "kept", by: "words", since: 5 };

  it("gives its place to the other, and its conversations are forgotten", async () => {
    const database = await openDatabase();
    const before = await openWallet(database);
    await transact(database, "conversations", "readwrite", (all) => all.put({ id: "a", turns: [] }));
    const secret = makeSecret();
    await replaceWallet(database, secret, kept, false);
    const after = await openWallet(database);
    expect(after).toMatchObject({ did: (await keysOf(secret)).did, keeping: kept });
    expect(after.did).not.toBe(before.did);
    expect(await formerWallets(database)).toEqual([]);
    expect(await transact(database, "conversations", "readonly", (all) => all.count())).toBe(0);
  });

  it("keeps its key, and nothing else, until its coins have come over", async () => {
    const database = await openDatabase();
    const first = await openWallet(database);
    await replaceWallet(database, makeSecret(), kept, true);
    const second = await openWallet(database);
    await replaceWallet(database, makeSecret(), kept, true);
    const formers = await formerWallets(database);
    expect(new Set(formers.map((former) => former.wallet.did))).toEqual(new Set([first.did, second.did]));
    expect(formers.map((former) => former.wallet.keeping.state)).toEqual(["never", "never"]);
    const gone = formers.find((former) => former.wallet.did === first.did);
    await dropFormer(database, gone?.name ?? "");
    expect((await formerWallets(database)).map((former) => former.wallet.did)).toEqual([second.did]);
  });
});

describe("the coins of a wallet that was replaced", () => {
  const info = (available: string, held: string) => ({ available, held }) as WalletInfo;

  /** A wallet that holds this at one look after another, and shares this much with others. */
  function former(looks: WalletInfo[], shared: string[] = []) {
    const grants = async () => ({ given: shared.map((id) => ({ id })), received: [] }) as unknown as GrantList;
    return {
      wallet: vi.fn(async () => looks.shift() ?? info("0", "0")),
      grants,
      takeGrantBack: vi.fn((id: string) => {
        shared.splice(shared.indexOf(id), 1);
        return grants();
      }),
      transfer: vi.fn(async (_: TransferRequest) => info("0", "0")),
    };
  }

  it("come over, and nothing is left", async () => {
    const wallet = former([info("2000000", "0")]);
    expect(await bringCoinsOver(wallet, "did:key:zNew")).toEqual({ amount: 2_000_000n, done: true });
    expect(wallet.transfer).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ to: "did:key:zNew", amount: "2000000" }),
    );
  });

  it("come another time as far as they are held for jobs", async () => {
    const held = former([info("2000000", "7"), info("0", "7")]);
    expect(await bringCoinsOver(held, "did:key:zNew")).toEqual({ amount: 2_000_000n, done: false });
    expect(await bringCoinsOver(former([info("0", "7")]), "did:key:zNew")).toEqual({ amount: 0n, done: false });
    // A job was settled in between: what it gave back comes at once, and whether that was all is seen the next time.
    const settled = former([info("2000000", "7"), info("5", "0")]);
    expect(await bringCoinsOver(settled, "did:key:zNew")).toEqual({ amount: 2_000_005n, done: false });
  });

  it("are taken back from those who share them", async () => {
    const wallet = former([info("3", "0")], ["a", "b"]);
    expect(await bringCoinsOver(wallet, "did:key:zNew")).toEqual({ amount: 3n, done: true });
    expect(wallet.takeGrantBack.mock.calls.flat().sort()).toEqual(["a", "b"]);
  });

  it("that can only be spent stay where they are", async () => {
    const bound = { bound: "2000000" };
    const wallet = former([{ ...info("5000000", "0"), ...bound }, { ...info("2000000", "0"), ...bound }]);
    expect(await bringCoinsOver(wallet, "did:key:zNew")).toEqual({ amount: 3_000_000n, done: true });
    expect(wallet.transfer).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ amount: "3000000" }));
  });

  it("are done with when there are none, or the realm knows of none", async () => {
    const empty = former([]);
    expect(await bringCoinsOver(empty, "did:key:zNew")).toEqual({ amount: 0n, done: true });
    const unknown = { ...former([]), wallet: async () => Promise.reject(new ApiError(problem(404, "not found", ""))) };
    expect(await bringCoinsOver(unknown, "did:key:zNew")).toEqual({ amount: 0n, done: true });
    expect(empty.transfer).not.toHaveBeenCalled();
    expect(unknown.transfer).not.toHaveBeenCalled();
  });

  it("stay where they are while the realm does not answer", async () => {
    const away = async () => Promise.reject(new ApiError(problem(0, "The realm does not answer", "")));
    await expect(bringCoinsOver({ ...former([]), wallet: away }, "did:key:zNew")).rejects.toThrow();
    await expect(bringCoinsOver({ ...former([info("5", "0")]), transfer: away }, "did:key:zNew")).rejects.toThrow();
  });
});
