/** The words of the page in the language that is shown. One table for each language; English says which words there are. */

import { de } from "./de";
import { en } from "./en";
import { es } from "./es";
import { fr } from "./fr";
import { it } from "./it";

/** The shape of a table: the same words, in any language. */
type Words<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...parameters: infer P) => string
      ? (...parameters: P) => string
      : T[K] extends readonly string[]
        ? readonly string[]
        : Words<T[K]>;
};
export type Strings = Words<typeof en>;

/** Every language, by its tag, with its own name for itself. */
export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", it: "Italiano" } as const;
export type Language = keyof typeof LANGUAGES;

export const TABLES: Record<Language, Strings> = { en, de, fr, es, it };

/** The words that are shown now. Who shows them is drawn anew when the language changes. */
export let t: Strings = en;
export let language: Language = "en";

/** Shows the page in a language. */
export function speakIn(tag: Language): void {
  language = tag;
  t = TABLES[tag];
}

/** The first of some tags (`de-AT`, `fr`) that there is a table for; English when there is none. */
export function languageOf(tags: readonly string[]): Language {
  const known = Object.keys(LANGUAGES) as Language[];
  for (const tag of tags) {
    const found = known.find((language) => language === tag.toLowerCase().split("-")[0]);
    if (found) return found;
  }
  return "en";
}
