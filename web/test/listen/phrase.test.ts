import { expect, it } from "vitest";
import { withoutPhrase } from "../../src/lib/listen/phrase";

it("the wake word is taken from the front of a transcript, and from nowhere else", () => {
  const cases: [string, string, string][] = [
    ["Computer, what is the capital of France?", "computer", "what is the capital of France?"],
    [" computer what time is it", "Computer", "what time is it"],
    ["Computer.", "computer", ""],
    ["Hey, computer! Stop.", "computer", "Stop."],
    ["Computers are slow.", "computer", "Computers are slow."],
    ["My computer is slow.", "computer", "My computer is slow."],
    ["Hey, Realm: lights off", "hey realm", "lights off"],
    ["¿Ordenador, qué hora es?", "ordenador", "qué hora es?"],
    ["anything", "", "anything"],
    ["C++ is a language", "c++", "is a language"],
  ];
  for (const [said, phrase, left] of cases) expect(withoutPhrase(said, phrase)).toBe(left);
});
