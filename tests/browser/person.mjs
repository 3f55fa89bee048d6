// The person at the page: a browser with a profile of its own, what can be done at the page, and what must never happen
// there. A scenario is called as `node SCENARIO.mjs URL PROFILE`; src/scenario.rs plays the rest of the realm.

import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PATIENCE_MS = 120_000;
const LOOK_MS = 50;
export const ARGUMENTS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const [url, profile] = process.argv.slice(2);
const origin = new URL(url).origin;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
// The scenario is over when its last line has run, whoever still holds the other end.
process.stdin.unref?.();

/** Has the test do something, and waits until it is done. */
export async function cue(words) {
  process.stdin.ref?.();
  process.stdout.write(`> ${words}\n`);
  const { value } = await lines.next();
  process.stdin.unref?.();
  assert.equal(value, "done", `nobody did: ${words}`);
}

/** What `look` gives, as soon as it is something. */
export async function eventually(what, look) {
  const deadline = Date.now() + PATIENCE_MS;
  let last;
  do {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  } while (Date.now() < deadline);
  throw new Error(`waited in vain: ${what} (${String(last)})`);
}

/** Opens the browser at the page. `close` asserts that nothing went wrong in the meantime. */
export async function open(options = {}, address = url, folder = profile) {
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.MTOR_CHROMIUM,
    args: ARGUMENTS,
    chromiumSandbox: false,
    headless: true,
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = context.pages()[0] ?? (await context.newPage());
  const person = new Person(context, page);
  await person.watch();
  await page.goto(address);
  return person;
}

class Person {
  /** What must not be: errors, violations of the page's policy, requests to elsewhere, dialogs. */
  faults = [];
  /** Whether the realm is away on purpose: what fails then is no fault. */
  realmIsAway = false;
  /** Whether something is asked for that is not there, on purpose. */
  asksForMissing = false;
  /** Whether it asks with a key that is refused, on purpose. */
  isRefused = false;
  /** Whether it asks for something wrong, on purpose. */
  isBad = false;

  constructor(context, page) {
    this.context = context;
    this.page = page;
  }

  async watch() {
    const { page, faults } = this;
    page.on("pageerror", (error) => faults.push(`exception: ${error.stack ?? error}`));
    page.on("console", (message) => {
      const unreachable = this.realmIsAway && /net::ERR_|WebSocket connection|error occurred when fetching the script/.test(message.text());
      const missing = this.asksForMissing && /status of 404/.test(message.text());
      const refused = this.isRefused && /status of 40[13]/.test(message.text());
      const bad = this.isBad && /status of 400/.test(message.text());
      if (message.type() === "error" && !unreachable && !missing && !refused && !bad) faults.push(`console: ${message.text()}`);
    });
    page.on("dialog", (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    this.context.on("request", (request) => {
      const target = new URL(request.url());
      const inside = ["data:", "blob:"].includes(target.protocol) || target.origin === origin;
      if (!inside) faults.push(`request to ${target.href}`);
    });
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).host !== new URL(url).host) faults.push(`WebSocket to ${socket.url()}`);
    });
    await page.exposeFunction("noteViolation", (what) => faults.push(`policy: ${what}`));
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => {
        void window.noteViolation(`${event.violatedDirective} by ${event.blockedURI}`);
      });
    });
  }

  /** A part of the page, by its test id; the last one when there are several. */
  part(id) {
    return this.page.getByTestId(id).last();
  }

  /** Whether the page is connected. */
  async connected() {
    await this.inState("connection", "online");
  }

  /** Waits until a part is in a state. */
  async inState(id, state) {
    await eventually(`${id} is ${state}`, async () => (await this.part(id).getAttribute("data-state")) === state);
  }

  /** Writes a question and sends it. */
  async ask(question) {
    await this.part("ask-input").fill(question);
    await this.part("ask-send").click();
  }

  /** Waits until the last answer has these words. */
  async reads(words) {
    await eventually(`the answer has "${words}"`, async () => (await this.answer()).includes(words));
  }

  /** The last answer as it is read. */
  async answer() {
    return (await this.part("answer").innerText()).trim();
  }

  /** What is in the wallet, in millionths of a coin. */
  async balance() {
    return BigInt(await this.part("balance").getAttribute("data-micro"));
  }

  /** Which part of the page has the keyboard, by its test id. */
  async focus() {
    return this.page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
  }

  /** Writes the words that are shown down, and shows that it has: gives them. */
  async writeDown() {
    await this.part("keep-phrase").locator("li").nth(11).waitFor();
    const words = (await this.part("keep-phrase").innerText()).match(/[a-z]+/g);
    await this.part("keep-written").click();
    for (const field of await this.page.getByTestId("keep-check").all()) {
      await field.fill(words[Number(await field.getAttribute("data-position")) - 1]);
    }
    await this.part("keep-checked").click();
    return words.join(" ");
  }

  /** Puts the wallet that was found in the place of the one that is here, and gives that one up. */
  async replaceWallet() {
    const button = this.part("replace");
    await button.click();
    if (/Really/.test(await button.innerText().catch(() => ""))) await button.click();
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.faults, []);
  }
}
