// The wallet is kept by a passkey, the browser is lost, and the passkey brings it back. The authenticator is Chromium's own
// virtual one.

import assert from "node:assert/strict";
import { eventually, open } from "./person.mjs";

const person = await open();
const { page } = person;
const devtools = await person.context.newCDPSession(page);
await devtools.send("WebAuthn.enable");
const authenticator = (hasPrf) => ({
  options: {
    protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true,
    hasPrf, isUserVerified: true, automaticPresenceSimulation: true,
  },
});
await person.connected();
await eventually("the owner has filled it up", async () => (await person.balance()) > 0n);
const balance = await person.balance();
await person.part("nav-wallet").click();
const did = await person.part("wallet-did").innerText();

// One that can't seal anything is said to be so, and nothing is kept.
const { authenticatorId: poor } = await devtools.send("WebAuthn.addVirtualAuthenticator", authenticator(false));
await person.part("keep-passkey").click();
await person.part("passkey-make").click();
await person.part("passkey-obstacle").getByText("lacks the extension prf").waitFor();
await devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: poor });

const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", authenticator(true));
const sent = [];
person.context.on("request", (request) => sent.push(`${request.url()} ${request.postData()}`));
await person.part("passkey-make").click();
await person.part("passkey-have").click();
await person.inState("keep", "kept");
await page.reload();
await person.connected();
assert.equal(await page.getByTestId("keep-words").count(), 0, "the browser knows the words no more");
// What the realm was given opens nothing by itself: it is no plain secret.
assert.ok(sent.some((request) => request.includes("/passkeys")));
const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
assert.equal(credentials.length, 1);

// The browser is lost; the authenticator is not.
await devtools.send("Storage.clearDataForOrigin", { origin: new URL(page.url()).origin, storageTypes: "all" });
await page.reload();
await person.connected();
await eventually("a new wallet is here", async () => (await person.part("wallet-did").innerText()) !== did);
await eventually("the owner has filled it up", async () => (await person.balance()) > 0n);
await bringByPasskey();
await person.part("replace-did").getByText(did).waitFor();
await person.replaceWallet();
await eventually("the wallet is back", async () => (await person.part("wallet-did").innerText()) === did);
await person.connected();
await eventually("its coins are here", async () => (await person.balance()) === balance);
await person.inState("keep", "kept");

// Brought along once more, it can be forgotten by the realm; then the passkey brings nothing back.
await bringByPasskey();
await person.part("keep-passkey").click();
await person.part("passkey").getByRole("button", { name: "Forget it" }).click();
await eventually("it is forgotten", async () => (await person.part("passkey").locator("li").count()) === 0);
await person.part("passkey").getByRole("button", { name: "Not now" }).click();
person.asksForMissing = true;
await bringByPasskey();
await person.part("bring-complaint").getByText("no wallet is kept here under this passkey").waitFor();
await person.close();

async function bringByPasskey() {
  await person.part("keep-bring").click();
  await person.part("bring-by-passkey").click();
  await person.part("bring-find").click();
}
