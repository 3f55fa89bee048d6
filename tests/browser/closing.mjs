// The tab, and the browser with it, is closed in mid-answer. Opened again, the whole answer is there.

import assert from "node:assert/strict";
import { cue, eventually, open } from "./person.mjs";

const WORDS = "one two three four five six seven eight nine ten";
let person = await open();
await person.connected();
await person.ask(`slowly ${WORDS}`);
await cue("let 3 words");
await person.reads("one two three");
const place = person.page.url();
await person.close();
await cue("finish all jobs");

person = await open({}, place);
await person.inState("answer-state", "completed");
assert.equal(await person.answer(), WORDS);

// Nor is it lost to somebody who opens the plain address.
await person.part("nav-history").click();
await eventually("it is in the history", async () => (await person.page.getByTestId("history-item").count()) === 1);
await person.part("history-item").click();
await person.page.getByText(WORDS).last().waitFor();

// In a second tab it is read while it is written.
await person.part("nav-ask").click();
await person.ask("slowly and again");
await cue("let 1 words");
await person.reads("and");
const other = await person.context.newPage();
await other.goto(person.page.url());
await eventually("the second tab has it", async () => (await other.getByTestId("answer").last().innerText()).includes("and"));
await cue("let 1 words");
await eventually("and its end", async () => (await other.getByTestId("answer").last().innerText()).includes("and again"));
await person.reads("and again");
await person.close();
