/**
 * The rooms' MLS groups as they stand: read from their records when first used, kept in memory while in use. A step is
 * written inside the transaction of what it produced or received; when that is committed, the secrets of the former
 * state are erased from memory, and where it is not, the room's state is read from disk again. [X4]
 */
import type { RoomId } from "@fedchat/protocol";
import type { GroupRecords, GroupState } from "../mls/group-records.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { groupsInMemoryMax } from "./limits.ts";

export class Groups {
  readonly #store: Pick<EngineStore, "rooms" | "afterwards">;
  /** Groups of two and of many are of different makers. */
  readonly #makers: Record<RoomRow["kind"], GroupRecords>;
  /** The one that was used longest ago first. */
  readonly #states = new Map<RoomId, Held>();

  constructor(ports: {
    store: Pick<EngineStore, "rooms" | "afterwards">;
    crypto: GroupRecords;
    roomCrypto: GroupRecords;
  }) {
    this.#store = ports.store;
    this.#makers = { notes: ports.crypto, pair: ports.crypto, group: ports.roomCrypto };
  }

  /** Undefined where the room has no group. Throws where its records are damaged. */
  of(room: RoomId): GroupState | undefined {
    const held = this.#states.get(room);
    if (held !== undefined) {
      this.#states.delete(room);
      this.#states.set(room, held);
      return held.state;
    }
    const records = this.#store.rooms.groupRecords(room);
    const row = this.#store.rooms.get(room);
    if (records.length === 0 || row === undefined) return undefined;
    const maker = this.#makers[row.kind];
    const state = maker.restore(records);
    this.#states.set(room, { state, maker });
    this.#makeRoom();
    return state;
  }

  /** Within a transaction: a room's new group. It is erased where that fails, by this call or later. */
  add(room: RoomId, kind: RoomRow["kind"], groupId: Uint8Array, state: GroupState): void {
    this.#step(room, undefined, { state, maker: this.#makers[kind] });
    this.#store.rooms.insertGroup(room, groupId);
  }

  /** Within a transaction: the step from the state that `of` gave. */
  advance(room: RoomId, after: GroupState): void {
    const before = this.#states.get(room);
    if (before === undefined) throw new Error("assertion: a step begins at the state that is held");
    this.#step(room, before.state, { ...before, state: after });
  }

  /** Within a transaction: nothing of the group is needed any more. */
  end(room: RoomId): void {
    const state = this.of(room);
    const held = this.#states.get(room);
    this.#store.afterwards((committed) => {
      this.#states.delete(room);
      if (committed && state !== undefined) held?.maker.erase(state, undefined);
    });
    this.#store.rooms.deleteGroup(room);
  }

  #step(room: RoomId, before: GroupState | undefined, after: Held): void {
    const { state, maker } = after;
    this.#store.afterwards((committed) => {
      if (committed) {
        if (before !== undefined) maker.erase(before, state);
        return this.#makeRoom();
      }
      this.#states.delete(room);
      maker.erase(state, undefined);
      if (before !== undefined) maker.erase(before, undefined);
    });
    this.#store.rooms.changeGroup(room, maker.changes(before, state));
    this.#states.delete(room);
    this.#states.set(room, after);
  }

  /** What is dropped is on disk, and its secrets need not lie in memory meanwhile. */
  #makeRoom(): void {
    for (const [room, { state, maker }] of this.#states) {
      if (this.#states.size <= groupsInMemoryMax) return;
      this.#states.delete(room);
      maker.erase(state, undefined);
    }
  }
}

interface Held {
  state: GroupState;
  maker: GroupRecords;
}
