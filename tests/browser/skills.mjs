// What a house is told in a day, in one conversation: a timer that is typed and rings; then, by voice alone, a light, another
// timer, the news, what is in a picture, and an article that is summarised and mailed after a yes.

import assert from "node:assert/strict";
import { eventually, cue } from "./person.mjs";
import { recorded, talk, withHand } from "./voice.mjs";

const talker = await talk(withHand, true);
const { person, page } = talker;

// A timer says that it is set, at once; when it is up, a bell rings and the page speaks, whatever is looked at.
await person.ask("set a timer for three seconds");
await person.reads("Your timer is set for 3 seconds.");
await person.inState("answer-state", "running");
await person.reads("Your timer is up!");
await person.inState("answer-state", "completed");
await eventually("it is said", async () => (await talker.save("so-far")).seconds > 0.5);
await talker.untilQuiet();
await talker.hears("timer", "timer");

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
await talker.hears("light", "light");

// A timer that is spoken counts down above whatever is looked at, until it rings; or until it is called off.
const said = async (name, words) => {
  await talker.forget();
  await talker.say(await recorded(name, words));
};
await said("ten", "Computer, set a timer for ten seconds.");
await eventually("it counts down", async () => /0:(10|0\d)/.test(await person.part("timers").innerText()));
await person.reads("Your timer is set for 10 seconds.");
await person.reads("Your timer is up!");
await talker.untilQuiet();
await person.ask("set a timer for ten minutes");
await eventually("it counts down", async () => /9:[0-5]\d/.test(await person.part("timers").innerText()));
await person.part("timer-cancel").click();
await eventually("it is called off", async () => (await page.getByTestId("timer").count()) === 0);

// The news come as a list with links, and are read.
await said("news", "Computer, read me the news.");
await person.reads("The bridge is open again.");
assert.equal(await person.part("answer").locator("li a").first().getAttribute("href"), "https://news.example/whale");
await talker.untilQuiet();
await talker.hears("news", "bridge");

// A picture that is shown is spoken of, with frames round what was seen. The next question sees it too, unless it is put away.
await person.part("picture-files").setInputFiles(`${process.env.MTOR_TEST_PHOTOS}/coffee.png`);
await person.part("pictures").waitFor();
await said("picture", "Computer, what is in this picture?");
await person.reads("a cup");
await eventually("frames are drawn over it", async () => (await person.part("frames").innerText()).includes("cup"));
await talker.untilQuiet();
await talker.hears("picture", "cup");
await person.part("put-away").click();
await eventually("it is put away", async () => (await page.getByTestId("carried").count()) === 0);

// An article that was read is summarised and mailed: what will be sent is shown and said, and waits for a yes that is spoken.
await person.ask("read https://example.org/birds");
await person.reads("They come back in spring.");
await said("article", "Computer, summarise this article and email it to me.");
await person.inState("plan", "asking");
assert.equal(await person.part("consent-to").innerText(), "me");
assert.equal(await person.part("consent-body").innerText(), "In short: Birds fly south when it gets cold.");
await eventually("a yes is waited for", async () => (await person.part("voice").getAttribute("data-following")) === "true");
await talker.hears("asked", "birds");
await cue("see no mail");
await said("yes", "Yes, please do.");
await person.inState("plan", "done");
await cue("see the mail");
await talker.untilQuiet();
await talker.hears("sent", "sent");

await talker.close();
