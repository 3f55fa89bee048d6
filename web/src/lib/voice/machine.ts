/**
 * A conversation by voice, as a state machine: what happened goes in, what is to be done comes out. It knows no
 * microphone, no job, no clock and no word of any language.
 *
 * A turn: somebody speaks (`hearing`), the last words are on their way (`reading`), perhaps they can still be changed
 * (`confirming`) or must be chosen from (`choosing`), the realm works (`thinking`) and answers (`speaking`).
 */

import { SPEED_STEP, VAIN_BARGES_MAX, VOLUME_STEP } from "../defaults";
import type { Spoken } from "../conversation";
import type { Intent, Micro, Quote, Timestamp } from "../wire";
import type { Mode } from "./settings";

/** Why the microphone can't be used; the page has words for each. */
export type MicProblem =
  | "refused" | "missing" | "busy" | "unplugged" | "other-tab" | "insecure" | "unsupported" | "broken";

export type Mic = "off" | "opening" | "on" | MicProblem;

export type Phase = "idle" | "hearing" | "reading" | "confirming" | "choosing" | "thinking" | "speaking";

/** How a turn began. */
export type Via = "wake" | "press" | "voice" | "typed";

/** Words that steer the conversation instead of asking something. */
export type Control =
  | "stop" | "cancel" | "repeat" | "louder" | "quieter" | "faster" | "slower" | "goodbye" | "continue" | "mute" | "help" | "nothing";

/** What is to be done with words that were said. */
export type Meaning =
  | { kind: "control"; control: Control }
  /**
   * `quote`: when the quote that it relies on runs out. `most`: what the person agreed to, where that is above the limit. `tool`: what
   * is asked of a tool, rather than of a model. `plan`: the words want several steps.
   */
  | { kind: "ask"; text: string; quote?: Timestamp; most?: Micro; tool?: Intent; plan?: Spoken }
  /** A yes or a no to what a plan asks: about one of its steps, or about all of it. */
  | { kind: "word"; plan: string; step?: number; yes: boolean }
  /** The person said yes to what was quoted; whether that still holds is to be seen. */
  | { kind: "agreed"; text: string; quote: Quote; tool?: Intent }
  /** Nobody here can do it. */
  | { kind: "nobody"; capability: string }
  /** It may cost more than the person wants to spend unasked. */
  | { kind: "dear"; price: string; choices: Choice[] }
  | { kind: "unsure"; question?: string; choices: Choice[] };

export interface Choice {
  /** What would be done, in words for a button. */
  label: string;
  meaning: Exclude<Meaning, { kind: "unsure" | "dear" }>;
}

/** What the page says by itself; it has the words. */
export type Line =
  | { line: "nobody"; capability: string }
  | { line: "dear"; price: string }
  /** What a bell rang for. */
  | { line: "bell"; text: string }
  /** The resolver's own words, where it has any. */
  | { line: "which"; question?: string }
  | { line: "help" }
  | { line: "misheard" }
  | { line: "failed"; why: string }
  | { line: "goodbye" };

export type Timer = "barge" | "confirm" | "choice" | "follow" | "words" | "resolve";

export interface VoiceState {
  mode: Mode;
  mic: Mic;
  muted: boolean;
  phase: Phase;
  /** Counts the turns; what belongs to an earlier one is ignored. */
  turn: number;
  via: Via;
  /** The button is down, or was pressed for a moment while there was no microphone yet. */
  held: false | "down" | "tapped";
  /** What is said may be a follow-up: no wake word is needed. */
  following: boolean;
  /** Somebody speaks while the realm does: it has become quieter, and may fall silent. */
  ducked: boolean;
  /** Speech was cut, and what was not said yet is still there. */
  interrupted: boolean;
  /** Interruptions of this answer in which nothing was said. */
  vainBarges: number;
  /** What is heard so far, or was understood. */
  words: string;
  /** The words are being changed by hand: no countdown. */
  editing: boolean;
  choices: Choice[];
  /** Somebody is asked what the words mean. */
  resolving: boolean;
  /** The answer of this turn is spoken as well. */
  aloud: boolean;
  /** The answer of this turn is still being written. */
  answering: boolean;
  /** Counts what is spoken; what belongs to an earlier speech is ignored. */
  speech: number;
  /** The conversation is over after this speech: no follow-up is waited for. */
  parting: boolean;
}

