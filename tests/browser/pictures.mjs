// A picture is shown by file, by paste and by drag, asked about, and the answer names what is in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { eventually, open } from "./person.mjs";

const person = await open();
const { page } = person;
await person.connected();

const photo = `${process.env.MTOR_TEST_PHOTOS}/coffee.png`;
const bytes = readFileSync(photo);

/** The photo as the page itself gets it when somebody pastes or drops it. */
const give = (kind) =>
  page.locator("form.composer").evaluate(
    (form, { kind, data }) => {
      const file = new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], "cup.png", { type: "image/png" });
      const transfer = new DataTransfer();
      transfer.items.add(file);
      const target = kind === "paste" ? form.querySelector("textarea") : form;
      const event =
        kind === "paste"
          ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
          : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
      target.dispatchEvent(event);
    },
    { kind, data: bytes.toString("base64") },
  );
const pictures = person.part("pictures").locator("img");
const shows = (count) => eventually(`${count} pictures are at hand`, async () => (await pictures.count()) === count);

await person.part("picture-files").setInputFiles(photo);
await shows(1);
await give("paste");
await shows(2);
await give("drop");
await shows(3);
for (let left = 2; left >= 1; left -= 1) {
  await person.part("pictures").locator("button").first().click();
  await shows(left);
}

await person.part("ask-send").click();
await person.inState("answer-state", "completed");
await person.reads("a cup");
const shown = person.part("shown-picture");
assert.equal(await shown.count(), 1, "the picture stands in the question");
assert.equal(await pictures.count(), 0, "and is no longer at hand");
assert.match(await page.locator(".question h2").innerText(), /picture/i);

// A file that is no picture is told in plain words.
await person.part("picture-files").setInputFiles({ name: "a.heic", mimeType: "image/heic", buffer: Buffer.from("no picture") });
await eventually("the page says so", async () => (await page.getByText("HEIC").count()) > 0);
assert.equal(await pictures.count(), 0);

// After a reload the small copy is still there: it lies in this browser.
await page.reload();
await eventually("the picture is still there", async () => (await shown.count()) === 1);
await person.close();
