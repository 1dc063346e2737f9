/**
 * Rooms whose group this engine lost: its records are gone, or damaged, or a Commit of its own counts that it has dropped.
 * What is left of it is dropped, the person is told once, and the device comes in again by itself, as one that its account
 * lists. [U8]
 */
import type { Clock, RoomId, ServerId } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Changes } from "./changes.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { Log } from "./log.ts";
import type { Rooms } from "./rooms.ts";
import { isRejoining, want, wantedChanges } from "./wanted-changes.ts";

export interface LostGroupsPorts {
  store: EngineStore;
  identity: Pick<Identity, "account">;
  rooms: Rooms;
  groups: Groups;
  clock: Pick<Clock, "now" | "soon">;
  changes: Changes;
  log: Log;
  /** Which server orders the room, as this account's devices share it; else our own, which follows it, knows. */
  hubOf: (room: RoomId) => ServerId;
  /** A room is to be entered. */
  onLost: (room: RoomId) => void;
}

export class LostGroups {
  readonly #ports: LostGroupsPorts;
  readonly #damaged = new Set<RoomId>();

  constructor(ports: LostGroupsPorts) {
    this.#ports = ports;
  }

  /** With each session: every room that is open has its group, or is being entered. */
  look(): void {
    const { store } = this.#ports;
    for (const row of store.rooms.list()) {
      // One that its person has not joined yet is entered when they do.
      const isToBeIn = row.kind !== "notes" && row.state === "open";
      if (isToBeIn && !store.rooms.hasGroup(row.id)) this.#enterAgain(row);
    }
  }

  /** The records of this room's group are no state; told in the midst of anything. */
  damaged(room: RoomId): void {
    const { clock, store } = this.#ports;
    if (this.#damaged.has(room)) return;
    this.#damaged.add(room);
    clock.soon(() => {
      const row = store.rooms.get(room);
      if (row !== undefined) this.#enterAgain(row);
      this.#damaged.delete(room);
    });
  }

  /** The log has a Commit of ours of which nothing is kept here: everybody else went on with it. */
  dropped(room: RoomId): void {
    const row = this.#ports.store.rooms.get(room);
    if (row !== undefined) this.#enterAgain(row, droppedLine);
  }

  #enterAgain({ id: room, state }: RoomRow, line = lostLine): void {
    const { store, identity, rooms, groups, clock, changes, log, hubOf, onLost } = this.#ports;
    const isOver = state === "closed" || state === "broken";
    const held = store.groupRooms.log(room);
    const hub = held?.hub ?? hubOf(room);
    const isEntering = isRejoining(store, room) && !store.rooms.hasGroup(room);
    if (isEntering) return;
    log.info("a room's group is lost here", { room });
    store.transaction(() => {
      groups.end(room);
      store.branches.end(room);
      store.groupRooms.deletePending(room);
      if (isOver) return;
      for (const { id, change } of wantedChanges(store, room))
        if (change.kind === "rejoin") store.groupRooms.deleteChange(id);
      const now = clock.now();
      const began = { room, hub, term: 1, position: 0, head: new Uint8Array(32), renewedAt: now };
      store.groupRooms.putLog({ ...(held ?? began), following: "told" });
      want(store, room, { kind: "enter" }, now);
      rooms.addNotice(room, identity.account, line);
    });
    changes.mark("room", room);
    onLost(room);
  }
}

const lostLine =
  "This FedChat's keys of this chat were damaged where they are stored. It comes into the chat again by itself; what was written meanwhile is asked for.";

const droppedLine =
  "A change of yours that was said to be refused was made after all. This FedChat comes into the chat again by itself; what was written meanwhile is asked for.";
