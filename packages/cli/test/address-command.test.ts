/** `fedchat address`, against an engine that keeps the addresses of one link. */
import type { MethodName, Params, Server } from "@fedchat/engine/interface";
import { methods } from "@fedchat/engine/interface";
import { silentLog } from "@fedchat/engine/node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startControl } from "../src/control/server.ts";
import { exitCodes } from "../src/exit-codes.ts";
import { run } from "../src/program.ts";

const at = (host: string) => ({ host, port: 8443, kind: "direct" as const });
const place = (host: string) => ({ host, port: 8443 });
/** In its own record. */
const announced = at("own.example");

let told: string[];
let state: Server["state"];
let data: string;
let program: AsyncDisposable;

beforeEach(async () => {
  [told, state] = [["old.example"], "waiting"];
  data = mkdtempSync(join(tmpdir(), "fedchat-address-"));
  const host = { info: () => expect.unreachable(), open: () => undefined };
  const engine = { call: answer, onEvent: () => () => undefined };
  program = await startControl({ data, host, engine, log: silentLog });
});
afterEach(async () => {
  await program[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

const bob = (): Server => ({
  ...{ serverId: `${"b".repeat(51)}a`, name: "bob", localName: null, shownName: "bob", trust: "mutual" },
  ...{ state, cause: null, nextTryAt: null, via: [], origin: "person", relaysFor: "linked" },
  ...{ addresses: [announced, ...told.map(at)], toldAddresses: told.map(at), roundTripMs: null },
  ...{ queueDepth: 0, lastContactAt: null, linkedAt: 1, software: "" },
});

async function answer(method: MethodName, params: unknown): Promise<unknown> {
  if (method === "servers.setAddresses") {
    const { addresses } = params as Params<"servers.setAddresses">;
    told = addresses.map(({ host }) => host);
    state = told.includes("new.example") ? "connected" : "refused";
  }
  const answers: Partial<Record<MethodName, unknown>> = {
    "engine.subscribe": { position: 0 },
    "servers.list": [bob()],
    "servers.setAddresses": bob(),
  };
  return methods[method].result.parse(answers[method]);
}

async function runs(...words: string[]) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  const said = { output: "", errors: "" };
  streams.output.on("data", (chunk) => (said.output += String(chunk)));
  streams.errors.on("data", (chunk) => (said.errors += String(chunk)));
  const variables = { HOME: data, FEDCHAT_DATA: data };
  const code = await run(["address", ...words], streams, {
    variables,
    platform: "linux",
    workingFolder: data,
  });
  return { code, ...said };
}

test("shows where a server is dialled, and who says so", async () => {
  expect((await runs("bob")).output).toBe(
    "own.example:8443  announced by it\nold.example:8443  said by you\n",
  );
  expect(JSON.parse((await runs("bob", "--json")).output)).toEqual({
    serverId: bob().serverId,
    addresses: [announced, at("old.example")],
    toldAddresses: [at("old.example")],
  });
});

test("an address takes the place of the one before, stands beside it, or is removed", async () => {
  const replaced = await runs("bob", "new.example:8443");
  expect(replaced).toMatchObject({ code: exitCodes.ok, errors: "" });
  expect(replaced.output).toContain("● connected");
  expect(told).toEqual(["new.example"]);

  await runs("bob", "other.example:8443", "--add");
  expect(told).toEqual(["other.example", "new.example"]);
  const removed = await runs("bob", "other.example:8443", "--remove", "--json");
  expect(told).toEqual(["new.example"]);
  expect(JSON.parse(removed.output)).toMatchObject({ toldAddresses: [place("new.example")] });
});

test("a link that is not reached at the new address is told of, with exit code 4 where it is refused", async () => {
  const { code, errors } = await runs("bob", "elsewhere.example:8443");
  expect(code).toBe(exitCodes.refused);
  expect(errors).toContain("bob: It refused the link.");
});

test("what cannot be done says why and what to write instead, and changes nothing", async () => {
  const refusals: [string[], number, string][] = [
    [["bob", "old.example"], exitCodes.usage, "Write such as chat.example.com:8443"],
    [["bob", "--add"], exitCodes.usage, "Write HOST:PORT after the server."],
    [["bob", "a.example:1", "--add", "--remove"], exitCodes.usage, "Give one of them."],
    [["bob", "own.example:8443", "--remove"], exitCodes.failed, "Ask its owner to correct its addresses"],
    [["bob", "no.example:8443", "--remove"], exitCodes.failed, "Write one of: old.example:8443."],
    [["carol"], exitCodes.failed, "Write one of: bob"],
  ];
  for (const [words, code, fix] of refusals) {
    const refused = await runs(...words);
    expect(refused.code, words.join(" ")).toBe(code);
    expect(refused.errors).toContain(fix);
  }
  expect(told).toEqual(["old.example"]);
});
