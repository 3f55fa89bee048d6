// The vectors stand in the crate mtor-identity too: both sides must come to the same bytes.

import { describe, expect, it } from "vitest";
import { base58, unbase58 } from "../src/lib/base58";
import { base64, base64url, hex, sha256, utf8, utf8Length, utf8Prefix } from "../src/lib/bytes";
import { didOfKey, guidOfKey, keyOfDid, shortDid } from "../src/lib/did";
import { accountOf, signedStatement } from "../src/lib/keys";
import { sessionText, signatureBase, signedHeaders, signedOrder, type Signer } from "../src/lib/signing";
import type { Submit } from "../src/lib/wire";
import { uuid7, uuid7Time } from "../src/lib/uuid";

/** The key pair of a seed. */
async function pairOf(seed: Uint8Array) {
  // The 16 bytes before the seed say in DER that it is the secret of an Ed25519 key.
  const der = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20, ...seed]);
  const secret = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", secret);
  const binary = atob(x.replaceAll("-", "+").replaceAll("_", "/"));
  return { secret, publicKey: Uint8Array.from(binary, (character) => character.charCodeAt(0)) };
}

async function signerOf(seed: Uint8Array): Promise<Signer> {
  const { secret, publicKey } = await pairOf(seed);
  return {
    did: didOfKey(publicKey),
    sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", secret, message)),
  };
}

const seed = (byte: number) => new Uint8Array(32).fill(byte);
const lastByte = (byte: number) => Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? byte : 0));

describe("orders", () => {
  it("are signed as the realm checks them", async () => {
    const order = await signedOrder(await signerOf(seed(7)), "did:key:z6MkRealm", { id: "x" } as Submit);
    expect(order.order).toBe('{"id":"x"}');
    expect(order.signature).toBe("6FwDKmp07PsANjQSaWogxT_xaFfAdtPkxyc_Yylm-yQgtaH3R_ij3Ce7KJowSFkK5gpZLVbP7LvYyTOB3Q2-Dw");
  });
});

describe("changes of keys", () => {
  it("are signed as the realm checks them", async () => {
    const [old, next] = [await signerOf(seed(1)), await signerOf(seed(2))];
    const wallet = await accountOf(old.did);
    const said = {
      realm: "did:key:z6MkRealm", id: "00000000-0000-0000-0000-000000000007", wallet: wallet ?? "",
      change: { do: "rotate", next: next.did },
    } as const;
    const statement = await signedStatement(old, next, said);
    expect(statement.signature).toBe("sOKBg2IvbJVmPJFPLkwuACC_QaZuRDCVJppJmhr9CwZl0FM672eEQOQtCxNb5NCVgXoY4-kAgwpBUn8u-gAeCQ");
    expect(statement.next_signature).toBe("oh92tF_CpIF97biTU1yoP8Te2kfA4pWvWKgpgbkcfhR_sBDxBeSmBwyk75AUO-QwFWGYzu6RMiXx8GXqlJn9BQ");
    expect((await signedStatement(old, undefined, { ...said, change: { do: "veto", ask: said.id } })).next_signature).toBeUndefined();
  });

  it("are of a wallet by its account or by a name", async () => {
    const { did } = await signerOf(seed(1));
    const account = await accountOf(` ${did}\n`);
    expect(account).toMatch(/^[0-9a-f-]{36}$/);
    expect(await accountOf(account?.toUpperCase() ?? "")).toBe(account);
    expect(await accountOf("did:key:nobody")).toBeUndefined();
  });
});