export function newVoice(mode: Mode): VoiceState {
  return {
    mode, mic: "off", muted: false, phase: "idle", turn: 0, via: "press", held: false, following: false, ducked: false,
    interrupted: false, vainBarges: 0, words: "", editing: false, choices: [], resolving: false, aloud: false,
    answering: false, speech: 0, parting: false,
  };
}

export type VoiceEvent =
  | { type: "mode"; mode: Mode }
  | { type: "mic"; mic: Mic }
  | { type: "mute"; muted: boolean }
  /** The wake word was heard; `own` when the realm may have said it itself. */
  | { type: "woke"; own: boolean }
  | { type: "voice-began" }
  /** It was a short noise. */
  | { type: "voice-faded" }
  /** `silent`: nobody spoke at all. */
  | { type: "voice-ended"; silent: boolean }
  | { type: "press" }
  /** `tap`: the button was pressed for a moment only. */
  | { type: "release"; tap: boolean }
  | { type: "partial"; turn: number; text: string }
  /** `own`: it is what the realm itself was saying. `choice`: which of the choices was said. */
  | { type: "heard"; turn: number; text: string; sure: boolean; own: boolean; choice?: number }
  | { type: "deaf"; turn: number; why: string }
  | { type: "edit" }
  | { type: "confirm"; text: string }
  | { type: "choose"; index: number }
  | { type: "meant"; turn: number; meaning: Meaning }
  | { type: "typed"; aloud: boolean }
  /** What goes on in this turn asks something before it goes on. */
  | { type: "asked"; turn: number; question: string; choices: Choice[] }
  /** What it asked was answered by hand. */
  | { type: "answered"; turn: number }
  | { type: "answer-began"; turn: number }
  | { type: "answer-ended"; turn: number; failed?: string }
  | { type: "sound-began"; speech: number }
  | { type: "sound-ended"; speech: number }
  | { type: "speech-failed"; speech: number }
  | { type: "control"; control: Control }
  /** A bell rings: it is heard when nobody speaks. */
  | { type: "bell"; text: string }
  | { type: "dismiss" }
  | { type: "timer"; timer: Timer };

export type Command =
  | { do: "open-mic" }
  /** Sound goes to the writer from now on; `hold`: until the button is let go. */
  | { do: "capture"; hold: boolean; again: boolean }
  /** Back to waiting, or to rest. */
  | { do: "listen" }
  | { do: "transcribe"; turn: number }
  | { do: "end-transcribe" }
  | { do: "cancel-transcribe" }
  | { do: "resolve"; turn: number; text: string }
  /** Finds out whether a question still costs no more than was agreed to. */
  | { do: "price"; turn: number; text: string; agreed: Quote; tool?: Intent }
  | { do: "ask"; turn: number; text: string; aloud: boolean; quote?: Timestamp; most?: Micro; tool?: Intent; plan?: Spoken }
  /** Says yes or no to a plan, and hears how it goes on. */
  | { do: "word"; turn: number; plan: string; step?: number; yes: boolean }
  | { do: "cancel-answer" }
  /** Speaks the answer of this turn as it is written. */
  | { do: "speak-answer"; speech: number }
  | { do: "speak-again"; speech: number }
  | { do: "speak-rest"; speech: number }
  | { do: "say"; speech: number; line: Line }
  | { do: "duck"; on: boolean }
  /** Ends the sound and the job that makes it; what was not said is remembered. */
  | { do: "silence" }
  | { do: "sound"; sound: "woke" | "heard" | "error" }
  | { do: "adjust"; setting: "volume" | "speed"; by: number }
  | { do: "mute"; muted: boolean }
  | { do: "timer"; timer: Timer }
  | { do: "clear"; timer: Timer };

export type Step = readonly [VoiceState, Command[]];

const stay = (state: VoiceState): Step => [state, []];

