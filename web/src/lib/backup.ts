/**
 * Backup files: a wallet under a password, as small JSON that the console and the command read alike. The format is
 * described in docs/src/reference/wallet-backup.md; the other side of it is `backup` of mtor-identity.
 */

import { base64url, randomBytes, unbase64url, utf8 } from "./bytes";
import {
  BACKUP_BYTES_MAX, BACKUP_LANES_MAX, BACKUP_MEMORY_KIB, BACKUP_MEMORY_KIB_MAX, BACKUP_MEMORY_KIB_MIN, BACKUP_PASSES,
  BACKUP_PASSES_MAX, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN,
} from "./defaults";
import { shortDid } from "./did";
import { keysOf, SECRET_BYTES, type Secret } from "./secret";

const FORMAT = "mtor-wallet-backup";
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;

/** The content of a backup file. Without its password it says whose wallet it is, and nothing else. */
export interface Backup {
  format: typeof FORMAT;
  version: typeof VERSION;
  did: string;
  secret: Secret["kind"];
  kdf: { name: "argon2id"; memory_kib: number; passes: number; lanes: number; salt: string };
  cipher: { name: "aes-256-gcm"; nonce: string };
  sealed: string;
}

/** Why a file can't be opened; the page has words for each. */
export type BackupObstacle = "not-a-backup" | "newer" | "password";

export class BackupProblem extends Error {
  constructor(readonly obstacle: BackupObstacle) {
    super(obstacle);
  }
}

/** Whether a password withstands guessing for as long as a file may lie around. */
export function isGoodPassword(password: string): boolean {
  return [...password.normalize("NFC")].length >= PASSWORD_CHARS_MIN && utf8(password).length <= PASSWORD_BYTES_MAX;
}

/** Seals a wallet's secret under a password. */
export async function seal(secret: Secret, password: string): Promise<Backup> {
  const { did } = await keysOf(secret);
  const nonce = randomBytes(NONCE_BYTES);
  const kdf: Backup["kdf"] = {
    name: "argon2id", memory_kib: BACKUP_MEMORY_KIB, passes: BACKUP_PASSES, lanes: 1,
    salt: base64url(randomBytes(SALT_BYTES)),
  };
  const key = await keyOf(password, kdf);
  const sealed = await crypto.subtle.encrypt(cipherOf(nonce, did, secret.kind), key, secret.bytes);
  return {
    format: FORMAT, version: VERSION, did, secret: secret.kind, kdf,
    cipher: { name: "aes-256-gcm", nonce: base64url(nonce) },
    sealed: base64url(new Uint8Array(sealed)),
  };
}

/** The text of a backup file. */
export function textOf(backup: Backup): string {
  return `${JSON.stringify(backup, null, 2)}\n`;
}

/** The name of a backup file: its day and the wallet's short name. */
export function nameOf(backup: Backup, now: Date): string {
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0"));
  return `mtor-wallet-${day.join("-")}-${shortDid(backup.did).replace("…", "-")}.json`;
}

/** Reads the text of a backup file. */
export function readBackup(text: string): Backup {
  if (utf8(text).length > BACKUP_BYTES_MAX) throw new BackupProblem("not-a-backup");
  let value: Partial<Backup> | null;
  try {
    value = JSON.parse(text) as Partial<Backup> | null;
  } catch {
    throw new BackupProblem("not-a-backup");
  }
  if (value?.format !== FORMAT) throw new BackupProblem("not-a-backup");
  if (typeof value.version === "number" && value.version > VERSION) throw new BackupProblem("newer");
  if (!isBackup(value)) throw new BackupProblem("not-a-backup");
  return value;
}

/** The wallet's secret, if the password is right. */
export async function open(backup: Backup, password: string): Promise<Secret> {
  const nonce = unbase64url(backup.cipher.nonce);
  const sealed = unbase64url(backup.sealed);
  if (nonce?.length !== NONCE_BYTES || !sealed) throw new BackupProblem("not-a-backup");
  if (utf8(password).length > PASSWORD_BYTES_MAX) throw new BackupProblem("password");
  const key = await keyOf(password, backup.kdf);
  const bytes = await crypto.subtle.decrypt(cipherOf(nonce, backup.did, backup.secret), key, sealed).catch(() => {
    // A changed file and a wrong password can't be told apart.
    throw new BackupProblem("password");
  });
  const secret: Secret = { kind: backup.secret, bytes: new Uint8Array(bytes) };
  const right = secret.bytes.length === SECRET_BYTES[secret.kind] && (await keysOf(secret)).did === backup.did;
  if (!right) throw new BackupProblem("not-a-backup");
  return secret;
}

async function keyOf(password: string, kdf: Backup["kdf"]): Promise<CryptoKey> {
  const salt = unbase64url(kdf.salt);
  if (salt?.length !== SALT_BYTES) throw new BackupProblem("not-a-backup");
  // Composed, so that it is the same on every keyboard. Nobody else needs Argon2: it is loaded now. It wants a password,
  // and an empty one is wrong in any case.
  const composed = password.normalize("NFC");
  if (composed === "") throw new BackupProblem("password");
  const { argon2id } = await import("hash-wasm");
  const bytes = await argon2id({
    password: composed, salt, iterations: kdf.passes, memorySize: kdf.memory_kib, parallelism: kdf.lanes,
    hashLength: KEY_BYTES, outputType: "binary",
  });
  const key = await crypto.subtle.importKey("raw", Uint8Array.from(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
  bytes.fill(0);
  return key;
}

/** Sealed along, for all to read, is whose wallet it is: a file can't be made to pass for another one's. */
function cipherOf(nonce: Uint8Array<ArrayBuffer>, did: string, kind: Secret["kind"]): AesGcmParams {
  const beside = `mtor wallet backup\nversion ${VERSION}\ndid ${did}\nsecret ${kind}\n`;
  return { name: "AES-GCM", iv: nonce, additionalData: utf8(beside) };
}

/** Costs are looked at before they are paid: a file of a stranger must not take all memory. */
function isBackup(value: Partial<Backup>): value is Backup {
  const { did, secret, kdf, cipher, sealed } = value;
  const within = (number: unknown, min: number, max: number) =>
    typeof number === "number" && Number.isInteger(number) && number >= min && number <= max;
  return (
    value.version === VERSION && typeof did === "string" && typeof sealed === "string" &&
    (secret === "phrase-entropy" || secret === "seed") &&
    kdf?.name === "argon2id" && typeof kdf.salt === "string" &&
    within(kdf.memory_kib, BACKUP_MEMORY_KIB_MIN, BACKUP_MEMORY_KIB_MAX) &&
    within(kdf.passes, 1, BACKUP_PASSES_MAX) && within(kdf.lanes, 1, BACKUP_LANES_MAX) &&
    cipher?.name === "aes-256-gcm" && typeof cipher.nonce === "string"
  );
}
