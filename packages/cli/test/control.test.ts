import { silentLog } from "@fedchat/engine/node";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CallFailed, connectControl } from "../src/control/client.ts";
import type { Host } from "../src/control/host-methods.ts";
import { controlPlace } from "../src/control/place.ts";
import { startControl } from "../src/control/server.ts";
import { CommandError, exitCodes } from "../src/exit-codes.ts";
import { tryLock } from "../src/host/lock.ts";
import { ensureDataFolder } from "../src/owner-files.ts";
import { InTestEngine } from "./in-test-engine.ts";

let data: string;
let engine: InTestEngine;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "fedchat-control-"));
  engine = new InTestEngine();
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const host: Host = {
  info: () => ({
    version: "0.1.0",
    pid: 1,
    data,
    log: "",
    startedAt: 1,
    serverId: "a",
    name: "alice",
    host: "::",
    port: 8443,
    addresses: [],
    screen: null,
    engine: true,
  }),
  open: () => undefined,
};
const begin = (folder = data) => startControl({ data: folder, host, engine, log: silentLog });

test("a command calls the engine and the program, and hears events", async () => {
  await using _server = await begin();
  using control = await connectControl(data);
  expect((await control.info()).name).toBe("alice");
  expect(await control.call("rooms.list", {})).toEqual([]);
  await control.call("engine.subscribe", {});
  const heard = new Promise((resolve) => control.onEvent(resolve));
  const event = { type: "server.removed", serverId: "b".repeat(52) } as const;
  engine.tell(event);
  expect(await heard).toEqual(event);
});

test("a way in that cannot be written is a failed call, and the program goes on", async () => {
  const full: Host = {
    ...host,
    open() {
      throw new Error("ENOSPC: no space left on device");
    },
  };
  await using _server = await startControl({ data, host: full, engine, log: silentLog });
  using control = await connectControl(data);
  await expect(control.open()).rejects.toThrow("no space left");
  expect((await control.info()).name).toBe("alice");
});

test("a refusal of the engine carries its cause and an exit code", async () => {
  await using _server = await begin();
  using control = await connectControl(data);
  const refused = await control
    .call("requests.decline", { requestId: "a".repeat(26) })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CallFailed);
  expect((refused as CallFailed).callCause?.code).toBe("blocked");
  expect((refused as CallFailed).exitCode).toBe(exitCodes.refused);
  const wrong = await control.call("requests.decline", { requestId: "x" }).catch((error: unknown) => error);
  expect((wrong as CallFailed).exitCode).toBe(exitCodes.usage);
  await expect(control.open()).rejects.toThrow("There is no screen here.");
});

test("the socket is its owner's only, and gone when the program ends", async () => {
  const server = await begin();
  expect(statSync(join(data, "control.sock")).mode & 0o777).toBe(0o600);
  const control = await connectControl(data);
  await server[Symbol.asyncDispose]();
  await control.closed;
  await expect(control.call("rooms.list", {})).rejects.toMatchObject({ exitCode: exitCodes.notRunning });
  const gone = await connectControl(data).catch((error: unknown) => error);
  expect(gone).toBeInstanceOf(CommandError);
  expect(gone).toMatchObject({ exitCode: exitCodes.notRunning, fix: "Start it: fedchat start" });
});

test("what a killed program left is no obstacle", async () => {
  writeFileSync(join(data, "control.sock"), "");
  await using _server = await begin();
  using control = await connectControl(data);
  expect((await control.info()).pid).toBe(1);
});

test("a data folder with a long path is reached all the same", async () => {
  const deep = join(data, "a".repeat(60), "b".repeat(60));
  mkdirSync(deep, { recursive: true });
  const server = await begin(deep);
  const place = controlPlace(deep);
  expect(place.startsWith(deep)).toBe(false);
  using control = await connectControl(deep);
  expect((await control.info()).name).toBe("alice");
  await server[Symbol.asyncDispose]();
  expect(statSync(place, { throwIfNoEntry: false })).toBeUndefined();
});

test("what is no JSON-RPC is answered as such, what has no end is cut", async () => {
  await using _server = await begin();
  const socket = connect(controlPlace(data));
  socket.write("hello\n");
  const answer = await new Promise<string>((resolve) =>
    socket.once("data", (chunk) => resolve(String(chunk))),
  );
  expect(JSON.parse(answer)).toMatchObject({ id: null, error: { code: -32700 } });
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write("x".repeat(2_000_000));
  await closed;
  using control = await connectControl(data);
  expect((await control.info()).name).toBe("alice");
});

test("one program at a time holds a data folder, and its death lets go", () => {
  const path = join(data, "fedchat.lock");
  const first = tryLock(path);
  expect(first).toBeDefined();
  expect(tryLock(path)).toBeUndefined();
  first![Symbol.dispose]();
  const second = tryLock(path);
  expect(second).toBeDefined();
  second![Symbol.dispose]();
});

test("the data folder is made for its owner only; a stranger's open folder is left alone", () => {
  const made = join(data, "made");
  ensureDataFolder(made);
  expect(statSync(made).mode & 0o777).toBe(0o700);
  const shared = join(data, "shared");
  mkdirSync(shared, { mode: 0o755 });
  writeFileSync(join(shared, "holiday.jpg"), "");
  expect(() => ensureDataFolder(shared)).toThrow("is open to other users and holds other things");
  expect(statSync(shared).mode & 0o777).toBe(0o755);
  const empty = join(data, "empty");
  mkdirSync(empty, { mode: 0o755 });
  ensureDataFolder(empty);
  expect(statSync(empty).mode & 0o777).toBe(0o700);
});
