/**
 * Brings what this account's devices share and what lies in sealed storage together: what changes here is put there, what
 * another device put there is taken over here. Of two that change one record at once the second takes the first's in and
 * puts both. [H16] [U3]
 */
import type { AccountId, Clock, RoomId, ServerId, Timer } from "@fedchat/protocol";
import {
  accountId,
  array,
  bytes,
  decode,
  DecodeError,
  encode,
  openAccountRecord,
  ProtocolError,
  roomId,
  struct,
} from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf, causeOfCode, encodeCause } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Groups } from "./groups.ts";
import { capabilitySetting } from "./key-packages.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { shareAttemptsMax, shareDelayAloneMs, shareDelayMs, storeRetryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { SealedStoragePorts } from "./sealed-storage.ts";
import { getSealed, putSealed } from "./sealed-storage.ts";
import type { SharedRoom } from "./shared-room.ts";
import { decodeSharedRoom, encodeSharedRoom, isSameRoom, mergedRoom, sharedRoomOf } from "./shared-room.ts";
import { isRejoining, want } from "./wanted-changes.ts";

export interface SharedRecordsPorts extends SealedStoragePorts {
  store: EngineStore;
  groups: Groups;
  roomCrypto: RoomCrypto;
  known: KnownAccounts;
  clock: Clock;
  changes: Changes;
  log: Log;
  /** Whether another device is there to hear of it. */
  isAlone: () => boolean;
  /** A room is known that this device is not in yet. */
  onRoom: (room: RoomId) => void;
}

/** What of the account itself its devices share. */
const selfForm = struct({
  /** By which contacts fetch key packages of all devices. */
  capability: bytes(16),
  blocked: array(accountId.codec, { max: 4_096 }),
});
const selfName = "self";
const roomPrefix = "room/";

export class SharedRecords {
  readonly #ports: SharedRecordsPorts;
  readonly #touched = new Set<string>();
  #timer: Timer | undefined;
  /** One thing at a time: versions are compared and swapped. */
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(ports: SharedRecordsPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** A session was opened: what others put meanwhile is taken, what was never told is. */
  async resume(): Promise<void> {
    await this.#inTurn(async () => {
      const { homeserver } = this.#ports;
      const { records } = await homeserver.request("sealed.list", {});
      for (const { name, version } of records)
        if (isShared(name) && this.#isNew(name, version)) await this.#pull(name);
    });
    for (const { id } of this.#ports.store.rooms.list()) this.#touched.add(roomPrefix + id);
    this.#touched.add(selfName);
    this.#soon();
  }

  /** Another device put a newer one. */
  heard(name: string, version: number): void {
    if (!isShared(name) || !this.#isNew(name, version)) return;
    void this.#inTurn(() => this.#pull(name)).catch((error: unknown) => this.#notNow(error));
  }

  roomChanged(room: RoomId): void {
    this.#touched.add(roomPrefix + room);
    this.#soon();
  }

  selfChanged(): void {
    this.#touched.add(selfName);
    this.#soon();
  }

  /** At once: before a device comes that is to begin there, and `anew` under a new key. */
  async tellAll(anew: boolean): Promise<void> {
    const names = this.#ports.store.rooms.list().map(({ id }) => roomPrefix + id);
    await this.#inTurn(async () => {
      for (const name of [selfName, ...names]) await this.#push(name, anew);
    });
  }

  /** By which a device that is not in the room's group comes in. */
  keyOf(room: RoomId): Uint8Array | undefined {
    return this.#held(roomPrefix + room)?.key ?? undefined;
  }

  /** Which server orders the room. */
  hubOf(room: RoomId): ServerId | undefined {
    return this.#held(roomPrefix + room)?.hub ?? undefined;
  }

