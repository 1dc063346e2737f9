/**
 * What a move means for others. Whoever moved tells the people of each room by an item of it, in the room's encryption,
 * straight from the new homeserver; whoever hears of it sends there from then on, lets them in from there, has the rooms
 * know, and shows one line. Invariant: what is owed (telling, letting in, the line) is on disk until it is done. [A15]
 */
import type {
  AccountId,
  Clock,
  Primitives,
  RandomSource,
  RoomId,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import { envelopeId, isReplacedBy, openAccountRecord, ProtocolError, serverRecord } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { causeOf } from "./causes.ts";
import type { Identity } from "./identity.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Homeserver } from "./ports.ts";
import {
  guardedLine,
  movedLine,
  recoveredElsewhereLine,
  renewedServerLine,
  sameHomeLine,
} from "./room-lines.ts";
import type { RoomSender } from "./room-sender.ts";
import type { Rooms } from "./rooms.ts";
import type { Servers } from "./servers.ts";
import { learnStrangersNames } from "./strangers-names.ts";
import type { Changes } from "./changes.ts";

export interface MovedAccountsPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  names: Names;
  servers: Servers;
  rooms: Rooms;
  sender: RoomSender;
  outgoing: Outgoing;
  homeserver: Homeserver;
  /** Within the transaction: rooms are to know this account's newer record. */
  recordChanged: (account: AccountId) => void;
  /** The record of a server where contacts live, or lived until now. */
  recordOf: (server: ServerId) => ServerRecord | undefined;
  primitives: Primitives;
  random: RandomSource;
  clock: Pick<Clock, "soon">;
  changes: Changes;
  log: Log;
}

/** Somebody to be let in from another server than before. */
interface Owed {
  account: AccountId;
  server: ServerId;
  /** They moved: the person is told. */
  line: boolean;
  /** Whence. */
  from?: ServerId;
}

const untoldSetting = "move-untold";
const owedSetting = "moved-owed";

export class MovedAccounts {
  readonly #ports: MovedAccountsPorts;
  #letting = false;
  #stopped = false;

