// Several steps in one sentence, with the keyboard and by hand: seen as a graph, asked about, kept over a reload, replayed,
// stopped. And a picture: told plainly when nobody draws, and then drawn, with a preview, and once more.

import assert from "node:assert/strict";
import { cue, eventually, open } from "./person.mjs";

const person = await open();
const { page } = person;
await person.connected();
const steps = () => page.getByTestId("plan-step").evaluateAll((all) => all.map((step) => step.dataset.state));

// Nobody draws yet: that is said, with what to do, and nothing is shown in its place.
await person.ask("draw a neon cloud mountain");
await person.inState("answer-state", "failed");
await eventually("it is said how to get one", async () => (await page.getByText("mtor worker discover").count()) > 0);
assert.equal(await page.getByTestId("picture").count(), 0);
await cue("attach the hands");

// Drawn: its preview first, then the picture, in the answer and in the gallery.
await person.ask("draw a neon cloud mountain");
await person.part("preview").waitFor();
await cue("let it draw");
await person.inState("answer-state", "completed");
await person.part("picture").waitFor();
const first = await person.part("picture").getAttribute("src");
await person.part("draw-again").click();
await person.part("draw-seed").fill("7");
await person.part("draw-size").selectOption("512x512");
await person.part("draw").click();
await cue("let it draw");
await eventually("another picture is there", async () => {
  const now = await person.part("picture").getAttribute("src");
  return now !== null && now !== first;
});
assert.match(await page.locator(".tries").innerText(), /2/, "as another try of the same turn");

// A plan, typed: two steps are done by themselves, the third one asks, with all that it will do.
await person.ask("summarise https://example.org/birds and email it to ada@example.org");
await person.inState("plan", "asking");
assert.deepEqual(await steps(), ["done", "done", "asking"]);
const has = async (id, words) => assert.equal(await person.part(`consent-${id}`).innerText(), words);
await has("to", "ada@example.org");
await has("body", "In short: Birds fly south when it gets cold.");
assert.equal(await page.locator("[data-testid=plan-graph] path.way").count(), 2, "an arrow from each step to the next");
// It waits over a reload; then one key on the card is enough.
person.asksForMissing = true; // The picture that nobody drew is no job that the realm knows.
await page.reload();
await person.connected();
await person.inState("plan", "asking");
await eventually("the card has the keyboard", async () => (await person.focus()) === "consent");
await page.keyboard.press("y");
await person.inState("plan", "done");
await person.reads("It is sent.");
await cue("see one mail");

// No leaves it out; and what waits can be stopped.
await person.ask("summarise https://example.org/birds and email it to bob@example.org");
await person.inState("plan", "asking");
await person.part("consent-no").click();
await person.inState("plan", "failed");
assert.deepEqual((await steps()).slice(-3), ["done", "done", "refused"]);
await person.ask("summarise https://example.org/birds and email it to eve@example.org");
await person.inState("plan", "asking");
await person.part("plan-stop").click();
await person.inState("plan", "cancelled");
await cue("see one mail");

// The history lists them, and plays one again.
await person.part("nav-history").click();
await person.part("plan-list").click();
await eventually("three plans are listed", async () => (await page.getByTestId("plan-item").count()) === 3);
await page.getByTestId("plan-item").last().click();
await person.inState("plan", "done");
await person.part("plan-replay").click();
await person.inState("plan", "running");
await person.inState("plan", "done");
await person.part("gallery").click();
await eventually("the pictures are in the gallery", async () => (await page.getByTestId("picture").count()) === 2);

// On a phone nothing is wider than the page.
await page.setViewportSize({ width: 360, height: 740 });
await page.goBack();
await person.part("nav-ask").click();
await eventually("the plans fit", async () =>
  page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.querySelector("main").scrollWidth <= innerWidth),
);
await person.close();
