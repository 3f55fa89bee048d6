/** What the realm's resolver understood, as the conversation takes it. */

import type { Choice, Control, Meaning } from "./machine";

const CONTROLS: Record<string, Control> = {
  stop: "stop", cancel: "cancel", repeat: "repeat", louder: "louder", quieter: "quieter", faster: "faster", slower: "slower",
  goodbye: "goodbye", mute: "mute", help: "help", yes: "nothing", no: "nothing",
};

/** What this page can ask for itself: chats, and no more yet. */
const ASKED = new Set(["chat"]);

type Single = Exclude<Meaning, { kind: "unsure" | "dear" }>;

/** Reads an answer of the resolver; what it does not understand is a question. */
export function meaningOf(resolved: unknown, text: string): Meaning {
  const from = object(resolved);
  const understanding = object(from["understanding"] ?? from);
  const said = words(from["text"]) ?? text;
  switch (understanding["kind"]) {
    case "control": return controlOf(understanding["control"]) ?? { kind: "ask", text: said };
    case "act": return act(understanding, said);
    case "unsure": return unsure(understanding, said);
    default: return { kind: "ask", text: said };
  }
}

function act(from: Record<string, unknown>, said: string): Single {
  const capability = words(from["capability"]);
  if (capability === undefined || ASKED.has(capability)) return { kind: "ask", text: words(from["text"]) ?? said };
  return { kind: "nobody", capability };
}

function unsure(from: Record<string, unknown>, said: string): Meaning {
  const listed = Array.isArray(from["choices"]) ? from["choices"].map(object) : [];
  const choices: Choice[] = listed.map((choice) => ({
    label: words(choice["say"]) ?? words(choice["text"]) ?? said, meaning: act(choice, said),
  }));
  return choices.length > 0 ? { kind: "unsure", question: words(from["question"]), choices } : { kind: "ask", text: said };
}

function controlOf(word: unknown): Single | undefined {
  const control = typeof word === "string" ? CONTROLS[word] : undefined;
  return control && { kind: "control", control };
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function words(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
