/**
 * What a wallet signs: the challenge of a WebSocket, and HTTP requests (RFC 9421). The texts here must equal those of
 * the crate mtor-identity to the byte; the unit tests hold its vectors.
 */

import { base64, base64url, hex, sha256, utf8 } from "./bytes";
import type { Challenge, Order, SessionRole, Submit } from "./wire";

const REQUEST_LIFETIME_S = 60;

/** Who signs. */
export interface Signer {
  did: string;
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
}

/** The bytes that the answer to a challenge signs. */
export function sessionText(challenge: Challenge, role: SessionRole, signer: string): string {
  return [
    "mtor session",
    "protocol mtor.v1",
    `realm ${challenge.realm}`,
    `nonce ${challenge.nonce}`,
    `role ${role}`,
    `signer ${signer}`,
    `expires ${Date.parse(challenge.expires)}`,
    "",
  ].join("\n");
}

/** A job that a wallet signs for a realm: the text of the order is what is signed, to the byte. */
export async function signedOrder(signer: Signer, realm: string, submit: Submit): Promise<Order> {
  const order = JSON.stringify(submit);
  const text = `mtor.v1 order\n${realm}\n${hex(await sha256(utf8(order)))}\n`;
  return { order, by: signer.did, signature: base64url(await signer.sign(utf8(text))) };
}

/** What is signed of a request. */
export interface RequestParts {
  method: string;
  /** Host, and port unless it is the scheme's own. */
  authority: string;
  path: string;
  /** The query with its question mark; empty when there is none. */
  query: string;
  body: string;
}

/** The headers that prove who asks. */
export async function signedHeaders(
  signer: Signer,
  request: RequestParts,
  createdS: number,
  nonce: string,
): Promise<Record<string, string>> {
  const digest = request.body ? `sha-256=:${base64(await sha256(utf8(request.body)))}:` : undefined;
  const { base, parameters } = signatureBase(signer.did, request, digest, createdS, nonce);
  const signature = base64(await signer.sign(utf8(base)));
  return {
    "Signature-Input": `mtor=${parameters}`,
    Signature: `mtor=:${signature}:`,
    ...(digest ? { "Content-Digest": digest } : {}),
  };
}

/** The text that is signed, line by line, and the parameters that tell what is in it. */
export function signatureBase(
  did: string,
  request: RequestParts,
  digest: string | undefined,
  createdS: number,
  nonce: string,
): { base: string; parameters: string } {
  const components: [string, string][] = [
    ["@method", request.method],
    ["@authority", request.authority.toLowerCase()],
    ["@path", request.path || "/"],
  ];
  if (request.query) components.push(["@query", request.query]);
  if (digest) components.push(["content-digest", digest]);
  const covered = components.map(([name]) => `"${name}"`).join(" ");
  const expires = createdS + REQUEST_LIFETIME_S;
  const parameters =
    `(${covered});created=${createdS};expires=${expires};nonce="${nonce}";keyid="${did}";alg="ed25519";tag="mtor"`;
  const lines = components.map(([name, value]) => `"${name}": ${value}`);
  return { base: [...lines, `"@signature-params": ${parameters}`].join("\n"), parameters };
}
