/** Rooms of this engine: the notes to self, one pair for every contact, and rooms of many. */
import type { AccountId, Clock, RandomSource, RoomId } from "@fedchat/protocol";
import { messageId, roomId } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { EngineCode } from "./causes.ts";
import type { EngineError } from "./engine-error.ts";
import { causeOfCode, decodeCause, encodeCause, engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Groups } from "./groups.ts";
import type { PairGroup } from "./pairs.ts";
import { showRoomState } from "./room-people.ts";

export class Rooms {
  readonly #store: EngineStore;
  readonly #groups: Groups;
  readonly #roomCrypto: Pick<RoomCrypto, "room">;
  readonly #clock: Pick<Clock, "now">;
  readonly #random: RandomSource;
  readonly #changes: Changes;
  /** A room of two was opened or is over, and that is kept. */
  onPair: (room: RoomId) => void = () => undefined;

  constructor(ports: {
    store: EngineStore;
    groups: Groups;
    roomCrypto: Pick<RoomCrypto, "room">;
    clock: Pick<Clock, "now">;
    random: RandomSource;
    changes: Changes;
  }) {
    this.#store = ports.store;
    this.#groups = ports.groups;
    this.#roomCrypto = ports.roomCrypto;
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#changes = ports.changes;
  }

  /** Throws `EngineError("unknown-room")`. */
  get(id: RoomId): RoomRow {
    const room = this.#store.rooms.get(id);
    if (room === undefined) throw engineError("unknown-room");
    return room;
  }

  /** A room in which something may be written; else the reason why not is thrown. */
  writable(id: RoomId): RoomRow {
    const room = this.get(id);
    if (room.peer !== null && this.#store.accounts.isBlocked(room.peer)) throw engineError("you-blocked");
    if (room.state === "open") return room;
    if (room.state === "invited") throw engineError("not-joined");
    throw this.ended(room);
  }

  /** Why nothing goes on in a room that is closed, and what to do, as it was said when it ended. */
  ended({ state, cause: kept }: Pick<RoomRow, "state" | "cause">): EngineError {
    const cause = decodeCause(kept);
    return engineError(state === "broken" ? "room-broken" : "room-closed", cause?.sentence, cause?.fix);
  }

  addNotes(): RoomId {
    const id = this.newId();
    this.#store.rooms.insert({ id, kind: "notes", peer: null, createdAt: this.#clock.now() });
    this.#changes.mark("room", id);
    return id;
  }

  /** The notes to self, which every account has. */
  notes(): RoomRow {
    const notes = this.#store.rooms.notes();
    if (notes === undefined) throw engineError("no-account");
    return notes;
  }

  newId(): RoomId {
    return roomId.fromBytes(this.#random.bytes(16));
  }

  /**
   * Within a transaction: a room with its group, which makes the peer a contact. An earlier room with the same person
   * keeps its history and is closed.
   * @param line the room's first line, such as 'Bob accepted the chat.'
   */
  addPair(room: PairGroup & { peer: AccountId }, line: string): void {
    const now = this.#clock.now();
    const { accounts, rooms, groupRooms } = this.#store;
    this.#store.afterwards((committed) => committed && this.onPair(room.id));
    this.#groups.add(room.id, room.groupId, room.state);
    for (const earlier of rooms.withPeer(room.peer)) {
      // Its group stays: what they wrote there before they knew may still come.
      if (earlier.state === "open") this.close(earlier.id, "closed", "room-replaced");
    }
    rooms.insert({ id: room.id, kind: "pair", peer: room.peer, createdAt: now });
    showRoomState(this.#store, this.#roomCrypto.room(room.state));
    groupRooms.claimStrays(room.groupId, room.id);
    const log = { room: room.id, hub: room.hub, term: 1, position: 0, head: new Uint8Array(32) } as const;
    groupRooms.putLog({ ...log, following: "wanted", renewedAt: now });
    const contact = accounts.contact(room.peer);
    accounts.putContact({
      account: room.peer,
      nickname: contact?.nickname ?? null,
      room: room.id,
      since: contact?.since ?? now,
      capability: contact?.capability ?? null,
      // Whoever comes anew may have lost what they knew.
      capabilityTold: 0,
    });
    this.addNotice(room.id, room.peer, line);
    this.#changes.mark("contact", room.peer);
  }

  /** Within a transaction, after its group. */
  addGroup(room: Pick<RoomRow, "id" | "name" | "invitedBy" | "state" | "createdAt">): void {
    this.#store.rooms.insert({ kind: "group", peer: null, ...room });
    this.#changes.mark("room", room.id);
  }

  /** Within a transaction, after its group: somebody took us in again. */
  invitedAgain(id: RoomId, by: AccountId): void {
    this.#store.rooms.invitedAgain(id, by);
    this.#changes.mark("room", id);
  }

  /** Within a transaction: the other one is not there, and never was. */
  endPair(id: RoomId, sentence: string): void {
    this.#store.afterwards((committed) => committed && this.onPair(id));
    this.close(id, "closed", "room-closed", sentence);
    this.#groups.end(id);
    this.#store.groupRooms.end(id);
  }

  close(id: RoomId, state: "closed" | "broken", reason: EngineCode, sentence?: string): void {
    const cause = causeOfCode(reason);
    this.#store.rooms.close(id, state, encodeCause(sentence === undefined ? cause : { ...cause, sentence }));
    // What was to be written again is not, unless somebody takes this person in again. [W13]
    for (const { message } of this.#store.branches.resends(id))
      if (this.#store.messages.undeliver(message, encodeCause(causeOfCode("written-apart"))))
        this.#changes.messageChanged(message);
    this.#changes.mark("room", id);
  }

  /** A line of the room's own. */
  addNotice(room: RoomId, about: AccountId, text: string): void {
    const now = this.#clock.now();
    // Ids of messages begin with 1 [M5]: no line is ever taken for one.
    const id = messageId.fromBytes(Uint8Array.of(0, ...this.#random.bytes(31)));
    const line = {
      id,
      room,
      kind: "notice",
      sender: about,
      mine: 0,
      sentAt: now,
      receivedAt: now,
      text,
    } as const;
    this.#store.messages.insert(line);
    this.#store.rooms.active(room, now);
    this.#changes.messageAdded(id, room);
  }

  /** Removes a room's messages from this engine. */
  clear(id: RoomId): void {
    this.#store.transaction(() => this.#store.messages.clear(this.get(id).id));
    this.#changes.mark("room", id);
    this.#changes.status();
  }

  /** For what this person writes from now on. */
  setExpiry(id: RoomId, afterReadingMs: number | null): void {
    this.#store.rooms.setExpiry(this.get(id).id, afterReadingMs);
    this.#changes.mark("room", id);
  }

  setDraft(id: RoomId, text: string): void {
    this.#store.rooms.setDraft(this.get(id).id, text);
    this.#changes.mark("draft", id);
  }
}
