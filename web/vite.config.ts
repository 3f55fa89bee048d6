import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { serviceWorker } from "./scripts/service_worker";

export default defineConfig({
  plugins: [svelte(), serviceWorker()],
  build: {
    target: "es2023",
    // The realm's content policy allows files of its own only: nothing may be written into the page itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    // `npm run dev` beside a running realm. Not in the short form, which would change the host that requests are signed for.
    proxy: {
      "/api": { target: "http://127.0.0.1:9000" },
      "/log": { target: "http://127.0.0.1:9000" },
      "/ws": { target: "ws://127.0.0.1:9000", ws: true },
    },
  },
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    restoreMocks: true,
  },
});
