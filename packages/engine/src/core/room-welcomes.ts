/**
 * Welcomes into rooms of many: sent, sealed, to whom our Commit took in, and taken from contacts who took us in. The
 * person says yes before anybody learns that they are there. [W7]
 */
import type { AccountId, Clock, RandomSource } from "@fedchat/protocol";
import { ProtocolError, requestId } from "@fedchat/protocol";
import type { JoinRoomOutcome, RoomCrypto } from "../mls/room-crypto.ts";
import { ROOM_RULES } from "../room-state/rules.ts";
import { participantOf, type RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomLogRow } from "../store/group-rooms-table.ts";
import type { KeyPackageRow } from "../store/requests-table.ts";
import type { RoomAskRow } from "../store/room-asks-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { Commit } from "./inbox.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Names } from "./names.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import { wantRenewal } from "./key-renewal.ts";
import { isSpent, spendKeyPackage } from "./key-packages.ts";
import { showRoomState } from "./room-people.ts";
import type { RoomWarnings } from "./room-warnings.ts";
import type { Rooms } from "./rooms.ts";
import type { OpenedNote } from "./sealed-notes.ts";
import { encodeWelcome, type WelcomeNote } from "./kept-welcome.ts";
import { want, wantedChanges } from "./wanted-changes.ts";

export interface RoomWelcomesPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  rooms: Rooms;
  groups: Groups;
  roomCrypto: RoomCrypto;
  names: Pick<Names, "shown">;
  notes: NotesSender;
  outgoing: Outgoing;
  clock: Pick<Clock, "now">;
  random: RandomSource;
  changes: Changes;
  warnings: RoomWarnings;
  /** Within the transaction: the group as it is here is left for the one that went on. [W13] */
  onForsaken: (room: RoomLogRow["room"]) => void;
  /** A Welcome waits for the room's info. */
  onTreeless: (room: RoomLogRow["room"]) => void;
  /** A room is to be followed, and a key package was used. */
  onJoined: (room: RoomLogRow["room"]) => void;
}

/** A Welcome that may be taken, and what it leads to. */
interface Arriving {
  sender: OpenedNote["sender"];
  content: WelcomeNote;
  asked: RoomAskRow | undefined;
  former: RoomRow | undefined;
  /** It is no room of former times; `isIn`: nor one that this device is only to come into. */
  isThere: boolean;
  isIn: boolean;
  keyPackage: KeyPackageRow;
}

export class RoomWelcomes {
  readonly #ports: RoomWelcomesPorts;

  constructor(ports: RoomWelcomesPorts) {
    this.#ports = ports;
  }

  /**
   * Within the transaction that takes our Commit.
   * @param at where in the log that stands
   * @param key the room's `infoKey` from then on
   */
  send(
    at: RoomLogRow,
    { welcome, key }: { welcome: Uint8Array; key: Uint8Array },
    admitted: readonly AccountId[],
  ): void {
    const { known, notes, outgoing, random } = this.#ports;
    for (const account of admitted) {
      const recipient = known.get(account);
      if (recipient === undefined) throw new Error("assertion: the record of whom we took in is kept");
      const { room, hub, term, position, head: hash } = at;
      const content = { kind: "welcome", room, hub, term, position, hash, welcome, key } as const;
      const envelope = notes.envelopeIfUsable(recipient, requestId.fromBytes(random.bytes(16)), content);
      // Their record is their own doing, and stops nobody else.
      if (envelope !== undefined) outgoing.enqueue(envelope);
    }
    outgoing.pump();
  }

