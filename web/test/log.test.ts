import { readFileSync } from "node:fs";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { base64, sha256, unbase64, utf8 } from "../src/lib/bytes";
import { cosignersOf, openCheckpoint } from "../src/lib/checkpoint";
import { didOfKey, keyOfDid } from "../src/lib/did";
import { isOneLog, tilePath, type LogSource } from "../src/lib/log";
import { openLogMemory } from "../src/lib/log_memory";
import { leafHash, type Hash } from "../src/lib/merkle";
import { LogWatch, Rewritten } from "../src/state/log_watch.svelte";

const vectors = JSON.parse(readFileSync(new URL("../../crates/mtor-ledger/vectors/proofs.json", import.meta.url), "utf8"));

/** The tiles of the vectors: a narrower one is the beginning of the widest. */
async function tileOfVectors(path: string): Promise<Uint8Array | undefined> {
  const [whole = "", width = "256"] = path.split(".p/");
  const bytes = unbase64(vectors.tiles[whole] ?? "");
  const end = Number(width) * 32;
  return bytes && bytes.length >= end ? bytes.slice(0, end) : undefined;
}

describe("a log that grew", () => {
  const source = { checkpoint: async () => "", tile: tileOfVectors };
  const trees = () => Promise.all((vectors.checkpoints as string[]).map((note) => openCheckpoint(note, vectors.realm)));

  it("has each of its earlier checkpoints in it, in whichever order they are asked about", async () => {
    const all = await trees();
    expect(all.map((tree) => tree.size)).toEqual([25, 26, 255, 256, 257, 300]);
    for (const one of all) for (const other of all) expect(await isOneLog(source, one, other)).toBe(true);
  });

  it("has no other root in it, and none whose tiles are gone or changed", async () => {
    const all = await trees();
    for (const one of all) {
      for (const other of all) {
        const changed = { ...one, root: one.root.map((byte, index) => (index === 31 ? byte ^ 1 : byte)) };
        expect(await isOneLog(source, changed, other), `${one.size} and ${other.size}`).toBe(false);
      }
    }
    const [first, last] = [all[0]!, all.at(-1)!];
    expect(await isOneLog({ ...source, tile: async () => undefined }, first, last)).toBe(false);
    const flipped = async (path: string) => (await tileOfVectors(path))?.map((byte) => byte ^ 1);
    expect(await isOneLog({ ...source, tile: flipped }, first, last)).toBe(false);
    const away = { ...source, tile: () => Promise.reject(new Error("away")) };
    await expect(isOneLog(away, first, last)).rejects.toThrow("away");
  });

  it("has its tiles where the standard says", () => {
    expect(tilePath(0, 1_234_067, 256)).toBe("0/x001/x234/067");
    expect(tilePath(1, 0, 17)).toBe("1/000.p/17");
  });
});

describe("cosignatures", () => {
  // As the crate mtor-ledger makes them (cosignature.rs), in the same names.
  const did = "did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3";
  const text = `${did}\n9\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n`;
  const realmLine = `\u{2014} ${did} MU26Vhrky7t/5s8o0vzwlvgWCq/9Nd1uSYn7EdkmMq7E+VsA0to9OwQgcMvji+vlLWiiTxozu0xxBjILb/VDAfsVrgY=\n`;
  const line = "\u{2014} witness.example/w1 qkoJ0QAAAABlU/EARZNtzvENi/YNnzqG3s7XqNUJT1U7XxGLVz+tQotK4nfhh0Xcte+3nhusfyTpqi1KOjNPvLt6xcp81hIWF3IkCQ==\n";
  const key = "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
  const noteWith = (lines: string) => openCheckpoint(`${text}\n${realmLine}${lines}`, did);

  it("hold under the key of their witness alone", async () => {
    const checkpoint = await noteWith(line);
    expect(checkpoint.witnesses).toEqual(["witness.example/w1"]);
    expect(await cosignersOf(checkpoint, [key, key])).toEqual(["witness.example/w1"]);
    expect(await cosignersOf(checkpoint, [])).toEqual([]);
    for (const other of [key.replace("w1", "w2"), key.replace("aa4a", "aa4b"), key.slice(0, -4), "w1", "", key.replace("+BO", "+AO")]) {
      expect(await cosignersOf(checkpoint, [other]), other).toEqual([]);
    }
  });

  it("do not hold with another time or signature", async () => {
    for (const at of [6, 13, 30, 75]) {
      const bytes = unbase64(line.split(" ")[2]?.trim() ?? "") ?? new Uint8Array();
      bytes[at]! ^= 1;
      const changed = await noteWith(`\u{2014} witness.example/w1 ${base64(bytes)}\n`);
      expect(await cosignersOf(changed, [key]), `byte ${at}`).toEqual([]);
    }
    expect(await cosignersOf(await noteWith(""), [key])).toEqual([]);
  });
});

