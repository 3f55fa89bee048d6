// A new wallet has nothing and can ask nothing: the page offers coins for some work, which can be left and taken up again.

import assert from "node:assert/strict";
import { eventually, open } from "./person.mjs";

const person = await open();
const { page } = person;
await person.connected();
await person.part("starter-start").waitFor();
assert.equal(await person.balance(), 0n);

// Left in the middle: nothing has come, and it is offered again.
await person.part("starter-start").click();
await person.part("starter-cancel").click();
await person.part("starter-start").waitFor();
assert.equal(await person.balance(), 0n);

await page.goto(new URL("/#/wallet", page.url()).href);
await person.part("starter-start").click();
await eventually("it says how far it is", async () => /of about 128/.test(await person.part("starter-tries").innerText()));
await eventually("the coins are there", async () => (await person.balance()) === 2_000_000n);
await eventually("it is offered no more", async () => (await page.getByTestId("starter").count()) === 0);
assert.match(await person.part("wallet-bound").innerText(), /spent, not sent/);
await page.getByRole("listitem").filter({ hasText: /Starter coins\s*\+2/ }).waitFor();

await page.goto(new URL("/#/ask", page.url()).href);
await person.ask("say These are my own coins.");
await person.reads("These are my own coins.");
await eventually("the answer is paid", async () => (await person.balance()) < 2_000_000n);
await person.close();
