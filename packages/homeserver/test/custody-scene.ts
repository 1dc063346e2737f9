/** Homeservers that nobody can dial, around relays that everybody can: where custody is the only way. */
import type { ClientEvent } from "@fedchat/protocol";
import type { Host, HostOptions } from "./federation-world.ts";
import { World } from "./federation-world.ts";

export interface Star {
  world: World;
  relay: Host;
  alice: Host;
  carol: Host;
}

/** Alice and Carol, mutually linked, each behind a NAT and linked with one relay. */
export async function star(seed: string | number = 1, options: Partial<HostOptions> = {}): Promise<Star> {
  const world = new World(seed, { reachable: (_, to) => to.startsWith("relay") });
  const relay = await world.homeserver("relay", options);
  const [alice, carol] = [await world.homeserver("alice"), await world.homeserver("carol")];
  await world.link(alice, relay);
  await world.link(carol, relay);
  await settled(world);
  await world.link(alice, carol);
  return { world, relay, alice, carol };
}

/** Alice, two relays in a row, and Carol: neither relay is connected with both ends. */
export async function chain(seed: string | number = 1): Promise<Star & { further: Host }> {
  const world = new World(seed, { reachable: (_, to) => to.startsWith("relay") });
  const [relay, further] = [await world.homeserver("relay"), await world.homeserver("relay2")];
  const [alice, carol] = [await world.homeserver("alice"), await world.homeserver("carol")];
  await world.link(relay, further);
  await world.link(alice, relay);
  await world.link(carol, further);
  await settled(world);
  await world.link(alice, carol);
  return { world, relay, further, alice, carol };
}

/** Until records say where everybody stands, and everybody heard them. */
export async function settled(world: World): Promise<void> {
  await world.clock.advance(10 * 60_000);
}

type Progress = Extract<ClientEvent, { kind: "progress" }>;

export function progress(host: Host, state: Progress["state"]): Progress[] {
  return host.events("progress").filter((event) => event.state === state);
}

/** What lies at a relay for others. */
export async function heldBy(host: Host): Promise<number> {
  const { custody } = await host.store.load();
  return custody.reduce((sum, { bundles }) => sum + bundles, 0);
}

/** What lies at a relay from one server for another, by class and sequence. */
export async function heldFrom(relay: Host, from: Host, to: Host): Promise<string[]> {
  const rows = await relay.store.custodyPage(to.id, from.id, undefined, 1_000);
  return rows.map((row) => `${row.class} ${row.sequence}`);
}
