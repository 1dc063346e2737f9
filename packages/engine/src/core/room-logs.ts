/**
 * Follows the logs of this engine's rooms: tells our homeserver that we follow, and takes entries in their
 * order, page by page, whenever there are more. One reading at a time for each room. [O5] [O6]
 */
import type { Clock, RoomEntry, RoomId, RoomLogPage, ServerId, Timer } from "@fedchat/protocol";
import { ProtocolError, roomEntry } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf } from "./causes.ts";
import type { GroupMessages } from "./group-messages.ts";
import type { Groups } from "./groups.ts";
import { hubToTryMs, roomLogRetryMs, storeRetryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Homeserver } from "./ports.ts";
import type { RoomLogRow } from "../store/group-rooms-table.ts";
import { isEqual } from "./credentials.ts";
import type { RoomBranches } from "./room-branches.ts";
import type { RoomEntries } from "./room-entries.ts";

export interface RoomLogsPorts {
  store: EngineStore;
  homeserver: Homeserver;
  entries: RoomEntries;
  messages: Pick<GroupMessages, "takeWaiting">;
  groups: Groups;
  roomCrypto: RoomCrypto;
  branches: Pick<RoomBranches, "goOver">;
  clock: Clock;
  log: Log;
  /**
   * Servers at which a room's log may go on, where our homeserver is new to it, or was its hub and `forgot` it; none
   * where neither is so. [A17] [W9]
   */
  hubsToTry: (room: RoomId, forgot: boolean) => ServerId[];
  /** Asks the next servers to go on as the hub; whether one does. Rejects with `ProtocolError`. */
  leaveHub: (room: RoomId) => Promise<boolean>;
  /** Everything that is there now was taken. */
  onTaken: (room: RoomId) => void;
}

/** Whoever made a room's group begins its log; the others follow it from there. */
export function isOursToBegin(
  { groups, roomCrypto }: { groups: Groups; roomCrypto: Pick<RoomCrypto, "members"> },
  room: RoomId,
): boolean {
  const state = groups.of(room);
  return state !== undefined && roomCrypto.members(state).some(({ own, index }) => own && index === 0);
}

export class RoomLogs {
  readonly #ports: RoomLogsPorts;
  /** Rooms that are read now; `true`: and once more after that. */
  readonly #reading = new Map<RoomId, boolean>();
  readonly #retries = new Set<Timer>();
  /** Where a room was after it went over, until it was read on from there. */
  readonly #gone = new Map<RoomId, number>();
  /** How many servers were tried at which a room's log may go on, and who waits for the one that is tried now. */
  readonly #tried = new Map<RoomId, number>();
  readonly #trying = new Set<RoomId>();
  /** Rooms whose hub our homeserver was and has no log of: it was put back to a backup from before them. */
  readonly #forgottenByHub = new Set<RoomId>();
  #stopped = false;

  constructor(ports: RoomLogsPorts) {
    this.#ports = ports;
  }

