/** `fedchat servers`, `map`, `relay` and what `status` says of the network, against an engine that tells of one. */
import type {
  Cause,
  Directory,
  MethodName,
  NetworkMap,
  Relaying,
  Server,
  Status,
  UnlinkedServer,
} from "@fedchat/engine/interface";
import { methods } from "@fedchat/engine/interface";
import { silentLog } from "@fedchat/engine/node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HostInfo } from "../src/control/host-methods.ts";
import { startControl } from "../src/control/server.ts";
import { exitCodes } from "../src/exit-codes.ts";
import { run } from "../src/program.ts";

const id = (letter: string) => `${letter.repeat(51)}a`;
const [own, hub, ben, far] = [id("a"), id("b"), id("c"), id("d")];

const link = (serverId: string, shownName: string, patch: Partial<Server> = {}): Server => ({
  ...{ serverId, name: shownName, localName: null, shownName, trust: "mutual", state: "connected" },
  ...{
    cause: null,
    nextTryAt: null,
    addresses: [{ host: `${shownName}.example`, port: 8443, kind: "direct" }],
  },
  ...{ via: [], origin: "person", relaysFor: "linked", roundTripMs: 12, queueDepth: 0 },
  ...{ lastContactAt: Date.now(), linkedAt: 1, software: "" },
  ...patch,
});
const unreachable: Cause = {
  code: "unreachable",
  sentence: "Nothing answers at this address.",
  fix: "Check it.",
  retry: "later",
};

let relaying: Relaying;
let servers: Server[];
let directories: Directory[];
let unlinked: UnlinkedServer[];
let map: NetworkMap;
let data: string;
let program: AsyncDisposable;

