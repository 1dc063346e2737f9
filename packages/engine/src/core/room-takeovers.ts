/**
 * Asks another server to go on as the hub of a room: the next one of the room's list that can be reached, or the one that
 * an owner hands the room to. It asks as a member does, by the access key and by this device. [O9] [W9]
 */
import type { Primitives, RoomId, ServerId } from "@fedchat/protocol";
import { encode, proveRoomAppend, ProtocolError, roomLogItem, signTakeover } from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { serversOf } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomLogRow } from "../store/group-rooms-table.ts";
import { causeOf } from "./causes.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { witnessesMax } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Homeserver } from "./ports.ts";
import type { Servers } from "./servers.ts";

export interface RoomTakeoversPorts {
  store: EngineStore;
  identity: Identity;
  /** Our own homeserver. */
  server: ServerId;
  /** What is linked with it. */
  servers: Pick<Servers, "list" | "isFormerOwn">;
  groups: Groups;
  roomCrypto: RoomCrypto;
  homeserver: Homeserver;
  primitives: Primitives;
  log: Log;
}

export class RoomTakeovers {
  readonly #ports: RoomTakeoversPorts;
  /** Where no other server was reached when ours might have gone on. */
  readonly #alone = new Set<RoomId>();

  constructor(ports: RoomTakeoversPorts) {
    this.#ports = ports;
  }

  /** The servers that may go on with it, in the order in which they are asked. */
  candidates(room: RoomId): ServerId[] {
    const { store, groups, roomCrypto, server } = this.#ports;
    const [log, state] = [store.groupRooms.log(room), groups.of(room)];
    if (log === undefined || state === undefined) return [];
    const about = roomCrypto.room(state);
    const servers = serversOf(about);
    // Others ask a server that they know by the room; where all live at ours, whatever its key was then, there is none.
    if (servers.every((one) => this.#isOurs(one))) return log.hub === server ? [] : [server];
    return about.hubs.filter((hub) => hub !== log.hub && servers.includes(hub) && !this.#isGone(hub));
  }

  /** Whether ours is to go on with it, and no other server than the hub is reached, as far as was seen: then it waits. [W9] */
  isAlone(room: RoomId): boolean {
    const { store, server } = this.#ports;
    const former = store.groupRooms.log(room)?.hub;
    const candidates = this.candidates(room);
    if (former === undefined || this.#isGone(former) || !candidates.includes(server)) return false;
    if (this.#hasLink(former)) return false;
    return this.#alone.has(room) || this.#others(room).length === 0;
  }

  /** Whether the room's members have the server that orders it now on their list, and it is there. */
  isLawful(room: RoomId): boolean {
    const { store, groups, roomCrypto, server } = this.#ports;
    const [log, state] = [store.groupRooms.log(room), groups.of(room)];
    if (log === undefined || state === undefined) return true;
    if (this.#isGone(log.hub)) return false;
    const { hubs } = roomCrypto.room(state);
    return hubs.includes(log.hub) || (log.hub === server && hubs.some((hub) => this.#isGone(hub)));
  }

  /**
   * True where one of them goes on, or knows who does: the log will tell.
   * @param when our own homeserver goes on where another one than the hub is reached from it; `at last` anyhow
   */
  async askNext(room: RoomId, when: "no hurry" | "at last"): Promise<boolean> {
    const { server, store } = this.#ports;
    const former = store.groupRooms.log(room)?.hub;
    const isApart = former === undefined || !this.#isGone(former);
    for (const hub of this.candidates(room)) {
      try {
        if (hub === server && isApart && when === "no hurry" && (await this.#waitsAlone(room))) continue;
        if (await this.ask(room, hub)) return true;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#ports.log.info("a server does not go on with a room", { code: causeOf(error).code });
      }
    }
    return false;
  }

  /** A key that our own homeserver had before: nobody answers for it any more. [R10] */
  #isGone(hub: ServerId): boolean {
    return this.#ports.servers.isFormerOwn(hub);
  }

  #isOurs(one: ServerId): boolean {
    return one === this.#ports.server || this.#isGone(one);
  }

  /** Our own server, where it may go on before a Commit that locked the log. */
  async unlock(room: RoomId, own: ServerId): Promise<boolean> {
    const behind = this.#ports.store.branches.lockedBehind(room);
    const [log, state] = [this.#ports.store.groupRooms.log(room), this.#ports.groups.of(room)];
    if (behind === undefined || log === undefined || state === undefined) return false;
    if (!this.#ports.roomCrypto.room(state).hubs.includes(own)) return false;
    const { homeserver } = this.#ports;
    const append = this.#append({ ...log, ...behind }, state, own);
    const outcome = await homeserver.request("rooms.append", { hub: own, ...append });
    return outcome.outcome === "appended" || outcome.term > log.term;
  }

  /** False where the log is no further there than here, and it does not go on. Rejects with `ProtocolError`. */
  async ask(room: RoomId, hub: ServerId): Promise<boolean> {
    const { store, groups, homeserver } = this.#ports;
    const [log, state] = [store.groupRooms.log(room), groups.of(room)];
    if (log === undefined || state === undefined || log.position === 0) return false;
    const outcome = await homeserver.request("rooms.append", { hub, ...this.#append(log, state, hub) });
    return outcome.outcome === "appended" || outcome.term > log.term || outcome.position > log.position;
  }

  async #waitsAlone(room: RoomId): Promise<boolean> {
    const isAlone = !(await this.#hasWitness(room));
    if (isAlone) this.#alone.add(room);
    else this.#alone.delete(room);
    return isAlone;
  }

  #hasLink(former: ServerId): boolean {
    return this.#ports.servers.list().some(({ server, state }) => server !== former && state === "connected");
  }

  /** The room's servers beside the hub and ours. */
  #others(room: RoomId): ServerId[] {
    const { store, groups, roomCrypto, server } = this.#ports;
    const [log, state] = [store.groupRooms.log(room), groups.of(room)];
    if (log === undefined || state === undefined) return [];
    return serversOf(roomCrypto.room(state)).filter((one) => one !== log.hub && one !== server);
  }

  /** Whether any other server is reached: if none is, it is probably ours that is apart. */
  async #hasWitness(room: RoomId): Promise<boolean> {
    const { store, homeserver } = this.#ports;
    const former = store.groupRooms.log(room)?.hub;
    if (former === undefined) return false;
    if (this.#hasLink(former)) return true;
    for (const hub of this.#others(room).slice(0, witnessesMax)) {
      try {
        await homeserver.request("rooms.info", { room, hub, offset: 0 });
        return true;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        // Only a hub has the info: what the others answer says that they are there.
        if (error.code === "unknown-room" || error.code === "not-allowed") return true;
      }
    }
    return false;
  }

  #append(log: RoomLogRow, state: GroupState, hub: ServerId) {
    const { roomCrypto, identity, primitives } = this.#ports;
    const { room, term, position, head } = log;
    const { epoch, access, servers, info } = roomCrypto.epochForLog(state);
    const seeds = { access: roomCrypto.access(state).seed, member: identity.member.signaturePrivateKey };
    const place = { room, hub, term: term + 1, position: position + 1, previous: head };
    const takeover = signTakeover(primitives, seeds, place, {
      ...{ kind: "takeover", from: log.hub, group: roomCrypto.groupId(state), epoch: Number(epoch) },
      ...{ access, servers: [...servers], member: identity.member.credential },
    });
    const append = { room, term, position, head, item: encode(roomLogItem, takeover), info };
    return { ...append, proof: proveRoomAppend(primitives, seeds.access, append) };
  }
}
