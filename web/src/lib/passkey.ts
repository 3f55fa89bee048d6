/**
 * A wallet under a passkey. The passkey gives a secret of its own (WebAuthn's extension `prf`), which never leaves this page;
 * under a key that comes of it the wallet is sealed, and what is sealed can lie where anybody sees it. The realm keeps it under
 * the hash of the passkey's name, so that any device that has the passkey finds it.
 */

import { base64url, hex, randomBytes, sha256, unbase64url, utf8 } from "./bytes";
import { shortDid } from "./did";
import { readSecret, writeSecret, type Secret } from "./secret";

const NONCE_BYTES = 12;
const PRF_BYTES = 32;
const FORMAT = "mtor-wallet-passkey";
const VERSION = 1;
/** What the passkey's secret is asked with: the same for every wallet, since who comes back knows nothing of it yet. */
const ASKED = "mtor wallet passkey v1";
/** Ed25519, ECDSA on P-256, RSA: what authenticators can. Its signatures are not looked at; only its secret is. */
const ALGORITHMS = [-8, -7, -257];
/** How long the person may take at the authenticator. */
const PATIENCE_MS = 120_000;

/** Why there can be no passkey; the page has words for each. */
export type PasskeyObstacle = "unsupported" | "address" | "no-prf" | "cancelled" | "damaged";

export class PasskeyProblem extends Error {
  constructor(readonly obstacle: PasskeyObstacle) {
    super(obstacle);
  }
}

/** A passkey that was just asked: its name, hashed, and the key that came of it. */
export interface OpenPasskey {
  id: string;
  key: CryptoKey;
}

/** The file in which a sealed wallet can lie. */
export interface PasskeyFile {
  format: typeof FORMAT;
  version: typeof VERSION;
  passkey: string;
  sealed: string;
}

/** Why this page can't use passkeys at this address, if so. */
export function obstacleHere(): PasskeyObstacle | undefined {
  if (!globalThis.isSecureContext || typeof PublicKeyCredential === "undefined") return "unsupported";
  // A passkey belongs to a name; browsers take no number for one.
  return /^[\d.]+$|^\[/.test(location.hostname) ? "address" : undefined;
}

/** Makes a passkey for this wallet, and asks it for its secret. */
export async function makePasskey(did: string): Promise<OpenPasskey> {
  const made = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        challenge: randomBytes(32),
        rp: { name: "MTOR" },
        // Another wallet is another user to the authenticator, and takes no passkey's place.
        user: { id: randomBytes(16), name: `MTOR ${shortDid(did)}`, displayName: `MTOR ${shortDid(did)}` },
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        timeout: PATIENCE_MS,
        extensions: { prf: { eval: { first: utf8(ASKED) } } },
      },
    }),
  );
  const { prf } = made.getClientExtensionResults();
  if (!prf?.enabled) throw new PasskeyProblem("no-prf");
  // Many give it only when they are asked again.
  return prf.results ? opened(made, prf.results.first) : findPasskey(made.rawId);
}

/** Asks for a passkey of this address, whichever the person chooses, or this one. */
export async function findPasskey(rawId?: ArrayBuffer): Promise<OpenPasskey> {
  const found = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: randomBytes(32),
        allowCredentials: rawId ? [{ type: "public-key", id: rawId }] : [],
        userVerification: "required",
        timeout: PATIENCE_MS,
        extensions: { prf: { eval: { first: utf8(ASKED) } } },
      },
    }),
  );
  return opened(found, found.getClientExtensionResults().prf?.results?.first);
}

/** Seals a wallet under a passkey. */
export async function sealUnder({ id, key }: OpenPasskey, secret: Secret): Promise<string> {
  const nonce = randomBytes(NONCE_BYTES);
  const text = utf8(JSON.stringify(writeSecret(secret)));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(cipherOf(nonce, id), key, text));
  return base64url(Uint8Array.from([...nonce, ...sealed]));
}

/** Opens what a passkey has sealed. */
export async function openUnder({ id, key }: OpenPasskey, sealed: string): Promise<Secret> {
  const bytes = unbase64url(sealed);
  const damaged = () => new PasskeyProblem("damaged");
  if (!bytes) throw damaged();
  const cipher = cipherOf(bytes.slice(0, NONCE_BYTES), id);
  const text = await crypto.subtle.decrypt(cipher, key, bytes.slice(NONCE_BYTES)).catch(() => {
    throw damaged();
  });
  const secret = readSecret(JSON.parse(new TextDecoder().decode(text)));
  if (!secret) throw damaged();
  return secret;
}

/** The text of a file with a sealed wallet. */
export function fileOf(passkey: string, sealed: string): string {
  const file: PasskeyFile = { format: FORMAT, version: VERSION, passkey, sealed };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** What lies sealed in such a file, if it is of this passkey. */
export function sealedIn(text: string, passkey: string): string {
  try {
    const file = JSON.parse(text) as Partial<PasskeyFile>;
    const right = file.format === FORMAT && file.version === VERSION && file.passkey === passkey;
    if (right && typeof file.sealed === "string") return file.sealed;
  } catch {
    // No JSON is no such file either.
  }
  throw new PasskeyProblem("damaged");
}

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  const obstacle = obstacleHere();
  if (obstacle) throw new PasskeyProblem(obstacle);
  const credential = await ask().catch((error: unknown) => {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "SecurityError") throw new PasskeyProblem("address");
    if (name === "NotSupportedError" || name === "ConstraintError") throw new PasskeyProblem("unsupported");
    // The browser says no more, so that no page learns which passkeys there are.
    throw new PasskeyProblem("cancelled");
  });
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyProblem("cancelled");
  return credential;
}

async function opened(credential: PublicKeyCredential, secret: BufferSource | undefined): Promise<OpenPasskey> {
  if (!secret) throw new PasskeyProblem("no-prf");
  const bytes = new Uint8Array(ArrayBuffer.isView(secret) ? secret.buffer : secret);
  if (bytes.length !== PRF_BYTES) throw new PasskeyProblem("no-prf");
  const material = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
  bytes.fill(0);
  const id = hex(await sha256(new Uint8Array(credential.rawId)));
  const derived = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(`${ASKED}\n${id}`) };
  const key = await crypto.subtle.deriveKey(derived, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  return { id, key };
}

/** Sealed along is which passkey it is for. */
function cipherOf(nonce: Uint8Array<ArrayBuffer>, id: string): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: utf8(`mtor wallet passkey\nversion ${VERSION}\npasskey ${id}\n`) };
}
