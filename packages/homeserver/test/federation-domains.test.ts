/** Domains as names: what a domain serves decides whether its server is shown by it. */
import type { ServerId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import type { DomainChecker } from "../src/core/federation/domains.ts";
import { domainCheckEveryMs } from "../src/core/limits.ts";
import type { Host } from "./federation-world.ts";
import { World } from "./federation-world.ts";

const domain = "chat.example.com";

/** The web, as far as a test needs it. */
class Web implements DomainChecker {
  readonly serves = new Map<string, ServerId>();
  readonly asked: string[] = [];

  keyOf(name: string): Promise<ServerId | undefined> {
    this.asked.push(name);
    return Promise.resolve(this.serves.get(name));
  }
}

/** Alice asks the web; Bob claims the domain. */
async function pair(world: World, web: Web, claims = domain): Promise<[Host, Host]> {
  const alice = await world.homeserver("alice", { domains: web });
  return [alice, await world.homeserver("bob", { claims })];
}

const proved = (alice: Host, bob: Host) => alice.link(bob)?.nameProved ?? false;

test("[N4] a domain that serves the server's own key confirms it, and screens are told", async () => {
  const world = new World();
  const web = new Web();
  const [alice, bob] = await pair(world, web);
  web.serves.set(domain, bob.id);

  await world.link(alice, bob);
  await world.clock.until(() => proved(alice, bob), "the domain is confirmed");

  expect(web.asked).toEqual([domain]);
  await world.clock.advance(2_000);
  expect(alice.events("link").at(-1)?.link).toMatchObject({ name: domain, nameProved: true });
});

test("[N4] a domain that serves another key, or nothing, confirms nobody, and is asked again after an hour", async () => {
  const world = new World();
  const web = new Web();
  const [alice, bob] = await pair(world, web);
  web.serves.set(domain, alice.id);
  await world.link(alice, bob);
  await world.clock.advance(2_000);
  expect(proved(alice, bob)).toBe(false);

  // Within the hour a new connection asks nobody.
  web.serves.set(domain, bob.id);
  world.network.cut("alice", "bob");
  await world.clock.until(() => alice.link(bob)?.state === "connected", "they are connected again");
  await world.clock.advance(2_000);
  expect(web.asked).toEqual([domain]);
  expect(proved(alice, bob)).toBe(false);

  await world.clock.advance(domainCheckEveryMs);
  world.network.cut("alice", "bob");
  await world.clock.until(() => proved(alice, bob), "the domain is confirmed");
});

test("[N4] what was confirmed is pinned: it outlives restarts, and a domain that serves another key later", async () => {
  const world = new World();
  const web = new Web();
  const [alice, bob] = await pair(world, web);
  web.serves.set(domain, bob.id);
  await world.link(alice, bob);
  await world.clock.until(() => proved(alice, bob), "the domain is confirmed");

  web.serves.set(domain, alice.id);
  await world.clock.advance(domainCheckEveryMs);
  await alice.restart();
  expect(proved(alice, bob)).toBe(true);
  await world.clock.until(() => alice.link(bob)?.state === "connected", "they are connected again");
  await world.clock.advance(2_000);
  expect(proved(alice, bob)).toBe(true);
  expect(web.asked).toEqual([domain]);
});

test("[N4] another domain of the same server is not covered by the one that was confirmed", async () => {
  const world = new World();
  const web = new Web();
  const [alice, bob] = await pair(world, web);
  web.serves.set(domain, bob.id);
  await world.link(alice, bob);
  await world.clock.until(() => proved(alice, bob), "the domain is confirmed");

  bob.renewRecord({ name: "bank.example.com" });
  await world.clock.until(() => alice.link(bob)?.name === "bank.example.com", "the new name arrives");
  expect(proved(alice, bob)).toBe(false);
});

test("[N4] a label is no domain, and nothing is asked for a server that nobody here linked", async () => {
  const world = new World();
  const web = new Web();
  const [alice, bob] = await pair(world, web, "bob");
  await world.link(alice, bob);
  const stranger = await world.homeserver("mallory", { claims: "bank.example.com" });
  await world.clock.settle(stranger.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.advance(2_000);
  expect(alice.link(stranger)?.trust).toBe("incoming");
  expect(web.asked).toEqual([]);
  expect(proved(alice, bob)).toBe(false);
});