  /** A session was opened: what changed meanwhile is read. */
  resume(): void {
    for (const { room } of this.#ports.store.groupRooms.logs()) this.read(room);
  }

  /** Reads on from where this engine is. */
  read(room: RoomId): void {
    if (this.#stopped) return;
    if (this.#reading.has(room)) {
      this.#reading.set(room, true);
      return;
    }
    this.#reading.set(room, false);
    void this.#readOn(room);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#retries) timer.cancel();
  }

  async #readOn(room: RoomId): Promise<void> {
    const { messages } = this.#ports;
    try {
      do {
        this.#reading.set(room, false);
        // Others may have written here before we could read it.
        messages.takeWaiting(room);
        await this.#follow(room);
        while (await this.#page(room)) if (this.#stopped) return;
        if (this.#ports.store.groupRooms.log(room)?.following === "over") await this.#follow(room);
      } while (this.#reading.get(room) === true);
    } catch (error) {
      return this.#failed(room, error);
    } finally {
      this.#reading.delete(room);
    }
    if (!this.#stopped) this.#ports.onTaken(room);
  }

  /** Our homeserver keeps the log of rooms that somebody follows. */
  async #follow(room: RoomId): Promise<void> {
    const { store, homeserver } = this.#ports;
    const row = store.groupRooms.log(room);
    if (row === undefined || row.following === "told") return;
    // Before its first entry there is no log.
    if (row.position === 0 && isOursToBegin(this.#ports, room)) return;
    if (row.following === "over") {
      await homeserver.request("rooms.unfollow", { room });
      // Whoever was taken in again meanwhile follows anew.
      if (store.groupRooms.log(room)?.following === "over") store.groupRooms.deleteLog(room);
      return;
    }
    const { position, head: hash } = row;
    const toTry = this.#ports.hubsToTry(room, this.#forgottenByHub.has(room));
    const hub = toTry[(this.#tried.get(room) ?? 0) % toTry.length] ?? row.hub;
    try {
      await homeserver.request("rooms.follow", { room, hub, position, hash });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === "unknown-room" && (await this.#ports.leaveHub(room))) this.#forgottenByHub.add(room);
      if (error.code !== "conflict") throw error;
      // It followed a branch that was lost.
      await homeserver.request("rooms.unfollow", { room });
      await homeserver.request("rooms.follow", { room, hub, position, hash });
    }
    const now = store.groupRooms.log(room);
    if (now?.following === "wanted") store.groupRooms.putLog({ ...now, following: "told" });
  }

  /** False where there is nothing more. */
  async #page(room: RoomId): Promise<boolean> {
    const { store, homeserver, entries, branches, groups } = this.#ports;
    const row = store.groupRooms.log(room);
    if (row?.following !== "told" || this.#stopped) return false;
    // A device that is not in the room yet begins where it comes in.
    if (row.position === 0 && groups.of(room) === undefined) return false;
    const page = await homeserver
      .request("rooms.log", { room, after: row.position })
      .catch((error: unknown) => {
        this.#forgotten(room, error);
        throw error;
      });
    // This device came in further on meanwhile.
    if (store.groupRooms.log(room)?.position !== row.position) return true;
    if (page.head.hash.every((byte) => byte === 0)) return this.#nothingYet(room);
    this.#tried.delete(room);
    this.#forgottenByHub.delete(room);
    if (isElsewhere(row, page)) {
      if (this.#gone.get(room) === row.position) return false;
      const { hash: head, ...place } = page.head;
      if (!(await branches.goOver(room, { ...place, head }))) return false;
      this.#gone.set(room, store.groupRooms.log(room)?.position ?? 0);
      return true;
    }
    this.#gone.delete(room);
    for (const signed of page.entries) {
      if (this.#stopped || !entries.take(room, signed)) return false;
    }
    return page.entries.length > 0;
  }

  /** A homeserver that was put back to a backup may not know any more that we follow: it is told anew. [O6] */
  #forgotten(room: RoomId, error: unknown): void {
    const { groupRooms } = this.#ports.store;
    const row = groupRooms.log(room);
    if (!(error instanceof ProtocolError) || error.code !== "unknown-room" || row?.following !== "told")
      return;
    groupRooms.putLog({ ...row, following: "wanted" });
  }

  /** Nothing came of the log: where its hub may be another one, that is asked after a while. */
  #nothingYet(room: RoomId): false {
    const { clock, store, hubsToTry, homeserver } = this.#ports;
    const toTry = hubsToTry(room, this.#forgottenByHub.has(room));
    if (this.#trying.has(room) || toTry.length === 0) return false;
    this.#trying.add(room);
    const timer = clock.after(hubToTryMs, () => {
      this.#retries.delete(timer);
      this.#trying.delete(room);
      const row = store.groupRooms.log(room);
      if (row?.following !== "told" || homeserver.state.kind !== "connected") return;
      this.#tryNext(row).catch((error: unknown) => this.#failed(room, error));
    });
    this.#retries.add(timer);
    return false;
  }

  async #tryNext({ room, position }: RoomLogRow): Promise<void> {
    const { store, homeserver } = this.#ports;
    const page = await homeserver.request("rooms.log", { room, after: position });
    const row = store.groupRooms.log(room);
    if (this.#stopped || row?.following !== "told") return;
    if (page.entries.length === 0 && page.head.hash.every((byte) => byte === 0)) {
      await homeserver.request("rooms.unfollow", { room });
      this.#tried.set(room, (this.#tried.get(room) ?? 0) + 1);
      store.groupRooms.putLog({ ...row, following: "wanted" });
    }
    this.read(room);
  }

  #failed(room: RoomId, error: unknown): void {
    if (this.#stopped) return;
    const { clock, log } = this.#ports;
    log.info("a room's log is not read now", { code: causeOf(error).code });
    const timer = clock.after(error instanceof StoreFullError ? storeRetryMs : roomLogRetryMs, () => {
      this.#retries.delete(timer);
      if (this.#ports.homeserver.state.kind === "connected") this.read(room);
    });
    this.#retries.add(timer);
  }
}

function entryIn(signed: Uint8Array): RoomEntry | undefined {
  try {
    return roomEntry.read(signed).value;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Whether the log goes on otherwise than behind what was taken; where it is only shorter there, it will come. [W10] */
function isElsewhere(row: RoomLogRow, { entries, head }: RoomLogPage): boolean {
  const [first] = entries;
  if (first !== undefined) {
    const entry = entryIn(first);
    if (entry === undefined || entry.position <= row.position) return false;
    // What is between was pruned. [O3]
    return entry.position > row.position + 1 || !isEqual(entry.previous, row.head);
  }
  if (head.position === row.position) return !isEqual(head.hash, row.head);
  return (
    head.position < row.position && (head.term > row.term || (head.term === row.term && head.hub !== row.hub))
  );
}
