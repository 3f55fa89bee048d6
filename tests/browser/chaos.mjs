// A person to whom everything happens: asks, stops, loads the page again and goes away at random, while the broker and the workers
// are killed. When all has come to rest, no answer is open, and the list of movements adds up to what the wallet has.

import { cue, eventually, open as openPage, url } from "./person.mjs";

const [seed, seconds] = process.argv.slice(4).map(Number);
const WORDS = ["sky", "grass", "blue", "green", "river", "stone", "seven", "bells"];
/** How long something is tried while the realm may be away. */
const TRY = { timeout: 2_000 };
/** How long something is tried when the realm is about to be left in peace. */
const CALM = { timeout: 10_000 };
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

const person = await openPage({}, "about:blank");
const { page } = person;
person.realmIsAway = true;
person.asksForMissing = true;
await comeBack();
await eventually("there are coins", async () => (await person.balance()) > 0n);

const done = { asked: 0, stopped: 0, loaded: 0, left: 0, begun: 0 };
const end = Date.now() + seconds * 1000;
while (Date.now() < end) await act();
await cue("has acted");

// On a slow machine the realm may have been away whenever something was asked: one question is answered in any case.
await eventually("a question is answered", answered);
// Whoever is back reads everything to its end.
await eventually("no answer is open", async () => (await openAnswers()) === 0);
await cue("has its answers");

await eventually("the wallet is open", () => open("/#/wallet", "movement"));
await eventually("the receipts add up to what it has", async () => (await received()) === (await person.balance()));
const proofs = page.getByTestId("prove-movement");
for (let place = 0; place < Math.min(PROOFS, await proofs.count()); place += 1) {
  await proofs.nth(place).click();
  await person.inState("proof", "holds");
  await proofs.nth(place).click();
}
console.log(`${JSON.stringify(done)}, ${await page.getByTestId("movement").count()} movements add up to ${await person.balance()}`);
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

/** Loads a page anew, and gives whether it has a part; the other person's realm may go away meanwhile. */
async function open(address, part) {
  await page.goto(new URL(address, url).href, CALM);
  await page.reload(CALM);
  await person.part(part).waitFor(CALM);
  return true;
}

async function answered() {
  await open("/", "ask-input");
  await person.part("ask-input").fill("say all is well again", CALM);
  await person.part("ask-send").click(CALM);
  await person.part("answer").filter({ hasText: "all is well again" }).waitFor(CALM);
  return true;
}

/** Jobs in the history that have not ended. */
async function openAnswers() {
  await open("/#/history", "history-item");
  return page.locator('[data-testid="history-item"] :is([data-state="queued"], [data-state="running"])').count();
}

/** What came in less what went out, in millionths of a coin, line by line. */
async function received() {
  const more = page.getByTestId("more-movements");
  while ((await more.count()) > 0) {
    const before = await page.getByTestId("movement").count();
    await more.click();
    await eventually("more lines", async () => (await page.getByTestId("movement").count()) > before);
  }
  const lines = await page.getByTestId("movement").evaluateAll((all) => all.map((line) => [line.dataset.micro, line.classList.contains("incoming")]));
  return lines.reduce((sum, [amount, gain]) => (gain ? sum + BigInt(amount) : sum - BigInt(amount)), 0n);
}
