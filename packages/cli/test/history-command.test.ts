/** `fedchat export` and `import` on a real control socket and real files. */
import { silentLog } from "@fedchat/engine/node";
import type { MethodName } from "@fedchat/engine/interface";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HostInfo } from "../src/control/host-methods.ts";
import { startControl } from "../src/control/server.ts";
import { exitCodes } from "../src/exit-codes.ts";
import { importBatchLines } from "../src/limits.ts";
import { run } from "../src/program.ts";
import { InTestEngine } from "./in-test-engine.ts";

/** Hands out two files, one of them in two pieces, and takes lines. */
class WithHistory extends InTestEngine {
  readonly taken: unknown[] = [];

  override async call(method: MethodName, params: unknown): Promise<unknown> {
    if (method === "history.files") {
      const files = ["history.jsonl", "chats/bob.html"].map((name) => ({ kind: "lines", name, below: 9 }));
      return { messages: 2, files };
    }
    if (method === "history.piece") {
      const { file, at } = params as { file: { name: string }; at?: number };
      if (file.name !== "history.jsonl") return { text: "<!doctype html>", next: null };
      return at === undefined
        ? { text: '{"kind":"history"}\n', next: 7 }
        : { text: `{"at":${at}}\n`, next: null };
    }
    if (method === "history.importBegin") return { next: -600 };
    if (method === "history.import") {
      const { lines, next } = params as { lines: unknown[]; next: number };
      this.taken.push(...lines);
      return { next: next + lines.length, added: lines.length, known: 0, passedOver: 0 };
    }
    return method === "history.importEnd" ? {} : super.call(method, params);
  }
}

let data: string;
let engine: WithHistory;
let program: AsyncDisposable;

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), "fedchat-history-"));
  engine = new WithHistory();
  const host = { info: () => ({}) as HostInfo, open: () => undefined };
  program = await startControl({ data, host, engine, log: silentLog });
});
afterEach(async () => {
  await program[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

async function runs(...words: string[]) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  let output = "";
  streams.output.on("data", (chunk) => (output += String(chunk)));
  const variables = { HOME: data, FEDCHAT_DATA: data };
  const code = await run(words, streams, { variables, platform: "linux", workingFolder: data });
  return { code, output };
}

test("export writes every file whole, for its owner alone, and not among other things", async () => {
  const folder = join(data, "copy");
  expect((await runs("export", folder)).code).toBe(exitCodes.ok);
  expect(readFileSync(join(folder, "history.jsonl"), "utf8")).toBe('{"kind":"history"}\n{"at":7}\n');
  expect(readFileSync(join(folder, "chats/bob.html"), "utf8")).toBe("<!doctype html>");
  expect(statSync(folder).mode & 0o077).toBe(0);
  expect(statSync(join(folder, "history.jsonl")).mode & 0o077).toBe(0);
  expect((await runs("export", folder)).code).toBe(exitCodes.ok);
  expect((await runs("export", data)).code).toBe(exitCodes.usage);
});

test("import takes every line of a folder in order, as many as a call takes; what is no history is refused", async () => {
  const folder = join(data, "copy");
  await runs("export", folder);
  const lines = Array.from({ length: importBatchLines + 20 }, (_, n) => ({ n }));
  writeFileSync(join(folder, "history.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const { code, output } = await runs("import", folder, "--json");
  expect(code).toBe(exitCodes.ok);
  expect(JSON.parse(output)).toEqual({ added: lines.length, known: 0, passedOver: 0 });
  expect(engine.taken).toEqual(lines);
  writeFileSync(join(folder, "history.jsonl"), "{");
  expect((await runs("import", folder)).code).toBe(exitCodes.refused);
  expect((await runs("import", join(data, "nothing"))).code).toBe(exitCodes.usage);
});
