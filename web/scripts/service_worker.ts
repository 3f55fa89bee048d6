// Puts the service worker beside the page, with the files of the shell and their version in it.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const SOURCE = new URL("../src/service-worker.js", import.meta.url);
/** What stands in public/ and belongs to the shell. */
const PUBLIC = ["favicon.svg", "icon-192.png", "manifest.webmanifest"];

export function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const hash = createHash("sha256");
      const files = ["/"];
      for (const [name, part] of Object.entries(bundle)) {
        // The page and what it loads at once; what is fetched when it is needed is kept by the browser anyway.
        const isShell =
          name === "index.html" || (part.type === "chunk" ? part.isEntry : name.endsWith(".css") && name.includes("index"));
        if (!isShell) continue;
        hash.update(name).update(part.type === "chunk" ? part.code : part.source);
        if (name !== "index.html") files.push(`/${name}`);
      }
      for (const name of PUBLIC) {
        hash.update(name).update(readFileSync(new URL(`../public/${name}`, import.meta.url)));
        files.push(`/${name}`);
      }
      const source = readFileSync(SOURCE, "utf8");
      hash.update(source);
      const version = hash.digest("hex").slice(0, 16);
      const facts = `const VERSION = ${JSON.stringify(version)};\nconst FILES = ${JSON.stringify(files)};\n\n`;
      this.emitFile({ type: "asset", fileName: "service-worker.js", source: facts + source });
    },
  };
}
