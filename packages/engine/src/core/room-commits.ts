/**
 * Brings what this person wants changed in rooms into their logs: what was made of it is appended at the hub
 * until the log shows it or another's. One at a time for each room. What is kept is sent again as it is. [O3] [W5]
 */
import type { Clock, Primitives, RandomSource, RoomId, ServerId, Timer } from "@fedchat/protocol";
import { proveRoomAppend, ProtocolError } from "@fedchat/protocol";
import type { Cause } from "../interface/index.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { PendingCommitRow, RoomLogRow } from "../store/group-rooms-table.ts";
import { causeOf } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { isForLater } from "./key-renewal.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import {
  appendAgainBaseMs,
  appendAgainMaxMs,
  settleMaxMs,
  settlePerPersonMs,
  storeRetryMs,
  takeoverAloneAfterMs,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";
import { fullJitterMs } from "./retry.ts";
import type { PendingWork } from "./room-entries.ts";
import { RoomChangesMaking } from "./room-changes-making.ts";
import type { RoomEntering } from "./room-entering.ts";
import { roomServerName } from "./room-people.ts";
import { RoomTakeovers } from "./room-takeovers.ts";
import type { RoomWarnings } from "./room-warnings.ts";
import type { Rooms } from "./rooms.ts";
import type { Servers } from "./servers.ts";
import { isRejoining, type Wanted, wantedChanges } from "./wanted-changes.ts";

export interface RoomCommitsPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  names: Pick<Names, "shown" | "server">;
  /** Our own homeserver. */
  server: ServerId;
  servers: Servers;
  rooms: Rooms;
  warnings: RoomWarnings;
  groups: Groups;
  roomCrypto: RoomCrypto;
  homeserver: Homeserver;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  changes: Changes;
  log: Log;
  /** How long a room's hub may be away before another server is asked to go on. [W9] */
  takeoverAfterMs: number;
  entering: RoomEntering;
}

/** How it stands with what is to be appended to one room's log. */
interface Standing {
  running: boolean;
  again: boolean;
  /** Until then, or until the log goes on, nothing is tried. */
  wait: Timer | undefined;
  /** When what has time is due. */
  later: Timer | undefined;
  attempts: number;
  cause: Cause | null;
  /** What others proposed has waited its random while. */
  settling: boolean;
  /** Since when the hub was not reached, or knew nothing of the room, and something had to be appended. */
  awaySince: number | undefined;
  /** The hub answers, and has no log of the room: it was put back to a backup from before it. */
  forgotten: boolean;
  /** Since when nobody can append, because of a Commit that nobody can follow. */
  lockedSince: number | undefined;
}

export class RoomCommits {
  readonly #ports: RoomCommitsPorts;
  readonly #making: RoomChangesMaking;
  readonly #takeovers: RoomTakeovers;
  readonly #rooms = new Map<RoomId, Standing>();
  #stopped = false;
  /** Something was appended, or another was first: the log is to be read. */
  onAppended: (room: RoomId) => void = () => undefined;

  constructor(ports: RoomCommitsPorts) {
    this.#ports = ports;
    this.#takeovers = new RoomTakeovers(ports);
    this.#making = new RoomChangesMaking({ ...ports, behind: (room) => this.onAppended(room) });
  }

  /** A session was opened, or a room's log went on: nothing has to wait any longer. */
  resume(room: RoomId): void {
    const standing = this.#standing(room);
    standing.wait?.cancel();
    standing.wait = undefined;
    standing.attempts = 0;
    this.run(room);
  }

