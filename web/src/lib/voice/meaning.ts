/** What the realm's resolver understood, as the conversation takes it. */

import type { Effect, Intent, Resolved } from "../wire";
import type { Control, Meaning } from "./machine";

const CONTROLS: Record<string, Control> = {
  stop: "stop", cancel: "cancel", repeat: "repeat", continue: "continue", louder: "louder", quieter: "quieter", faster: "faster", slower: "slower",
  goodbye: "goodbye", mute: "mute", help: "help", yes: "nothing", no: "nothing",
};

/** What this page asks for by itself, from the words alone. */
const IMAGINE = "imagine";

/** What a conversation is the answer to: chats, and what a model can try in words when it has no tool for it. */
const ASKED = new Set(["chat", "tool.calculate", "tool.wikipedia"]);

type Single = Exclude<Meaning, { kind: "unsure" | "dear" }>;

/** Something that is done only when the person has said yes to it. */
export interface Sure {
  kind: "sure";
  capability: string;
  effect?: Effect;
  meaning: Single;
}

/** What is known of the realm's tools: whether somebody has one, and whether it may be used on these words alone. */
export interface Tools {
  isOffered: (capability: string) => boolean;
  needsYes: (capability: string) => boolean;
  /** What it does to the world, where that is known. */
  effect?: (capability: string) => Effect | undefined;
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
      const meaning = act(capability, understanding.text, text, intent ?? drawing(capability, understanding.text), tools);
      const unasked = meaning.kind !== "ask" || !meaning.tool || capability === IMAGINE || !tools.needsYes(capability);
      return unasked ? meaning : { kind: "sure", capability, effect: tools.effect?.(capability), meaning };
    }
    case "unsure": {
      const choices = understanding.choices.map((choice) => ({
        label: choice.say, meaning: act(choice.capability, choice.text, text, choice.intent ?? drawing(choice.capability, choice.text), tools),
      }));
      return choices.length > 0 ? { kind: "unsure", question: understanding.question || undefined, choices } : { kind: "ask", text };
    }
    case "steps": return { kind: "ask", text, plan: { language: resolved?.language } };
    default: return { kind: "ask", text };
  }
}

/** What is asked for when a picture is to be drawn of these words. */
export function drawing(capability: string, prompt: string): Intent | undefined {
  if (capability !== IMAGINE || !prompt.trim()) return undefined;
  return { capability: IMAGINE, model: "default", params: { prompt: prompt.trim() } };
}

function act(capability: string, slot: string, said: string, intent: Intent | null | undefined, tools: Tools): Single {
  if (intent && tools.isOffered(capability)) return { kind: "ask", text: said, tool: intent };
  if (capability === "chat") return { kind: "ask", text: slot.trim() || said };
  return ASKED.has(capability) ? { kind: "ask", text: said } : { kind: "nobody", capability };
}
