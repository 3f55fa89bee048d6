/** Twelve words as a person has typed them: a wallet's secret, or what is wrong with them in the person's language. */

import { PHRASE_WORDS } from "./defaults";
import type { Secret } from "./secret";
import { t } from "./strings";

export interface Misread {
  complaint: string;
  /** Words that may have been meant instead of an unknown one. */
  meant?: { word: string; suggestions: string[] };
}

export async function secretOfWords(text: string): Promise<Secret | Misread> {
  // The list of words is loaded only by whoever needs it.
  const { readPhrase } = await import("./phrase");
  const bytes = readPhrase(text);
  if (bytes instanceof Uint8Array) return { kind: "phrase-entropy", bytes };
  if (bytes.kind === "count") return { complaint: t.keep.wrongCount(bytes.found, PHRASE_WORDS) };
  if (bytes.kind === "checksum") return { complaint: t.keep.checksum };
  return { complaint: t.keep.unknownWord(bytes.position, bytes.word), meant: bytes };
}

/** How many words there are so far. */
export const countOfWords = (text: string): number => text.match(/\p{L}+/gu)?.length ?? 0;
