/**
 * Builds the screen into `dist/`: three entries, `index.html` (the screen), `app.html` (the screen with an engine in
 * the browser) and `i.html` (where an invitation link lands, for people who have no session). Everything is a file of our own origin, so that the strict content security policy
 * holds: nothing is inlined, no polyfill is injected.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import solid from "vite-plugin-solid";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("./"),
  base: "/",
  plugins: [solid()],
  build: {
    outDir: here("./dist"),
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: here("./index.html"), app: here("./app.html"), invited: here("./i.html") },
    },
  },
  worker: { format: "es" },
});