  /** Whoever linked us told which versions there are, and not what is in them. */
  #isNew(name: string, version: number): boolean {
    const { identity, shared } = this.#ports.store;
    return version > identity.sealedVersion(name) || shared.get(name) === undefined;
  }

  #soon(): void {
    const { clock, isAlone } = this.#ports;
    if (this.#stopped) return;
    this.#timer ??= clock.after(isAlone() ? shareDelayAloneMs : shareDelayMs, () => {
      this.#timer = undefined;
      void this.#inTurn(() => this.#pushTouched()).catch((error: unknown) => this.#notNow(error));
    });
  }

  #notNow(error: unknown): void {
    if (this.#stopped) return;
    this.#ports.log.info("what devices share is not in step now", { code: causeOf(error).code });
    if (error instanceof StoreFullError) this.#ports.clock.after(storeRetryMs, () => this.#soon());
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(async () => (this.#stopped ? undefined : await work()));
    this.#work = done.catch(() => undefined);
    await done;
  }

  /** What fails is touched still, and goes with the next session. */
  async #pushTouched(): Promise<void> {
    for (const name of [...this.#touched]) {
      await this.#push(name, false);
      this.#touched.delete(name);
    }
  }

  async #push(name: string, anew: boolean): Promise<void> {
    const { store } = this.#ports;
    for (let attempt = 0; attempt < shareAttemptsMax && !this.#stopped; attempt++) {
      const plaintext = this.#toTell(name, anew);
      if (plaintext === undefined) return;
      try {
        await putSealed(this.#ports, name, plaintext);
        return store.shared.put(name, plaintext);
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.code !== "conflict") throw error;
        await this.#pull(name);
      }
    }
  }

  /** Undefined where everybody knows it. */
  #toTell(name: string, anew: boolean): Uint8Array | undefined {
    const { store } = this.#ports;
    if (name === selfName) {
      const now = this.#self();
      const base = store.shared.get(name);
      return now !== undefined && (anew || base === undefined || !same(base, now)) ? now : undefined;
    }
    const held = this.#held(name);
    const room = sharedRoomOf(this.#ports, roomOf(name), held);
    if (room === undefined || (held === undefined && room.state !== "open" && room.state !== "invited"))
      return undefined;
    return anew || held === undefined || !isSameRoom(held, room) ? encodeSharedRoom(room) : undefined;
  }

  async #pull(name: string): Promise<void> {
    const { store, log } = this.#ports;
    const plaintext = await getSealed(this.#ports, name);
    if (plaintext === undefined || this.#stopped) return;
    try {
      if (name === selfName) this.#takeSelf(plaintext);
      else this.#takeRoom(name, decodeSharedRoom(plaintext), plaintext);
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof ProtocolError)) throw error;
      log.warn("what another device shares is not understood", { name });
      store.shared.put(name, plaintext);
    }
  }

  #takeRoom(name: string, theirs: SharedRoom, plaintext: Uint8Array): void {
    const { store, groups, changes, onRoom } = this.#ports;
    const id = roomOf(name);
    const base = this.#held(name);
    const own = sharedRoomOf(this.#ports, id, base);
    const merged = own === undefined ? theirs : mergedRoom(base, own, theirs);
    // From an archive a room may be known that this device was never in.
    const isUnshared = base === undefined && groups.of(id) === undefined;
    const isNew = isUnshared && (theirs.state === "open" || theirs.state === "invited");
    store.transaction(() => {
      store.shared.put(name, plaintext);
      if (isNew) this.#addRoom(id, merged);
      if (store.rooms.get(id) !== undefined) this.#show(id, merged);
    });
    if (store.rooms.get(id) === undefined) return;
    changes.mark("room", id);
    changes.mark("draft", id);
    changes.status();
    if (groups.of(id) === undefined && merged.state !== "closed") onRoom(id);
    if (!isSameRoom(theirs, merged)) this.roomChanged(id);
  }

  /** Within the transaction. Its group is entered as soon as the hub lets us. */
  #addRoom(id: RoomId, room: SharedRoom): void {
    const { store, clock, changes, isAlone } = this.#ports;
    const peer = this.#peer(room);
    const { kind, createdAt, name, invitedBy, state } = room;
    if (room.hub === null || room.key === null || (kind === "pair") !== (peer !== undefined)) return;
    if (peer !== undefined) {
      for (const earlier of store.rooms.withPeer(peer))
        if (earlier.state === "open" && earlier.id !== id)
          store.rooms.close(earlier.id, "closed", encodeCause(causeOfCode("room-replaced")));
      for (const direction of ["incoming", "outgoing"] as const) {
        for (let waiting; (waiting = store.requests.pending(direction, peer)) !== undefined;) {
          store.requests.settle(waiting.id, "accepted", { room: id });
          store.requests.deleteKeyPackagesOf(waiting.id);
          changes.mark("request", waiting.id);
        }
      }
    }
    if (store.rooms.get(id) !== undefined) store.rooms.entered(id, state);
    else store.rooms.insert({ id, kind, peer: peer ?? null, name, invitedBy, state, createdAt });
    const log = { room: id, hub: room.hub, term: 1, position: 0, head: new Uint8Array(32) } as const;
    store.groupRooms.putLog({ ...log, following: "told", renewedAt: clock.now() });
    // Where no other device of ours is left, it is a person who came back.
    const why = isAlone() ? ({ why: "recovered" } as const) : {};
    // From an archive it may be known that it is to be entered.
    if (!isRejoining(store, id)) want(store, id, { kind: "enter", ...why }, clock.now());
  }

  #peer({ kind, peer }: SharedRoom): AccountId | undefined {
    const { primitives, known } = this.#ports;
    if (kind !== "pair" || peer === null) return undefined;
    return known.learn(openAccountRecord(primitives, peer)).record.account;
  }

  /** Within the transaction. */
  #show(id: RoomId, room: SharedRoom): void {
    const { store, changes } = this.#ports;
    const row = store.rooms.get(id)!;
    if (row.draft !== room.draft) store.rooms.setDraft(id, room.draft);
    if (row.state === "invited" && room.state === "open") store.rooms.opened(id);
    const read = room.read === null ? undefined : store.messages.get(room.read);
    if (read?.room === id && read.position > row.readPosition) {
      store.rooms.setReadPosition(id, read.position);
      store.rooms.setReportedPosition(id, read.position);
      store.messages.forgetReceipts(id);
    }
    if (row.peer === null || room.state !== "open") return;
    const contact = store.accounts.contact(row.peer);
    if (contact !== undefined && contact.room !== id && contact.since > room.since) return;
    const { nickname, since, capability } = room;
    const told = contact?.capabilityTold ?? 1;
    store.accounts.putContact({
      ...{ account: row.peer, nickname, room: id, since, capability, capabilityTold: told },
    });
    changes.mark("contact", row.peer);
  }

  #self(): Uint8Array | undefined {
    const { store } = this.#ports;
    const capability = store.identity.setting(capabilitySetting);
    if (capability === undefined) return undefined;
    return encode(selfForm, { capability, blocked: store.accounts.blocked().map(({ account }) => account) });
  }

  #takeSelf(plaintext: Uint8Array): void {
    const { store, clock, changes } = this.#ports;
    const { capability, blocked } = decode(selfForm, plaintext);
    const base = store.shared.get(selfName);
    const before = base === undefined ? [] : decode(selfForm, base).blocked;
    store.transaction(() => {
      store.shared.put(selfName, plaintext);
      store.identity.putSetting(capabilitySetting, capability.slice());
      const at = clock.now();
      for (const account of blocked)
        if (!store.accounts.isBlocked(account))
          store.accounts.putBlocked({ account, at, wanted: 1, told: 1 });
      for (const account of before)
        if (!blocked.includes(account)) store.accounts.putBlocked({ account, at, wanted: 0, told: 1 });
    });
    for (const account of new Set([...blocked, ...before])) changes.mark("contact", account);
  }

  #held(name: string): SharedRoom | undefined {
    const plaintext = this.#ports.store.shared.get(name);
    if (plaintext === undefined) return undefined;
    try {
      return decodeSharedRoom(plaintext);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }
}

const isShared = (name: string): boolean =>
  name === selfName ||
  (name.startsWith(roomPrefix) && roomId.parse(name.slice(roomPrefix.length)) !== undefined);
const roomOf = (name: string): RoomId => name.slice(roomPrefix.length) as RoomId;

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
