// The vectors stand in the crate mtor-ledger, whose test `log::the_vectors_of_other_implementations` writes them.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { base64, unbase64, utf8 } from "../src/lib/bytes";
import { BadCheckpoint, openCheckpoint } from "../src/lib/checkpoint";
import { BadProof, checkJob, checkProof, withoutWords, type Step } from "../src/lib/proof";
import type { JobProofs } from "../src/lib/wire";

const vectors = JSON.parse(readFileSync(new URL("../../crates/mtor-ledger/vectors/proofs.json", import.meta.url), "utf8"));
const { realm, account } = vectors;
const proofs: JobProofs = { job: vectors.job, accepted: vectors.accepted, settled: vectors.settled };

const failure = (work: Promise<unknown>): Promise<Step | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => (error instanceof BadProof ? error.step : Promise.reject(error)),
  );

/** The text with one byte changed, for each byte and some of its bits; what is no text any more can't be served. */
function* changed(text: string): Generator<[number, string]> {
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 32]) {
      const other = bytes.slice();
      other[at]! ^= bit;
      try {
        yield [at, new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(other)];
      } catch {
        continue;
      }
    }
  }
}

/** The proof with something else in its extra line. */
function showing(proof: string, change: (shown: Record<string, unknown>) => void): string {
  return proof.replace(/^extra (.*)$/m, (_, extra: string) => {
    const shown = JSON.parse(new TextDecoder().decode(unbase64(extra))) as Record<string, unknown>;
    change(shown);
    return `extra ${base64(utf8(JSON.stringify(shown)))}`;
  });
}

describe("proofs of a job", () => {
  it("say what the ledger says", async () => {
    const { accepted, settled } = await checkJob(proofs, realm, account);
    expect(accepted.entry).toMatchObject({ seq: 3, fact: "accepted", capability: "chat", hold: "1000", account });
    expect(accepted.text).toBe(vectors.request);
    expect(settled?.entry).toMatchObject({ seq: 4, outcome: "stop", usage: { input_tokens: 7, output_tokens: 9 } });
    expect(settled?.entry.legs.map((leg) => leg.amount)).toEqual(["90", "10"]);
    expect(settled?.text).toBe(vectors.answer);
    expect([accepted.signedBy, settled?.signedBy]).toEqual([vectors.wallet, vectors.worker]);
    expect(settled?.checkpoint).toMatchObject({ size: 25, witnesses: [] });
  });

  it("are refused with any byte changed", async () => {
    let count = 0;
    for (const [at, text] of changed(proofs.settled ?? "")) {
      expect(await failure(checkProof(text, realm, "settled")), `byte ${at}`).toBeDefined();
      count++;
    }
    for (const [at, text] of changed(proofs.accepted)) {
      expect(await failure(checkProof(text, realm, "accepted")), `byte ${at}`).toBeDefined();
      count++;
    }
    expect(count).toBeGreaterThan(5_000);
  }, 60_000);

  it("say at which step they fail", async () => {
    const { accepted } = proofs;
    const check = (text: string) => failure(checkProof(text, realm, "accepted"));
    expect(await check("")).toBe("format");
    expect(await check(accepted.replace("tlog-proof@v1", "tlog-proof@v2"))).toBe("format");
    expect(await check(accepted.replace("\nindex 3\n", "\nindex 03\n"))).toBe("format");
    expect(await check(showing(accepted, (shown) => (shown["more"] = "x")))).toBe("format");
    expect(await check(accepted.replace("\n25\n", "\n26\n"))).toBe("signature");
    expect(await check(accepted.replace("\nindex 3\n", "\nindex 2\n"))).toBe("path");
    const dearer = (shown: Record<string, unknown>) => (shown["leaf"] = String(shown["leaf"]).replace('"1000"', '"1001"'));
    expect(await check(showing(accepted, dearer))).toBe("path");
    expect(await check(proofs.settled ?? "")).toBe("entry");
    expect(await check(showing(accepted, (shown) => (shown["request"] = "another question")))).toBe("text");
    expect(await check(showing(accepted, (shown) => delete shown["salt"]))).toBe("text");
    expect(await check(showing(accepted, (shown) => delete shown["request"]))).toBe("signed");
    expect(await check(showing(accepted, (shown) => (shown["order"] = String(shown["order"]).replace("z6Mk", "z6Mj"))))).toBe("signed");
    expect(await check(showing(accepted, (shown) => (shown["receipt"] = shown["order"])))).toBe("signed");
    expect(await check(accepted)).toBeUndefined();
  });

  it("are of this job, this wallet and this realm", async () => {
    const other = "did:key:z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP";
    expect(await failure(checkJob(proofs, other, account))).toBe("signature");
    expect(await failure(checkJob({ ...proofs, job: account }, realm, account))).toBe("entry");
    expect(await failure(checkJob(proofs, realm, proofs.job))).toBe("entry");
    expect(await failure(checkJob({ ...proofs, settled: proofs.accepted }, realm, account))).toBe("entry");
    expect((await checkJob({ ...proofs, settled: null }, realm, account)).settled).toBeUndefined();
  });

  it("are the worker's as well, whose share is in them", async () => {
    const legs = (await checkJob(proofs, realm, account)).settled?.entry.legs ?? [];
    const worker = legs[0]?.to ?? "";
    expect((await checkJob(proofs, realm, worker, true)).settled?.entry.legs[0]?.to).toBe(worker);
    expect(await failure(checkJob(proofs, realm, worker))).toBe("entry");
    expect(await failure(checkJob(proofs, realm, proofs.job, true))).toBe("entry");
    expect(await failure(checkJob({ ...proofs, settled: null }, realm, worker, true))).toBe("format");
  });

  it("hold without the words as well, and have none of them", async () => {
    const bare = withoutWords(proofs.settled ?? "");
    const proven = await checkProof(bare, realm, "settled");
    expect(proven.text).toBeUndefined();
    expect(proven.entry).toEqual((await checkJob(proofs, realm, account)).settled?.entry);
    const [, extra = ""] = /^extra (.*)$/m.exec(bare) ?? [];
    expect(new TextDecoder().decode(unbase64(extra))).not.toContain("course");
  });
});

describe("checkpoints", () => {
  const [note] = vectors.checkpoints as string[];

  it("name who else has seen them, and need the realm's own signature", async () => {
    const line = `\u{2014} witness.example/w1 ${base64(new Uint8Array(76))}\n`;
    expect((await openCheckpoint(note + line, realm)).witnesses).toEqual(["witness.example/w1"]);
    const text = note?.slice(0, note.indexOf("\n\n") + 2);
    await expect(openCheckpoint(text + line, realm)).rejects.toMatchObject({ why: "signature" });
    await expect(openCheckpoint(`${note}nonsense\n`, realm)).rejects.toThrow(BadCheckpoint);
    await expect(openCheckpoint(note?.trimEnd() ?? "", realm)).rejects.toMatchObject({ why: "format" });
  });
});