/** What happens next. The only door. */
export function step(state: VoiceState, event: VoiceEvent): Step {
  switch (event.type) {
    case "mode": return modeChanged(state, event.mode);
    case "mic": return micChanged(state, event.mic);
    case "mute": return muted(state, event.muted);
    case "woke": return woke(state, event.own);
    case "voice-began": return voiceBegan(state);
    case "voice-faded":
      return state.ducked ? [{ ...state, ducked: false }, [{ do: "clear", timer: "barge" }, { do: "duck", on: false }]] : stay(state);
    case "voice-ended": return voiceEnded(state, event.silent);
    case "press": return pressed(state);
    case "release": return released(state, event.tap);
    case "partial": return event.turn === state.turn && isTaking(state) ? stay({ ...state, words: event.text }) : stay(state);
    case "heard": return event.turn === state.turn && isTaking(state) ? heard(state, event) : stay(state);
    case "deaf": return event.turn === state.turn && isTaking(state) ? deaf(state, event.why) : stay(state);
    case "edit": return state.phase === "confirming" ? [{ ...state, editing: true }, [{ do: "clear", timer: "confirm" }]] : stay(state);
    case "confirm": return confirmed(state, event.text);
    case "choose": return chosen(state, event.index);
    case "meant":
      return event.turn === state.turn && state.resolving ? act(state, event.meaning) : stay(state);
    case "typed": return typed(state, event.aloud);
    case "asked": {
      const waits = event.turn === state.turn && state.answering && state.phase === "thinking";
      return waits ? choose({ ...state, choices: event.choices }, { line: "which", question: event.question }) : stay(state);
    }
    case "answered": {
      if (event.turn !== state.turn || state.phase !== "choosing") return stay(state);
      const next: VoiceState = { ...waiting(state), speech: state.speech + 1 };
      return [next, [{ do: "silence" }, { do: "clear", timer: "choice" }]];
    }
    case "answer-began": return answerBegan(state, event.turn);
    case "answer-ended": return answerEnded(state, event.turn, event.failed);
    case "sound-began":
      return event.speech === state.speech && state.phase === "thinking" ? stay({ ...state, phase: "speaking" }) : stay(state);
    case "sound-ended": return event.speech === state.speech ? soundEnded(state) : stay(state);
    case "speech-failed": return event.speech === state.speech ? speechFailed(state) : stay(state);
    case "control": return control(state, event.control);
    case "bell": return state.phase === "idle" ? say({ ...state, via: "typed" }, { line: "bell", text: event.text }) : stay(state);
    case "dismiss": return dismissed(state);
    case "timer": return timerRang(state, event.timer);
  }
}

/** What the person sees of it at a glance. */
export type Presence = "off" | "armed" | "listening" | "thinking" | "speaking" | "muted" | "problem";

export function presenceOf(state: VoiceState): Presence {
  switch (state.phase) {
    case "hearing": return "listening";
    case "reading":
    case "thinking": return "thinking";
    case "speaking": return state.ducked ? "listening" : "speaking";
    case "confirming":
    case "choosing": return "armed";
    case "idle":
      if (isProblem(state.mic)) return "problem";
      if (state.muted && state.mic === "on") return "muted";
      return state.mic === "on" ? "armed" : "off";
  }
}

export function isProblem(mic: Mic): mic is MicProblem {
  return mic !== "off" && mic !== "opening" && mic !== "on";
}

/** Whether words are being taken down or are on their way. */
function isTaking(state: VoiceState): boolean {
  return state.phase === "hearing" || state.phase === "reading";
}

const canHear = (state: VoiceState) => state.mic === "on" && !state.muted;

// --- The microphone ---------------------------------------------------------------------------------------------------

function modeChanged(state: VoiceState, mode: Mode): Step {
  const next: VoiceState = { ...state, mode, following: false };
  return state.mode === mode || state.phase === "hearing" ? stay(next) : [next, [{ do: "listen" }]];
}

function micChanged(state: VoiceState, mic: Mic): Step {
  const next = { ...state, mic };
  if (mic === "on") {
    // The button was pressed before there was a microphone.
    if (state.held === "down") return begin(next, "press", true);
    if (state.held === "tapped") return begin({ ...next, held: false }, "press", false);
    return [next, [{ do: "listen" }]];
  }
  if (mic === "opening") return stay(next);
  const lost: VoiceState = { ...next, held: false };
  return state.phase === "hearing" ? abandon(lost, [{ do: "sound", sound: "error" }]) : stay({ ...lost, ducked: false });
}

