/** A directory that runs, as `fedchat status` and `fedchat doctor` show it, and homeservers that register with it. */
import type { Examination } from "@fedchat/protocol";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../src/config/load.ts";
import { exitCodes } from "../src/exit-codes.ts";
import { startDirectoryHost } from "../src/host/directory-host.ts";
import { openLog } from "../src/host/log.ts";
import { dataFiles, ensureDataFolder } from "../src/owner-files.ts";
import { run } from "../src/program.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "fedchat-directory-"));
  ensureDataFolder(data);
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const environment = () => ({
  variables: { HOME: data, FEDCHAT_DATA: data },
  platform: "linux" as const,
  workingFolder: data,
});

async function startDirectory(token?: string) {
  const flags = { name: "dir", host: "127.0.0.1", port: "0", directory_token: token };
  const { config } = loadConfig({ ...flags, "log.level": "error" }, environment());
  const log = openLog(dataFiles(data).log, "error", () => undefined);
  const running = await startDirectoryHost({ config, portIsDefault: false, log, onCrash: () => undefined });
  return { ...running, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

async function runs(...words: string[]) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  const said = { output: "", errors: "" };
  streams.output.on("data", (chunk) => (said.output += String(chunk)));
  streams.errors.on("data", (chunk) => (said.errors += String(chunk)));
  const code = await run(words, streams, environment());
  return { code, ...said };
}

test("status tells who may register with a directory, and who has", async () => {
  await using running = await startDirectory("sesame");
  const { code, output } = await runs("status");
  expect(code).toBe(exitCodes.ok);
  expect(output).toMatch(/Directory +dir /);
  expect(output).toMatch(/Registers +who knows the token/);
  expect(output).toMatch(/Registered +0 homeservers, 0 connected now/);
  expect(output).not.toContain("Account");
  expect(JSON.parse((await runs("status", "--json")).output)).toMatchObject({
    host: {
      port: running.info().port,
      directory: { token: true, connected: 0, servers: 0, people: 0 },
    },
  });
});

test("the doctor looks at a directory's port, and says how to register; an open one is said to be", async () => {
  await using running = await startDirectory();
  const { code, output } = await runs("doctor", "--json");
  expect(code).toBe(exitCodes.ok);
  const findings = JSON.parse(output) as Examination["findings"];
  const of = (check: string) => findings.find((finding) => finding.check === check);
  expect(of("port")).toMatchObject({
    result: "passed",
    title: `Port ${running.info().port} on this machine`,
  });
  expect(of("registration")?.sentence).toContain("no token");
  expect(of("registered")).toMatchObject({
    result: "untestable",
    fix: expect.stringContaining(`/${running.info().serverId}`),
  });
  expect(of("disk")?.result).toMatch(/passed|warning/);
});

test("other commands say that a directory runs here, and what can be looked at", async () => {
  await using _running = await startDirectory();
  const { code, errors } = await runs("people");
  expect(code).not.toBe(exitCodes.ok);
  expect(errors).toContain("A directory runs here: it has no accounts");
  expect(errors).toContain("fedchat doctor");
});
