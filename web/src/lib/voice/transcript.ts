/** What came back from the writer of speech, and how far it can be trusted. */

import { ECHO_SHARE_MIN, SURE_MEAN_MIN, SURE_WORD_MIN } from "../defaults";

export interface Heard {
  text: string;
  language?: string;
  /** Whether the words were understood well enough to act on them at once. */
  sure: boolean;
}

/** Reads the text of a finished job: a transcript in detail, or plain words. */
export function readTranscript(answer: string): Heard {
  const detail = parsed(answer);
  if (!detail) return { text: answer.trim(), sure: true };
  const language = typeof detail["language"] === "string" && detail["language"] ? detail["language"] : undefined;
  return { text: String(detail["text"]).trim(), language, sure: isSure(detail["words"]) };
}

function parsed(answer: string): Record<string, unknown> | undefined {
  if (!answer.trimStart().startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(answer);
    return typeof value === "object" && value !== null && "text" in value ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Without words and their probabilities nothing speaks against a transcript. */
function isSure(words: unknown): boolean {
  if (!Array.isArray(words) || words.length === 0) return true;
  const probabilities = words.map((word: { probability?: unknown }) =>
    typeof word?.probability === "number" ? word.probability : 1,
  );
  const mean = probabilities.reduce((sum, each) => sum + each, 0) / probabilities.length;
  return mean >= SURE_MEAN_MIN && Math.min(...probabilities) >= SURE_WORD_MIN;
}

/** The words of a text, for comparing: small letters and digits of any script. */
export function plainWords(text: string): string[] {
  return text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/**
 * Whether what was heard is what the realm itself was just saying: most of its words stand there in the same order. A
 * single word is none: "stop" may well be part of an answer.
 */
export function isEcho(heard: string, spoken: string): boolean {
  const words = plainWords(heard);
  if (words.length < 2) return false;
  return inOrder(words, plainWords(spoken)) / words.length >= ECHO_SHARE_MIN;
}

/** The length of the longest common subsequence. */
function inOrder(some: readonly string[], all: readonly string[]): number {
  let row = new Array<number>(all.length + 1).fill(0);
  for (const word of some) {
    const next = [0];
    for (let index = 1; index <= all.length; index += 1) {
      const longest = Math.max(row[index] ?? 0, next[index - 1] ?? 0);
      next.push(all[index - 1] === word ? Math.max(longest, (row[index - 1] ?? 0) + 1) : longest);
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Which of several choices somebody named, by its place or by words that only it has; nothing when that is not clear. */
export function choiceOf(said: string, labels: readonly string[], places: readonly string[]): number | undefined {
  const words = new Set(plainWords(said));
  const named = labels.map((_, index) => (places[index] ?? "").split("|").some((place) => isIn(plainWords(place), words)));
  if (named.filter(Boolean).length === 1) return named.indexOf(true);
  const own = labels.map((label, index) => {
    const others = new Set(labels.filter((_, other) => other !== index).flatMap(plainWords));
    return plainWords(label).filter((word) => !others.has(word) && words.has(word)).length;
  });
  const most = Math.max(...own);
  return most > 0 && own.filter((count) => count === most).length === 1 ? own.indexOf(most) : undefined;
}

function isIn(place: readonly string[], words: ReadonlySet<string>): boolean {
  return place.length > 0 && place.every((word) => words.has(word));
}