function muted(state: VoiceState, on: boolean): Step {
  if (state.muted === on) return stay(state);
  const next = { ...state, muted: on, following: false };
  if (!on || state.phase !== "hearing") return [next, [{ do: "listen" }]];
  return abandon(next, []);
}

// --- Somebody speaks --------------------------------------------------------------------------------------------------

function woke(state: VoiceState, own: boolean): Step {
  if (!canHear(state) || own) return stay(state);
  // Said again in the same breath, or while the words of it are taken down.
  if (state.phase === "hearing") return stay(state);
  return begin(state, "wake", false);
}

function voiceBegan(state: VoiceState): Step {
  if (!canHear(state)) return stay(state);
  if (state.phase === "speaking") {
    if (state.ducked || state.vainBarges >= VAIN_BARGES_MAX) return stay(state);
    return [{ ...state, ducked: true }, [{ do: "duck", on: true }, { do: "timer", timer: "barge" }]];
  }
  if (state.phase === "hearing") return stay(state);
  const invited = state.following || state.mode === "always";
  const free = state.phase === "idle" || state.phase === "choosing";
  return invited && free ? begin(state, "voice", false) : stay(state);
}

/** Takes down what is said from now on, whatever went on before. */
function begin(state: VoiceState, via: Via, hold: boolean): Step {
  const turn = state.turn + 1;
  const commands: Command[] = [];
  if (isTaking(state)) commands.push({ do: "cancel-transcribe" });
  const speaking = state.phase === "speaking";
  if (speaking || state.phase === "choosing" || state.phase === "thinking") commands.push({ do: "silence" });
  if (via === "wake") commands.push({ do: "sound", sound: "woke" });
  // After the wake word the ear captures by itself.
  if (via !== "wake") commands.push({ do: "capture", hold, again: false });
  commands.push({ do: "transcribe", turn }, ...clearAll);
  const next: VoiceState = {
    ...state, turn, via, phase: "hearing", words: "", ducked: false, following: false, editing: false, resolving: false,
    answering: false, speech: state.speech + 1, interrupted: speaking || state.interrupted,
    // What the realm asked can still be answered by what is said now.
    choices: state.phase === "choosing" ? state.choices : [],
  };
  return [next, commands];
}

const clearAll: Command[] = (["barge", "confirm", "choice", "follow", "words", "resolve"] as const).map((timer) => ({
  do: "clear", timer,
}));

function pressed(state: VoiceState): Step {
  if (state.held) return stay(state);
  const next: VoiceState = { ...state, held: "down" };
  if (state.muted) return prepend([{ do: "mute", muted: false }], begunByPress({ ...next, muted: false }));
  return begunByPress(next);
}

function begunByPress(state: VoiceState): Step {
  if (state.mic === "on") return begin(state, "press", true);
  const speaking = state.phase === "speaking";
  const commands: Command[] = speaking ? [{ do: "silence" }, { do: "open-mic" }] : [{ do: "open-mic" }];
  const next: VoiceState = speaking ? { ...state, phase: "idle", interrupted: true, ducked: false } : state;
  return state.mic === "opening" ? stay(state) : [next, commands];
}

function released(state: VoiceState, tap: boolean): Step {
  if (!state.held) return stay(state);
  // A tap while the microphone is still being opened means the same as one after it.
  if (state.mic === "opening" && tap) return stay({ ...state, held: "tapped" });
  const next: VoiceState = { ...state, held: false };
  if (state.phase !== "hearing" || state.via !== "press") return stay(next);
  if (tap) return [next, [{ do: "capture", hold: false, again: true }]];
  return [{ ...next, phase: "reading" }, [{ do: "listen" }, ...toReading]];
}

const toReading: Command[] = [{ do: "end-transcribe" }, { do: "sound", sound: "heard" }, { do: "timer", timer: "words" }];

function voiceEnded(state: VoiceState, silent: boolean): Step {
  if (state.phase !== "hearing") return stay(state);
  const next: VoiceState = { ...state, held: false };
  if (silent) return inVain(next, [{ do: "cancel-transcribe" }]);
  return [{ ...next, phase: "reading" }, toReading];
}