/** A realm of the test's own, which can sign whatever it likes. */
async function realm() {
  const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
  const did = didOfKey(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const id = (await sha256(Uint8Array.from([...utf8(`${did}\n`), 1, ...(keyOfDid(did) ?? [])]))).slice(0, 4);
  return {
    did,
    /** Its log with these leaves, fewer than a tile. */
    async log(leaves: string[]): Promise<LogSource & { note: string }> {
      const hashes = await Promise.all(leaves.map((leaf) => leafHash(utf8(leaf))));
      const text = `${did}\n${leaves.length}\n${base64(await naiveRoot(hashes))}\n`;
      const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, utf8(text)));
      const note = `${text}\n\u{2014} ${did} ${base64(Uint8Array.from([...id, ...signature]))}\n`;
      const tile = async (path: string) => {
        const width = Number(/^0\/000\.p\/(\d+)$/.exec(path)?.[1] ?? "0");
        if (width === 0 || width > leaves.length) return undefined;
        return Uint8Array.from(hashes.slice(0, width).flatMap((hash) => [...hash]));
      };
      return { note, checkpoint: async () => note, tile };
    },
  };
}

/** RFC 6962, word by word. */
async function naiveRoot(hashes: Hash[]): Promise<Hash> {
  if (hashes.length === 1) return hashes[0] as Hash;
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  const [left, right] = [await naiveRoot(hashes.slice(0, split)), await naiveRoot(hashes.slice(split))];
  return sha256(Uint8Array.from([1, ...left, ...right]));
}

describe("what the page remembers of a log", () => {
  beforeEach(() => void vi.stubGlobal("indexedDB", new IDBFactory()));

  const names = (count: number, name = "leaf") => Array.from({ length: count }, (_, index) => `${name} ${index}`);

  /** A page that is opened at a realm: each time a new one, with the same browser. */
  async function page(own: Awaited<ReturnType<typeof realm>>, source: LogSource) {
    const looks = vi.fn(source.checkpoint);
    const options = { source: { ...source, checkpoint: looks }, memory: openLogMemory(), realm: async () => own.did };
    return { watch: new LogWatch(options), looks };
  }

  it("is the newest checkpoint, from which the log has only grown", async () => {
    const own = await realm();
    const first = await page(own, await own.log(names(5)));
    expect(await first.watch.look()).toMatchObject({ published: { size: 5 } });
    expect((await first.watch.look()).since?.size).toBe(5);
    const later = await page(own, await own.log(names(13)));
    expect((await later.watch.look()).since?.size).toBe(5);
    // A published checkpoint may be behind one that came with a proof.
    const behind = await page(own, { ...(await own.log(names(13))), checkpoint: (await own.log(names(8))).checkpoint });
    expect(await behind.watch.look()).toMatchObject({ published: { size: 8 }, since: { size: 13 } });
    expect((await behind.watch.look()).since?.size).toBe(13);
  });

  it("finds a rewritten history, and says so until the person accepts it", async () => {
    const own = await realm();
    await (await page(own, await own.log(names(9)))).watch.look();
    const forged = await own.log(["another", ...names(11).slice(1)]);
    const { watch } = await page(own, forged);
    await expect(watch.look()).rejects.toThrow(Rewritten);
    expect(watch.finding?.other).toBe(forged.note);

    const reopened = await page(own, forged);
    await reopened.watch.lookIfDue();
    expect(reopened.watch.finding?.other).toBe(forged.note);
    expect(reopened.looks).not.toHaveBeenCalled();
    await reopened.watch.accept();
    expect(reopened.watch.finding).toBeUndefined();
    expect((await reopened.watch.look()).since?.size).toBe(11);
  });

  it("finds a history that was cut off", async () => {
    const own = await realm();
    await (await page(own, await own.log(names(9)))).watch.look();
    await expect((await page(own, await own.log(names(6)))).watch.look()).rejects.toThrow(Rewritten);
  });

  it("finds two histories that are shown at the same time", async () => {
    const own = await realm();
    const { watch } = await page(own, await own.log(names(9)));
    const given = await openCheckpoint((await own.log(names(7, "other"))).note, own.did);
    await expect(watch.look(given)).rejects.toThrow(Rewritten);
  });

  it("is looked at once an hour, and again when that did not work", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const own = await realm();
    const { watch, looks } = await page(own, await own.log(names(3)));
    looks.mockRejectedValueOnce(new Error("away"));
    for (let count = 0; count < 3; count++) await watch.lookIfDue();
    expect(looks).toHaveBeenCalledTimes(2);
    vi.setSystemTime(Date.now() + 59 * 60_000);
    await watch.lookIfDue();
    expect(looks).toHaveBeenCalledTimes(2);
    vi.setSystemTime(Date.now() + 2 * 60_000);
    await watch.lookIfDue();
    expect(looks).toHaveBeenCalledTimes(3);
    vi.useRealTimers();
  });
});
