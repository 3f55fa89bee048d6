// A timer that is typed and heard, the news, and a light that is switched by voice.

import assert from "node:assert/strict";
import { eventually, cue } from "./person.mjs";
import { recorded, talk, withHand } from "./voice.mjs";

const talker = await talk(withHand, true);
const { person } = talker;

// A timer says that it is set, at once; when it is up, a bell rings and the page speaks, whatever is looked at.
await person.ask("set a timer for three seconds");
await person.reads("Your timer is set for 3 seconds.");
await person.inState("answer-state", "running");
await person.reads("Your timer is up!");
await person.inState("answer-state", "completed");
await eventually("it is said", async () => (await talker.save("so-far")).seconds > 0.5);
await talker.untilQuiet();
await talker.hears("timer", "timer");

// The news come as a list with links.
await person.ask("read me the news");
await person.reads("The bridge is open again.");
assert.equal(await person.part("answer").locator("li a").first().getAttribute("href"), "https://news.example/whale");
await person.inState("answer-state", "completed");

// What is no order for a tool is one for a model, of which there is none here; what is one, and can be computed, is done.
await person.ask("what is seven times eight?");
await person.reads("That is 56.");

// A light is switched by voice, without a question back: these words ask for just that.
await talker.forget();
const order = await recorded("order", "Computer, turn on the kitchen light.");
await talker.turnOn();
await talker.say(order);
await person.reads("The kitchen light is on.");
await cue("see the light");
await talker.untilQuiet();
await talker.hears("light", "kitchen light");

await talker.close();
