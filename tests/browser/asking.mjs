// A question, its answer as it comes, what it costs; stopping it and trying again; history, wallet and realm.

import assert from "node:assert/strict";
import { cue, eventually, open } from "./person.mjs";

const person = await open();
const { page } = person;
await person.connected();

// The answer comes word by word, rendered as Markdown.
await person.ask("slowly # Of Paris\n\nIt **is** big:\n\n- the *Seine*\n- the `tower`\n\n```python\nprint(1)\n```\n");
await cue("let 5 words");
await person.reads("It is");
await person.inState("answer-state", "running");
assert.ok(!(await person.answer()).includes("Seine"), "it is on its way");
const before = await person.balance();
await cue("let 100 words");
await person.inState("answer-state", "completed");
const answer = person.part("answer");
for (const [selector, words] of [
  ["h1, h2, h3, h4", "Of Paris"],
  ["strong", "is"],
  ["li em", "Seine"],
  ["li code", "tower"],
  ["pre code", "print(1)"],
]) {
  assert.match(await answer.locator(selector).first().innerText(), new RegExp(words.replace(/[()]/g, "\\$&")));
}
assert.match(await person.part("answer-state").innerText(), /coin/, "it says what it cost");
await eventually("the balance is shown", async () => before > 0n && (await person.balance()) > 0n);
const balance = await person.balance();

// Another question of the same conversation; then one that is stopped and tried again.
await person.ask("say The tower is of iron.");
await person.reads("The tower is of iron.");
await person.inState("answer-state", "completed");
await eventually("the answer is paid", async () => (await person.balance()) < balance);
await person.ask("hang");
await person.reads("Well");
await person.part("cancel").click();
await person.inState("answer-state", "cancelled");
await person.part("retry").click();
await person.inState("answer-state", "running");
await person.reads("Well");
await person.part("cancel").click();
await person.inState("answer-state", "cancelled");
await page.getByText("Try 2 of 2").waitFor();

// A refusal is told in words.
await person.ask("refuse");
await person.inState("answer-state", "failed");
await page.getByText("the script says so").waitFor();

// Found again by its words.
await person.part("nav-history").click();
await eventually("all questions are listed", async () => (await page.getByTestId("history-item").count()) === 5);
await person.part("history-search").fill("iron");
await eventually("one is found", async () => (await page.getByTestId("history-item").count()) === 1);
await person.part("history-item").click();
await page.getByText("The tower is of iron.").last().waitFor();
await person.part("history-search").fill("nothing-has-this-word");
await eventually("none is found", async () => (await page.getByTestId("history-item").count()) === 0);

// The wallet says who it is, what it has, and where it went.
await person.part("nav-wallet").click();
await page.getByText(/did:key:z6Mk/).first().waitFor();
assert.match(await person.part("wallet-balance").innerText(), /\d/);
await page.getByText("Paid for an answer").first().waitFor();

// The realm shows its worker, its queue and its prices.
await person.part("nav-realm").click();
await page.getByText("scripted").first().waitFor();
await page.getByText("Merkle root").waitFor();
await person.close();
