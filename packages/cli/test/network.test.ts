import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../src/config/load.ts";
import { planMembers, writeMembers } from "../src/network/members.ts";
import { linksOf } from "../src/network/topology.ts";

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