beforeEach(async () => {
  relaying = {
    ...{ relaysFor: "linked", circuits: 2, custodyBundles: 3 },
    ...{ custodyBytes: 1_572_864, custodyBytesMax: 268_435_456 },
  };
  servers = [
    link(hub, "hub"),
    link(ben, "ben\u001b[2J", { via: ["hub"], origin: "directory", queueDepth: 1 }),
    link(far, "far", {
      state: "waiting",
      cause: unreachable,
      nextTryAt: Date.now() + 90_000,
      lastContactAt: null,
    }),
  ];
  const { serverId, name, shownName, state, cause, nextTryAt, addresses, relaysFor, roundTripMs } =
    servers[0]!;
  unlinked = [
    {
      ...{ serverId, name, state, cause, nextTryAt, addresses, relaysFor, roundTripMs },
      ...{ shownName: `${shownName}·eeeeeeee`, via: ["hub"], people: ["Eve", "Emil"] },
    },
  ];
  directories = [
    {
      ...{ address: { host: "dir.example", port: 8443, kind: "direct" }, serverId: null, servers: 0 },
      ...{
        shownName: "dir.example:8443",
        state: "waiting",
        cause: unreachable,
        nextTryAt: Date.now() + 5_000,
      },
    },
  ];
  map = {
    servers: [
      { serverId: own, shownName: "ada", hops: 0, relaysFor: "linked", link: null },
      { serverId: hub, shownName: "hub", hops: 1, relaysFor: "anyone", link: servers[0]! },
      { serverId: ben, shownName: "ben", hops: 2, relaysFor: "nobody", link: servers[1]! },
      { serverId: far, shownName: "far·dddddddd", hops: 3, relaysFor: "nobody", link: null },
    ],
    edges: [
      { a: own, b: hub, kind: "direct" },
      { a: own, b: ben, kind: "relayed" },
      { a: hub, b: ben, kind: "heard" },
      { a: far, b: ben, kind: "heard" },
    ],
    more: 7,
  };
  data = mkdtempSync(join(tmpdir(), "fedchat-map-"));
  const info: HostInfo = {
    ...{ version: "0.1.0", pid: 1, data: "", log: "", startedAt: 1, serverId: own, name: "ada", host: "::" },
    ...{ port: 8443, addresses: [], screen: null, engine: true },
  };
  const host = { info: () => info, open: () => undefined };
  program = await startControl({
    data,
    host,
    engine: { call: answer, onEvent: () => () => undefined },
    log: silentLog,
  });
});
afterEach(async () => {
  await program[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

const status: Status = {
  me: {
    ...{ account: id("e"), handle: "ada", address: "@ada", displayName: "Ada", hasPassword: false },
    ...{ deviceId: "x", deviceName: "x", createdAt: 1 },
  },
  homeserver: {
    ...{ serverId: own, name: "ada", addresses: [], version: "", administrator: true, relaying: null },
    ...{ connection: "connected", cause: null, nextTryAt: null },
  },
  reach: { kind: "lan", sentence: "Reached from this network only." },
  counts: { unread: 0, requests: 0, unknownDevices: 0 },
};

/** As it is once the account lives elsewhere. */
let moved: Status | undefined;

/** What an engine would answer, and nothing that its interface does not allow. */
async function answer(method: MethodName, params: unknown): Promise<unknown> {
  if (method === "servers.setRelaying") Object.assign(relaying, params);
  const answers: Partial<Record<MethodName, unknown>> = {
    "engine.status": moved ?? status,
    "servers.list": servers,
    "servers.unlinked": unlinked,
    "servers.directories": directories,
    "servers.relaying": relaying,
    "servers.setRelaying": relaying,
    "network.map": map,
  };
  return methods[method].result.parse(answers[method]);
}

async function runs(...words: string[]) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  const said = { output: "", errors: "" };
  streams.output.on("data", (chunk) => (said.output += String(chunk)));
  streams.errors.on("data", (chunk) => (said.errors += String(chunk)));
  const variables = { HOME: data, FEDCHAT_DATA: data };
  const code = await run(words, streams, { variables, platform: "linux", workingFolder: data });
  return { code, ...said };
}

test("servers: the way, who linked it, why it waits and when it is tried again; directories below", async () => {
  const { code, output } = await runs("servers");
  expect(code).toBe(exitCodes.ok);
  const [direct, relayed, away, known, directory] = output.trim().split("\n");
  expect(direct).toMatch(/● connected +hub +mutual +direct +12 ms$/);
  expect(relayed).toMatch(
    /● connected +ben\S* +mutual, by a directory +through hub +12 ms, 1 bundle waiting$/,
  );
  expect(away).toMatch(
    /◌ waiting +far .*Nothing answers at this address.*last contact never, next try in (89|90) s/,
  );
  expect(known).toMatch(/● connected +hub·eeeeeeee +not linked, has Eve, Emil +through hub +12 ms$/);
  expect(directory).toMatch(/◌ waiting +dir\.example:8443 +directory .*Next try in [45] s\.$/);
  expect(output).not.toContain("\u001b");

  expect(JSON.parse((await runs("servers", "--json")).output)).toEqual({
    servers,
    unlinked,
    directories,
  });
  [servers, unlinked, directories] = [[], [], []];
  expect((await runs("servers")).output).toContain("fedchat link --help");
});

test("map: a tree below this server, each server below one that is a link nearer", async () => {
  const { output, errors } = await runs("map");
  const lines = output.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^ada +this server +relays for linked servers$/);
  expect(lines[1]).toMatch(/^└─ hub +● connected +direct 12 ms +relays for anyone$/);
  expect(lines[2]).toMatch(/^ {3}└─ ben +● connected +through hub 12 ms$/);
  expect(lines[3]).toMatch(/^ {6}└─ far·dddddddd +· heard of +3 links away$/);
  expect(errors).toContain("At least 7 more are known");
  expect(JSON.parse((await runs("map", "--json")).output)).toEqual(map);
  expect(await runs("map", "--limit", "0")).toMatchObject({ code: exitCodes.usage });
});

test("map: what no way is known to stands below this server all the same, and nothing is left out", async () => {
  map.edges = [];
  const lines = (await runs("map")).output.trimEnd().split("\n");
  expect(lines.map((line) => line.slice(0, 3))).toEqual(["ada", "├─ ", "├─ ", "└─ "]);
});

test("relay: says what it does, changes it, and knows no other choice", async () => {
  expect((await runs("relay")).output).toBe(
    "for linked servers; passing through: 2; kept for others: 3 bundles, 1.5 of 256 MB\n",
  );
  expect((await runs("relay", "anyone")).output).toMatch(/^for anyone;/);
  expect(JSON.parse((await runs("relay", "nobody", "--json")).output)).toEqual(relaying);
  expect(relaying.relaysFor).toBe("nobody");
  const wrong = await runs("relay", "everybody");
  expect(wrong).toMatchObject({ code: exitCodes.usage });
  expect(wrong.errors).toContain("nobody, linked, anyone");
  expect(relaying.relaysFor).toBe("nobody");
});

test("status: after a move, that the server here is the former one, and that what still comes there is looked for", async () => {
  const former = [{ serverId: own, name: "old", connected: false }];
  moved = { ...status, homeserver: { ...status.homeserver, serverId: id("n"), name: "new" }, former };
  const { output } = await runs("status");
  expect(output).toMatch(/^Server +ada \w+ your former one$/m);
  expect(output).toMatch(/^Connection +connected to new/m);
  expect(output).toMatch(
    /^Lived before at +old, which is not reached: what still comes there for you is looked for$/m,
  );
  moved = undefined;
  expect((await runs("status")).output).not.toMatch(/former|Lived before/);
});

test("status: what this server does for others, and its directories with its links", async () => {
  const { output } = await runs("status");
  expect(output).toMatch(/^Relaying +for linked servers; passing through: 2;/m);
  expect(output).toMatch(/^◌ waiting +dir\.example:8443 +directory/m);
  expect(JSON.parse((await runs("status", "--json")).output)).toMatchObject({ relaying, directories });
});
