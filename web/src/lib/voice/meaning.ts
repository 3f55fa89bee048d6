/** What the realm's resolver understood, as the conversation takes it. */

import type { Resolved } from "../wire";
import type { Control, Meaning } from "./machine";

const CONTROLS: Record<string, Control> = {
  stop: "stop", cancel: "cancel", repeat: "repeat", continue: "continue", louder: "louder", quieter: "quieter", faster: "faster", slower: "slower",
  goodbye: "goodbye", mute: "mute", help: "help", yes: "nothing", no: "nothing",
};

/** What a conversation is the answer to: chats, and what a model can try in words when it has no tool for it. */
const ASKED = new Set(["chat", "tool.calculate", "tool.wikipedia"]);

type Single = Exclude<Meaning, { kind: "unsure" | "dear" }>;

/** Reads an answer of the resolver; what came of no answer, or of one from a newer realm, is a question. */
export function meaningOf(resolved: Resolved | undefined, said: string): Meaning {
  const text = resolved?.text?.trim() || said;
  const understanding = resolved?.understanding;
  switch (understanding?.kind) {
    case "control": {
      const control = CONTROLS[understanding.control];
      return control ? { kind: "control", control } : { kind: "ask", text };
    }
    case "act": return act(understanding.capability, understanding.text, text);
    case "unsure": {
      const choices = understanding.choices.map((choice) => ({
        label: choice.say, meaning: act(choice.capability, choice.text, text),
      }));
      return choices.length > 0 ? { kind: "unsure", question: understanding.question || undefined, choices } : { kind: "ask", text };
    }
    default: return { kind: "ask", text };
  }
}

function act(capability: string, slot: string, said: string): Single {
  if (capability === "chat") return { kind: "ask", text: slot.trim() || said };
  return ASKED.has(capability) ? { kind: "ask", text: said } : { kind: "nobody", capability };
}
