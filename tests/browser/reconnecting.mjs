// The broker dies in mid-answer and comes back while the page is open: the page says so, and goes on by itself.

import assert from "node:assert/strict";
import { cue, open } from "./person.mjs";

const WORDS = "one two three four five six seven eight";
const person = await open();
await person.connected();
await person.ask(`slowly ${WORDS}`);
await cue("let 4 words");
await person.reads("one two three four");

person.realmIsAway = true;
await cue("kill the realm");
await person.inState("connection", "offline");
assert.match(await person.answer(), /^one two three four/, "what was read stays");
await cue("restart the realm");
await person.connected();
await cue("let 100 words");
await person.inState("answer-state", "completed");
assert.equal(await person.answer(), WORDS);
person.realmIsAway = false;

await person.ask("say all is well");
await person.reads("all is well");
await person.close();