  /**
   * A contact took us in, or somebody whom we asked to. [I11] One whose tree did not fit in is kept, and prepared again
   * with the room's info: of the same epoch, or of a later one, by which the device comes in by itself. [W7]
   */
  prepare({ sender }: Pick<OpenedNote, "sender">, content: WelcomeNote, info?: Uint8Array): Commit {
    const { store, onTreeless } = this.#ports;
    const { account } = sender.record;
    const ask = store.roomAsks.pending("outgoing", content.room);
    const asked = ask !== undefined && store.roomAsks.asked(ask.id).includes(account) ? ask : undefined;
    if (asked === undefined && store.accounts.contact(account) === undefined)
      throw passedOver("from somebody who is no contact, and was not asked");
    const former = store.rooms.get(content.room);
    const isThere = former !== undefined && former.state !== "closed" && former.state !== "broken";
    // Who cannot come in by themselves is taken in again. [U7]
    const isIn = isThere && store.rooms.hasGroup(content.room);
    if (isIn && !this.#wentOn(content, account)) throw passedOver("into a room that we are in");
    const keyPackage = this.#keyPackageOf(content.welcome);
    if (isSpent(keyPackage)) return () => this.#givenOutAgain(account);
    const of: Arriving = { sender, content, asked, former, isThere, isIn, keyPackage };
    const joined = this.#join(content, keyPackage, info);
    if (joined.kind === "joined") return this.#into(of, joined);
    // An info that the key does not open says nothing of the group.
    const isNone = Object.hasOwn(ROOM_RULES, joined.rule) && joined.rule !== "sealed.closed";
    if (info !== undefined && !isNone) return this.#beside(of, info);
    if (isNone) return () => this.#noRoom(account, joined.reason);
    if (joined.rule !== "welcome.tree-missing") throw passedOver(joined.reason);
    return () => {
      store.entering.keepWelcome(content.room, { sender: sender.signed, note: encodeWelcome(content) });
      store.afterwards((committed) => committed && onTreeless(content.room));
    };
  }

  #into(of: Arriving, joined: Extract<JoinRoomOutcome, { kind: "joined" }>): Commit {
    const { store, names, rooms, groups, roomCrypto } = this.#ports;
    const { sender, content, isIn } = of;
    const { room } = content;
    const { account } = sender.record;
    if (isIn && !isEqual(joined.groupId, store.rooms.groupId(room) ?? new Uint8Array())) {
      roomCrypto.erase(joined.state, undefined);
      throw passedOver("into another group than that of the room");
    }
    const isByOther = joined.adder.account !== account;
    if (isByOther || joined.room.join === "nobody") {
      roomCrypto.erase(joined.state, undefined);
      throw passedOver(isByOther ? "by another than who sent it" : "into a pair, which takes an acceptance");
    }
    return () => {
      if (isIn) {
        this.#ports.onForsaken(room);
        groups.end(room);
        store.branches.end(room);
        store.groupRooms.deletePending(room);
      }
      // First of all: from here on the group is erased where the transaction fails.
      groups.add(room, joined.groupId, joined.state);
      if (of.isThere && !isIn) this.#enteredOtherwise(room);
      const log = this.#arrive(of, joined.room, "renew");
      store.groupRooms.claimStrays(joined.groupId, room);
      store.branches.begin(room, log);
      const line = isIn
        ? `The room went on without a change that took you in; ${names.shown(account)} took you in again.`
        : `${names.shown(account)} took you in.`;
      rooms.addNotice(room, account, line);
    };
  }

