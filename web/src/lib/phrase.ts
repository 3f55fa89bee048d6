/** Recovery phrases: a wallet as twelve English words (BIP-39). The same words give the same wallet as in mtor-identity. */

import { entropyToMnemonic, mnemonicToEntropy, mnemonicToSeedWebcrypto } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { PHRASE_WORDS, SUGGESTIONS_MAX } from "./defaults";
import { derive, DERIVATION_PATH } from "./slip10";

/** Typos are at most so many letters away from a word. */
const DISTANCE_MAX = 2;
/** No two words of the list begin with the same four letters. */
const TELLING_LETTERS = 4;

/** What is wrong with words that should be a phrase; positions count from 1. */
export type PhraseMistake =
  | { kind: "count"; found: number }
  | { kind: "unknown"; position: number; word: string; suggestions: string[] }
  | { kind: "checksum" };

/** The twelve words of 16 bytes. */
export function wordsOf(entropy: Uint8Array): string[] {
  return entropyToMnemonic(entropy, wordlist).split(" ");
}

/** The words in a text, in small letters; numbers, commas and lines between them don't matter. */
export function wordsIn(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** The 16 bytes that a text of twelve words stands for, or what is wrong with it. */
export function readPhrase(text: string): Uint8Array<ArrayBuffer> | PhraseMistake {
  const words = wordsIn(text);
  if (words.length !== PHRASE_WORDS) return { kind: "count", found: words.length };
  const index = words.findIndex((word) => !wordlist.includes(word));
  const unknown = words[index];
  if (unknown !== undefined) {
    return { kind: "unknown", position: index + 1, word: unknown, suggestions: suggestionsFor(unknown) };
  }
  try {
    return Uint8Array.from(mnemonicToEntropy(words.join(" "), wordlist));
  } catch {
    // Count and words are right by now.
    return { kind: "checksum" };
  }
}

/** The seed of the key that a phrase is: 32 bytes. */
export async function seedOfPhrase(entropy: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const seed = await mnemonicToSeedWebcrypto(wordsOf(entropy).join(" "));
  return derive(Uint8Array.from(seed), DERIVATION_PATH);
}

/** Words of the list that may have been meant: those that are nearest. */
export function suggestionsFor(word: string): string[] {
  const begins = word.slice(0, TELLING_LETTERS);
  const found = wordlist.map((known) => {
    const alike = word.length >= TELLING_LETTERS && known.startsWith(begins);
    // However it goes on, it is hardly another word.
    return { known, distance: alike ? 1 : distance(word, known) };
  });
  const nearest = Math.min(DISTANCE_MAX, ...found.map((one) => one.distance));
  return found
    .filter((one) => one.distance === nearest)
    .slice(0, SUGGESTIONS_MAX)
    .map((one) => one.known);
}

/** Letters to change, add, leave out or swap with their neighbour until one word is the other. */
function distance(from: string, to: string): number {
  // Farther apart than anybody would ask about.
  if (Math.abs(from.length - to.length) > DISTANCE_MAX) return DISTANCE_MAX + 1;
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= from.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = row > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (same ? 0 : 1),
          swapped ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(from.length, to.length);
}
