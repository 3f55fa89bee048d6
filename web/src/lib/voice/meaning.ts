/** What the realm's resolver understood, as the conversation takes it. */

import type { Intent, Resolved } from "../wire";
import type { Control, Meaning } from "./machine";

const CONTROLS: Record<string, Control> = {
  stop: "stop", cancel: "cancel", repeat: "repeat", continue: "continue", louder: "louder", quieter: "quieter", faster: "faster", slower: "slower",
  goodbye: "goodbye", mute: "mute", help: "help", yes: "nothing", no: "nothing",
};

/** What a conversation is the answer to: chats, and what a model can try in words when it has no tool for it. */
const ASKED = new Set(["chat", "tool.calculate", "tool.wikipedia"]);

type Single = Exclude<Meaning, { kind: "unsure" | "dear" }>;

/** Something that is done only when the person has said yes to it. */
export interface Sure {
  kind: "sure";
  capability: string;
  meaning: Single;
}

/** What is known of the realm's tools: whether somebody has one, and whether it may be used on these words alone. */
export interface Tools {
  isOffered: (capability: string) => boolean;
  needsYes: (capability: string) => boolean;
}

const NO_TOOLS: Tools = { isOffered: () => false, needsYes: () => true };

/** Reads an answer of the resolver; what came of no answer, or of one from a newer realm, is a question. */
export function meaningOf(resolved: Resolved | undefined, said: string, tools: Tools = NO_TOOLS): Meaning | Sure {
  const text = resolved?.text?.trim() || said;
  const understanding = resolved?.understanding;
  switch (understanding?.kind) {
    case "control": {
      const control = CONTROLS[understanding.control];
      return control ? { kind: "control", control } : { kind: "ask", text };
    }
    case "act": {
      const { capability, intent } = understanding;
      const meaning = act(capability, understanding.text, text, intent, tools);
      const unasked = meaning.kind !== "ask" || !meaning.tool || !tools.needsYes(capability);
      return unasked ? meaning : { kind: "sure", capability, meaning };
    }
    case "unsure": {
      const choices = understanding.choices.map((choice) => ({
        label: choice.say, meaning: act(choice.capability, choice.text, text, choice.intent, tools),
      }));
      return choices.length > 0 ? { kind: "unsure", question: understanding.question || undefined, choices } : { kind: "ask", text };
    }
    default: return { kind: "ask", text };
  }
}

function act(capability: string, slot: string, said: string, intent: Intent | null | undefined, tools: Tools): Single {
  if (intent && tools.isOffered(capability)) return { kind: "ask", text: said, tool: intent };
  if (capability === "chat") return { kind: "ask", text: slot.trim() || said };
  return ASKED.has(capability) ? { kind: "ask", text: said } : { kind: "nobody", capability };
}
