/** A worker that has the engine's database open, or tries to. */
import { openBrowserDatabase } from "../../../packages/engine/src/browser/sqlite-database.ts";
import type { Database } from "../../../packages/engine/src/store/database.ts";
import { migrate } from "../../../packages/engine/src/store/schema.ts";
import { databaseAnswers } from "../../../packages/engine/test/database-contract.ts";

export type Asked =
  | { what: "contract" }
  | { what: "open" }
  | { what: "run"; sql: string }
  /** Begins a transaction and leaves it open. */
  | { what: "begin"; sql: string }
  | { what: "all"; sql: string }
  | { what: "empty" };

let opened: Database | undefined;
let tries = 0;

async function answer(asked: Asked): Promise<unknown> {
  switch (asked.what) {
    case "contract":
      // A pool of its own each time, as a new origin would have.
      return databaseAnswers(() => openBrowserDatabase(`contract-${tries++}`));
    case "open":
      opened = await openBrowserDatabase("store");
      migrate(opened);
      return true;
    case "run":
      return opened!.transaction(() => opened!.run(asked.sql));
    case "begin":
      opened!.run("BEGIN IMMEDIATE");
      return opened!.run(asked.sql);
    case "all":
      return opened!.all(asked.sql);
    case "empty":
      return opened!.emptyLog();
  }
}

addEventListener("message", ({ data, ports: [port] }: MessageEvent<Asked>) => {
  answer(data).then(
    (given) => port!.postMessage({ answer: given }),
    (error: unknown) =>
      port!.postMessage({
        error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      }),
  );
});