describe("names of keys", () => {
  it("are those of the did:key specification", async () => {
    const vectors = [
      "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
      "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG",
      "did:key:z6MknGc3ocHs3zdPiJbnaaqDi58NGb4pk1Sp9WxWufuXSdxf",
    ];
    for (const [byte, did] of vectors.entries()) {
      const { publicKey } = await pairOf(lastByte(byte));
      expect(didOfKey(publicKey)).toBe(did);
      expect(keyOfDid(did)).toEqual(publicKey);
    }
  });

  it("of other kinds, or torn ones, are no names", () => {
    const wrong = [
      "", "did:web:example.com", "did:key:", "did:key:z", "did:key:z6Mk", "did:key:z6MkO0Il",
      "did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F", `did:key:z${"6".repeat(500)}`,
    ];
    for (const did of wrong) expect(keyOfDid(did), did).toBeUndefined();
  });

  it("are shortened for people", () => {
    expect(shortDid("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp")).toBe("z6MkiTB…DooWp");
  });

  it("give the account number that the realm derives", async () => {
    const { publicKey } = await pairOf(seed(2));
    const digest = await sha256(Uint8Array.from([...utf8("mtor guid v1"), 0, ...publicKey]));
    const guid = await guidOfKey(publicKey);
    expect(guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(guid.slice(0, 13)).toBe(`${hex(digest).slice(0, 8)}-${hex(digest).slice(8, 12)}`);
  });
});

describe("base58", () => {
  it("has the vectors of its draft", () => {
    expect(base58(utf8("Hello World!"))).toBe("2NEpo7TZRRrLZSi2U");
    expect(base58(Uint8Array.from([0, 0, 0x28, 0x7f, 0xb4, 0xcd]))).toBe("11233QC4");
    expect(base58(new Uint8Array(0))).toBe("");
  });

  it("comes back", () => {
    for (const bytes of [[], [0], [0, 0, 1], [255, 0, 255], Array.from({ length: 40 }, (_, index) => index * 6)]) {
      expect(unbase58(base58(Uint8Array.from(bytes)))).toEqual(Uint8Array.from(bytes));
    }
    expect(unbase58("0OIl")).toBeUndefined();
  });
});

describe("bytes", () => {
  it("count and cut texts as UTF-8 does", () => {
    const text = "aé€\u{1F600}";
    expect(utf8Length(text)).toBe(utf8(text).length);
    expect([0, 1, 2, 3, 5, 6, 9, 10, 99].map((end) => utf8Prefix(text, end))).toEqual(
      ["", "a", "a", "aé", "aé", "aé€", "aé€", text, text],
    );
  });

  it("are written for URLs without padding", () => {
    expect(base64url(Uint8Array.from([251, 255, 254, 1]))).toBe("-__-AQ");
    expect(base64url(seed(7))).toBe("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
  });
});

describe("what a wallet signs", () => {
  it("for a WebSocket is the text of mtor-identity", async () => {
    const realm = (await signerOf(seed(1))).did;
    const wallet = (await signerOf(seed(2))).did;
    const challenge = { realm, nonce: base64url(seed(7)), expires: "2026-01-01T00:00:05.000Z" };
    expect(sessionText(challenge, "worker", wallet)).toBe(
      `mtor session\nprotocol mtor.v1\nrealm ${realm}\nnonce BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n` +
        `role worker\nsigner ${wallet}\nexpires 1767225605000\n`,
    );
  });

  const request = {
    method: "POST", authority: "127.0.0.1:9000", path: "/api/jobs", query: "?after=3", body: '{"intent":"chat"}',
  };
  const nonce = "0pXq1vJxkYl2bWm5cT7dZg";

  it("for a request has the headers of mtor-identity", async () => {
    const wallet = await signerOf(seed(2));
    const headers = await signedHeaders(wallet, request, 1_767_225_600, nonce);
    expect(headers["Signature-Input"]).toBe(
      'mtor=("@method" "@authority" "@path" "@query" "content-digest");created=1767225600;expires=1767225660' +
        `;nonce="${nonce}";keyid="${wallet.did}";alg="ed25519";tag="mtor"`,
    );
    expect(headers["Signature"]).toMatch(/^mtor=:[A-Za-z0-9+/]{86}==:$/);
    const bare = await signedHeaders(wallet, { ...request, query: "", body: "" }, 1_767_225_600, nonce);
    expect(bare["Signature-Input"]).toMatch(/^mtor=\("@method" "@authority" "@path"\);/);
    expect(bare["Content-Digest"]).toBeUndefined();
  });

  it("for a request is the base of RFC 9421, line by line", async () => {
    const digest = `sha-256=:${base64(await sha256(utf8('{"hello": "world"}')))}:`;
    expect(digest).toBe("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    const { base, parameters } = signatureBase("did:key:zX", request, digest, 1, nonce);
    expect(base).toBe(
      '"@method": POST\n"@authority": 127.0.0.1:9000\n"@path": /api/jobs\n"@query": ?after=3\n' +
        `"content-digest": ${digest}\n"@signature-params": ${parameters}`,
    );
  });
});

describe("job ids", () => {
  it("are UUIDs of version 7 that carry the time and sort by it", () => {
    const id = uuid7(1_700_000_000_123, seed(0).slice(0, 10));
    expect(id).toBe("018bcfe5-687b-7000-8000-000000000000");
    expect(uuid7Time(id)).toBe(1_700_000_000_123);
    expect(uuid7(1) < uuid7(2)).toBe(true);
    expect(uuid7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