  constructor(ports: MovedAccountsPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Within the transaction that moves us: everybody is to be told, and let in at the new homeserver.
   * @param lost the homeserver that we left, where it did not answer: whoever lives there cannot be told
   */
  weMoved(lost: ServerId | undefined): void {
    const { store, rooms, names } = this.#ports;
    this.#oweTelling();
    for (const { account, room } of store.accounts.contacts()) {
      const isLost = lost !== undefined && store.accounts.get(account)?.server === lost;
      if (isLost && store.rooms.get(room)?.state === "open")
        rooms.addNotice(room, account, sameHomeLine(names.shown(account)));
    }
    const contacts = store.accounts.contacts().flatMap(({ account }) => store.accounts.get(account) ?? []);
    const owed = contacts.map(({ account, server }): Owed => ({ account, server, line: false }));
    this.#put(owedSetting, [...this.#owed.filter(({ line }) => line), ...owed]);
  }

  /** Our record says something that others have to know at once. */
  tellAll(): void {
    this.#oweTelling();
    this.#tellRooms();
  }

  #oweTelling(): void {
    const rooms = this.#ports.store.rooms.list().flatMap(({ id, kind, state }) => {
      return kind !== "notes" && state === "open" ? [id] : [];
    });
    this.#put(untoldSetting, rooms);
  }

  /** A session was opened. */
  async resume(): Promise<void> {
    await this.#letIn();
    this.#tellRooms();
  }

  /** Within the transaction that spends the item's key: what whoever wrote it says of themselves. */
  heard(room: RoomRow, account: AccountId, signed: Uint8Array): void {
    const { identity, primitives, known, recordChanged } = this.#ports;
    if (account === identity.account) return;
    try {
      const opened = openAccountRecord(primitives, signed.slice());
      if (opened.record.account !== account) return;
      known.check(opened);
      known.learn(opened);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.log.info("a record that somebody told does not hold", { room: room.id });
      return;
    }
    recordChanged(account);
  }

  /** A contact lives elsewhere now, by whatever way that was learned. */
  contactMoved(account: AccountId, from: ServerId, to: ServerId): void {
    const { store, clock } = this.#ports;
    store.transaction(() => {
      this.#put(owedSetting, [
        ...this.#owed.filter((one) => one.account !== account),
        { account, server: to, line: true, from },
      ]);
      this.#redirect(account, { from, to }, [account, account]);
    });
    clock.soon(() => void this.#letIn());
  }

  /** What was compared was of a key that somebody else may have: it counts no more, and the person is told. [A21] */
  contactGuarded(account: AccountId, why: "stolen" | "elsewhere"): void {
    const { store, rooms, names, changes } = this.#ports;
    store.transaction(() => {
      store.verified.delete(account);
      const contact = store.accounts.contact(account);
      if (contact === undefined || store.rooms.get(contact.room) === undefined) return;
      const line = why === "stolen" ? guardedLine : recoveredElsewhereLine;
      rooms.addNotice(contact.room, account, line(names.shown(account)));
    });
    changes.mark("contact", account);
  }

  /** Within the transaction in which a room learned of it: what waits for them in the room's lane. */
  participantMoved(room: RoomId, account: AccountId, from: ServerId, to: ServerId): void {
    this.#redirect(account, { from, to }, [`${room} ${from}`, `${room} ${to}`]);
  }

  #redirect(account: AccountId, way: { from: ServerId; to: ServerId }, lanes: [string, string]): void {
    const { store, random, outgoing } = this.#ports;
    store.transport.redirect(account, way, lanes, () => envelopeId.fromBytes(random.bytes(16)));
    outgoing.pump();
  }

  /** One after the other; what fails is tried again with the next session. */
  async #letIn(): Promise<void> {
    const { homeserver, log } = this.#ports;
    if (this.#letting || this.#stopped || homeserver.state.kind !== "connected") return;
    this.#letting = true;
    try {
      for (let next = this.#owed[0]; next !== undefined && !this.#stopped; next = this.#owed[0]) {
        const { account, server, line } = next;
        await homeserver.request("delivery.grant", { server, account });
        // Until its name is known the line would say nothing to anybody.
        if (line) await learnStrangersNames(this.#ports);
        const isRenewed = line && (await this.#isRenewed(next));
        if (!this.#stopped) this.#done(next, isRenewed);
      }
    } catch (error) {
      log.info("somebody who moved is not let in yet", { code: causeOf(error).code });
    } finally {
      this.#letting = false;
    }
  }

  /** Whether it is the former server under another key, by the word that its record there had prepared. [R10] */
  async #isRenewed({ server, from }: Owed): Promise<boolean> {
    const { homeserver, recordOf, primitives, servers } = this.#ports;
    if (from === undefined) return false;
    if (server === servers.own.id) return servers.isFormerOwn(from);
    const hash = recordOf(from)?.recoveryKeyHash;
    if (hash === undefined) return false;
    const { records } = await homeserver.request("servers.records", { servers: [server] });
    const { replaces = [] } = records[0] === undefined ? {} : serverRecord.read(records[0]).value;
    return replaces.some((said) => said.server === from && isReplacedBy(primitives, server, said, hash));
  }

  #done({ account, server, line }: Owed, isRenewed: boolean): void {
    const { store, rooms, names, known } = this.#ports;
    store.transaction(() => {
      this.#put(
        owedSetting,
        this.#owed.filter((one) => one.account !== account || one.server !== server),
      );
      const contact = store.accounts.contact(account);
      const record = known.get(account)?.record;
      if (!line || contact === undefined || record?.server !== server) return;
      if (store.rooms.get(contact.room) === undefined) return;
      const says = isRenewed ? renewedServerLine : movedLine;
      rooms.addNotice(contact.room, account, says(names.shown(account), names.address(record)));
    });
  }

  #tellRooms(): void {
    const { store, sender, identity, log } = this.#ports;
    for (const id of this.#untold) {
      const done = () =>
        this.#put(
          untoldSetting,
          this.#untold.filter((one) => one !== id),
        );
      const room = store.rooms.get(id);
      if (room?.state !== "open") {
        done();
        continue;
      }
      try {
        const item = { kind: "record", record: identity.record.signed } as const;
        sender.send(room, item, { purpose: "status", subject: "" }, done);
      } catch (error) {
        // A room whose group is not here yet is told with a later session.
        log.info("a room does not know of the move yet", { room: id, code: causeOf(error).code });
      }
    }
  }

  get #untold(): RoomId[] {
    return this.#read<RoomId[]>(untoldSetting);
  }

  get #owed(): Owed[] {
    return this.#read<Owed[]>(owedSetting);
  }

  #read<T extends unknown[]>(name: string): T {
    const kept = this.#ports.store.identity.setting(name);
    return kept === undefined ? ([] as unknown as T) : (JSON.parse(new TextDecoder().decode(kept)) as T);
  }

  #put(name: string, value: unknown[]): void {
    const { identity } = this.#ports.store;
    if (value.length === 0) identity.deleteSetting(name);
    else identity.putSetting(name, new TextEncoder().encode(JSON.stringify(value)));
  }
}
