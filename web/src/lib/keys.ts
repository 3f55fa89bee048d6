/**
 * Changes of a wallet's keys, as they are signed. The text must equal that of the crate mtor-protocol (keys.rs) to the byte;
 * the unit tests hold its vector.
 */

import { base64url, utf8 } from "./bytes";
import { guidOfKey, keyOfDid } from "./did";
import { keysOf, type Secret } from "./secret";
import type { Signer } from "./signing";
import type { AccountId, KeyChange, KeyStatement } from "./wire";

/** What is said about whose keys, in which realm. */
export interface Said {
  realm: string;
  id: string;
  /** The wallet, by the GUID of any key that it ever had. */
  wallet: AccountId;
  change: KeyChange;
}

/** A change of keys under the signature of the key that may, and of the one that becomes the wallet's, where one does. */
export async function signedStatement(by: Signer, next: Signer | undefined, said: Said): Promise<KeyStatement> {
  const { id, wallet, change } = said;
  const text = utf8(`mtor.v1 keys\n${said.realm}\n${id}\n${wallet}\n${lineOf(change)}\n`);
  const sign = async (signer: Signer) => base64url(await signer.sign(text));
  return {
    id, wallet, change, by: by.did, signature: await sign(by), ...(next ? { next_signature: await sign(next) } : {}),
  };
}

function lineOf(change: KeyChange): string {
  switch (change.do) {
    case "rotate":
      return `rotate ${change.next}`;
    case "name_recovery":
      return `name-recovery ${change.key ?? "none"}`;
    case "ask_recovery":
      return `ask-recovery ${change.next}`;
    case "veto":
      return `veto ${change.ask}`;
  }
}

/** Who signs with the key of a secret. */
export async function signerOf(secret: Secret): Promise<Signer> {
  const { pair, did } = await keysOf(secret);
  return {
    did,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, pair.privateKey, message)),
  };
}

/** A wallet, by its account or by the name of one of its keys; nothing when the text is neither. */
export async function accountOf(text: string): Promise<AccountId | undefined> {
  const name = text.trim();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)) return name.toLowerCase();
  const key = keyOfDid(name);
  return key && guidOfKey(key);
}
