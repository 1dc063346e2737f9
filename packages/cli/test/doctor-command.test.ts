/** `fedchat doctor`: what a person reads, what a script reads, and the exit code. */
import { silentLog } from "@fedchat/engine/node";
import type { Examination } from "@fedchat/protocol";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Host } from "../src/control/host-methods.ts";
import { startControl } from "../src/control/server.ts";
import { exitCodes } from "../src/exit-codes.ts";
import { run } from "../src/program.ts";
import { openPort } from "./doctor-world.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "fedchat-doctor-"));
  chmodSync(data, 0o700);
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

async function doctor(words: string[] = [], options: { terminal?: boolean; variables?: object } = {}) {
  const errors = Object.assign(new PassThrough(), { isTTY: options.terminal === true, columns: 60 });
  const streams = { input: new PassThrough(), output: new PassThrough(), errors };
  const said = { output: "", errors: "" };
  streams.output.on("data", (chunk) => (said.output += String(chunk)));
  errors.on("data", (chunk) => (said.errors += String(chunk)));
  const variables = { HOME: data, FEDCHAT_DATA: data, FEDCHAT_HOST: "127.0.0.1", ...options.variables };
  const environment = { variables, platform: "linux" as const, workingFolder: data };
  const code = await run(["doctor", ...words], streams, environment);
  return { code, ...said };
}

/** A program whose doctor finds these, after it was asked twice. */
async function running(findings: Examination["findings"]) {
  const asked: boolean[] = [];
  const host: Pick<Host, "examine"> & Host = {
    info: () => {
      throw new Error("not asked");
    },
    open: () => undefined,
    examine(again) {
      asked.push(again);
      const done = asked.length > 1;
      return { startedAt: 1, finishedAt: done ? 2 : null, findings, pending: done ? [] : ["Clock"] };
    },
  };
  const control = await startControl({ data, host, engine: undefined, log: silentLog });
  return { asked, [Symbol.asyncDispose]: () => control[Symbol.asyncDispose]() };
}

const port: Examination["findings"][number] = {
  ...{ check: "port", title: "Port 8443", result: "passed", code: null },
  ...{ sentence: "FedChat listens there.", fix: null, action: null },
} as const;
const proxy: Examination["findings"][number] = {
  ...{ check: "proxy", title: "Proxy chat.example.com:443", result: "failed", code: "no-upgrade" },
  ...{ sentence: "It passes no \u001b[31mWebSockets on.", fix: "Have it pass Upgrade:" },
  action: { kind: "copy", text: "location / {\n  proxy_http_version 1.1;\n}" },
} as const;

test("everything passed: a table, exit code 0, and a new examination each time", async () => {
  await using program = await running([
    port,
    { ...port, title: "Clock", result: "warning", sentence: "Off." },
  ]);
  const { code, output, errors } = await doctor();
  expect(code).toBe(exitCodes.ok);
  expect(output).toBe("✓ Port 8443\n  FedChat listens there.\n! Clock\n  Off.\n");
  expect(errors).toBe("");
  expect(program.asked).toEqual([true, false]);
});

test("what failed stands with its fix and the text for it, cleaned; exit code 1", async () => {
  await using _program = await running([port, proxy]);
  const { code, output, errors } = await doctor();
  expect(code).toBe(exitCodes.failed);
  expect(output).toContain(
    "✕ Proxy chat.example.com:443\n  It passes no ␛[31mWebSockets on.\n  → Have it pass Upgrade:\n" +
      "      location / {\n        proxy_http_version 1.1;\n      }\n",
  );
  expect(errors).toContain("1 of 2 checks failed.");
});

test("--json gives the findings whole, and nothing else on standard output", async () => {
  await using _program = await running([port, proxy]);
  const { code, output } = await doctor(["--json"]);
  expect(code).toBe(exitCodes.failed);
  expect(JSON.parse(output)).toEqual([port, proxy]);
});

test("a terminal shows what is still looked at, and is left clean", async () => {
  await using _program = await running([port]);
  const { errors } = await doctor([], { terminal: true });
  expect(errors).toContain("Looking at: Clock");
  expect(errors.endsWith("\u001b[2K")).toBe(true);
});

test("where FedChat does not run: who has its port, and how the machine is", async () => {
  await using theirs = await openPort();
  const { code, output } = await doctor(["--json"], { variables: { FEDCHAT_PORT: String(theirs.port) } });
  expect(code).toBe(exitCodes.failed);
  const findings = JSON.parse(output) as Examination["findings"];
  expect(findings.map(({ check, result }) => `${check} ${result}`)).toEqual([
    "running failed",
    "port failed",
    "node passed",
    "data-folder passed",
    expect.stringMatching(/^disk (passed|warning)$/),
  ]);
  expect(findings[0]!.fix).toContain("fedchat start");
  expect(findings[1]!.code).toBe("port-taken");
});
