/**
 * The signed records of the servers that this account has to do with, kept beside them: should its homeserver be gone, the
 * next one is told by them where everybody is. They are asked for with each session, and now and then. [A14]
 */
import type { Clock, Primitives, ServerId, ServerRecord, Timer } from "@fedchat/protocol";
import { array, bytes, decode, encode, limits, ProtocolError, serverRecord } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf } from "./causes.ts";
import { keptServersMax, serverKeptSoonMs, serversKeptEveryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Homeserver } from "./ports.ts";
import { ownInfoSetting } from "./servers.ts";

export interface KeptServersPorts {
  store: EngineStore;
  homeserver: Homeserver;
  /** Our own homeserver. */
  server: ServerId;
  primitives: Primitives;
  clock: Pick<Clock, "after">;
  log: Log;
}

const setting = "server-records";
const form = array(bytes({ min: 1, max: limits.recordBytesMax + limits.signedOverheadBytesMax }), {
  max: keptServersMax,
});

export class KeptServers {
  readonly #ports: KeptServersPorts;
  #timer: Timer | undefined;
  /** Of those that are kept; undefined: not read yet. */
  #known: ReadonlySet<ServerId> | undefined;
  #stopped = false;

  constructor(ports: KeptServersPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** There may be a contact, or somebody in a room, on a server of which nothing is kept yet. */
  lookSoon(): void {
    this.#known ??= new Set(this.#held().flatMap((signed) => this.#read(signed)?.key ?? []));
    if (this.#stopped || this.#wanted().every((server) => this.#known?.has(server))) return;
    this.#later(serverKeptSoonMs);
  }

  /** A session was opened. */
  async resume(): Promise<void> {
    this.#later(serversKeptEveryMs);
    const wanted = this.#wanted();
    const records = await this.#asked(wanted);
    const relays = [...records.values()].flatMap((signed) => this.#read(signed)?.relays ?? []);
    for (const [server, signed] of await this.#asked(relays.filter((relay) => !records.has(relay))))
      records.set(server, signed);
    // What is not known there now was known once.
    for (const signed of this.#held()) {
      const { key } = this.#read(signed) ?? {};
      if (key !== undefined && wanted.includes(key) && !records.has(key)) records.set(key, signed);
    }
    if (this.#stopped) return;
    const kept = [...records.values()].slice(0, keptServersMax);
    // Who is not known anywhere now is asked for with the next session.
    this.#known = new Set([...records.keys(), ...wanted]);
    this.#ports.store.identity.putSetting(setting, encode(form, kept));
  }

  /** Tells another homeserver of all of them, and of the one that is left: as that one knows them, where it is there. */
  async introduce(tell: (records: Uint8Array[]) => Promise<unknown>): Promise<void> {
    const { homeserver, log } = this.#ports;
    if (homeserver.state.kind === "connected")
      await this.resume().catch((error: unknown) =>
        log.info("servers' records are told as they were kept", { code: causeOf(error).code }),
      );
    const own = this.#ports.store.identity.setting(ownInfoSetting);
    const all = [...this.#held(), ...(own === undefined ? [] : [own])];
    for (let at = 0; at < all.length; at += limits.serversIntroducedMax)
      await tell(all.slice(at, at + limits.serversIntroducedMax));
  }

  /** As it was kept last. */
  recordOf(server: ServerId): ServerRecord | undefined {
    return this.#held()
      .flatMap((signed) => this.#read(signed) ?? [])
      .find(({ key }) => key === server);
  }

  /** Where contacts live, and those of rooms. */
  #wanted(): ServerId[] {
    const { store, server } = this.#ports;
    const contacts = store.accounts.contacts().flatMap(({ account }) => store.accounts.get(account) ?? []);
    const rooms = store.groupRooms
      .logs()
      .flatMap(({ room, hub }) => [hub, ...store.groupRooms.people(room).map((one) => one.server)]);
    const all = new Set([...contacts.map((one) => one.server), ...rooms]);
    all.delete(server);
    return [...all].slice(0, keptServersMax);
  }

  async #asked(servers: ServerId[]): Promise<Map<ServerId, Uint8Array>> {
    const found = new Map<ServerId, Uint8Array>();
    for (let at = 0; at < servers.length; at += limits.serversIntroducedMax) {
      const some = servers.slice(at, at + limits.serversIntroducedMax);
      const { records } = await this.#ports.homeserver.request("servers.records", { servers: some });
      for (const signed of records) {
        const key = this.#read(signed)?.key;
        if (key !== undefined && some.includes(key)) found.set(key, signed.slice());
      }
    }
    return found;
  }

  #held(): Uint8Array[] {
    const kept = this.#ports.store.identity.setting(setting);
    return kept === undefined ? [] : decode(form, kept);
  }

  #read(signed: Uint8Array) {
    try {
      return serverRecord.open(this.#ports.primitives, signed);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  #later(delayMs: number): void {
    const { clock, homeserver, log } = this.#ports;
    this.#timer?.cancel();
    this.#timer = clock.after(delayMs, () => {
      this.#later(serversKeptEveryMs);
      if (homeserver.state.kind !== "connected") return;
      this.resume().catch((error: unknown) =>
        log.info("servers' records are not kept now", { code: causeOf(error).code }),
      );
    });
  }
}
