/**
 * The rooms' MLS groups as they stand: read from their records when first used, kept in memory while in use. A step is
 * written inside the transaction of what it produced or received; when that is committed, the secrets of the former
 * state are erased from memory, and where it is not, the room's state is read from disk again. Records that are damaged
 * are no group: the room is told of, and come into anew. [X4] [U8]
 */
import type { RoomId } from "@fedchat/protocol";
import type { GroupRecords, GroupState } from "../mls/group-records.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { groupsInMemoryMax } from "./limits.ts";

export class Groups {
  readonly #store: Pick<EngineStore, "rooms" | "afterwards">;
  readonly #crypto: GroupRecords;
  readonly #stepped: (state: GroupState) => void;
  readonly #damaged: (room: RoomId) => void;
  /** The one that was used longest ago first. */
  readonly #states = new Map<RoomId, GroupState>();

  constructor(ports: {
    store: Pick<EngineStore, "rooms" | "afterwards">;
    roomCrypto: GroupRecords;
    /** Within the transaction of each step. */
    stepped: (state: GroupState) => void;
    /** This room's records are no state: nothing of its group can be used any more. */
    damaged: (room: RoomId) => void;
  }) {
    this.#store = ports.store;
    this.#crypto = ports.roomCrypto;
    this.#stepped = ports.stepped;
    this.#damaged = ports.damaged;
  }

  /** Undefined where the room has no group, or none that can be read. */
  of(room: RoomId): GroupState | undefined {
    const held = this.#states.get(room);
    if (held !== undefined) {
      this.#states.delete(room);
      this.#states.set(room, held);
      return held;
    }
    const records = this.#store.rooms.groupRecords(room);
    if (records.length === 0) return undefined;
    const state = this.#restored(room, records);
    if (state === undefined) return undefined;
    this.#states.set(room, state);
    this.#makeRoom();
    return state;
  }

  /** Within a transaction: a room's new group. It is erased where that fails, by this call or later. */
  add(room: RoomId, groupId: Uint8Array, state: GroupState): void {
    this.#step(room, undefined, state);
    this.#store.rooms.insertGroup(room, groupId);
  }

  /** Within a transaction: the step from the state that `of` gave. */
  advance(room: RoomId, after: GroupState): void {
    const before = this.#states.get(room);
    if (before === undefined) throw new Error("assertion: a step begins at the state that is held");
    this.#step(room, before, after);
  }

  /** Within a transaction: nothing of the group is needed any more. */
  end(room: RoomId): void {
    const state = this.of(room);
    this.#store.afterwards((committed) => {
      this.#states.delete(room);
      if (committed && state !== undefined) this.#crypto.erase(state, undefined);
    });
    this.#store.rooms.deleteGroup(room);
  }

  #step(room: RoomId, before: GroupState | undefined, after: GroupState): void {
    const crypto = this.#crypto;
    this.#store.afterwards((committed) => {
      if (committed) {
        if (before !== undefined) crypto.erase(before, after);
        return this.#makeRoom();
      }
      this.#states.delete(room);
      crypto.erase(after, undefined);
      if (before !== undefined) crypto.erase(before, undefined);
    });
    this.#store.rooms.changeGroup(room, crypto.changes(before, after));
    this.#stepped(after);
    this.#states.delete(room);
    this.#states.set(room, after);
  }

  #restored(room: RoomId, records: (readonly [string, Uint8Array])[]): GroupState | undefined {
    try {
      return this.#crypto.restore(records);
    } catch {
      // Whatever it says: a store's fault, and none of ours that anything could be done about but this.
      this.#damaged(room);
      return undefined;
    }
  }

  /** What is dropped is on disk, and its secrets need not lie in memory meanwhile. */
  #makeRoom(): void {
    for (const [room, state] of this.#states) {
      if (this.#states.size <= groupsInMemoryMax) return;
      this.#states.delete(room);
      this.#crypto.erase(state, undefined);
    }
  }
}
