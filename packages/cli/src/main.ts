#!/usr/bin/env node
/** The `fedchat` command. Checks the Node version before anything newer than this file is read. */
import * as module from "node:module";
import { dirname } from "node:path";
import { nodeVersionOk, nodeVersionWanted } from "./node-version.ts";

if (nodeVersionOk(process.versions.node)) {
  keepCompiled();
  quietSqlite();
  const { main } = await import("./program.ts");
  await main();
} else {
  process.stderr.write(
    `FedChat needs Node ${nodeVersionWanted} or later; this is ${process.versions.node}.\n` +
      "Fix: run it with 'npm start' or 'npx fedchat', which bring their own Node, or install Node 24 from https://nodejs.org.\n",
  );
  process.exitCode = 1;
}

/** For this thread and, by the environment, for those it begins. */
function keepCompiled(): void {
  module.enableCompileCache?.();
  const directory = module.getCompileCacheDir?.();
  if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] ??= dirname(directory);
}

/** Some Node 24 releases announce that node:sqlite is experimental, in each command's output. Other warnings stay. */
function quietSqlite(): void {
  const emit = process.emitWarning as (...given: unknown[]) => void;
  process.emitWarning = ((...given: unknown[]) => {
    const text = given[0] instanceof Error ? given[0].message : String(given[0]);
    if (!text.startsWith("SQLite is an experimental feature")) emit.apply(process, given);
  }) as typeof process.emitWarning;
}
