/**
 * Takes the entries of a room's log, one by one in their order: our own Commit comes into force when it is seen here,
 * and another's drops ours. What an entry changes, and that it was taken, are one transaction. An entry that breaks a
 * rule is passed over, as everybody passes it over. [O5] [W5]
 */
import type { AccountId, Clock, Primitives, RandomSource, RoomEntry, RoomId } from "@fedchat/protocol";
import type { RoomTakeover, ServerId } from "@fedchat/protocol";
import {
  decodeBase32,
  decodeRoomLogItem,
  encodeBase32,
  openAccountRecord,
  ProtocolError,
  roomEntry,
  roomEntryHash,
} from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import type { ExpectedRoom, RoomCommitSummary, RoomCrypto, RoomReceived } from "../mls/room-crypto.ts";
import { timeFault, type RoomChange } from "../room-state/apply-update.ts";
import { encodeRoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { PendingCommitRow, RoomLogRow } from "../store/group-rooms-table.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { DeviceAdmission } from "./device-admission.ts";
import type { GroupMessages } from "./group-messages.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { putOffRenewal, renewed } from "./key-renewal.ts";
import { branchSnapshotsBytesMax, branchSnapshotsMax } from "./limits.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Log } from "./log.ts";
import type { MovedAccounts } from "./moved-accounts.ts";
import type { Names } from "./names.ts";
import type { RoomBranches } from "./room-branches.ts";
import { invalidChangeLine, recoveredLine, roomLine, takeoverLine } from "./room-lines.ts";
import { roomServerName, showRoomState } from "./room-people.ts";
import type { RoomWarnings } from "./room-warnings.ts";
import type { RoomWelcomes } from "./room-welcomes.ts";
import type { Rooms } from "./rooms.ts";
import { takeoverAsker } from "./takeover-asker.ts";
import { isRejoining, want, type WantedChange, wantedChanges } from "./wanted-changes.ts";

export interface RoomEntriesPorts {
  store: EngineStore;
  identity: Identity;
  known: Pick<KnownAccounts, "update">;
  rooms: Rooms;
  groups: Groups;
  roomCrypto: RoomCrypto;
  messages: GroupMessages;
  welcomes: RoomWelcomes;
  branches: Pick<RoomBranches, "settle">;
  warnings: RoomWarnings;
  admission: Pick<DeviceAdmission, "settle">;
  names: Pick<Names, "shown" | "server" | "address">;
  moved: Pick<MovedAccounts, "participantMoved">;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  random: RandomSource;
  changes: Changes;
  log: Log;
  /** A Commit of ours counts, and the group after it is not here. */
  onDropped: (room: RoomId) => void;
}

/** What a Commit of ours is kept with until it is in the log. */
export interface PendingWork {
  /** The wanted changes that it does, by their ids. */
  wanted: number[];
  changes: RoomChange[];
}

/** An entry that everybody passes over. */
interface InvalidChange {
  by: AccountId;
  server: ServerId;
  /** Why, where whoever it is signed it; else it came in their name alone. */
  reason: string | undefined;
}

export class RoomEntries {
  readonly #ports: RoomEntriesPorts;

  constructor(ports: RoomEntriesPorts) {
    this.#ports = ports;
  }

  /** False where it is not the next entry: nothing behind it can be taken either. Throws `StoreFullError`. */
  take(room: RoomId, signed: Uint8Array): boolean {
    const { store, primitives, messages, log } = this.#ports;
    const row = store.groupRooms.log(room);
    // The entry before took us out, or in again: what else came with it is not for us.
    if (row?.following !== "told") return false;
    const entry = this.#open(signed);
    if (entry === undefined || !isNext(row, entry)) {
      log.warn("an entry of a room's log does not follow", { room });
      return false;
    }
    const { hub, term, position } = entry;
    const taken = { ...row, hub, term, position, head: roomEntryHash(primitives, signed) };
    const pending = store.groupRooms.pending(room);
    const isOwn = pending !== undefined && isEqual(pending.item, entry.item);
    if (isOwn) this.#own(pending, taken, entry.at);
    else this.#theirs(entry, taken);
    messages.takeWaiting(room);
    return true;
  }

  /** Within the transaction that leaves the group's state as it is: one may have to go back to it. [W10] */
  #leave(room: RoomId, wanted: readonly WantedChange[], done: readonly RoomChange[]): void {
    const { store, clock } = this.#ports;
    const began = store.branches.place(room) ?? store.groupRooms.log(room);
    if (began === undefined || began.position === 0) return;
    const by = { wanted: JSON.stringify(wanted), changes: JSON.stringify(done) };
    store.branches.leave(room, { ...began, at: clock.now(), ...by });
    store.branches.pruneSnapshots(room, { count: branchSnapshotsMax, bytes: branchSnapshotsBytesMax });
  }

  /** Our Commit counts now: the group goes on as it is after it, and those who were taken in get their Welcome. */
  #own(pending: PendingCommitRow, taken: RoomLogRow, at: number): void {
    const { store, groups, roomCrypto, rooms, identity, welcomes, clock, changes } = this.#ports;
    const { room } = pending;
    const { wanted, changes: done } = JSON.parse(pending.changes) as PendingWork;
    if (done.some((change) => timeFault(change, at) !== undefined)) return this.#tooEarly(pending, taken);
    const next = this.#nextOf(room);
    const isEntering = groups.of(room) === undefined;
    const fulfilled = wantedChanges(store, room).filter(({ id }) => wanted.includes(id));
    store.transaction(() => {
      if (next !== undefined) {
        if (isEntering) {
          groups.add(room, roomCrypto.groupId(next), next);
          store.groupRooms.claimStrays(roomCrypto.groupId(next), room);
        } else {
          this.#leave(
            room,
            fulfilled.map(({ change }) => change),
            done,
          );
          groups.advance(room, next);
        }
        store.branches.begin(room, taken);
        showRoomState(store, roomCrypto.room(next));
        this.#ports.branches.settle(room, roomCrypto.room(next));
        this.#ports.admission.settle(taken, roomCrypto.room(next));
        store.entering.end(room);
        renewed(this.#ports, room);
      }
      store.groupRooms.putLog(next === undefined ? taken : { ...taken, renewedAt: clock.now() });
      store.groupRooms.deletePending(room);
      for (const id of wanted) store.groupRooms.deleteChange(id);
      if (fulfilled.some(({ change }) => change.kind === "enter" && change.why === "recovered"))
        rooms.addNotice(room, identity.account, recoveredLine);
      this.#lines(room, done);
      if (pending.welcome !== null && next !== undefined) {
        const { infoKey: key } = roomCrypto.room(next);
        welcomes.send(taken, { welcome: pending.welcome, key }, admittedBy(done));
      }
    });
    changes.mark("room", room);
  }

  /** The hub's clock is not ours: everybody passes over what we made, and it is made anew. [W17] */
  #tooEarly({ room, item }: PendingCommitRow, taken: RoomLogRow): void {
    const { store, log } = this.#ports;
    log.info("a Commit of ours was not in time by the log", { room });
    store.transaction(() => {
      store.groupRooms.putLog(taken);
      store.groupRooms.deletePending(room);
    });
    const ours = decodeRoomLogItem(item);
    if (ours.kind === "commit") this.#lockedBy(room, ours.access);
  }

  /** The group as it is after our Commit; undefined where what we appended was none. */
  #nextOf(room: RoomId): GroupState | undefined {
    const { store, groups, roomCrypto } = this.#ports;
    const records = store.groupRooms.pendingRecords(room);
    const current = groups.of(room);
    if (records.length === 0) return undefined;
    const made = roomCrypto.restore(records);
    if (current === undefined) return made;
    const next = roomCrypto.accept(current, made);
    if (next !== made) roomCrypto.erase(made, next);
    return next;
  }

  #theirs(entry: RoomEntry, taken: RoomLogRow): void {
    const { groups, roomCrypto, log } = this.#ports;
    const { room } = taken;
    const item = decodedItem(entry);
    const state = groups.of(room);
    if (state === undefined || item?.kind === "begin") return this.#pass(taken);
    if (item === undefined) return this.#pass(taken, invalidBy(entry));
    if (item.kind === "takeover") return this.#takeover(entry, item, taken);
    if (isRejoining(this.#ports.store, room)) return this.#pass(taken);
    const outcome = roomCrypto.receive(state, item.message, entry.at);
    switch (outcome.kind) {
      case "commit":
        return this.#commit(taken, outcome.state, outcome.summary);
      case "proposal":
        return this.#proposal(taken, outcome.state);
      case "removed":
        return this.#removed(taken, outcome.summary.changes);
      case "diverged":
        log.info("a Commit cannot be followed here", { room, reason: outcome.reason });
        return this.#diverged(taken, entry, outcome.expected);
      case "own":
        return item.kind === "commit" ? this.#ownAfterAll(taken) : this.#pass(taken);
      case "application":
      case "refused":
      case "duplicate":
      case "wrong-group":
      case "future-epoch":
      case "stale-epoch":
        log.info("an entry of a room's log was passed over", { room, kind: outcome.kind });
        this.#pass(taken, invalidBy(entry, outcome));
        if (item.kind === "commit") this.#lockedBy(room, item.access);
        return;
    }
  }

  /** What we appended and gave up, since an answer said that it was refused, stands in the log all the same. */
  #ownAfterAll(taken: RoomLogRow): void {
    const { store, log, onDropped } = this.#ports;
    log.info("a Commit of ours counts, of which nothing is kept", { room: taken.room });
    store.transaction(() => {
      this.#pass(taken);
      onDropped(taken.room);
    });
  }

  #commit(taken: RoomLogRow, state: GroupState, { by, changes: done }: RoomCommitSummary): void {
    const { store, groups, roomCrypto, changes } = this.#ports;
    const { room } = taken;
    store.transaction(() => {
      this.#leave(room, [], done);
      groups.advance(room, state);
      store.branches.begin(room, taken);
      showRoomState(store, roomCrypto.room(state));
      this.#ports.branches.settle(room, roomCrypto.room(state));
      this.#ports.admission.settle(taken, roomCrypto.room(state));
      store.groupRooms.hear(room, by.account);
      this.#learn(done);
      store.groupRooms.putLog(taken);
      // It was made on the epoch that is over.
      if (store.groupRooms.pending(room) !== undefined) putOffRenewal(this.#ports, room);
      store.groupRooms.deletePending(room);
      this.#lines(room, done);
    });
    changes.mark("room", room);
  }

  /** Devices that were revoked are let in nowhere from now on, whatever their homeserver says. */
  #learn(done: readonly RoomChange[]): void {
    const { known, primitives } = this.#ports;
    for (const change of done)
      if (change.kind === "record" && change.revoked !== undefined)
        known.update(openAccountRecord(primitives, decodeBase32(change.revoked.record)));
  }

  /** Somebody wants to leave: whoever is first commits it. */
  #proposal(taken: RoomLogRow, state: GroupState): void {
    const { store, groups, clock } = this.#ports;
    store.transaction(() => {
      this.#leave(taken.room, [], []);
      groups.advance(taken.room, state);
      store.branches.begin(taken.room, taken);
      store.groupRooms.putLog(taken);
      want(store, taken.room, { kind: "settle" }, clock.now());
    });
  }

  /** Another server goes on; the group stays as it is. [W9] */
  #takeover(entry: RoomEntry, item: RoomTakeover, taken: RoomLogRow): void {
    const { store, groups, roomCrypto, rooms, names, identity, primitives, changes } = this.#ports;
    const { room } = taken;
    const state = groups.of(room);
    const asker = state && takeoverAsker(primitives, roomCrypto.room(state), entry, item);
    store.transaction(() => {
      store.groupRooms.putLog(taken);
      if (state !== undefined && isEqual(roomCrypto.access(state).publicKey, item.access))
        store.branches.begin(room, taken);
      // Terms of before we came are others' affair, and in a chat of two nobody reads of servers.
      if (state === undefined || store.rooms.get(room)?.kind !== "group") return;
      const named = {
        former: roomServerName(store, names, room, item.from),
        hub: roomServerName(store, names, room, entry.hub),
        isFirst: roomCrypto.room(state).hubs[0] === entry.hub,
        isListed: roomCrypto.room(state).hubs.includes(entry.hub),
        asker: asker === undefined ? undefined : asker === identity.account ? "You" : names.shown(asker),
      };
      rooms.addNotice(room, asker ?? identity.account, takeoverLine(named));
    });
    changes.mark("room", room);
  }

  #removed(taken: RoomLogRow, done: readonly RoomChange[]): void {
    const { store, rooms } = this.#ports;
    const { room } = taken;
    store.transaction(() => {
      // Whoever left has its line already.
      const hasLeft = store.rooms.get(room)?.state === "closed";
      if (!hasLeft) {
        this.#lines(room, done);
        rooms.close(room, "closed", "room-removed");
      }
      store.groupRooms.putPeople(room, []);
      if (hasLeft) this.#outUntilItStands(taken);
      else this.#over(room);
    });
  }

  /** Nobody else may take an owner out: where the log goes on from before this, they leave again by themselves. [W10] */
  #outUntilItStands(taken: RoomLogRow): void {
    const { store, groups, changes } = this.#ports;
    const { room } = taken;
    this.#leave(room, [{ kind: "leave" }], []);
    groups.end(room);
    store.groupRooms.leftBehind(taken);
    changes.mark("room", room);
  }

  /** The others go on; what they do until we have come in again is not for us to read. */
  #diverged(taken: RoomLogRow, { by }: RoomEntry, { epoch, room: expected }: ExpectedRoom): void {
    const { store, rooms, names, clock } = this.#ports;
    const { room } = taken;
    const state = encodeBase32(encodeRoomState(expected));
    store.transaction(() => {
      store.groupRooms.putLog(taken);
      store.groupRooms.deletePending(room);
      want(store, room, { kind: "rejoin", epoch: String(epoch), room: state }, clock.now());
      const line = `A change by ${names.shown(by.account)} could not be followed here. This FedChat joins the room again by itself; what was written meanwhile is asked for.`;
      rooms.addNotice(room, by.account, line);
    });
  }

  #over(room: RoomId): void {
    this.#ports.groups.end(room);
    this.#ports.store.groupRooms.end(room);
    this.#ports.changes.mark("room", room);
  }

  /** @param invalid what is to be told of it */
  #pass(taken: RoomLogRow, invalid?: InvalidChange): void {
    const { store } = this.#ports;
    store.transaction(() => {
      store.groupRooms.putLog(taken);
      // What we made to come in again was of an epoch that may be over.
      if (isRejoining(store, taken.room)) store.groupRooms.deletePending(taken.room);
      if (invalid !== undefined) this.#culprit(taken.room, invalid);
    });
    if (invalid !== undefined) this.#ports.changes.mark("room", taken.room);
  }

  /** Whose change everybody passes over is said. */
  #culprit(room: RoomId, invalid: InvalidChange): void {
    const { store, names, identity, warnings } = this.#ports;
    if (store.rooms.get(room) === undefined) return;
    const { by, server, reason } = invalid;
    const named = { shown: (account: AccountId) => names.shown(account), own: identity.account };
    const line = invalidChangeLine(by, named, { server: roomServerName(store, names, room, server), reason });
    warnings.tell(room, by, line);
  }

  /** What nobody can follow names the next access key all the same: then nobody can append any more. */
  #lockedBy(room: RoomId, access: Uint8Array): void {
    const { store, groups, roomCrypto } = this.#ports;
    const state = groups.of(room);
    if (state !== undefined && !isEqual(roomCrypto.access(state).publicKey, access))
      store.branches.lock(room);
  }

  #lines(room: RoomId, done: readonly RoomChange[]): void {
    const { rooms, names, identity, store } = this.#ports;
    const named = {
      shown: (account: Parameters<Names["shown"]>[0]) => names.shown(account),
      own: identity.account,
      address: (account: Parameters<Names["shown"]>[0]) => {
        const person = store.groupRooms.person(room, account);
        return person === undefined ? "" : names.address(person);
      },
    };
    for (const change of done)
      if (change.kind === "record" && change.from !== undefined) this.#moved(room, change);
    // What the person did not join yet has no lines either: they would only show strangers' doings.
    if (store.rooms.get(room) === undefined) return;
    const isPair = store.rooms.get(room)?.kind === "pair";
    for (const change of done) {
      // Of a contact who moved the chat has its line as soon as that is known.
      const line = isPair && change.kind === "record" ? undefined : roomLine(change, named);
      if (line !== undefined) rooms.addNotice(room, aboutWhom(change), line);
    }
  }

  /** What was written for them goes where they live now. */
  #moved(room: RoomId, { account, from }: Extract<RoomChange, { kind: "record" }>): void {
    const { store, moved } = this.#ports;
    const to = store.groupRooms.person(room, account)?.server;
    if (to !== undefined && from !== undefined) moved.participantMoved(room, account, from, to);
  }

  #open(signed: Uint8Array): RoomEntry | undefined {
    try {
      return roomEntry.open(this.#ports.primitives, signed);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }
}

/** Whether it is directly behind what was taken: of the same hub and term, or a takeover of those. [O9] */
function isNext(row: RoomLogRow, entry: RoomEntry): boolean {
  const isBehind =
    entry.room === row.room && entry.position === row.position + 1 && isEqual(entry.previous, row.head);
  if (!isBehind) return false;
  if (entry.hub === row.hub && entry.term === row.term) return true;
  const item = decodedItem(entry);
  return item?.kind === "takeover" && item.from === row.hub && entry.term === row.term + 1;
}

/** Undefined for what is nobody's fault. */
function invalidBy(
  { by: { account, server } }: RoomEntry,
  outcome?: RoomReceived,
): InvalidChange | undefined {
  if (outcome?.kind === "own" || outcome?.kind === "duplicate") return undefined;
  const signer = outcome?.kind === "refused" ? outcome.by : undefined;
  if (outcome?.kind !== "refused" || signer === undefined) return { by: account, server, reason: undefined };
  return { by: signer.account, server, reason: outcome.reason };
}

function decodedItem(entry: RoomEntry) {
  try {
    return decodeRoomLogItem(entry.item);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function admittedBy(done: readonly RoomChange[]) {
  return done.flatMap((change) => (change.kind === "admitted" ? [change.account] : []));
}

const aboutWhom = (change: RoomChange) => ("account" in change ? change.account : change.by);