/** Nothing was said: what was interrupted goes on, and otherwise it is quiet again. */
function inVain(state: VoiceState, commands: Command[]): Step {
  const listen: Command = { do: "listen" };
  if (state.interrupted && state.via !== "press") {
    const resumed: VoiceState = { ...state, vainBarges: state.vainBarges + 1, words: "" };
    return prepend([...commands, listen], rest(resumed));
  }
  return [{ ...state, phase: "idle", words: "" }, [...commands, listen, ...clearAll]];
}

/** What was taken down is dropped. */
function abandon(state: VoiceState, commands: Command[]): Step {
  return [{ ...state, phase: "idle", words: "", choices: [] }, [{ do: "cancel-transcribe" }, { do: "listen" }, ...clearAll, ...commands]];
}

// --- What was said ----------------------------------------------------------------------------------------------------

function heard(state: VoiceState, event: Extract<VoiceEvent, { type: "heard" }>): Step {
  const text = event.text.trim();
  const clear: Command[] = [{ do: "clear", timer: "words" }, { do: "listen" }];
  if (text === "" || event.own) return inVain(state, clear);
  const next = { ...state, words: text };
  const choice = event.choice === undefined ? undefined : state.choices[event.choice];
  if (choice) return prepend(clear, act({ ...next, choices: [], phase: "thinking" }, choice.meaning));
  if (!event.sure) {
    return [{ ...next, choices: [], phase: "confirming", editing: false }, [...clear, { do: "timer", timer: "confirm" }]];
  }
  return prepend(clear, resolve({ ...next, choices: [] }));
}

function deaf(state: VoiceState, why: string): Step {
  const quiet: VoiceState = { ...state, phase: "thinking", words: "", choices: [] };
  const line: Line = why ? { line: "failed", why } : { line: "misheard" };
  return prepend([{ do: "listen" }, ...clearAll], say(quiet, line));
}

function confirmed(state: VoiceState, text: string): Step {
  if (state.phase !== "confirming") return stay(state);
  const words = text.trim();
  if (words === "") return dismissed(state);
  return resolve({ ...state, words, editing: false });
}

function resolve(state: VoiceState): Step {
  return [
    { ...state, phase: "thinking", resolving: true },
    [{ do: "clear", timer: "confirm" }, { do: "resolve", turn: state.turn, text: state.words }, { do: "timer", timer: "resolve" }],
  ];
}

function chosen(state: VoiceState, index: number): Step {
  const choice = state.choices[index];
  if (state.phase !== "choosing" || !choice) return stay(state);
  const next: VoiceState = { ...state, phase: "thinking", choices: [], following: false, speech: state.speech + 1 };
  return prepend([{ do: "silence" }, { do: "clear", timer: "choice" }], act(next, choice.meaning));
}

/** Does what was meant. */
function act(before: VoiceState, meaning: Meaning): Step {
  const state: VoiceState = { ...before, resolving: false };
  const clear: Command = { do: "clear", timer: "resolve" };
  switch (meaning.kind) {
    case "control": return prepend([clear], control({ ...state, phase: "idle" }, meaning.control));
    case "nobody": return prepend([clear], say(state, { line: "nobody", capability: meaning.capability }));
    case "ask": {
      const { text, quote, most, tool, plan } = meaning;
      return [{ ...waiting(state), words: text }, [clear, { do: "ask", turn: state.turn, text, aloud: true, quote, most, tool, plan }]];
    }
    case "word": {
      const { plan, step: asked, yes } = meaning;
      return [waiting(state), [clear, { do: "word", turn: state.turn, plan, step: asked, yes }]];
    }
    case "agreed": {
      const next: VoiceState = { ...state, phase: "thinking", resolving: true, words: meaning.text };
      const price: Command = { do: "price", turn: state.turn, text: meaning.text, agreed: meaning.quote, tool: meaning.tool };
      return [next, [price, { do: "timer", timer: "resolve" }]];
    }
    case "dear": return prepend([clear], choose({ ...state, choices: meaning.choices }, { line: "dear", price: meaning.price }));
    case "unsure": return prepend([clear], choose({ ...state, choices: meaning.choices }, { line: "which", question: meaning.question }));
  }
}

