// The browser is lost, twice, and the wallet comes back: from its twelve words, and from its file and password.

import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { eventually, open, profile } from "./person.mjs";

const PASSWORD = "a horse, a cart, a caf\u{e9}";
let person = await open();
const { page } = person;
await person.connected();
await eventually("the owner has filled it up", async () => (await person.balance()) > 0n);
await person.ask("say The lighthouse stands.");
await person.inState("answer-state", "completed");
await eventually("the answer is paid", async () => (await person.balance()) % 1_000_000n !== 0n);
const spentTo = await person.balance();
const did = await atWallet();

// It says that it should be kept; the words are shown, and three of them asked for.
await person.part("keep-reminder").waitFor();
await person.part("keep-words").click();
await page.getByTestId("keep-phrase").locator("li").nth(11).waitFor();
const words = (await person.part("keep-phrase").innerText()).match(/[a-z]+/g);
assert.equal(words.length, 12);
await person.part("keep-written").click();
const asked = await page.getByTestId("keep-check").all();
assert.equal(asked.length, 3);
const positionOf = async (field) => Number(await field.getAttribute("data-position"));
for (const field of asked) await field.fill("nothing of the kind");
await person.part("keep-checked").click();
const first = await positionOf(asked[0]);
await person.part("keep").getByText(`Word ${first} is another one`).waitFor();
for (const field of asked) await field.fill(words[(await positionOf(field)) - 1].toUpperCase());
await person.part("keep-checked").click();

// Then the browser knows them no more, and goes on with the wallet.
await person.inState("keep", "kept");
assert.deepEqual(await secretsIn(page), []);
await page.reload();
await person.connected();
await person.inState("keep", "kept");
assert.equal(await page.getByTestId("keep-words").count(), 0);
assert.equal(await atWallet(), did);

// The browser is lost. Another one has a wallet of its own, which shares coins, and is not given up unasked.
await lose();
const other = await atWallet();
assert.notEqual(other, did);
await eventually("the owner has filled it up", async () => (await person.balance()) === 100_000_000n);
await person.page.getByRole("button", { name: "Share coins" }).click();
await person.page.getByLabel("For whom or what").fill("kids");
await person.page.getByLabel("Limit in coins").fill("60");
await person.page.getByRole("button", { name: "Share", exact: true }).click();
await person.part("grant").waitFor();
await person.part("keep-bring").click();
await person.part("bring-words").fill(words.with(3, `${words[3]}xyz`).join("\n"));
await person.part("bring-find").click();
await person.part("bring-complaint").getByText("Word 4").waitFor();
await person.part("bring-words").fill("abandon ".repeat(12));
await person.part("bring-find").click();
await eventually("these are no wallet", async () => /together they are no wallet/.test(await complaint()));
await person.part("bring-words").fill(words.map((word, index) => `${index + 1}. ${word}`).join("\n"));
await person.part("bring-find").click();
await person.part("replace-here").getByText(/holds \d/).waitFor();
await person.part("replace-here").getByText("shares coins with others").waitFor();
await person.part("replace").click();
assert.match(await person.part("replace").innerText(), /Really/);
assert.equal(await name(), other, "nothing has happened yet");
await person.part("replace-bringing").click();
await back(spentTo + 100_000_000n, "words");

// Now as a file, which needs the words once more.
await person.part("keep-bring").click();
await person.part("bring-words").fill(words.join(" "));
await person.part("bring-find").click();
await person.part("keep-file").click();
await person.part("keep-password").fill(PASSWORD);
await person.part("keep-password-again").fill(`${PASSWORD}!`);
await person.part("keep-save").click();
await person.part("keep").getByText("differ").waitFor();
await person.part("keep-password-again").fill(PASSWORD);
const saving = person.page.waitForEvent("download");
await person.part("keep-save").click();
const saved = await saving;
assert.match(saved.suggestedFilename(), /^mtor-wallet-\d{4}-\d\d-\d\d-z6Mk\w{3}-\w{5}\.json$/);
const file = { name: saved.suggestedFilename(), mimeType: "application/json", buffer: await readFile(await saved.path()) };
await person.part("keep-have").click();
await person.inState("keep", "kept");

// Lost again; the file brings it back, with its password. This time the wallet in its place is kept first.
await lose();
await atWallet();
await person.part("keep-bring").click();
await person.part("bring-by-file").click();
await person.part("bring-file").setInputFiles(file);
await person.part("bring-password").fill(`${PASSWORD}!`);
await person.part("bring-find").click();
await eventually("the password is wrong", async () => /password does not open/.test(await complaint()));
await person.part("bring-password").fill(PASSWORD);
await person.part("bring-find").click();
await person.part("replace-keep-first").click();
await person.part("keep-file").click();
for (const field of ["keep-password", "keep-password-again"]) await person.part(field).fill(PASSWORD);
await person.part("keep-save").click();
await person.part("keep-have").click();
await person.part("replace-here").getByText("You can come back to it").waitFor();
await person.part("replace").click();
await back(spentTo + 100_000_000n, "file");
await person.close();

/** Goes to the wallet page; gives the wallet's name. */
async function atWallet() {
  await person.connected();
  await person.part("nav-wallet").click();
  await person.part("wallet-balance").waitFor();
  return name();
}

async function name() {
  return person.part("wallet-did").innerText();
}

async function complaint() {
  return person.part("bring-complaint").innerText();
}

/** Closes the browser and throws all away that it knew; opens a new one. */
async function lose() {
  await person.close();
  await rm(profile, { recursive: true });
  person = await open();
  await person.connected();
}

/** Waits until the wallet is here, with its coins and its history, and known to be kept. */
async function back(balance, by) {
  await eventually("the wallet is here", async () => (await name()) === did);
  await person.connected();
  await eventually("its coins are here", async () => (await person.balance()) === balance);
  await person.inState("keep", "kept");
  assert.deepEqual(await secretsIn(person.page), []);
  await person.part("nav-history").click();
  await eventually("its history is here", async () => (await person.page.getByTestId("history-item").count()) === 1);
  await person.part("history-item").click();
  await person.page.getByText("The lighthouse stands.").last().waitFor();
  await person.part("nav-wallet").click();
  await person.part("keep").getByText(by === "words" ? "twelve words" : "in a file").waitFor();
}

/** What lies in the browser's database from which the key could be made. */
async function secretsIn(page) {
  return page.evaluate(async () => {
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open("mtor");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const stored = await new Promise((resolve) => {
      const request = database.transaction("keys").objectStore("keys").getAll();
      request.onsuccess = () => resolve(request.result);
    });
    database.close();
    const found = [];
    const look = (value) => {
      if (value instanceof Uint8Array) found.push("bytes");
      else if (value instanceof CryptoKey) {
        if (value.type === "private" && value.extractable) found.push("a key that can be taken out");
      } else if (typeof value === "object" && value !== null) Object.values(value).forEach(look);
    };
    stored.forEach(look);
    return found;
  });
}
