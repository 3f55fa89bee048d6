// A service is attached by pasting its address: it is found out what it is, it stays over a restart, and is detached again.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cue, eventually, open, profile } from "./person.mjs";

const person = await open();
const { page } = person;
await person.connected();
await cue(`name the service ${join(profile, "service")}`);
const address = readFileSync(join(profile, "service"), "utf8");

await person.part("nav-realm").click();
await person.part("attach").waitFor();
// Where nothing is, that is said.
person.isBad = true;
await person.part("attach-address").fill("http://127.0.0.1:1");
await person.part("attach-go").click();
await eventually("it is said that nothing is there", async () => /nothing at/.test(await person.part("attach").innerText()));
person.isBad = false;

await person.part("attach-address").fill(`${address}/v1`);
await person.part("attach-key").fill("sk-a-secret-of-the-service");
await person.part("attach-go").click();
await eventually("it is attached", async () => /Ollama is attached/.test(await person.part("attach-news").innerText()));
assert.equal(await person.part("attach-key").inputValue(), "", "the key does not stay in the page");
assert.doesNotMatch(await page.content(), /sk-a-secret/);
await cue("see its key");

person.realmIsAway = true;
await cue("restart the realm");
await page.reload();
await person.connected();
person.realmIsAway = false;
await eventually("it is still listed", async () => (await page.getByTestId("attachment").count()) === 1);
await person.part("detach").click();
await person.part("detach").click();
await eventually("it is listed no more", async () => (await page.getByTestId("attachment").count()) === 0);
await cue("see it gone");
await person.close();
