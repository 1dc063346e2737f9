import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerId } from "@fedchat/protocol";
import { clientPath } from "@fedchat/protocol";
import { nodeClock } from "@fedchat/protocol/node";
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { expect, test } from "vitest";
import { silentLog } from "../src/core/log.ts";
import { webSocketDialer } from "../src/node/dialer.ts";
import { keyFileName } from "../src/node/keys.ts";
import type { StartOptions } from "../src/node/start-homeserver.ts";
import { startHomeserver } from "../src/node/start-homeserver.ts";
import { StoreUnusableError } from "../src/store/store.ts";
import type { ClientDevice } from "./client.ts";
import { TestClient } from "./client.ts";
import { temporaryFolder } from "./store-places.ts";
import { makeAccount } from "./test-account.ts";

const localToken = new TextEncoder().encode("the local token");

function start(dataDir: string, change: Partial<StartOptions> = {}) {
  return startHomeserver({
    dataDir,
    name: "here",
    host: "127.0.0.1",
    port: 0,
    portIsDefault: false,
    addresses: [],
    accept: "ask",
    listed: [],
    registration: "invited",
    tls: undefined,
    localToken,
    log: silentLog,
    ...change,
  });
}

async function connect(port: number, server: ServerId, device: ClientDevice) {
  const carrier = await webSocketDialer.dial({ host: "127.0.0.1", port, kind: "lan" }, clientPath);
  return TestClient.connect({ carrier, server, device, clock: nodeClock, random, primitives });
}

test("a homeserver keeps its identity and its accounts through a restart", async () => {
  using folder = temporaryFolder();
  const first = await start(folder.path);
  const { serverId } = first.homeserver;
  const { record } = first.homeserver.record();
  expect(record).toMatchObject({
    key: serverId,
    name: "here",
    addresses: [{ host: "127.0.0.1", port: first.port, kind: "lan" }],
  });
  const account = makeAccount(
    { primitives, random },
    { server: serverId, handle: "alice", nowMs: Date.now(), devices: 1 },
  );
  const client = await connect(first.port, serverId, account.devices[0]!);
  const registered = await client.register(account.signed, localToken);
  expect(registered.administrator).toBe(true);
  await first.close();

  await using second = await start(folder.path);
  expect(second.homeserver.serverId).toBe(serverId);
  expect(second.homeserver.record().record.noiseKey).toEqual(record.noiseKey);
  const again = await connect(second.port, serverId, account.devices[0]!);
  const opened = await again.open(account.id, registered.fencing);
  expect(opened).toMatchObject({ handle: "alice", administrator: true });
  expect(opened.fencing).toBeGreaterThan(registered.fencing);
});

test("a start that fails half-way leaves nothing open, and says why", async () => {
  using folder = temporaryFolder();
  await (await start(folder.path)).close();
  const path = join(folder.path, keyFileName);
  const key = readFileSync(path);
  writeFileSync(path, "damaged");
  await expect(start(folder.path)).rejects.toThrow("is damaged");
  writeFileSync(path, key);
  await using running = await start(folder.path);
  const second = start(folder.path, { port: running.port });
  await expect(second).rejects.toThrow(StoreUnusableError);
  await expect(second).rejects.toThrow("another FedChat is running");
});