/** The answer of this turn is on its way, and will be spoken. */
function waiting(state: VoiceState): VoiceState {
  return {
    ...state, phase: "thinking", aloud: true, answering: true, interrupted: false, vainBarges: 0, choices: [], following: false,
  };
}

function choose(state: VoiceState, line: Line): Step {
  const [next, commands] = say(state, line);
  return [{ ...next, phase: "choosing" }, [{ do: "clear", timer: "choice" }, ...commands]];
}

/** The page says something by itself. */
function say(state: VoiceState, line: Line): Step {
  const speech = state.speech + 1;
  const commands: Command[] = [{ do: "say", speech, line }];
  if (line.line === "failed" || line.line === "misheard") commands.unshift({ do: "sound", sound: "error" });
  const parting = line.line === "goodbye";
  return [{ ...state, phase: "thinking", speech, parting, answering: false, interrupted: false, vainBarges: 0 }, commands];
}

function typed(state: VoiceState, aloud: boolean): Step {
  const commands: Command[] = [];
  if (isTaking(state)) commands.push({ do: "cancel-transcribe" }, { do: "listen" });
  if (state.phase !== "idle") commands.push({ do: "silence" });
  const next: VoiceState = {
    ...state, turn: state.turn + 1, via: "typed", phase: aloud ? "thinking" : "idle", aloud, answering: aloud, words: "",
    interrupted: false, vainBarges: 0, ducked: false, choices: [], following: false, resolving: false, parting: false,
    speech: state.speech + 1,
  };
  return [next, [...commands, ...clearAll]];
}

// --- Words that steer -------------------------------------------------------------------------------------------------

function control(state: VoiceState, what: Control): Step {
  const quiet: VoiceState = { ...state, words: "", choices: [], ducked: false, resolving: false };
  const silence: Command[] = [];
  if (isTaking(state)) silence.push({ do: "cancel-transcribe" });
  else if (state.phase !== "idle" && state.phase !== "confirming") silence.push({ do: "silence" });
  switch (what) {
    case "stop":
      return prepend(silence, follow({ ...quiet, phase: "idle", interrupted: state.phase === "speaking" || state.interrupted }));
    case "cancel":
      return prepend(
        [...silence, { do: "cancel-answer" }],
        follow({ ...quiet, phase: "idle", interrupted: false, answering: false }),
      );
    case "repeat": {
      const speech = state.speech + 1;
      const next: VoiceState = { ...quiet, phase: "thinking", speech, parting: false, interrupted: false, vainBarges: 0 };
      return [next, [...silence, ...clearAll, { do: "speak-again", speech }]];
    }
    case "continue":
      if (state.phase === "speaking") return stay(state);
      return prepend(silence, state.interrupted ? rest(quiet) : follow({ ...quiet, phase: "idle" }));
    case "help": return prepend([...silence, ...clearAll], say(quiet, { line: "help" }));
    case "nothing": return prepend(silence, follow({ ...quiet, phase: "idle" }));
    case "louder": return adjusted(quiet, "volume", VOLUME_STEP);
    case "quieter": return adjusted(quiet, "volume", -VOLUME_STEP);
    case "faster": return adjusted(quiet, "speed", SPEED_STEP);
    case "slower": return adjusted(quiet, "speed", -SPEED_STEP);
    case "mute": return [{ ...quiet, phase: "idle", following: false, muted: true }, [...silence, { do: "mute", muted: true }, ...clearAll]];
    case "goodbye": {
      const gone: VoiceState = { ...quiet, following: false, interrupted: false };
      const [next, commands] = say(gone, { line: "goodbye" });
      // Where every word counts, only silence can end it.
      const hush: Command[] = state.mode === "always" ? [{ do: "mute", muted: true }] : [];
      return [{ ...next, muted: state.mode === "always" || state.muted }, [...silence, ...hush, ...clearAll, ...commands]];
    }
  }
}

