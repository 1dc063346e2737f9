/**
 * Fetches what is needed to take people into a room: a key package of each of their devices. Who cannot be reached now
 * waits, and holds up nobody else.
 */
import type { AccountId, RoomId } from "@fedchat/protocol";
import { openAccountRecord, ProtocolError } from "@fedchat/protocol";
import type { Primitives } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { openKeyPackages } from "./asked-key-packages.ts";
import type { Groups } from "./groups.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { admitsPerCommitMax, keyPackageFetchesMax } from "./limits.ts";
import type { Homeserver } from "./ports.ts";
import type { Wanted } from "./wanted-changes.ts";

export interface Fetched {
  /** What can be done now. */
  wanted: Wanted[];
  keyPackages: Map<AccountId, Uint8Array[]>;
  /** Why the rest cannot. */
  failure: unknown;
}

export async function fetchKeyPackages(
  ports: {
    store: EngineStore;
    homeserver: Homeserver;
    groups: Groups;
    roomCrypto: RoomCrypto;
    known: KnownAccounts;
    primitives: Primitives;
  },
  room: RoomId,
  wanted: readonly Wanted[],
): Promise<Fetched> {
  const fetched: Fetched = { wanted: [], keyPackages: new Map(), failure: undefined };
  for (const one of wanted) {
    const { change } = one;
    if (change.kind !== "admit") fetched.wanted.push(one);
    else if (fetched.keyPackages.size < admitsPerCommitMax) {
      try {
        fetched.keyPackages.set(change.account, await keyPackagesOf(ports, room, change.account));
        fetched.wanted.push(one);
      } catch (error) {
        fetched.failure = error;
      }
    }
  }
  return fetched;
}

async function keyPackagesOf(
  { store, homeserver, groups, roomCrypto, known, primitives }: Parameters<typeof fetchKeyPackages>[0],
  room: RoomId,
  account: AccountId,
): Promise<Uint8Array[]> {
  const asked = store.roomAsks.keyPackagesOf(room, account);
  if (asked !== undefined) return openKeyPackages(asked);
  const capability = store.accounts.contact(account)?.capability;
  const kept = known.get(account);
  if (!capability || kept === undefined) throw new ProtocolError("not-allowed");
  const { server } = kept.record;
  // Their devices as they are now.
  const { record } = await homeserver.request("people.lookup", { server, account });
  const newest = record === null ? kept : known.learn(openAccountRecord(primitives, record));
  const state = groups.of(room);
  if (state === undefined) return [];
  const suite = roomCrypto.suite(state);
  const packages: Uint8Array[] = [];
  for (const { device } of newest.certificates) {
    const query = { server, account, device, suite, capability };
    for (let fetches = 0; fetches < keyPackageFetchesMax; fetches++) {
      const { keyPackage } = await homeserver.request("keyPackages.fetch", query);
      if (keyPackage === null) break;
      if (roomCrypto.inspectKeyPackage(keyPackage, suite) === undefined) continue;
      packages.push(keyPackage);
      break;
    }
  }
  if (packages.length === 0) throw new ProtocolError("conflict", "None of their devices has left keys.");
  return packages;
}
