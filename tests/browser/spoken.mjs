// "Computer, what is the capital of France?", said into a microphone: it is written down, asked, answered and spoken.

import assert from "node:assert/strict";
import { eventually } from "./person.mjs";
import { recorded, talk, withMicrophone } from "./voice.mjs";

/** Until then the ear has been fetched and listens; what is said before is said to nobody. */
const SILENCE_S = 15;

const question = await recorded("question", "Computer, what is the capital of France?", SILENCE_S);
const talker = await talk(withMicrophone(question));
const { person, page } = talker;
await talker.turnOn();
await talker.inPhase("hearing");
assert.equal(await person.part("orb").getAttribute("data-presence"), "listening");
await talker.inPhase("thinking", "speaking");
await eventually("the question is shown", async () => /capital of France/i.test(await talker.question()));
assert.doesNotMatch(await talker.question(), /computer/i, "the wake word is no part of it");
await person.reads("Paris");

await talker.inPhase("speaking");
await eventually("its words are shown as they are heard", async () => (await page.getByTestId("voice-words").innerText()) !== "");
await talker.untilQuiet();
await talker.hears("answer", "Paris");

// How long each stage took is told here, and to the realm.
await page.getByTestId("timings").locator("summary").click();
for (const stage of ["endpointing_ms", "transcription_ms", "first_token_ms", "first_audio_ms"]) {
  console.log(`${stage}: ${await person.part(stage).innerText()}`);
}
await talker.close();