  /** Into a group that breaks a rule of rooms: who made it so is told of. [W7] */
  #noRoom(account: AccountId, reason: string): void {
    const { store, names, warnings } = this.#ports;
    const [chat] = store.rooms.withPeer(account);
    if (chat === undefined) return;
    const line = `${names.shown(account)} wanted to take you into a room that is not as rooms have to be: ${reason} You were not taken in.`;
    warnings.tell(chat.id, account, line);
  }

  /** By keys that somebody took us in with before. */
  #givenOutAgain(account: AccountId): void {
    const { store, names, warnings } = this.#ports;
    const [chat] = store.rooms.withPeer(account);
    if (chat === undefined) return;
    const who = names.shown(account);
    const line = `${who} wanted to take you into a room, but with keys that had been used before: either ${who} used them twice, or your homeserver gave them out twice. Ask to be taken in once more; if it comes again, ask whoever runs your homeserver why.`;
    warnings.tell(chat.id, account, line);
  }

  /** The log is further than the Welcome: what the info says is shown, and who says yes comes in by themselves. [U7] */
  #beside(of: Arriving, info: Uint8Array): Commit {
    const { store, names, rooms, roomCrypto, identity } = this.#ports;
    const { sender, content, isIn } = of;
    const { room, key, hub, term, position, hash: head } = content;
    // Undefined: its key was renewed meanwhile, and whoever took us in tells the new one when we come.
    const state = roomCrypto.describe({ room, info, key })?.room;
    if (state?.join === "nobody") throw passedOver("into a pair, which takes an acceptance");
    if (isIn || (state !== undefined && participantOf(state, identity.account) === undefined))
      throw passedOver("into a room that went on without us");
    return () => {
      store.entering.tell(room, key, { hub, term, position, head });
      this.#arrive(of, state, "enter");
      const { account } = sender.record;
      rooms.addNotice(room, account, `${names.shown(account)} took you in.`);
    };
  }

  /** Within the transaction. @param first what is to be done when its person has said yes */
  #arrive(of: Arriving, state: RoomState | undefined, first: "renew" | "enter"): RoomLogRow {
    const { store, known, rooms, clock, changes, onJoined } = this.#ports;
    const { sender, content, asked, former, isThere, isIn, keyPackage } = of;
    const { room, hub, term, position, hash: head } = content;
    const { account } = sender.record;
    known.learn(sender);
    const now = clock.now();
    const name = state?.name ?? "";
    if (former === undefined)
      rooms.addGroup({ id: room, name, invitedBy: account, state: "invited", createdAt: now });
    else if (!isThere) rooms.invitedAgain(room, account);
    if (state !== undefined) showRoomState(store, state);
    else if (!isThere) store.groupRooms.putPeople(room, [{ ...sender.record, role: "member" }]);
    store.groupRooms.hear(room, account);
    // That one left before counts no more.
    if (!isIn) store.branches.dropSnapshots(room, 0);
    const log = { room, hub, term, position, head, following: "wanted", renewedAt: now } as const;
    store.groupRooms.putLog(log);
    // Whoever asked has said yes.
    if (asked !== undefined) {
      store.rooms.opened(room);
      store.roomAsks.settle(asked.id, "admitted");
      store.requests.deleteKeyPackagesOf(asked.id);
      changes.mark("roomAsk", asked.id);
    }
    const isOpen = store.rooms.get(room)?.state === "open";
    if (isOpen && !isIn) {
      if (first === "renew") wantRenewal(this.#ports, room, "joined");
      else want(store, room, { kind: "enter" }, now);
    }
    spendKeyPackage(this.#ports, keyPackage);
    changes.mark("room", room);
    changes.status();
    store.afterwards((committed) => committed && onJoined(room));
    return log;
  }

  /** Within the transaction. */
  #enteredOtherwise(room: RoomLogRow["room"]): void {
    const { store } = this.#ports;
    for (const { id, change } of wantedChanges(store, room))
      if (change.kind === "enter" || change.kind === "rejoin") store.groupRooms.deleteChange(id);
    store.groupRooms.deletePending(room);
    store.entering.end(room);
  }

  /** Whether the room may have gone on, in a later term, from before we came in: somebody of it takes us in again. [W13] */
  #wentOn({ room, term }: WelcomeNote, account: AccountId): boolean {
    const { store } = this.#ports;
    const log = store.groupRooms.log(room);
    return log !== undefined && term > log.term && store.groupRooms.person(room, account) !== undefined;
  }

  #join(
    { room, welcome, key }: WelcomeNote,
    { keyPackage, privatePart }: KeyPackageRow,
    sealed: Uint8Array | undefined,
  ): JoinRoomOutcome {
    const { roomCrypto, identity } = this.#ports;
    const by = sealed === undefined ? {} : { info: { sealed, key } };
    return roomCrypto.join({ room, welcome, identity: identity.member, keyPackage, privatePart, ...by });
  }

  #keyPackageOf(welcome: Uint8Array): KeyPackageRow {
    const { roomCrypto, store } = this.#ports;
    for (const reference of roomCrypto.welcomeReferences(welcome) ?? []) {
      const row = store.requests.keyPackage(reference);
      if (row !== undefined) return row;
    }
    throw passedOver("for none of our key packages");
  }
}

function passedOver(what: string): ProtocolError {
  return new ProtocolError("malformed", `welcome: ${what}`);
}
