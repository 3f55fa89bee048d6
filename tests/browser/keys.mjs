// The wallet's key changes at the page; its recovery key is made, asks from another browser, and is told no.

import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually, open, profile } from "./person.mjs";

let person = await open();
await person.connected();
await eventually("the owner has filled it up", async () => (await person.balance()) > 0n);
await person.ask("say The lighthouse stands.");
await person.inState("answer-state", "completed");
await eventually("the answer is paid", async () => (await person.balance()) % 1_000_000n !== 0n);
const balance = await person.balance();
await person.part("nav-wallet").click();
const did = await person.part("wallet-did").innerText();
const account = await accountOf(person);
// The same wallet in another browser, which will be shut out.
await person.part("keep-link").click();
const address = await person.part("link-address").inputValue();
const second = await open({}, "about:blank", join(profile, "another-device"));
await second.page.goto(address);
await second.replaceWallet();
await eventually("the wallet is here", async () => (await second.part("wallet-did").innerText()) === did);
await second.connected();
person.asksForMissing = true;
await person.part("link-done").click();
await person.page.getByText("Another device has fetched the wallet.").waitFor();
person.asksForMissing = false;

// Another key: the words first, then it changes. Account, coins and history stay.
await person.part("keep-key").click();
await person.part("key-words").click();
await person.writeDown();
await eventually("the key is another one", async () => (await person.part("wallet-did").innerText()) !== did);
await person.connected();
await eventually("the coins are here", async () => (await person.balance()) === balance);
await eventually("the account is the same", async () => (await accountOf(person)) === account);
await person.inState("keep", "kept");
await person.part("nav-history").click();
await eventually("its history is here", async () => (await person.page.getByTestId("history-item").count()) === 1);
await person.part("nav-wallet").click();
await person.page.getByTestId("prove-movement").first().click();
await person.inState("proof", "holds");

// The browser with the old key is told at once, and has nothing any more.
second.isRefused = true;
await second.part("key-replaced").waitFor();
assert.equal(await second.part("connection").getAttribute("data-state"), "offline");
await second.context.close();

// A recovery key is named.
await person.part("keep-recovery").click();
await person.part("recovery-make").click();
const recovery = await person.writeDown();
await eventually("it is named", async () => {
  await person.part("keep-recovery").click();
  return person.page.getByTestId("recovery-named").isVisible();
});

// Somebody has found it, and asks in another browser. The wallet sees it at once, wherever it is, and says no.
const thief = await open({}, undefined, join(profile, "thief"));
await thief.connected();
await thief.part("nav-wallet").click();
await thief.part("keep-bring").click();
await thief.part("bring-by-recovery").click();
await thief.part("ask-lost").fill(account);
await thief.part("ask-words").fill(recovery);
await thief.part("ask-go").click();
await thief.writeDown();
await thief.part("replace").waitFor();
await person.part("nav-ask").click();
await person.part("key-asked").waitFor();
thief.isRefused = true;
await thief.replaceWallet();
await eventually("the thief waits", async () => (await thief.part("connection").getAttribute("data-state")) === "offline");
await person.part("key-veto").click();
await person.part("key-asked").waitFor({ state: "detached" });
await person.part("nav-wallet").click();
await person.part("keep-recovery").click();
await person.part("recovery-make").waitFor();
await eventually("no recovery key is left", async () => (await person.page.getByTestId("recovery-named").count()) === 0);
await eventually("the coins are here", async () => (await person.balance()) === balance);
// The thief's key is that of a wallet like any other.
await thief.connected();
await eventually("it is another account", async () => (await accountOf(thief)) !== account);
await thief.context.close();
await person.close();

async function accountOf(at) {
  return at.page.locator("code", { hasText: /^[0-9a-f]{8}-/ }).first().innerText();
}
