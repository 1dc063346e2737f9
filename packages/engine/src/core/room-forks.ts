/**
 * Finds out where a hub tells different members different logs. What somebody wrote and that does not open here may come
 * of that: then the log as their homeserver has it is laid beside ours. Two entries in one place, both signed by the hub,
 * prove it: it is told, and another server of the room is asked to go on, so that all follow one log again. Where the
 * other log only goes on further, our homeserver takes what is missing from there. [W15]
 */
import type { AccountId, Clock, RoomEntry, RoomId, RoomLogPage, ServerId, Timer } from "@fedchat/protocol";
import { ProtocolError, roomEntry, roomEntryHash, type Primitives } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomLogRow } from "../store/group-rooms-table.ts";
import { causeOf } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import { forkLookAfterMs, forkLookAgainMs, forkLooksMax } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";
import { forkLine } from "./room-lines.ts";
import { roomServerName } from "./room-people.ts";
import type { RoomWarnings } from "./room-warnings.ts";

export interface RoomForksPorts {
  store: EngineStore;
  identity: Identity;
  homeserver: Homeserver;
  names: Pick<Names, "shown" | "server">;
  warnings: RoomWarnings;
  primitives: Primitives;
  clock: Clock;
  changes: Changes;
  log: Log;
  /** Another server than the hub is to go on with this room. */
  leaveHub: (room: RoomId) => Promise<boolean>;
}

export class RoomForks {
  readonly #ports: RoomForksPorts;
  /** Rooms and servers that are looked at soon, or were a short while ago. */
  readonly #looks = new Map<string, Timer>();
  #stopped = false;

  constructor(ports: RoomForksPorts) {
    this.#ports = ports;
  }

  /** Something from an account of that server does not open, or is of an epoch that is not here. */
  suspect(room: RoomId, from: { account: AccountId; server: ServerId }): void {
    const { clock } = this.#ports;
    const key = `${room} ${from.server}`;
    if (this.#stopped || this.#looks.has(key) || this.#looks.size >= forkLooksMax) return;
    const look = clock.after(forkLookAfterMs, () => {
      const again = clock.after(forkLookAgainMs, () => this.#looks.delete(key));
      this.#looks.set(key, again);
      void this.#look(room, from);
    });
    this.#looks.set(key, look);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#looks.values()) timer.cancel();
  }

  async #look(room: RoomId, from: { account: AccountId; server: ServerId }): Promise<void> {
    const { store, homeserver, log, leaveHub } = this.#ports;
    if (this.#stopped || homeserver.state.kind !== "connected" || !store.groupRooms.hasUnopened(room)) return;
    try {
      const hub = await this.#forkedBy(room, from.server);
      if (hub === undefined || this.#stopped) return;
      log.info("a room's hub told different members different logs", { room });
      this.#tell(room, hub, from);
      await leaveHub(room);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      log.info("a room's log elsewhere was not compared", { code: causeOf(error).code });
    }
  }

  /** The hub that signed two entries for one place; undefined where both logs are one, as far as they go. */
  async #forkedBy(room: RoomId, of: ServerId): Promise<ServerId | undefined> {
    const row = this.#ports.store.groupRooms.log(room);
    if (row?.following !== "told" || row.position === 0) return undefined;
    const there = await this.#page(room, row.position - 1, of);
    const theirs = there.entries[0] ?? (await this.#last(room, there, of));
    const entry = theirs && this.#entry(theirs);
    // Another hub or term: which of them counts is known without us.
    if (theirs === undefined || entry === undefined || !isOf(row, entry)) return undefined;
    const here = await this.#page(room, entry.position - 1);
    const [ours] = here.entries;
    const own = ours && this.#entry(ours);
    if (ours === undefined || own === undefined || !isOf(row, own)) return undefined;
    const { primitives: p } = this.#ports;
    const isSame = isEqual(roomEntryHash(p, ours), roomEntryHash(p, theirs));
    return own.position === entry.position && !isSame ? row.hub : undefined;
  }

  async #last(room: RoomId, { head }: RoomLogPage, of: ServerId): Promise<Uint8Array | undefined> {
    if (head.position === 0) return undefined;
    const { entries } = await this.#page(room, head.position - 1, of);
    return entries[0];
  }

  async #page(room: RoomId, after: number, of?: ServerId): Promise<RoomLogPage> {
    return await this.#ports.homeserver.request("rooms.log", { room, after, ...(of && { of }) });
  }

  /** Undefined where its hub did not sign it: then it proves nothing. */
  #entry(signed: Uint8Array): RoomEntry | undefined {
    try {
      return roomEntry.open(this.#ports.primitives, signed);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  #tell(room: RoomId, hub: ServerId, { account, server }: { account: AccountId; server: ServerId }): void {
    const { store, identity, names, warnings, changes } = this.#ports;
    const named = (one: ServerId) => roomServerName(store, names, room, one);
    store.transaction(() => {
      const line = forkLine({ hub: named(hub), other: named(server), whom: names.shown(account) });
      warnings.tell(room, identity.account, line);
    });
    changes.mark("room", room);
  }
}

const isOf = ({ room, hub, term }: RoomLogRow, entry: RoomEntry): boolean =>
  entry.room === room && entry.hub === hub && entry.term === term;
