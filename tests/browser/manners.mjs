// A conversation: the realm is interrupted, falls silent, goes on, is asked again without the wake word, and repeats.

import assert from "node:assert/strict";
import { eventually } from "./person.mjs";
import { recorded, talk, withHand } from "./voice.mjs";

/** From the first sound of an interruption to silence: the voice is noticed, lasts 120 ms, and 200 ms later all is quiet. */
const SILENT_MS_MAX = 700;

const long = "Computer, say the days of the week: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, and Sunday once again.";
const question = await recorded("question", long);
// It begins with a voice: before one is heard, nobody can know that it is one.
const stop = await recorded("stop", "No, stop!");
const wakeAndStop = await recorded("wake-and-stop", "Computer, stop!");
const followUp = await recorded("follow-up", "And what is the capital of Spain?");
const repeat = await recorded("repeat", "Repeat that.");
// Three clear syllables: of "go on" and "continue" alone, a small model makes names and other languages now and then.
const goOn = await recorded("go-on", "Keep going.");

const talker = await talk(withHand, true);
const { person, page } = talker;
await talker.turnOn();
await talker.say(question);
await talker.inPhase("speaking");

// Interrupted: quiet soon, and the answer stands there in full all the same.
const began = await talker.say(stop);
await talker.inPhase("hearing", "reading", "thinking", "idle");
const took = (await talker.quietSince()) - began;
console.log(`quiet ${Math.round(took)} ms after the first sound of the interruption`);
assert.ok(took < SILENT_MS_MAX, `it took ${took} ms`);
await talker.untilQuiet();
await person.inState("answer-state", "completed");
await person.reads("Friday");
await page.getByTestId("voice-continue").waitFor();

// It goes on when it is asked to: no wake word is needed for a while.
await eventually("a follow-up is waited for", async () => (await person.part("voice").getAttribute("data-following")) === "true");
await talker.say(goOn);
await talker.inPhase("speaking");
await talker.say(wakeAndStop);
await talker.untilQuiet();

// Another question, in the same conversation, without the wake word.
await talker.say(followUp);
await talker.inPhase("speaking");
const [, second, ...more] = await talker.questions();
assert.match(second, /Spain/i);
assert.deepEqual(more, [], "it belongs to the same conversation");
await talker.untilQuiet();

// Once more, please.
await talker.forget();
await talker.say(repeat);
await talker.inPhase("speaking");
await talker.untilQuiet();
await talker.hears("repeated", "Spain");
assert.equal((await talker.questions()).length, 2, "repeating asks nothing");

// Muted with one key, whatever is said.
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press("m");
await person.inState("mic", "muted");
await talker.say(question);
assert.equal(await talker.phase(), "idle");
await page.keyboard.press("m");
await person.inState("mic", "on");
await talker.close();