/** A little louder or faster; what was being said goes on that way. */
function adjusted(state: VoiceState, setting: "volume" | "speed", by: number): Step {
  const adjust: Command = { do: "adjust", setting, by };
  if (state.interrupted) return prepend([adjust], rest(state));
  if (state.phase === "speaking" && setting === "volume") return [state, [adjust]];
  if (state.phase === "speaking") return prepend([adjust, { do: "silence" }], rest({ ...state, interrupted: true }));
  return prepend([adjust, { do: "sound", sound: "heard" }], follow({ ...state, phase: "idle" }));
}

/** Goes on with what was interrupted. */
function rest(state: VoiceState): Step {
  const speech = state.speech + 1;
  return [{ ...state, phase: "thinking", speech, parting: false, interrupted: false, following: false, ducked: false }, [...clearAll, { do: "speak-rest", speech }]];
}

function dismissed(state: VoiceState): Step {
  switch (state.phase) {
    case "idle": return [{ ...state, following: false, interrupted: false, held: false, words: "" }, clearAll];
    case "hearing":
    case "reading": return abandon({ ...state, held: false }, []);
    case "confirming": return [{ ...state, phase: "idle", words: "", editing: false }, clearAll];
    case "choosing": return [{ ...state, phase: "idle", choices: [], following: false }, [{ do: "silence" }, ...clearAll]];
    case "thinking":
    case "speaking": return [{ ...state, phase: "idle", interrupted: state.phase === "speaking", ducked: false, resolving: false }, [{ do: "silence" }, ...clearAll]];
  }
}

// --- The answer -------------------------------------------------------------------------------------------------------

function answerBegan(state: VoiceState, turn: number): Step {
  if (turn !== state.turn || !state.aloud || state.phase !== "thinking") return stay(state);
  const speech = state.speech + 1;
  return [{ ...state, speech, parting: false }, [{ do: "speak-answer", speech }]];
}

function answerEnded(state: VoiceState, turn: number, failed: string | undefined): Step {
  if (turn !== state.turn || !state.answering) return stay(state);
  const next = { ...state, answering: false };
  if (failed !== undefined) {
    if (state.phase !== "thinking" && state.phase !== "speaking") return stay(next);
    return prepend([{ do: "silence" }], say(next, { line: "failed", why: failed }));
  }
  return stay(next);
}

function soundEnded(state: VoiceState): Step {
  // What is asked may be long: the time for an answer begins when it has been said.
  if (state.phase === "choosing") return [{ ...state, following: canHear(state) }, [{ do: "timer", timer: "choice" }]];
  if (state.phase !== "speaking" && state.phase !== "thinking") return stay(state);
  return follow({ ...state, phase: "idle", ducked: false, interrupted: false });
}

/** It can't be said aloud; it can still be read. */
function speechFailed(state: VoiceState): Step {
  if (state.phase === "choosing") return soundEnded(state);
  if (state.phase !== "speaking" && state.phase !== "thinking") return stay(state);
  return follow({ ...state, phase: "idle", ducked: false, aloud: false, interrupted: false });
}

/** For a while no wake word is needed. */
function follow(state: VoiceState): Step {
  const invited = canHear(state) && state.mode === "wake" && state.via !== "typed" && !state.parting;
  return invited
    ? [{ ...state, following: true }, [{ do: "listen" }, { do: "timer", timer: "follow" }]]
    : [{ ...state, following: false }, [{ do: "listen" }]];
}

function timerRang(state: VoiceState, timer: Timer): Step {
  switch (timer) {
    case "barge": return state.phase === "speaking" && state.ducked ? begin(state, "voice", false) : stay(state);
    case "confirm": return state.phase === "confirming" && !state.editing ? resolve(state) : stay(state);
    case "choice":
      return state.phase === "choosing" ? [{ ...state, phase: "idle", choices: [], following: false }, [{ do: "silence" }, { do: "listen" }]] : stay(state);
    case "follow": return stay({ ...state, following: false });
    case "words": return isTaking(state) ? prepend([{ do: "cancel-transcribe" }], deaf(state, "")) : stay(state);
    // Nobody says what the words mean: then they are a question.
    case "resolve": return state.resolving ? act(state, { kind: "ask", text: state.words }) : stay(state);
  }
}

function prepend(commands: Command[], [state, more]: Step): Step {
  return [state, [...commands, ...more]];
}