  resumeAll(): void {
    for (const { room } of this.#ports.store.groupRooms.logs()) this.resume(room);
  }

  /** Does what is to be done in this room, as far as it can be now. */
  run(room: RoomId): void {
    const standing = this.#standing(room);
    if (this.#stopped || standing.wait !== undefined) return;
    if (standing.running) {
      standing.again = true;
      return;
    }
    standing.running = true;
    void this.#work(room, standing);
  }

  /** Why a room's changes are not done yet. */
  holdUp(room: RoomId): Cause | null {
    return this.#rooms.get(room)?.cause ?? null;
  }

  /** The room's group is an earlier one again. */
  wentBack(room: RoomId): void {
    this.#making.wentBack(room);
  }

  /** Since when the room's hub was missed; undefined: it was there when it was needed last. */
  hubAwaySince(room: RoomId): number | undefined {
    return this.#rooms.get(room)?.awaySince;
  }

  /** The hub is not to be trusted, or has no log: whether another goes on, which is asked at once. Rejects with `ProtocolError`. */
  async leaveHub(room: RoomId): Promise<boolean> {
    const isLeft = await this.#takeovers.askNext(room, "at last");
    if (isLeft) this.onAppended(room);
    return isLeft;
  }

  stop(): void {
    this.#stopped = true;
    this.#making.stop();
    for (const { wait, later } of this.#rooms.values()) {
      wait?.cancel();
      later?.cancel();
    }
  }

  async #work(room: RoomId, standing: Standing): Promise<void> {
    try {
      do {
        standing.again = false;
        await this.#step(room);
        this.#tell(room, standing, null);
      } while (standing.again && !this.#stopped && standing.wait === undefined);
    } catch (error) {
      if (!this.#stopped) this.#failed(room, standing, error);
    } finally {
      standing.running = false;
    }
  }

  async #step(room: RoomId): Promise<void> {
    const { store, homeserver } = this.#ports;
    if (store.groupRooms.log(room) === undefined) return;
    if (homeserver.state.kind !== "connected") {
      // Whether the hub is there is not known then.
      this.#standing(room).awaySince = undefined;
      if (this.#wantedNow(room).length > 0) throw new ProtocolError("unreachable");
      return;
    }
    if (store.groupRooms.pending(room) === undefined && this.#mayMake(room)) await this.#making.make(room);
    const [log, pending] = [store.groupRooms.log(room), store.groupRooms.pending(room)];
    if (log === undefined || this.#stopped) return;
    if (await this.#movedOn(log, pending !== undefined)) return;
    if (pending !== undefined) await this.#append(log, pending);
  }

  /** Whether another server was asked to go on, and does: what the log says then is to be read first. [W9] */
  async #movedOn({ room, hub, position }: RoomLogRow, hasPending: boolean): Promise<boolean> {
    const { store, changes, server } = this.#ports;
    const standing = this.#standing(room);
    const handOver = wantedChanges(store, room).find(({ change }) => change.kind === "handOver");
    const isListed = !wantedChanges(store, room).some(({ change }) => change.kind === "hubs");
    if (handOver?.change.kind === "handOver" && isListed && !hasPending && position > 0) {
      if (handOver.change.hub === hub) {
        store.groupRooms.deleteChange(handOver.id);
        changes.mark("room", room);
      } else if (await this.#handedOver(room, handOver.id, handOver.change.hub)) return this.#reread(room);
    }
    if (store.branches.lockedBehind(room) !== undefined && this.#mayUnlock(room, standing))
      if (await this.#takeovers.unlock(room, server)) return this.#reread(room);
    if (!hasPending || position === 0 || isRejoining(store, room)) return false;
    if (this.#takeovers.isLawful(room)) return false;
    return (await this.#takeovers.askNext(room, "no hurry")) && this.#reread(room);
  }

  /** What that server will never do is not asked again. */
  async #handedOver(room: RoomId, wanted: number, hub: ServerId): Promise<boolean> {
    try {
      return await this.#takeovers.ask(room, hub);
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.retry !== "never") throw error;
      const given = wantedChanges(this.#ports.store, room).filter(({ id }) => id === wanted);
      this.#making.refused(room, given, causeOf(error).sentence);
      return false;
    }
  }

  /** The hub was asked just now, and was not there: for long enough already? [W9] */
  async #isSucceeded(room: RoomId, standing: Standing): Promise<boolean> {
    const { clock, takeoverAfterMs } = this.#ports;
    standing.awaySince ??= clock.now();
    const awayMs = clock.now() - standing.awaySince;
    if (isRejoining(this.#ports.store, room)) return false;
    if (await this.#isHandedOver(room)) return true;
    if (awayMs < takeoverAfterMs) return false;
    return await this.#takeovers.askNext(room, awayMs >= takeoverAloneAfterMs ? "at last" : "no hurry");
  }

  /** Whom an owner chose goes on without the hub's leave, if the room lists it already: that is no guess of a machine. [W14] */
  async #isHandedOver(room: RoomId): Promise<boolean> {
    const { store, log } = this.#ports;
    for (const { id, change } of wantedChanges(store, room)) {
      if (change.kind !== "handOver" || !this.#takeovers.candidates(room).includes(change.hub)) continue;
      try {
        return await this.#handedOver(room, id, change.hub);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        log.info("a server is not reached that a room is handed to", { code: error.code });
      }
    }
    return false;
  }

  /** At the hub itself at once; elsewhere later, so that not everybody does it. */
  #mayUnlock(room: RoomId, standing: Standing): boolean {
    const { store, clock, server, takeoverAfterMs } = this.#ports;
    if (store.groupRooms.log(room)?.hub === server) return true;
    standing.lockedSince ??= clock.now();
    if (clock.now() - standing.lockedSince >= takeoverAfterMs) return true;
    this.#waitFor(room, standing, takeoverAfterMs);
    return false;
  }

  #reread(room: RoomId): true {
    const standing = this.#standing(room);
    standing.awaySince = undefined;
    standing.lockedSince = undefined;
    this.#waitFor(room, standing);
    this.onAppended(room);
    return true;
  }

  async #append(log: RoomLogRow, pending: PendingCommitRow): Promise<void> {
    const { groups, roomCrypto, homeserver, primitives } = this.#ports;
    const state = groups.of(log.room);
    const access = pending.access ?? (state && roomCrypto.access(state).seed);
    if (access === undefined) return;
    const append = {
      ...{ room: log.room, term: log.term, position: log.position, head: log.head },
      ...{ item: pending.item, info: pending.info },
    };
    const proof = proveRoomAppend(primitives, access, append);
    const standing = this.#standing(log.room);
    const asked = homeserver.request("rooms.append", { hub: log.hub, ...append, proof });
    const outcome = await asked.catch(async (error: unknown) => {
      const code = error instanceof ProtocolError ? error.code : undefined;
      standing.forgotten = code === "unknown-room" && log.position > 0;
      const isAway = code === "unreachable" || standing.forgotten;
      if (isAway && log.position > 0 && (await this.#isSucceeded(log.room, standing))) return undefined;
      if (!isAway) standing.awaySince = undefined;
      throw standing.forgotten ? new ProtocolError("unreachable") : error;
    });
    if (this.#stopped) return;
    if (outcome === undefined) return void this.#reread(log.room);
    standing.awaySince = undefined;
    standing.forgotten = false;
    if (log.position === 0 && outcome.outcome === "appended") this.#begun(log, outcome);
    // Whether it was this one is said by the log alone; it tells us when it goes on.
    this.#waitFor(log.room, standing);
    this.onAppended(log.room);
  }

  #wantedNow(room: RoomId): Wanted[] {
    const { store, clock } = this.#ports;
    return wantedChanges(store, room).filter((one) => !isForLater(one, clock.now()));
  }

  /** Everybody could commit what others proposed: chance lets one be first, mostly. */
  #mayMake(room: RoomId): boolean {
    const { store, clock, random } = this.#ports;
    const standing = this.#standing(room);
    const wanted = this.#wantedNow(room);
    if (wanted.length === 0 && this.#laterOnly(room, standing)) return false;
    const isOther = wanted.length === 0 || wanted.some(({ change }) => change.kind !== "settle");
    if (isOther || standing.settling) {
      standing.settling = false;
      return true;
    }
    standing.settling = true;
    const maxMs = Math.min(settleMaxMs, settlePerPersonMs * store.groupRooms.people(room).length);
    const [chance] = random.bytes(1);
    standing.wait = clock.after((maxMs * chance!) / 256, () => {
      standing.wait = undefined;
      this.run(room);
    });
    return false;
  }

  /** Whether all that is wanted has time: then it is looked at again. */
  #laterOnly(room: RoomId, standing: Standing): boolean {
    const { store, clock } = this.#ports;
    const times = wantedChanges(store, room).flatMap(({ change }) =>
      change.kind === "refresh" && change.notBefore !== undefined ? [change.notBefore] : [],
    );
    if (times.length === 0) return false;
    standing.later?.cancel();
    standing.later = clock.after(Math.min(...times) - clock.now(), () => this.run(room));
    return true;
  }

  /** Nobody else knows this log yet: its first entry is ours. */
  #begun(log: RoomLogRow, { position, hash }: { position: number; hash: Uint8Array }): void {
    const { store } = this.#ports;
    store.transaction(() => {
      store.groupRooms.putLog({ ...log, position, head: hash });
      store.groupRooms.deletePending(log.room);
    });
  }

  #failed(room: RoomId, standing: Standing, error: unknown): void {
    const cause = this.#withName(room, causeOf(error));
    this.#ports.log.info("a room was not changed yet", { code: cause.code });
    this.#tell(room, standing, cause);
    const isFinal = error instanceof ProtocolError && error.retry === "never";
    const isFull = error instanceof StoreFullError || (isFinal && !this.#letGo(room, cause));
    this.#waitFor(room, standing, isFull ? storeRetryMs : undefined);
  }

  /** What was refused for good is not asked again. False where the store is full: it is refused again then. */
  #letGo(room: RoomId, cause: Cause): boolean {
    const { store } = this.#ports;
    const pending = store.groupRooms.pending(room);
    if (pending === undefined) return true;
    try {
      store.transaction(() => {
        store.groupRooms.deletePending(room);
        const { wanted } = JSON.parse(pending.changes) as PendingWork;
        const given = wantedChanges(store, room).filter(({ id }) => wanted.includes(id));
        this.#making.refused(room, given, cause.sentence);
      });
      return true;
    } catch (error) {
      if (error instanceof StoreFullError) return false;
      throw error;
    }
  }

  /** By the name of the server that is missing. */
  #withName(room: RoomId, cause: Cause): Cause {
    const { store, names, server } = this.#ports;
    const hub = store.groupRooms.log(room)?.hub;
    if (cause.code !== "unreachable" || hub === undefined || hub === server) return cause;
    const named = (one: ServerId) => roomServerName(store, names, room, one);
    const [what, lasting, doubt] = this.#standing(room).forgotten
      ? ["has no record of it any more", "that stays so", ""]
      : ["is not reached", "it stays away", ", and may be the one that is cut off"];
    const sentence = `${named(hub)}, which keeps this room's changes in order, ${what}.`;
    const [next] = this.#takeovers.candidates(room);
    const byHand = this.#mayHandOver(room) ? " To go on now, hand the room over to it." : "";
    const then = this.#takeovers.isAlone(room)
      ? ` If ${lasting}, ${named(server)} goes on in its place by itself, but only after a day: it reaches no other server of this room${doubt}.${byHand}`
      : next === undefined
        ? ""
        : ` If ${lasting}, ${named(next)} goes on in its place.`;
    return { ...cause, sentence, fix: `It is tried again by itself. Talk goes on meanwhile.${then}` };
  }

  /** A chat of two is nobody's to hand over. */
  #mayHandOver(room: RoomId): boolean {
    const { store, identity } = this.#ports;
    const isOwner = store.groupRooms.person(room, identity.account)?.role === "owner";
    return isOwner && store.rooms.get(room)?.kind === "group";
  }

  #waitFor(room: RoomId, standing: Standing, afterMs?: number): void {
    const { clock, random } = this.#ports;
    standing.wait?.cancel();
    const backOff = { baseMs: appendAgainBaseMs, maxMs: appendAgainMaxMs };
    const jitterMs = fullJitterMs(standing.attempts++, backOff, random);
    standing.wait = clock.after(afterMs ?? appendAgainBaseMs + jitterMs, () => {
      standing.wait = undefined;
      this.run(room);
    });
  }

  #tell(room: RoomId, standing: Standing, cause: Cause | null): void {
    const former = standing.cause;
    if (former?.code === cause?.code && former?.sentence === cause?.sentence && former?.fix === cause?.fix)
      return;
    standing.cause = cause;
    this.#ports.changes.mark("room", room);
  }

  #standing(room: RoomId): Standing {
    const known = this.#rooms.get(room);
    if (known !== undefined) return known;
    const fresh: Standing = {
      running: false,
      again: false,
      wait: undefined,
      later: undefined,
      attempts: 0,
      cause: null,
      settling: false,
      awaySince: undefined,
      forgotten: false,
      lockedSince: undefined,
    };
    this.#rooms.set(room, fresh);
    return fresh;
  }
}
