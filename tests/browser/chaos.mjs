// A person to whom everything happens: asks, stops, loads the page again and goes away at random, while the broker and the workers
// are killed. When all has come to rest, no answer is open, and the list of movements adds up to what the wallet has.

import assert from "node:assert/strict";
import { cue, eventually, open, url } from "./person.mjs";

const [seed, seconds] = process.argv.slice(4).map(Number);
const WORDS = ["sky", "grass", "blue", "green", "river", "stone", "seven", "bells"];
/** How long something is tried while the realm may be away. */
const TRY = { timeout: 2_000 };
/** Answers whose proofs are checked in the page. */
const PROOFS = 2;

let dice = seed;
/** Mulberry32, by Tommy Ettinger: a whole number below another. */
function roll(below) {
  dice = (dice + 0x6d2b79f5) | 0;
  let t = Math.imul(dice ^ (dice >>> 15), dice | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % below;
}

const person = await open({}, "about:blank");
const { page } = person;
person.realmIsAway = true;
person.asksForMissing = true;
await comeBack();
await eventually("there are coins", async () => (await person.balance()) > 0n);

const done = { asked: 0, stopped: 0, loaded: 0, left: 0, begun: 0 };
const end = Date.now() + seconds * 1000;
while (Date.now() < end) await act();
await cue("has acted");

// Whoever is back reads everything to its end.
await page.goto(new URL("/#/history", url).href);
await page.reload();
await person.connected();
await eventually("no answer is open", async () => (await openAnswers()) === 0);
await cue("has its answers");

await page.goto(new URL("/#/wallet", url).href);
await page.reload();
await person.connected();
await eventually("the receipts add up to what it has", async () => (await received()) === (await person.balance()));
const proofs = page.getByTestId("prove-movement");
for (let place = 0; place < Math.min(PROOFS, await proofs.count()); place += 1) {
  await proofs.nth(place).click();
  await person.inState("proof", "holds");
  await proofs.nth(place).click();
}
console.log(`${JSON.stringify(done)}, ${await page.getByTestId("movement").count()} movements add up to ${await person.balance()}`);
assert.ok(done.asked > 0, "something was asked");
await person.close();

async function act() {
  const what = roll(100);
  if (what < 55) await ask();
  else if (what < 70) await stop();
  else if (what < 78) await load();
  else if (what < 82) await leave();
  else if (what < 86) await begin();
  // A person looks at what happens, for a moment.
  else await page.waitForTimeout(50 + roll(300));
}

async function ask() {
  if (!(await tried(person.part("ask-input").fill(`${roll(3) === 0 ? "slowly" : "say"} ${words()}`, TRY)))) return;
  if (await tried(person.part("ask-send").click(TRY))) done.asked += 1;
}

function words() {
  return Array.from({ length: 2 + roll(6) }, () => WORDS[roll(WORDS.length)]).join(" ");
}

async function stop() {
  const button = person.part("cancel");
  if ((await button.count()) > 0 && (await tried(button.click(TRY)))) done.stopped += 1;
}

async function load() {
  if (await tried(page.reload(TRY))) done.loaded += 1;
  else await comeBack();
}

async function leave() {
  await page.goto("about:blank");
  done.left += 1;
  await comeBack();
}

async function begin() {
  if (await tried(page.locator("a.new").first().click(TRY))) done.begun += 1;
}

/** The page itself comes from the realm: it is there again when the realm is. */
async function comeBack() {
  await eventually("the page is there", async () => {
    await page.goto(url, TRY);
    return (await page.getByTestId("ask-input").count()) > 0;
  });
}

async function tried(action) {
  return action.then(
    () => true,
    () => false,
  );
}

/** Jobs in the history that have not ended. */
async function openAnswers() {
  await page.reload();
  await person.connected();
  await person.part("history-item").waitFor();
  return page.locator('[data-testid="history-item"] :is([data-state="queued"], [data-state="running"])').count();
}

/** What came in less what went out, in millionths of a coin, line by line. */
async function received() {
  await person.part("movement").waitFor();
  const more = page.getByTestId("more-movements");
  while ((await more.count()) > 0) {
    const before = await page.getByTestId("movement").count();
    await more.click();
    await eventually("more lines", async () => (await page.getByTestId("movement").count()) > before);
  }
  const lines = await page.getByTestId("movement").evaluateAll((all) => all.map((line) => [line.dataset.micro, line.classList.contains("incoming")]));
  return lines.reduce((sum, [amount, gain]) => (gain ? sum + BigInt(amount) : sum - BigInt(amount)), 0n);
}
