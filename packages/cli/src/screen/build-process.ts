/** Builds the screen beside the old one and puts it in its place whole. Arguments: the web package, the finished folder. */
import { renameSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";

const [root, dist] = process.argv.slice(2) as [string, string];
const fresh = `${dist}.new`;
const started = new Date();
const { build } = await import("vite");
await build({
  configFile: join(root, "vite.config.ts"),
  root,
  logLevel: "error",
  build: { outDir: fresh, emptyOutDir: true },
});
// What was edited while it was built must be seen as newer.
utimesSync(join(fresh, "index.html"), started, started);
rmSync(dist, { recursive: true, force: true });
renameSync(fresh, dist);
