import type { NearbyState } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import type { Nearby } from "../src/core/seams.ts";
import { random, startHomeserver } from "./start-homeserver.ts";

/** A local network that says what the test says. */
class TestNearby implements Nearby {
  now: NearbyState = { mode: "announce", problem: null, servers: [] };
  changed: () => void = () => undefined;

  state(): NearbyState {
    return this.now;
  }

  onChange(listener: () => void): void {
    this.changed = listener;
  }
}

const server = {
  server: serverId.fromBytes(random.bytes(32)),
  name: "bob",
  addresses: [{ host: "192.168.1.9", port: 8443, kind: "lan" as const }],
  heardAt: 1,
};

test("[Y1] servers nearby are shown and told to administrators, and to nobody else", async () => {
  const nearby = new TestNearby();
  await using world = await startHomeserver({ nearby });
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  nearby.now = { mode: "announce", problem: null, servers: [server] };
  nearby.changed();
  expect(await alice.client.event("nearby")).toMatchObject({ state: { servers: [server] } });
  expect(await alice.client.request("servers.nearby", {})).toEqual(nearby.now);
  expect(await alice.client.request("links.list", {})).toEqual({ links: [] });
  await expect(bob.client.request("servers.nearby", {})).rejects.toMatchObject({ code: "not-allowed" });
  await world.homeserver.setName("renamed");
  const toldBob: string[] = [];
  for await (const { kind } of bob.client.events) {
    toldBob.push(kind);
    if (kind === "server") break;
  }
  expect(toldBob).not.toContain("nearby");
});

test("where nobody looks there is nothing nearby, and no failure", async () => {
  await using world = await startHomeserver();
  const { client } = await world.join("alice");
  expect(await client.request("servers.nearby", {})).toEqual({ mode: "off", problem: null, servers: [] });
});
