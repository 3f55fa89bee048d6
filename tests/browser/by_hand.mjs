// With the keyboard alone; then on a phone.

import assert from "node:assert/strict";
import { eventually, open } from "./person.mjs";

const WIDTH = 360;
let person = await open();
await person.connected();
const keyboard = person.page.keyboard;
await eventually("the keyboard is at the question", async () => (await person.focus()) === "ask-input");
await keyboard.type("say hello");
await keyboard.press("Shift+Enter");
await keyboard.type("there");
await keyboard.press("Enter");
await person.reads("hello");
await person.inState("answer-state", "completed");
await keyboard.type("hang");
await keyboard.press("Enter");
await person.inState("answer-state", "running");
await keyboard.press("Escape");
await person.inState("answer-state", "cancelled");

// Every place is reached with Tab, and opened with Enter; / goes back to the question.
for (const view of ["realm", "history", "wallet", "ask"]) {
  await eventually(`Tab reaches ${view}`, async () => {
    await keyboard.press("Tab");
    return (await person.focus()) === `nav-${view}`;
  });
  await keyboard.press("Enter");
  await eventually(`${view} is open`, async () => (await person.part(`nav-${view}`).getAttribute("aria-current")) === "page");
}
await person.page.evaluate(() => document.activeElement.blur());
await keyboard.press("/");
await eventually("/ goes to the question", async () => (await person.focus()) === "ask-input");

// Light and dark.
const theme = () => person.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const first = await theme();
await person.part("theme-toggle").focus();
await keyboard.press("Enter");
await eventually("the colours change", async () => (await theme()) !== first);

// What can be pressed has a name for those who do not see it.
const nameless = await person.page.evaluate(() =>
  [...document.querySelectorAll("button, a[href], input, textarea")]
    .filter((part) => !(part.getAttribute("aria-label") || part.innerText?.trim() || part.labels?.length || part.title))
    .map((part) => part.outerHTML),
);
assert.deepEqual(nameless, []);
await person.close();

// A phone: everything is in reach, and nothing is wider than the screen.
person = await open({ viewport: { width: WIDTH, height: 700 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
await person.connected();
const long = "x".repeat(300);
await person.part("ask-input").fill(`say A ${long} word, \`${long}\`, and\n\n| a | b | c |\n|---|---|---|\n| ${long} | 2 | 3 |\n\n`);
await person.part("ask-send").tap();
await person.inState("answer-state", "completed");
for (const view of ["ask", "realm", "history", "wallet"]) {
  await person.part(`nav-${view}`).tap();
  await eventually(`${view} is open`, async () => (await person.part(`nav-${view}`).getAttribute("aria-current")) === "page");
  const width = await person.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= WIDTH, `${view} is ${width} px wide`);
}
await person.close();
