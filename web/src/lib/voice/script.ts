/**
 * What a speech says and how far it has come. Each clause's sound arrives before its words; so the words belong to all
 * samples since the clause before.
 */

export interface Clause {
  text: string;
  /** In samples from the beginning of the speech. */
  start: number;
  end: number;
}

export interface Script {
  clauses: readonly Clause[];
  /** Samples that have arrived. */
  samples: number;
}

export const emptyScript: Script = { clauses: [], samples: 0 };

export function withSound(script: Script, samples: number): Script {
  return { ...script, samples: script.samples + samples };
}

export function withClause(script: Script, text: string): Script {
  const start = script.clauses.at(-1)?.end ?? 0;
  return { ...script, clauses: [...script.clauses, { text, start, end: script.samples }] };
}

/** The clause that is heard when so many samples have been played. */
export function clauseAt(script: Script, played: number): Clause | undefined {
  return script.clauses.find((clause) => played < clause.end) ?? (played >= script.samples ? script.clauses.at(-1) : undefined);
}

/** The words that were played to their end. */
export function spokenUntil(script: Script, played: number): string {
  return script.clauses.filter((clause) => clause.end <= played).map((clause) => clause.text).join("");
}

/**
 * What is left of a text after the words that were spoken of it. Spoken words may differ from the text in their blanks;
 * where they differ in more, so much of the text is left out as they are long.
 */
export function restOf(text: string, spoken: string): string {
  let at = 0;
  for (const character of spoken) {
    if (/\s/.test(character)) continue;
    while (at < text.length && /\s/.test(text[at] ?? "")) at += 1;
    if (at >= text.length) return "";
    at += character.length;
  }
  return text.slice(at).trimStart();
}
