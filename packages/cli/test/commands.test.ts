import type { Message } from "@fedchat/engine/interface";
import { silentLog } from "@fedchat/engine/node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HostInfo } from "../src/control/host-methods.ts";
import { startControl } from "../src/control/server.ts";
import { exitCodes } from "../src/exit-codes.ts";
import { run } from "../src/program.ts";
import { InTestEngine } from "./in-test-engine.ts";

let data: string;
let engine: InTestEngine;
let program: AsyncDisposable;
const info: HostInfo = {
  version: "0.1.0",
  pid: 1,
  data: "",
  log: "",
  startedAt: 1,
  serverId: "a".repeat(52),
  name: "alice",
  host: "::",
  port: 8443,
  addresses: [],
  screen: null,
  engine: true,
};
const begin = () =>
  startControl({ data, host: { info: () => info, open: () => undefined }, engine, log: silentLog });

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), "fedchat-commands-"));
  engine = new InTestEngine();
  program = await begin();
});
afterEach(async () => {
  await program[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

/** Runs a command line; `output` can be read while it runs. */
function start(...words: string[]) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  const said = { output: "", errors: "" };
  streams.output.on("data", (chunk) => (said.output += String(chunk)));
  streams.errors.on("data", (chunk) => (said.errors += String(chunk)));
  const environment = {
    variables: { HOME: data, FEDCHAT_DATA: data },
    platform: "linux" as const,
    workingFolder: data,
  };
  return { ended: run(words, streams, environment), said, input: streams.input };
}

async function runs(...words: string[]) {
  const { ended, said, input } = start(...words);
  input.end();
  const code = await ended;
  return { code, ...said };
}

const linesOf = (output: string) => output.trim().split("\n");

test("[I7] a link into a room asks to be let in, and opens no chat", async () => {
  const key = "b".repeat(51) + "a";
  engine.preview = {
    ...{ displayName: "Alice", address: "alice@alice", account: key, serverId: key, serverName: "alice" },
    ...{ addresses: [], expiresAt: 1_800_000_000_000, room: { roomId: "r".repeat(26), name: "Choir" } },
  };
  const link = "https://alice.example/i#abc";
  expect((await runs("link", link)).output).toMatch(/Alice .* is asked to let you into 'Choir'/);
  expect(engine.calls.map(({ method }) => method)).toEqual(["invitations.inspect", "rooms.ask"]);
});

describe("devices", () => {
  const device = (name: string, known = true) => ({
    ...{ deviceId: name.padEnd(26, "a"), name: `${name}\u001b[2J`, createdAt: 1_800_000_000_000 },
    ...{ self: name === "desk", known },
  });
  beforeEach(() => {
    engine.devices = {
      devices: [device("desk"), device("phone", false)],
      linking: {
        ...{ state: "asking", name: "tablet", until: 1 },
        signs: [{ symbol: "🐘", name: "elephant" }],
      },
      joining: { state: "none", signs: [], cause: null },
    };
  });

  test("are listed, with what is not known yet and who asks, and no control characters", async () => {
    const { code, output } = await runs("devices", "list");
    expect(code).toBe(exitCodes.ok);
    expect(output).toContain("this one");
    expect(output).toMatch(/phone.*not known: is it yours\?/);
    expect(output).toContain("tablet used your code. Does it show these signs?");
    expect(output).toContain("elephant");
    expect(output).not.toContain("\u001b[2J");
  });

  test("are meant by the beginning of their id, and by nothing that several begin with", async () => {
    await runs("devices", "revoke", "pho");
    expect(engine.calls.at(-1)).toEqual({
      method: "devices.revoke",
      params: { deviceId: engine.devices!.devices[1]!.deviceId },
    });
    expect((await runs("devices", "revoke", "tablet")).code).toBe(exitCodes.usage);
  });
});

describe("verify", () => {
  const account = "b".repeat(51) + "a";
  beforeEach(() => {
    engine.person = {
      ...{ account, address: "@bob", displayName: "Bob\u001b[2J", serverId: account, serverName: "bob" },
      ...{ presence: "online", relation: "contact", shownBy: null, verified: false, insteadOf: null },
      roomId: null,
    };
    engine.number = {
      digits: Array.from({ length: 12 }, (_, index) => `1234${index % 10}`).join(" "),
      emoji: [..."abcdefg"].map((letter) => ({ symbol: letter.toUpperCase(), name: `sign ${letter}` })),
      code: "FEDCHAT:VERIFY/B/C",
      verified: null,
    };
  });

  test("[N6] shows seven signs and sixty digits to compare, and what to do when they are the same", async () => {
    const { code, output } = await runs("verify", "@bob");
    expect(code).toBe(exitCodes.ok);
    expect(engine.calls.map(({ method }) => method)).toEqual(["people.find", "contacts.safetyNumber"]);
    expect(engine.calls.at(-1)?.params).toEqual({ account });
    const lines = linesOf(output);
    expect(lines.filter((line) => line.includes("sign "))).toHaveLength(7);
    expect(lines).toContain("12340  12341  12342  12343");
    expect(output).toMatch(/verify @bob --same/);
    expect(output).not.toContain("\u001b");
  });

  test("[N9] keeps what was compared, or read from a code, and takes it back", async () => {
    expect((await runs("verify", "@bob", "--same")).output).toMatch(/✓ You compared with Bob.* \(/);
    expect(engine.calls.at(-1)).toEqual({ method: "contacts.verify", params: { account } });
    await runs("verify", "@bob", "--code", "FEDCHAT:VERIFY/X/Y");
    expect(engine.calls.at(-1)?.params).toEqual({ account, code: "FEDCHAT:VERIFY/X/Y" });
    expect((await runs("verify", "@bob", "--undo")).output).toMatch(/Bob.* is not verified any more/);
    const json = JSON.parse((await runs("verify", "@bob", "--json")).output) as { account: string };
    expect(json).toMatchObject({ account, verified: null });
    expect((await runs("verify", "@bob", "--same", "--undo")).code).toBe(exitCodes.usage);
  });
});

describe("xray", () => {
  test("tells the steps with their way, who keeps the message how long, and the next try", async () => {
    const path = [
      { serverId: "r".repeat(52), name: "hub" },
      { serverId: "f".repeat(52), name: "far\u001b[2J hub" },
    ];
    const day = 86_400_000;
    engine.steps = [
      { at: 1_800_000_000_000, state: "done", sentence: "In the custody of hub.", path, keptUntil: 14 * day },
      { at: null, state: "now", sentence: "hub hands it on.", nextTryAt: 1_900_000_000_000 },
      { at: null, state: "pending", sentence: "Waiting for Bob." },
    ];
    const id = "A".repeat(52);
    const { code, output } = await runs("xray", id);
    expect(code).toBe(exitCodes.ok);
    expect(engine.calls.at(-1)).toEqual({ method: "messages.xray", params: { messageId: id.toLowerCase() } });
    const lines = linesOf(output);
    expect(lines).toHaveLength(6);
    expect(lines[0]).toMatch(/^✓ {2}\S.* In the custody of hub\.$/);
    expect(lines[1]).toMatch(/by way of hub → far.* hub$/);
    expect(output).not.toContain("\u001b");
    expect(lines[2]).toMatch(/kept until .*1970/);
    expect(lines[4]).toMatch(/next try .*2030/);

    const asJson = await runs("xray", id, "--json");
    expect(JSON.parse(asJson.output)).toEqual(engine.steps);
  });
});

describe("send", () => {
  test("ends when the message is in the wanted state, told before or after the answer", async () => {
    const confirm = (message: Message, state: Message["state"]) =>
      engine.tell({ type: "message.changed", message: { ...message, state } });
    engine.onSent = (message) => confirm(message, "submitted");
    expect(await runs("send", "@bob", "hello")).toMatchObject({ code: exitCodes.ok, output: "submitted\n" });

    engine.onSent = (message) => {
      for (const state of ["submitted", "forwarded", "delivered"] as const)
        setImmediate(() => confirm(message, state));
    };
    const answer = await runs("send", "@bob", "hello", "--wait", "delivered", "--json");
    expect(answer.code).toBe(exitCodes.ok);
    expect(JSON.parse(answer.output)).toMatchObject({ state: "delivered", text: "hello" });
    expect(engine.calls.findLast(({ method }) => method === "messages.send")!.params).toMatchObject({
      to: "@bob",
    });
  });

  test("says so when the time is over: the message is kept", async () => {
    const answer = await runs("send", "@bob", "hello", "--timeout", "20ms");
    expect(answer.code).toBe(exitCodes.timedOut);
    expect(answer.errors).toContain("waiting, not yet submitted");
  });

  test("fails with the cause when the message failed", async () => {
    const cause = {
      code: "blocked",
      sentence: "Bob does not accept this.",
      fix: null,
      retry: "never",
    } as const;
    engine.onSent = (message) =>
      engine.tell({ type: "message.changed", message: { ...message, state: "failed", cause } });
    const answer = await runs("send", "@bob", "hello");
    expect(answer.code).toBe(exitCodes.refused);
    expect(answer.errors).toContain("Bob does not accept this.");
  });

  test("reads the text from standard input", async () => {
    const { ended, input } = start("send", "@bob", "-", "--wait", "waiting");
    input.end("two\nlines\n");
    expect(await ended).toBe(exitCodes.ok);
    expect(engine.messages[0]!.text).toBe("two\nlines");
  });
});

describe("tail", () => {
  test("begins after a position and follows, each message once, in order", async () => {
    for (let i = 1; i <= 1_200; i++) engine.add({ text: `m${i}` });
    const { ended, said } = start("tail", "--json", "--from", "100", "--count", "1102");
    await expect.poll(() => linesOf(said.output).length).toBe(1_100);
    engine.add({ text: "m1201" });
    engine.add({ text: "m1202" });
    expect(await ended).toBe(exitCodes.ok);
    const texts = linesOf(said.output).map((line) => (JSON.parse(line) as Message).text);
    expect(texts).toEqual(Array.from({ length: 1_102 }, (_, i) => `m${i + 101}`));
  });

  test("begins with what comes, and goes on when FedChat restarts", async () => {
    engine.add({ text: "old" });
    const { ended, said } = start("tail", "--json", "--count", "3");
    await expect.poll(() => engine.listeners).toBe(1);
    engine.add({ text: "one" });
    await expect.poll(() => said.output).toContain("one");
    await program[Symbol.asyncDispose]();
    engine.add({ text: "two" });
    program = await begin();
    engine.add({ text: "three" });
    expect(await ended).toBe(exitCodes.ok);
    expect(linesOf(said.output).map((line) => (JSON.parse(line) as Message).text)).toEqual([
      "one",
      "two",
      "three",
    ]);
  });

  test("shows people no control characters", async () => {
    engine.add({ senderName: "Bob\u001b[2J", text: "hi\u0007\n12:00 Alice yes" });
    const { output } = await runs("tail", "--from", "0", "--count", "1");
    expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(linesOf(output)[1]).toBe("      12:00 Alice yes");
  });
});

describe("rpc", () => {
  test("answers what stands on standard input, then ends", async () => {
    const { ended, said, input } = start("rpc");
    input.write(
      `{"jsonrpc":"2.0","id":1,"method":"rooms.list"}\n{"jsonrpc":"2.0","id":"x","method":"host.info"}\n`,
    );
    input.end(`{"jsonrpc":"2.0","id":3,"method":"no.such"}`);
    expect(await ended).toBe(exitCodes.ok);
    const answers = linesOf(said.output).map((line) => JSON.parse(line) as { id: unknown });
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([1, 3, "x"]));
  });

  test("prints its interface", async () => {
    const { output, code } = await runs("rpc", "--openrpc");
    expect(code).toBe(exitCodes.ok);
    expect((JSON.parse(output) as { methods: { name: string }[] }).methods.map(({ name }) => name)).toContain(
      "messages.send",
    );
  });
});

describe("exit codes and words", () => {
  test("3 when nothing runs, with one thing to do", async () => {
    await program[Symbol.asyncDispose]();
    for (const words of [["rooms"], ["status"], ["open"], ["rpc"], ["tail"], ["send", "@bob", "hi"]]) {
      const { code, errors } = await runs(...words);
      expect(code, words[0]).toBe(exitCodes.notRunning);
      expect(errors).toContain("Fix: Start it: fedchat start");
    }
    const { errors } = await runs("rooms", "--json");
    expect(JSON.parse(errors)).toMatchObject({ error: { exitCode: 3 } });
  });

  test("2 for a wrong command line, naming what was meant", async () => {
    expect(await runs("sned", "@bob", "hi")).toMatchObject({ code: exitCodes.usage });
    expect((await runs("sned")).errors).toContain("Did you mean send?");
    expect(await runs("send", "@bob")).toMatchObject({ code: exitCodes.usage });
    expect(await runs("send", "@bob", "x", "--timeout", "soon")).toMatchObject({ code: exitCodes.usage });
    expect(await runs("rooms", "--config", "absent.toml")).toMatchObject({ code: exitCodes.usage });
    expect(await runs("link", "nowhere")).toMatchObject({ code: exitCodes.usage });
  });

  test("every command has help with an example", async () => {
    const { output } = await runs("help");
    const names = [...output.matchAll(/^ {2}([a-z]+)(?= |$)/gm)].map((match) => match[1]!);
    expect(names.length).toBeGreaterThan(18);
    for (const name of names.filter((name) => !["help", "account", "fedchat"].includes(name))) {
      const { code, output } = await runs(name, "--help");
      expect(code, name).toBe(exitCodes.ok);
      expect(output, name).toMatch(/Example\n +.*fedchat/);
    }
    expect((await runs("account", "create", "--help")).output).toContain("Example");
    expect((await runs("help", "exit-codes")).output).toContain("5  timed out");
  });

  test("config says where each value comes from", async () => {
    const { output } = await runs("config", "--json");
    const { settings } = JSON.parse(output) as { settings: Record<string, { from: string }> };
    expect(settings["data"]!.from).toBe("FEDCHAT_DATA");
    expect(settings["port"]!.from).toBe("default");
  });
});
