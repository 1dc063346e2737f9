/**
 * Key packages that lie ready at the homeserver for contacts who hold the capability. The private parts are stored
 * before anything is published.
 */
import type { Clock, KeyPackageSuite, RandomSource } from "@fedchat/protocol";
import { keyPackageSuites } from "@fedchat/protocol";
import type { NewKeyPackage, RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { KeyPackageRow } from "../store/requests-table.ts";
import type { Identity } from "./identity.ts";
import { keyPackageMemoryMs, keyPackagesStocked, keyPackagesStockedMin } from "./limits.ts";
import type { Homeserver } from "./ports.ts";

export interface KeyPackagesPorts {
  store: EngineStore;
  identity: Identity;
  homeserver: Homeserver;
  roomCrypto: Pick<RoomCrypto, "createKeyPackage">;
  clock: Pick<Clock, "now">;
  random: RandomSource;
}

/** Fills the stocks up where they are low: one for each kind of room. */
export async function replenishKeyPackages(ports: KeyPackagesPorts): Promise<void> {
  const { store, clock } = ports;
  store.requests.deleteKeyPackagesBefore(clock.now() - keyPackageMemoryMs);
  for (const suite of keyPackageSuites) await replenish(ports, suite);
}

async function replenish(ports: KeyPackagesPorts, suite: KeyPackageSuite): Promise<void> {
  const { store, identity, homeserver, roomCrypto, clock } = ports;
  const { stocked } = await homeserver.request("keyPackages.count", { suite });
  const needsLastResort = !store.requests.hasLastResort(suite);
  if (stocked >= keyPackagesStockedMin[suite] && !needsLastResort) return;
  const fresh: NewKeyPackage[] = [];
  while (stocked + fresh.length < keyPackagesStocked[suite]) {
    fresh.push(roomCrypto.createKeyPackage(identity.member, suite));
  }
  const lastResort = needsLastResort ? roomCrypto.createKeyPackage(identity.member, suite) : undefined;
  const createdAt = clock.now();
  const keep = (made: NewKeyPackage, purpose: KeyPackageRow["purpose"]) =>
    store.requests.insertKeyPackage({ ...made, suite, purpose, request: null, createdAt });
  store.transaction(() => {
    for (const one of fresh) keep(one, "stock");
    if (lastResort !== undefined) keep(lastResort, "last-resort");
  });
  await homeserver.request("keyPackages.put", {
    suite,
    packages: fresh.map(({ keyPackage }) => keyPackage),
    ...(lastResort === undefined ? {} : { lastResort: lastResort.keyPackage }),
    capability: keyPackageCapability(ports),
  });
}

/** Who holds this may fetch one. */
export function keyPackageCapability({
  store,
  random,
}: Pick<KeyPackagesPorts, "store" | "random">): Uint8Array {
  const held = store.identity.setting(capabilitySetting);
  if (held !== undefined) return held;
  const made = random.bytes(16);
  store.identity.putSetting(capabilitySetting, made);
  return made;
}

export const capabilitySetting = "key-package-capability";
