// The vectors stand in the crate mtor-identity, whose tests read them too: both sides must come to the same wallets.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BackupProblem, isGoodPassword, nameOf, open, readBackup, seal, textOf } from "../src/lib/backup";
import { hex } from "../src/lib/bytes";
import { readPhrase, suggestionsFor, wordsOf } from "../src/lib/phrase";
import { keysOf, makeSecret, type Secret } from "../src/lib/secret";
import { derive } from "../src/lib/slip10";

const vector = (name: string) => readFileSync(new URL(`../../crates/mtor-identity/vectors/${name}`, import.meta.url), "utf8");
const bytes = (digits: string) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const phrases = JSON.parse(vector("phrases.json")) as { entropy: string; words: string; did: string }[];
const secretOf = (entropy: string): Secret => ({ kind: "phrase-entropy", bytes: bytes(entropy) });

describe("twelve words", () => {
  it("are the same wallet as in the command", async () => {
    expect(phrases.length).toBeGreaterThan(3);
    for (const { entropy, words, did } of phrases) {
      expect(wordsOf(bytes(entropy)).join(" ")).toBe(words);
      expect(readPhrase(words)).toEqual(bytes(entropy));
      expect((await keysOf(secretOf(entropy))).did).toBe(did);
    }
  });

  it("may be written as people write them", () => {
    const [{ entropy, words }] = phrases as [(typeof phrases)[0]];
    const numbered = words.split(" ").map((word, index) => `${index + 1}. ${word.toUpperCase()},`).join("\n");
    for (const text of [` ${words}\n`, words.replaceAll(" ", " \t\n"), numbered]) {
      expect(readPhrase(text), text).toEqual(bytes(entropy));
    }
  });

  const words = "legal winner thank year wave sausage worth useful legal winner thank yellow";

  it("say which one is misspelt, and what may have been meant", () => {
    const read = (wrong: string) => readPhrase(words.replace("year", wrong));
    expect(read("yaer")).toEqual({ kind: "unknown", position: 4, word: "yaer", suggestions: ["year"] });
    expect(read("fear")).toMatchObject({ kind: "unknown", suggestions: ["near", "pear", "wear"] });
    expect(read("qqqqqqq")).toEqual({ kind: "unknown", position: 4, word: "qqqqqqq", suggestions: [] });
    expect(suggestionsFor("sossage")).toContain("sausage");
    expect(suggestionsFor("thankyou")[0]).toBe("thank");
    expect(suggestionsFor("winer")).toEqual(["wine", "winner", "winter"]);
  });

  it("say when there are too few, and when they don't belong together", () => {
    expect(readPhrase("")).toEqual({ kind: "count", found: 0 });
    expect(readPhrase("legal winner thank")).toEqual({ kind: "count", found: 3 });
    expect(readPhrase(`${words} ${words}`)).toEqual({ kind: "count", found: 24 });
    expect(readPhrase(words.replace("wave sausage", "sausage wave"))).toEqual({ kind: "checksum" });
    expect(readPhrase(words.replace("yellow", "zoo"))).toEqual({ kind: "checksum" });
  });

  it("are other ones each time", () => {
    expect(wordsOf(makeSecret().bytes)).toHaveLength(12);
    expect(hex(makeSecret().bytes)).not.toBe(hex(makeSecret().bytes));
  });
});

describe("SLIP-0010", () => {
  it("has the vectors of its text", async () => {
    const first = bytes("000102030405060708090a0b0c0d0e0f");
    const path = [0, 1, 2, 2, 1_000_000_000];
    expect(hex(await derive(first, []))).toBe("2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7");
    expect(hex(await derive(first, [0]))).toBe("68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3");
    expect(hex(await derive(first, path))).toBe("8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793");
  });
});

describe("a key", () => {
  it("signs and can't be taken out", async () => {
    const { pair } = await keysOf(makeSecret());
    expect(pair.privateKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey("pkcs8", pair.privateKey)).rejects.toThrow();
    const signature = await crypto.subtle.sign("Ed25519", pair.privateKey, bytes("00"));
    expect(await crypto.subtle.verify("Ed25519", pair.publicKey, signature, bytes("00"))).toBe(true);
  });
});

