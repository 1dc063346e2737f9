/**
 * Welcomes into rooms of many: sent, sealed, to whom our Commit took in, and taken from contacts who took us in. The
 * person says yes before anybody learns that they are there. [W7]
 */
import type { AccountId, AccountNote, Clock, RandomSource } from "@fedchat/protocol";
import { ProtocolError, requestId } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomLogRow } from "../store/group-rooms-table.ts";
import type { KeyPackageRow } from "../store/requests-table.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { Commit } from "./inbox.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Names } from "./names.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import { isSpent, spendKeyPackage } from "./key-packages.ts";
import { showRoomState } from "./room-people.ts";
import type { RoomWarnings } from "./room-warnings.ts";
import type { Rooms } from "./rooms.ts";
import type { OpenedNote } from "./sealed-notes.ts";
import { want } from "./wanted-changes.ts";

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
  /** A room is to be followed, and a key package was used. */
  onJoined: (room: RoomLogRow["room"]) => void;
}

type WelcomeNote = Extract<AccountNote["content"], { kind: "welcome" }>;

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

  /** A contact took us in, or somebody whom we asked to. [I11] */
  prepare(note: OpenedNote, content: WelcomeNote): Commit {
    const { store, known, names, rooms, groups, roomCrypto, clock, changes, onJoined } = this.#ports;
    const { account } = note.sender.record;
    const ask = store.roomAsks.pending("outgoing", content.room);
    const asked = ask !== undefined && store.roomAsks.asked(ask.id).includes(account) ? ask : undefined;
    if (asked === undefined && store.accounts.contact(account) === undefined)
      throw passedOver("from somebody who is no contact, and was not asked");
    const former = store.rooms.get(content.room);
    const isIn = former !== undefined && former.state !== "closed" && former.state !== "broken";
    if (isIn && !this.#wentOn(content, account)) throw passedOver("into a room that we are in");
    const keyPackage = this.#keyPackageOf(content.welcome);
    if (isSpent(keyPackage)) return () => this.#givenOutAgain(account);
    const joined = this.#join(content, keyPackage);
    if (isIn && !isEqual(joined.groupId, store.rooms.groupId(content.room) ?? new Uint8Array())) {
      roomCrypto.erase(joined.state, undefined);
      throw passedOver("into another group than that of the room");
    }
    const isByOther = joined.adder.account !== account;
    if (isByOther || joined.room.join === "nobody") {
      roomCrypto.erase(joined.state, undefined);
      throw passedOver(isByOther ? "by another than who sent it" : "into a pair, which takes an acceptance");
    }
    const { room, hub, term, position, hash } = content;
    return () => {
      if (isIn) {
        groups.end(room);
        store.branches.end(room);
        store.groupRooms.deletePending(room);
      }
      // First of all: from here on the group is erased where the transaction fails.
      groups.add(room, joined.groupId, joined.state);
      known.learn(note.sender);
      const now = clock.now();
      if (former === undefined)
        rooms.addGroup({
          id: room,
          name: joined.room.name,
          invitedBy: account,
          state: "invited",
          createdAt: now,
        });
      else if (!isIn) rooms.invitedAgain(room, account);
      showRoomState(store, joined.room);
      store.groupRooms.hear(room, account);
      store.groupRooms.claimStrays(joined.groupId, room);
      const log = { room, hub, term, position, head: hash } as const;
      store.groupRooms.putLog({ ...log, following: "wanted", renewedAt: now });
      // Whoever asked has said yes.
      if (asked !== undefined) {
        store.rooms.opened(room);
        store.roomAsks.settle(asked.id, "admitted");
        want(store, room, { kind: "refresh" }, now);
        store.requests.deleteKeyPackagesOf(asked.id);
        changes.mark("roomAsk", asked.id);
      }
      store.branches.begin(room, log);
      spendKeyPackage(this.#ports, keyPackage);
      const line = isIn
        ? `The room went on without a change that took you in; ${names.shown(account)} took you in again.`
        : `${names.shown(account)} took you in.`;
      rooms.addNotice(room, account, line);
      changes.mark("room", room);
      changes.status();
      onJoined(room);
    };
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

  /** Whether the room may have gone on, in a later term, from before we came in: somebody of it takes us in again. [W13] */
  #wentOn({ room, term }: WelcomeNote, account: AccountId): boolean {
    const { store } = this.#ports;
    const log = store.groupRooms.log(room);
    return log !== undefined && term > log.term && store.groupRooms.person(room, account) !== undefined;
  }

  #join({ room, welcome }: WelcomeNote, { keyPackage, privatePart }: KeyPackageRow) {
    const { roomCrypto, identity } = this.#ports;
    const joined = roomCrypto.join({ room, welcome, identity: identity.member, keyPackage, privatePart });
    if (joined.kind === "refused") throw passedOver(joined.reason);
    return joined;
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
