/** `fedchat server-key` on a real data folder, whose homeserver runs before and after. */
import { kitFromWords } from "@fedchat/engine/node";
import type { ServerRecord } from "@fedchat/protocol";
import { silentLog } from "@fedchat/homeserver";
import { startHomeserver } from "@fedchat/homeserver/node";
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitCodes } from "../src/exit-codes.ts";
import { run } from "../src/program.ts";

let data: string;
const keyFile = () => join(data, "server-key.json");

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "fedchat-server-key-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

/**
 * What the homeserver says of itself in one run.
 * @param held another server shows it that it said this before
 */
async function record(held?: ServerRecord) {
  const options = { name: "here", host: "127.0.0.1", port: 0, portIsDefault: false, addresses: [] };
  await using running = await startHomeserver({
    ...{ ...options, dataDir: data, accept: "ask", listed: [], registration: "invited" },
    ...{ tls: undefined, localToken: new Uint8Array(0), log: silentLog },
  });
  const { homeserver } = running;
  if (held !== undefined) homeserver.recall(held);
  // What is to be said now is, once this is.
  await homeserver.setName("here");
  return { ...homeserver.record().record, standing: homeserver.recoveryStanding };
}

/** @param typed what the person makes of the words that are shown; undefined words: none were */
async function serverKey(
  command: "kit" | "replace",
  typed: (words: string[] | undefined) => string,
  ...flags: string[]
) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  let [words, output, errors] = [undefined as string[] | undefined, "", ""];
  if (command === "replace") streams.input.end(`${typed(undefined)}\n`);
  streams.output.on("data", (chunk) => {
    output = String(chunk);
    if (words !== undefined || command === "replace") return;
    ({ words } = JSON.parse(output) as { words: string[] });
    streams.input.end(`${typed(words)}\n`);
  });
  streams.errors.on("data", (chunk) => (errors += String(chunk)));
  const environment = { variables: {}, platform: process.platform, workingFolder: data };
  const code = await run(["server-key", command, "--data", data, "--json", ...flags], streams, environment);
  const { sentence } = code === 0 ? {} : (JSON.parse(errors) as { error: { sentence: string } }).error;
  return { code, words, sentence, said: JSON.parse(output || "{}") as Record<string, unknown> };
}

const other = `${"abandon ".repeat(11)}about`;
const asTyped = (words: string[] | undefined) => words!.join(" ");

test("[R7] the words that were typed as they were shown are named from the next start on, are kept nowhere, and stay", async () => {
  const { key } = await record();
  const before = readFileSync(keyFile());
  expect((await serverKey("kit", () => other)).sentence).toContain("not the words that were shown");
  expect((await serverKey("kit", () => "abandon")).code).toBe(exitCodes.usage);
  expect(readFileSync(keyFile())).toEqual(before);

  const { code, words, said } = await serverKey("kit", asTyped);
  expect([code, said]).toEqual([exitCodes.ok, { serverId: key, named: true }]);
  const kit = Buffer.from(kitFromWords(asTyped(words)));
  for (const name of readdirSync(data)) {
    const file = readFileSync(join(data, name));
    for (const form of [kit, kit.toString("base64url"), words!.slice(0, 3).join(" ")])
      expect(file.includes(form)).toBe(false);
  }
  const named = readFileSync(keyFile());
  expect((await record()).recoveryKeyHash).toHaveLength(32);
  expect((await serverKey("kit", asTyped)).code).toBe(exitCodes.refused);
  expect(readFileSync(keyFile())).toEqual(named);
});

test("[R8] [R4] by the words the store goes on under another key, again and again; by others, or without any, it does not", async () => {
  const former = await record();
  expect((await serverKey("replace", () => other)).sentence).toContain("knows of no words");
  const { words } = await serverKey("kit", asTyped);
  // Named, but nobody was told: it is worth nothing yet.
  expect((await serverKey("replace", () => asTyped(words))).sentence).toContain("knows of no words");
  const named = (await record()).recoveryKeyHash;
  expect((await serverKey("replace", () => other)).sentence).toContain("not the words of this homeserver");
  copyFileSync(keyFile(), `${keyFile()}.stolen`);

  const { said } = await serverKey("replace", () => asTyped(words));
  const second = await record();
  expect(said).toEqual({ former: former.key, serverId: second.key, checked: true });
  expect(second.recoveryKeyHash).toEqual(named);
  expect(second.replaces?.map(({ server }) => server)).toEqual([former.key]);
  expect(readFileSync(`${keyFile()}.${former.key.slice(0, 8)}.former`)).toEqual(
    readFileSync(`${keyFile()}.stolen`),
  );

  // Its file is lost this time.
  rmSync(keyFile());
  await serverKey("replace", () => asTyped(words));
  const third = await record();
  expect(third.replaces?.map(({ server }) => server)).toEqual([former.key, second.key]);
  expect(third.recoveryKeyHash).toEqual(named);

  copyFileSync(`${keyFile()}.stolen`, keyFile());
  await expect(record()).rejects.toThrow("The store belongs to server");
});

/** A folder that is put back as it was before the words were prepared; what was said after; the words. */
async function putBack() {
  const { key } = await record();
  const backup = `${data}.backup`;
  cpSync(data, backup, { recursive: true });
  const { words } = await serverKey("kit", asTyped);
  const held = await record();
  rmSync(data, { recursive: true });
  renameSync(backup, data);
  return { key, held, words: asTyped(words) };
}

test("[R7] a folder from before the words learns from other servers that there are some: others are not made, and they are good", async () => {
  const { key, held, words } = await putBack();
  expect(await record(held)).toMatchObject({ standing: "recalled", recoveryKeyHash: held.recoveryKeyHash });
  expect((await serverKey("kit", asTyped)).sentence).toContain("has such words already");
  const { said } = await serverKey("replace", () => words);
  expect(said).toMatchObject({ former: key, checked: true });
  expect(await record()).toMatchObject({ key: said["serverId"], recoveryKeyHash: held.recoveryKeyHash });
});

test("[R8] words that a folder from before them does not know are taken where its owner says so", async () => {
  const { key, held, words } = await putBack();
  expect((await serverKey("replace", () => words)).sentence).toContain("a backup from before");
  const { said } = await serverKey("replace", () => words, "--unchecked");
  expect(said).toMatchObject({ former: key, checked: false });
  expect(await record()).toMatchObject({ key: said["serverId"], recoveryKeyHash: held.recoveryKeyHash });
});

test("[R7] [R8] words that were made on such a folder are disputed, and those from before take their place where its owner says so", async () => {
  const { key, held, words } = await putBack();
  await serverKey("kit", asTyped);
  const disputed = await record(held);
  expect(disputed).toMatchObject({ key, standing: "disputed" });
  expect(disputed.recoveryKeyHash).not.toEqual(held.recoveryKeyHash);
  expect((await serverKey("replace", () => words)).sentence).toContain("not the words of this homeserver");
  const { said } = await serverKey("replace", () => words, "--unchecked");
  expect(await record()).toMatchObject({ key: said["serverId"], recoveryKeyHash: held.recoveryKeyHash });
  expect((await serverKey("replace", () => words)).said).toMatchObject({ checked: true });
});

test("[R8] while FedChat runs, or where it never did, nothing is done", async () => {
  expect((await serverKey("kit", asTyped)).sentence).toContain("No homeserver ran");
  expect((await serverKey("replace", () => "abandon")).code).toBe(exitCodes.usage);
  expect(readdirSync(data)).not.toContain("server-key.json");
});
