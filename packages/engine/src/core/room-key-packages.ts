/**
 * Fetches what is needed to take people into a room: a key package of each of their devices. Who cannot be reached now
 * waits, and holds up nobody else.
 */
import type { AccountId, OpenedAccountRecord, Primitives, RoomId, ServerId } from "@fedchat/protocol";
import { openAccountRecord, ProtocolError } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { openKeyPackages } from "./asked-key-packages.ts";
import { engineError } from "./causes.ts";
import type { Groups } from "./groups.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { admitsPerCommitMax, keyPackageFetchesMax } from "./limits.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";
import type { RoomWarnings } from "./room-warnings.ts";
import type { Wanted } from "./wanted-changes.ts";

export interface Fetched {
  /** What can be done now. */
  wanted: Wanted[];
  keyPackages: Map<AccountId, Uint8Array[]>;
  /** Why the rest cannot. */
  failure: unknown;
}

interface Ports {
  store: EngineStore;
  homeserver: Homeserver;
  groups: Groups;
  roomCrypto: RoomCrypto;
  known: KnownAccounts;
  names: Pick<Names, "shown" | "server">;
  warnings: RoomWarnings;
  primitives: Primitives;
}

export async function fetchKeyPackages(
  ports: Ports,
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

async function keyPackagesOf(ports: Ports, room: RoomId, account: AccountId): Promise<Uint8Array[]> {
  const { store, homeserver, groups, roomCrypto, known } = ports;
  const asked = store.roomAsks.keyPackagesOf(room, account);
  if (asked !== undefined) return openKeyPackages(asked);
  const capability = store.accounts.contact(account)?.capability;
  const kept = known.get(account);
  if (!capability || kept === undefined) throw new ProtocolError("not-allowed");
  const { server } = kept.record;
  // Their devices as they are now.
  const told = (await deviceList(ports, { account, server })) ?? kept;
  if (told.record.sequence < kept.record.sequence) olderList(ports, room, kept);
  const newest = known.learn(told);
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

/**
 * The list of devices that their server gives now; undefined where it has none. Rejects where the account did not sign
 * it, which our own homeserver may have noticed already: nobody is taken in by it. [A4] [L11]
 */
async function deviceList(
  { homeserver, names, primitives }: Ports,
  of: { account: AccountId; server: ServerId },
): Promise<OpenedAccountRecord | undefined> {
  try {
    const { record } = await homeserver.request("people.lookup", of);
    if (record === null) return undefined;
    const opened = openAccountRecord(primitives, record);
    if (opened.record.account !== of.account) throw new ProtocolError("malformed");
    return opened;
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== "malformed") throw error;
    const [server, whose] = [names.server(of.server), names.shown(of.account)];
    throw engineError("wrong-devices", `${server} gave a list of ${whose}'s devices that they never signed.`);
  }
}

/** Somebody may be on it who is off it by now. */
function olderList({ store, names, warnings }: Ports, room: RoomId, { record }: OpenedAccountRecord): void {
  const { account, server } = record;
  const line = `${names.server(server)} gave an older list of ${names.shown(account)}'s devices than ${names.shown(account)} has signed since. The newer one, which is known here, counts.`;
  store.transaction(() => warnings.tell(room, account, line));
}
