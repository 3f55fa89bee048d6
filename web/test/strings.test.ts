import { afterEach, describe, expect, it } from "vitest";
import { LANGUAGES, languageOf, speakIn, t, TABLES, type Language } from "../src/lib/strings";

const OTHERS = (Object.keys(LANGUAGES) as Language[]).filter((tag) => tag !== "en");

/** Every word of a table, by its path. */
function leaves(table: unknown, path = ""): [string, unknown][] {
  if (typeof table !== "object" || table === null) return [[path, table]];
  return Object.entries(table).flatMap(([key, value]) => leaves(value, path ? `${path}.${key}` : key));
}

/** What a function of words is given: marks that must be found again in what it says. */
const MARKS = ["«a»", "«b»", "«c»"];
const said = (word: unknown) =>
  typeof word === "function" ? String((word as (...parts: string[]) => string)(...MARKS.slice(0, word.length))) : String(word);
const marksIn = (text: string) => MARKS.filter((mark) => text.includes(mark));

describe.each(OTHERS)("the words in %s", (tag) => {
  const english = new Map(leaves(TABLES.en));
  const others = new Map(leaves(TABLES[tag]));

  it("are all there, and none is left over", () => {
    expect([...others.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it("say something, and name what they are given", () => {
    for (const [path, word] of english) {
      const other = others.get(path);
      expect(typeof other, path).toBe(typeof word);
      expect(said(other).trim(), path).not.toBe("");
      expect(marksIn(said(other)), path).toEqual(marksIn(said(word)));
    }
  });

  it("keep commands and addresses as they are", () => {
    for (const [path, word] of english) {
      const kept = said(word).match(/mtor (?:worker|wallet|up)\b(?: \w+)?|127\.0\.0\.1|did:key|https?\b|\/v1/g) ?? [];
      for (const literal of kept) expect(said(others.get(path)), path).toContain(literal);
    }
  });

  it("are not English by mistake", () => {
    const long = [...english].filter(([, word]) => typeof word === "string" && word.split(" ").length > 3);
    expect(long.length).toBeGreaterThan(50);
    for (const [path, word] of long) expect(others.get(path), path).not.toBe(word);
  });
});

describe("the language of the page", () => {
  afterEach(() => speakIn("en"));

  it("is the first that the browser wants and that there is a table for", () => {
    expect(languageOf(["de-AT", "en"])).toBe("de");
    expect(languageOf(["pt-BR", "es-MX"])).toBe("es");
    expect(languageOf(["ja"])).toBe("en");
    expect(languageOf([])).toBe("en");
  });

  it("changes every word at once", () => {
    speakIn("de");
    expect(t.nav.ask).toBe("Fragen");
    speakIn("en");
    expect(t.nav.ask).toBe("Ask");
  });
});
