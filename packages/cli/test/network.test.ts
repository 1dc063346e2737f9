import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../src/config/load.ts";
import { tryLock } from "../src/host/lock.ts";
import { planMembers, writeMembers } from "../src/network/members.ts";
import { failureOf } from "../src/network/programs.ts";
import { runNetwork } from "../src/network/run.ts";
import { linksOf } from "../src/network/topology.ts";
import { dataFiles } from "../src/owner-files.ts";
import { openPort } from "./doctor-world.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fedchat-network-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("each member is an ordinary configuration with ports of its own", async () => {
  const members = await planMembers(folder, 4);
  writeMembers(members);
  expect(members.map(({ name }) => name)).toEqual(["alice", "bob", "carol", "dave"]);
  const ports = members.flatMap(({ port, screenPort }) => [port, screenPort]);
  expect(new Set(ports).size).toBe(8);
  for (const { name, data, port, screenPort } of members) {
    const environment = { variables: { HOME: folder }, platform: "linux" as const, workingFolder: folder };
    expect(loadConfig({ data }, environment).config).toMatchObject({
      name,
      port,
      host: "127.0.0.1",
      addresses: [{ host: "127.0.0.1", port, kind: "lan" }],
      "screen.port": screenPort,
      "screen.open": false,
    });
    expect(statSync(data).mode & 0o777).toBe(0o700);
  }
});

test("a network that is run again keeps its ports and what was edited", async () => {
  const first = await planMembers(folder, 2);
  writeMembers(first);
  const path = join(first[0]!.data, "fedchat.toml");
  const edited = `${readFileSync(path, "utf8")}\n[log]\nlevel = "debug"\n`;
  writeFileSync(path, edited);
  const again = await planMembers(folder, 3);
  writeMembers(again);
  expect(again.slice(0, 2)).toEqual(first);
  expect(readFileSync(path, "utf8")).toBe(edited);
  expect([first[0]!.port, first[0]!.screenPort, first[1]!.port, first[1]!.screenPort]).not.toContain(
    again[2]!.port,
  );
});

test("shapes: each to each, all to the first, each to the next", () => {
  expect(linksOf("mesh", 3)).toEqual([
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
  expect(linksOf("star", 4)).toEqual([
    [0, 1],
    [0, 2],
    [0, 3],
  ]);
  expect(linksOf("chain", 3)).toEqual([
    [0, 1],
    [1, 2],
  ]);
  expect(linksOf("mesh", 1)).toEqual([]);
});

const quiet = { tell: () => undefined, stopped: new Promise<void>(() => undefined) };

test("one that cannot start is named with its cause and one thing to do, and has ended", async () => {
  await using theirs = await openPort();
  const members = [{ name: "bob", data: join(folder, "bob"), port: theirs.port, screenPort: 0 }];
  writeMembers(members);
  const { data } = members[0]!;
  await expect(runNetwork(members, [], quiet)).rejects.toMatchObject({
    message: expect.stringMatching(new RegExp(`^bob cannot run: Port ${theirs.port} is in use by .+\\.$`)),
    fix: `Stop that program, or choose another port. The settings of bob are in ${data}/fedchat.toml`,
  });
  using lock = tryLock(dataFiles(data).lock);
  expect(lock).toBeDefined();
});

test("one that runs already is named before any other is started", async () => {
  const members = await planMembers(folder, 2);
  writeMembers(members);
  const [alice, bob] = members;
  using _held = tryLock(dataFiles(bob!.data).lock);
  await expect(runNetwork(members, [], quiet)).rejects.toMatchObject({
    message: "bob already runs.",
    fix: expect.stringContaining("--dir"),
  });
  expect(() => statSync(dataFiles(alice!.data).log)).toThrow("ENOENT");
});

test("stopped while the programs start, it ends them all", async () => {
  const members = await planMembers(folder, 2);
  writeMembers(members);
  expect(await runNetwork(members, [], { ...quiet, stopped: Promise.resolve() })).toBeUndefined();
  for (const { data } of members) {
    using lock = tryLock(dataFiles(data).lock);
    expect(lock).toBeDefined();
  }
});

test("a program that said nothing of its end leads to its log", () => {
  const bob = { name: "bob", data: "/net/bob", port: 1, screenPort: 2 };
  const said =
    'a warning for people\n{"error":{"exitCode":1,"sentence":"The disk is full.","fix":"Free some."}}\n';
  expect(failureOf(bob, 1, said)).toMatchObject({
    message: "bob cannot run: The disk is full.",
    fix: "Free some. The settings of bob are in /net/bob/fedchat.toml",
  });
  expect(failureOf(bob, "SIGKILL", "a warning\n")).toMatchObject({
    message: "bob ended (SIGKILL).",
    fix: "See why in /net/bob/fedchat.log",
  });
});
