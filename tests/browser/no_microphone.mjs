// The microphone is refused, missing, unplugged, or another tab has it: said once in plain words; typing works on.

import assert from "node:assert/strict";
import { ARGUMENTS, eventually, open, url } from "./person.mjs";
import { talk, withHand } from "./voice.mjs";

/** Counts how often the page asks for the microphone, and has it fail that way. */
async function failing(name) {
  const person = await open({ args: ARGUMENTS }, "about:blank");
  await person.page.addInitScript((name) => {
    window.asked = 0;
    navigator.mediaDevices.getUserMedia = async () => {
      window.asked += 1;
      throw new DOMException("as the scenario wants it", name);
    };
  }, name);
  await person.page.goto(url);
  await person.connected();
  return person;
}

for (const [name, state] of [["NotAllowedError", "refused"], ["NotFoundError", "missing"], ["NotReadableError", "busy"]]) {
  const person = await failing(name);
  await person.part("mic").click();
  await person.inState("mic", state);
  await person.page.getByTestId("voice-problem").first().waitFor();
  await person.ask(`say typing works when it is ${state}`);
  await person.reads(`typing works when it is ${state}`);
  await person.inState("answer-state", "completed");
  assert.equal(await person.page.evaluate(() => window.asked), 1, "it does not ask again by itself");
  await person.part("mic").click();
  await eventually("it asks again when it is told to", () => person.page.evaluate(() => window.asked === 2));
  await person.inState("mic", state);
  // Otherwise the page would turn the microphone on by itself next time.
  await person.page.evaluate(() => localStorage.removeItem("mtor.voice"));
  await person.close();
}

// One tab at a time: the second one says so, and takes it when it is told to.
const talker = await talk(withHand, true);
await talker.turnOn();
const other = await talker.person.context.newPage();
await other.goto(url);
const stateOf = (page) => page.getByTestId("mic").getAttribute("data-state");
await eventually("the second tab is connected", async () => (await other.getByTestId("connection").getAttribute("data-state")) === "online");
await other.getByTestId("mic").click();
await eventually("the second tab waits its turn", async () => (await stateOf(other)) === "other-tab");
assert.equal(await stateOf(talker.page), "on");
await other.getByTestId("voice-take").click();
await eventually("the second tab has it", async () => (await stateOf(other)) === "on");
await eventually("the first tab lets it go", async () => (await stateOf(talker.page)) === "other-tab");
await other.close();

// Pulled out in the middle: said once, and back when it is turned on again.
await talker.page.getByTestId("mic").click();
await talker.person.inState("mic", "on");
await talker.page.evaluate(() => window.testMicrophone.unplug());
await talker.person.inState("mic", "unplugged");
await talker.page.getByTestId("mic").click();
await talker.person.inState("mic", "on");
await talker.close();
