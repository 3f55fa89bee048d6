// Money that can be verified: a job is proven in the page, a changed proof and a rewritten log are said in red; coins are asked
// for with a link; nothing dear is asked without a yes.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { cue, eventually, open, url } from "./person.mjs";

const person = await open({ acceptDownloads: true });
const { page } = person;
await person.connected();
await eventually("there are coins", async () => (await person.balance()) > 0n);

await person.ask("say The tower is of iron.");
await person.reads("The tower is of iron.");
await person.inState("answer-state", "completed");

// The page checks what the ledger says of it, and gives out files that say the same.
await person.part("nav-history").click();
await person.part("history-item").click();
await person.part("prove").click();
await person.inState("proof", "holds");
const words = await person.part("proof").innerText();
for (const said of [
  "say The tower is of iron.", "asked under a signature of this wallet", "the result is signed by scripted", "to scripted",
  "to the realm's treasury", "the answer is whole", "The realm",
]) {
  assert.ok(words.includes(said), `"${said}" in: ${words}`);
}
assert.ok(!(await saved("settled")).includes("iron"), "no word of the job is in the file");
await page.getByRole("checkbox").check();
assert.ok((await saved("settled")).includes("The tower is of iron."), "the answer is, when it is wanted");
assert.ok((await saved("accepted")).includes("say The tower is of iron."), "and the question");

// One changed digit on the way is enough.
await page.route("**/proofs?*", async (route) => {
  const response = await route.fetch();
  const proofs = await response.json();
  const change = (proof) => proof.replace(/^extra (.*)$/m, (_, extra) => `extra ${encode(decode(extra).replace('\\"hold\\":\\"', '\\"hold\\":\\"1'))}`);
  await route.fulfill({ response, json: { ...proofs, accepted: change(proofs.accepted) } });
});
await page.getByRole("button", { name: "Check again" }).click();
await person.inState("proof", "failed");
assert.match(await person.part("failed-step").innerText(), /the entry is in the log/);
await page.unroute("**/proofs?*");

// The same from the list of movements.
await person.part("nav-wallet").click();
await person.part("prove-movement").click();
await person.inState("proof", "holds");

// A link that asks for coins fills the form in, and sends nothing.
const did = await page.evaluate(() => document.querySelector("[data-testid=wallet-did]").textContent);
await person.part("receive").click();
await person.part("receive-amount").fill("12.5");
await person.part("receive-memo").fill("Tea & cake");
await person.part("qr-code").waitFor();
const link = await person.part("receive-link").innerText();
assert.equal(link, `${new URL(url).origin}/#/wallet?to=${did}&amount=12.5&memo=Tea+%26+cake`);
const other = "did:key:z6Mkpjxjo9xiD6x3mvPtEFoXNtuVX9KjeXkPaUKiKMDBxW6n";
const before = await person.balance();
await page.goto(link.replace(did, other));
await person.part("asked").getByText("12.5 coins").waitFor();
assert.equal(await person.part("send-to").inputValue(), other);
assert.equal(await person.part("send-amount").inputValue(), "12.5");
assert.equal(await person.part("send-memo").inputValue(), "Tea & cake");
assert.equal(await person.balance(), before, "nothing is sent without a click");
await person.part("send").click();
await eventually("the coins are sent", async () => (await person.balance()) === before - 12_500_000n);
await eventually("the link is done with", async () => !page.url().includes("?"));
assert.equal(await person.part("send-to").inputValue(), "");
for (const [junk, why] of [
  [link.replace(did, "did:key:z6Mkjunk"), "names no wallet"],
  [link.replace("12.5", "1e9"), "amount in the link is none"],
  [link, "your own wallet"],
]) {
  await page.goto(junk);
  await person.part("send-complaint").getByText(why).waitFor();
  assert.equal(await person.part("send-to").inputValue(), "");
}

// Above the limit it asks first, and the question comes back when it is not wanted.
await person.part("nav-settings").click();
await person.part("ask-above").fill("0.000001");
await person.part("ask-above").blur();
await person.part("nav-ask").click();
await person.ask("say Dear.");
await person.inState("spending", "asking");
const answers = await page.getByTestId("answer").count();
await page.keyboard.press("Escape");
assert.equal(await person.part("ask-input").inputValue(), "say Dear.");
assert.equal(await page.getByTestId("answer").count(), answers, "nothing was asked");
await person.part("ask-send").click();
await person.inState("spending", "asking");
await person.part("spending-yes").click();
await person.reads("Dear.");
await person.inState("answer-state", "completed");

// A realm that takes back what it signed, and writes something else instead, is found out when the log is looked at.
await person.part("nav-settings").click();
await person.part("ask-above").fill("0");
await person.part("ask-above").blur();
await away("keep the ledger");
await asked("Forget this.");
await person.part("nav-wallet").click();
await person.part("prove-movement").click();
await person.inState("proof", "holds");
await away("put the ledger back");
await asked("Remember this.");
await person.part("nav-wallet").click();
await person.part("prove-movement").click();
await person.inState("proof", "rewritten");
await person.part("log-rewritten").waitFor();
await page.reload();
await person.part("log-rewritten").getByText("not the one that it was").waitFor();
await person.part("log-accept").click();
await person.part("log-accept").click();
await eventually("the person has accepted it", async () => (await page.getByTestId("log-rewritten").count()) === 0);
await person.close();

/** The realm is not there while something is done to it. */
async function away(words) {
  person.realmIsAway = true;
  await cue(words);
  await person.inState("connection", "online");
  // The page may have noticed only now that it was gone.
  await page.reload();
  await person.connected();
  person.realmIsAway = false;
}

async function asked(words) {
  await person.part("nav-ask").click();
  await person.ask(`say ${words}`);
  await person.reads(words);
  await person.inState("answer-state", "completed");
}

/** What is in a file that is saved, its extra line read. */
async function saved(name) {
  const [download] = await Promise.all([page.waitForEvent("download"), person.part(`save-${name}`).click()]);
  const text = await readFile(await download.path(), "utf8");
  assert.match(download.suggestedFilename(), new RegExp(`^[0-9a-f-]{36}\\.${name}\\.tlog-proof$`));
  return decode(/^extra (.*)$/m.exec(text)[1]);
}

function decode(text) {
  return Buffer.from(text, "base64").toString();
}

function encode(text) {
  return Buffer.from(text).toString("base64");
}