describe("a backup file", () => {
  // The last letter of the first word can be composed.
  const password = "caf\u{e9} with four horses";
  const inParts = "cafe\u{301} with four horses";
  const theConsoles = vector("backup-console.json");
  const changed = (from: string, to: string) => {
    expect(theConsoles).toContain(from);
    return theConsoles.replace(from, to);
  };
  const obstacle = async (work: () => unknown) => {
    try {
      await work();
    } catch (error) {
      return error instanceof BackupProblem ? error.obstacle : String(error);
    }
    return "none";
  };

  it("of the console or of the command opens, on any keyboard", async () => {
    for (const text of [theConsoles, vector("backup-command.json")]) {
      const backup = readBackup(text);
      expect(textOf(backup)).toBe(text);
      for (const typed of [password, inParts]) {
        const secret = await open(backup, typed);
        expect(wordsOf(secret.bytes).join(" ")).toBe(phrases[1]?.words);
      }
      expect(await obstacle(() => open(backup, "cafe with four horses"))).toBe("password");
      expect(await obstacle(() => open(backup, ""))).toBe("password");
    }
  });

  it("holds a key without words as well", async () => {
    const secret: Secret = { kind: "seed", bytes: new Uint8Array(32).fill(9) };
    expect(await open(readBackup(textOf(await seal(secret, password))), password)).toEqual(secret);
  });

  it("is another one each time, and small", async () => {
    const secret = makeSecret();
    const [first, second] = [await seal(secret, password), await seal(secret, password)];
    expect(first.kdf.salt).not.toBe(second.kdf.salt);
    expect(first.cipher.nonce).not.toBe(second.cipher.nonce);
    expect(first.sealed).not.toBe(second.sealed);
    expect(textOf(first).length).toBeLessThan(1024);
  });

  it("is named by its day and its wallet", () => {
    const name = nameOf(readBackup(theConsoles), new Date(2026, 10, 3));
    expect(name).toBe("mtor-wallet-2026-11-03-z6Mkhwb-jzTLG.json");
  });

  it("that was changed does not open", async () => {
    const backup = readBackup(theConsoles);
    const other = (await keysOf(makeSecret())).did;
    const last = backup.kdf.salt.slice(0, 21);
    for (const [from, to] of [
      [backup.did, other], ['"phrase-entropy"', '"seed"'], ['"passes": 3', '"passes": 2'],
      [backup.kdf.salt, `${last}A`], [backup.sealed, `${backup.sealed.slice(0, -2)}AA`],
    ] as const) {
      expect(await obstacle(() => open(readBackup(changed(from, to)), password)), to).toBe("password");
    }
    const torn = readBackup(changed(backup.kdf.salt, "AAAA"));
    expect(await obstacle(() => open(torn, password))).toBe("not-a-backup");
  });

  it("is told from other files, from later ones, and from ones that ask for too much", async () => {
    const wrong = [
      "", "{}", "null", "[]", "MTOR key file: secret", theConsoles.slice(0, 200), " ".repeat(5000),
      changed("aes-256", "aes-128"), changed("mtor-wallet", "other-wallet"), changed("phrase-", "other-"),
      changed('"memory_kib": 65536', '"memory_kib": 4194304'), changed('"memory_kib": 65536', '"memory_kib": 8'),
      changed('"passes": 3', '"passes": 4000000000'), changed('"passes": 3', '"passes": 2.5'),
      changed('"lanes": 1', '"lanes": 255'),
    ];
    for (const text of wrong) expect(await obstacle(() => readBackup(text)), text).toBe("not-a-backup");
    expect(await obstacle(() => readBackup(changed('"version": 1', '"version": 2')))).toBe("newer");
  });

  it("wants a password that is not guessed soon", () => {
    const bad = ["", "123456789", "cafe\u{301}cafe\u{301}", "x".repeat(1025)];
    for (const password of bad) expect(isGoodPassword(password), password).toBe(false);
    expect(isGoodPassword("a horse, a cart")).toBe(true);
  });
});
