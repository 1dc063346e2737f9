/**
 * Key packages that lie ready at the homeserver for contacts who hold the capability. The private parts are stored
 * before anything is published. Of those that were used it is kept that they were: a homeserver that gives one out again
 * is found out. [H15] [X7]
 */
import type { Clock, KeyPackageSuite, RandomSource } from "@fedchat/protocol";
import { keyPackageSuites } from "@fedchat/protocol";
import type { NewKeyPackage, RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { KeyPackageRow } from "../store/requests-table.ts";
import { isEqual } from "./credentials.ts";
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

/** Fills the stocks up where they are low: one for each kind of room. One filling at a time. */
export class KeyPackageStock {
  readonly #ports: KeyPackagesPorts;
  #filling: Promise<void> = Promise.resolve();

  constructor(ports: KeyPackagesPorts) {
    this.#ports = ports;
  }

  /** Rejects where the homeserver cannot be asked: with the next session it is tried again. */
  fill(): Promise<void> {
    this.#filling = this.#filling.catch(() => undefined).then(() => this.#fill());
    return this.#filling;
  }

  async #fill(): Promise<void> {
    const { store, clock } = this.#ports;
    store.requests.deleteKeyPackagesBefore(clock.now() - keyPackageMemoryMs);
    for (const suite of keyPackageSuites) await replenish(this.#ports, suite);
  }
}

async function replenish(ports: KeyPackagesPorts, suite: KeyPackageSuite): Promise<void> {
  const { store, identity, homeserver, roomCrypto, clock } = ports;
  const { stocked } = await homeserver.request("keyPackages.count", { suite });
  const held = store.requests.lastResort(suite);
  const isUsed = held === undefined || isSame(store.identity.setting(used(suite)), held.reference);
  const isThere = !isUsed && isSame(store.identity.setting(published(suite)), held.reference);
  if (stocked >= keyPackagesStockedMin[suite] && isThere) return;
  const fresh: NewKeyPackage[] = [];
  while (stocked + fresh.length < keyPackagesStocked[suite]) {
    fresh.push(roomCrypto.createKeyPackage(identity.member, suite));
  }
  const made = isUsed ? roomCrypto.createKeyPackage(identity.member, suite) : undefined;
  const lastResort = made ?? held;
  const createdAt = clock.now();
  const keep = (made: NewKeyPackage, purpose: KeyPackageRow["purpose"]) =>
    store.requests.insertKeyPackage({ ...made, suite, purpose, request: null, createdAt });
  store.transaction(() => {
    for (const one of fresh) keep(one, "stock");
    if (made !== undefined) keep(made, "last-resort");
  });
  await homeserver.request("keyPackages.put", {
    suite,
    packages: fresh.map(({ keyPackage }) => keyPackage),
    ...(lastResort === undefined || isThere ? {} : { lastResort: lastResort.keyPackage }),
    capability: keyPackageCapability(ports),
  });
  if (lastResort !== undefined) store.identity.putSetting(published(suite), lastResort.reference);
}

/**
 * Within the transaction that joins by it. One for a single use is gone with that; a last-resort one, which others may
 * have fetched too, is replaced by a new one and kept for as long as those may still use it. [X7]
 */
export function spendKeyPackage(
  { store }: Pick<KeyPackagesPorts, "store">,
  { purpose, suite, reference }: Pick<KeyPackageRow, "purpose" | "suite" | "reference">,
): void {
  if (purpose === "last-resort") store.identity.putSetting(used(suite), reference);
  else store.requests.spendKeyPackage(reference);
}

/** This engine belongs to another homeserver now, where no last-resort one lies. */
export function unpublish({ identity }: Pick<EngineStore, "identity">): void {
  for (const suite of keyPackageSuites) identity.deleteSetting(published(suite));
}

/** Whether somebody joined by it before: whoever was given it then got one that is of no use. */
export const isSpent = ({ privatePart }: Pick<KeyPackageRow, "privatePart">): boolean =>
  privatePart.length === 0;

const published = (suite: KeyPackageSuite): string => `last-resort-published-${suite}`;
const used = (suite: KeyPackageSuite): string => `last-resort-used-${suite}`;

const isSame = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && isEqual(a, b);

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
