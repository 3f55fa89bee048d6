// Measures the page's own ear over folders of recordings: `npm run wake:measure -- FOLDER [--threshold N] [--snr DB]`.

import { runnerImport } from "vite";

const { module } = await runnerImport(new URL("../test/listen/measure.ts", import.meta.url).pathname, { configFile: false });
process.exitCode = await module.main(process.argv.slice(2));
