import { writeFileSync, appendFileSync } from "node:fs";
import { expect, test } from "vitest";
import { story } from "./story.ts";

const seeds =
  process.env["SEED"] === undefined
    ? Array.from({ length: Number(process.env["SEEDS"] ?? 10) }, (_, i) => i + 1)
    : process.env["SEED"].split(",").map(Number);
const only = process.env["KINDS"]?.split(",");
writeFileSync("/tmp/wrong.txt", "");
test.each(seeds)(
  "seed %i",
  async (seed) => {
    const started = performance.now();
    const told = await story({
      seed,
      keepTrace: process.env["SEED"] !== undefined,
      ...(only ? { kinds: only as never } : {}),
    });
    console.log(
      JSON.stringify({
        ...told,
        trace: 0,
        wrong: told.wrong.length,
        ms: Math.round(performance.now() - started),
      }),
    );
    if (process.env["SEED"] !== undefined) writeFileSync("/tmp/trace.txt", told.trace!.join("\n"));
    if (told.wrong.length)
      appendFileSync(
        "/tmp/wrong.txt",
        `== ${seed}\n` +
          [...new Set(told.wrong)]
            .slice(0, 8)
            .map((w) => w.slice(0, 700))
            .join("\n") +
          "\n",
      );
    expect(told.wrong.length).toBe(0);
  },
  120_000,
);
