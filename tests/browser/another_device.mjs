// The wallet is taken to another device by a link, which works once.

import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually, open, profile } from "./person.mjs";

const first = await open();
await first.connected();
await eventually("the owner has filled it up", async () => (await first.balance()) > 0n);
await first.ask("say The lighthouse stands.");
await first.inState("answer-state", "completed");
await eventually("the answer is paid", async () => (await first.balance()) % 1_000_000n !== 0n);
await first.part("nav-wallet").click();
const did = await first.part("wallet-did").innerText();
const balance = await first.balance();
await first.part("keep-link").click();
const address = await first.part("link-address").inputValue();
const key = address.split("/").at(-1);
assert.equal(key.length, 43);

// The other device asks first, and has the wallet then, with all that belongs to it. No request has carried the key.
const second = await open({}, "about:blank", join(profile, "another-device"));
const sent = [];
second.context.on("request", (request) => sent.push(`${request.url()} ${request.postData()} ${JSON.stringify(request.headers())}`));
await second.page.goto(address);
await second.connected();
await second.part("keep").getByText("only if you made that link yourself").waitFor();
await eventually("the present one is named", async () => (await second.part("replace-here").innerText()).includes("100 coins"));
assert.ok(!second.page.url().includes(key), "the key does not stay in the address");
assert.notEqual(await second.part("wallet-did").innerText(), did);
await second.part("replace-bringing").click();
await eventually("the wallet is here", async () => (await second.part("wallet-did").innerText()) === did);
await second.connected();
await eventually("its coins are here", async () => (await second.balance()) === balance + 100_000_000n);
await second.inState("keep", "open");
await second.part("nav-history").click();
await eventually("its history is here", async () => (await second.page.getByTestId("history-item").count()) === 1);
assert.ok(sent.length > 10 && !sent.some((request) => request.includes(key)));

// The first one hears that it was fetched, and a second time it brings nothing.
first.asksForMissing = true;
await first.part("link-done").click();
await first.page.getByText("Another device has fetched the wallet.").waitFor();
second.asksForMissing = true;
await second.page.goto(address);
await second.part("keep-strayed").waitFor();
assert.equal(await second.part("wallet-did").innerText(), did);

// Each of the two sees both, and which one is gone.
await devices(second, ["here", "here"]);
await second.close();
await devices(first, ["here", "away"]);
assert.equal(await first.part("device-lost").count(), 1);

// One that was withdrawn brings nothing either.
await first.part("keep-link").click();
const unused = await first.part("link-address").inputValue();
const withdrawn = first.page.waitForResponse((response) => response.url().endsWith("/take"));
await first.part("link-done").click();
assert.equal((await withdrawn).status(), 200);
await first.page.goto(unused);
await first.part("keep-strayed").waitFor();

// Who has lost one goes from there to where the key is changed.
await first.page.reload();
await first.connected();
await first.part("device-lost").click();
await first.part("key-words").waitFor();
await first.close();

async function devices(person, states) {
  await eventually(`the devices are ${states}`, async () => {
    await person.page.reload();
    await person.connected();
    await person.part("device").waitFor();
    const all = await person.page.getByTestId("device").evaluateAll((lines) => lines.map((line) => line.dataset.state));
    return all.join() === states.join();
  });
}
