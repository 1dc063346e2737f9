/** A homeserver of the simulation: the disk that outlives its processes, and the process that runs on it now. */
import type { ByteChannel, Primitives, ServerAddress, ServerId } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import type { Homeserver, HomeserverConfig } from "../../packages/homeserver/src/core/homeserver.ts";
import { openHomeserver } from "../../packages/homeserver/src/core/homeserver.ts";
import { defaultRelaying } from "../../packages/homeserver/src/core/relaying.ts";
import { MemoryStore } from "../../packages/homeserver/src/store/memory-store.ts";
import type { IncomingStream } from "../../packages/homeserver/src/store/store.ts";
import { StoreFullError } from "../../packages/homeserver/src/store/store.ts";
import { noPasswords } from "../../packages/homeserver/test/no-passwords.ts";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { marker } from "./marker.ts";
import type { Surroundings } from "./surroundings.ts";
import { watchedPrimitives } from "./watched-primitives.ts";
import { watchedStore } from "./watched-store.ts";

/** What was on disk at one moment. */
export interface Backup {
  store: MemoryStore;
  delivered: Set<string>;
  streams: Map<string, IncomingStream>;
}

export class SimulatedHomeserver {
  readonly name: string;
  readonly id: ServerId;
  readonly noiseKey: Uint8Array;
  /** Where it says that it is reached. */
  address: ServerAddress;
  readonly token: Uint8Array;
  readonly disk = { full: false, delayMs: { min: 0, max: 8 } };
  readonly counts = { writing: 0, refusedByFullDisk: 0, sentAgain: 0, cameAgain: 0 };
  /** Everything that was ever handed to the disk. */
  readonly written: Uint8Array[] = [];
  /** What lies on the disk for others. */
  readonly custody = { bytes: 0, bytesMax: 0 };
  /** Of what it ever took into custody: who handed it over. */
  readonly #handedBy = new Map<string, ServerId>();
  /** For whom it ever had bundles. */
  readonly destinations = new Set<ServerId>();
  process: SimulatedProcess | undefined;
  homeserver: Homeserver | undefined;
  /** How far this machine's wall clock is off, whatever runs on it. */
  skewMs = 0;
  readonly #surroundings: Surroundings;
  readonly #random: SeededRandom;
  readonly #keys: { identity: Uint8Array; noise: Uint8Array };
  #store = new MemoryStore();
  #delivered = new Set<string>();
  #streams = new Map<string, IncomingStream>();
  /** Places in streams that a bundle was sealed for. */
  readonly #sealed = new Set<string>();
  /** Where the simulated fault is a disk that does not sync: what really is on it. */
  #synced: Backup | undefined;
  #runs = 0;
  #moves = 0;

  constructor(surroundings: Surroundings, name: string) {
    this.#surroundings = surroundings;
    this.name = name;
    this.#random = surroundings.random.fork(`homeserver ${name}`);
    this.#keys = { identity: this.#random.bytes(32), noise: this.#random.bytes(32) };
    this.token = this.#random.bytes(16);
    const { primitives } = surroundings;
    this.id = serverId.fromBytes(primitives.ed25519.publicKey(this.#keys.identity));
    this.noiseKey = primitives.x25519.publicKey(this.#keys.noise);
    this.address = { host: name, port: 8443, kind: "direct" };
  }

  /** The name under which engines reach it. */
  get clientHost(): string {
    return `${this.name}/client`;
  }

  /** What is committed, for checkers. */
  get store(): MemoryStore {
    return this.#store;
  }

  get running(): boolean {
    return this.homeserver !== undefined;
  }

  /** Opens what the disk holds and joins the network; starts again where the disk is too full even for that. */
  async start(): Promise<void> {
    const { clock, network, trace, violations, happenings, mutation } = this.#surroundings;
    const { watched: isWatched, roomLogs } = this.#surroundings;
    this.#runs += 1;
    const process = new SimulatedProcess({
      clock,
      threw: (error) => violations.add(`${this.name}'s homeserver threw`, error),
      crash: () => this.crash(),
      skewMs: this.skewMs,
    });
    this.process = process;
    const disk = this.#synced ?? { store: this.#store, delivered: this.#delivered, streams: this.#streams };
    this.#store = disk.store.snapshot(this.#memoryDisk(process));
    this.#delivered = new Set(disk.delivered);
    this.#streams = new Map(disk.streams);
    if (mutation.syncEveryMs !== undefined) this.#syncLazily(process, mutation.syncEveryMs);
    const config = this.#config();
    this.custody.bytesMax = (config.relaying ?? defaultRelaying).storageBytesMax;
    this.custody.bytes = (await this.#store.load()).custody.reduce((sum, { bytes }) => sum + bytes, 0);
    const watched = watchedStore(this.#store, {
      ...{ name: this.name, process, trace, delivered: this.#delivered, streams: this.#streams },
      ...{ written: isWatched ? this.written : undefined, counts: this.counts },
      ...{ destinations: this.destinations, violated: (what) => violations.add(what) },
      ...{ custody: this.custody, handedBy: this.#handedBy, roomLogs },
      ...{ stored: (op, result) => happenings.stored(op, result) },
    });
    const opening = openHomeserver({
      store: mutation.store?.(watched) ?? watched,
      clock: process,
      random: this.#random.fork(`run ${this.#runs}`),
      primitives: this.#watchedPrimitives(),
      keys: this.#keys,
      config,
      dialer: {
        dial: async (address, path) =>
          this.#linkChannel(
            await process.dial(network.dialer(this.name).dial(address, path), () =>
              this.#processAt(address.host),
            ),
          ),
      },
      opaque: noPasswords,
      localToken: this.token,
      log: {
        debug() {},
        info() {},
        warn() {},
        error: (message, _fields, cause) => {
          if (!process.ended) violations.add(`${this.name}'s homeserver: ${message}`, cause);
        },
      },
    });
    const homeserver = await Promise.race([opening, process.gone]).catch((error: unknown) => {
      if (error instanceof StoreFullError) return this.#tryLater(process);
      throw error;
    });
    if (homeserver === undefined || process.ended) return;
    this.homeserver = homeserver;
    network.listen(this.name, (channel, from) => {
      const guarded = process.guard(channel, () => this.#processAt(from));
      void homeserver.acceptLink(this.#linkChannel(guarded), { address: from, fromOutside: true });
    });
    network.listen(this.clientHost, (channel, from) => {
      const guarded = process.guard(channel, () => this.#processAt(from));
      void homeserver.acceptClient(guarded, from);
    });
  }

  /** kill -9: what was not committed is gone, and nobody is told. */
  crash(): void {
    this.process?.end();
    this.homeserver = undefined;
    this.#surroundings.network.crash(this.name);
    this.#surroundings.network.crash(this.clientHost);
  }

  /** An orderly stop, however long it takes. */
  async stop(): Promise<void> {
    const { process, homeserver } = this;
    if (homeserver === undefined || process === undefined) return;
    await Promise.race([homeserver.drain(), process.gone]);
    if (!process.ended) this.crash();
  }

  /** From now on it stands elsewhere, and nobody answers where it was; while nothing runs. */
  move(): void {
    this.#moves += 1;
    const host = `${this.name}.place${this.#moves}`;
    this.#surroundings.network.move(this.name, host);
    this.address = { ...this.address, host };
  }

  backup(): Backup {
    return {
      store: this.#store.snapshot(),
      delivered: new Set(this.#delivered),
      streams: new Map(this.#streams),
    };
  }

  /** Puts an earlier state of the disk in the present one's place; while nothing runs. */
  restore(backup: Backup): void {
    this.#store = backup.store;
    this.#delivered = backup.delivered;
    this.#streams = backup.streams;
    this.#synced = undefined;
  }

  async #tryLater(process: SimulatedProcess): Promise<undefined> {
    process.end();
    await this.#surroundings.clock.sleep(1_000);
    await this.start();
  }

  #config(): HomeserverConfig {
    return {
      name: undefined,
      addresses: [this.address],
      software: "fedchat simulation",
      registration: "invited",
      federation: { accept: "ask", listed: [] },
      ...this.#surroundings.configure(this.name),
    };
  }

  #linkChannel(channel: ByteChannel): ByteChannel {
    return this.#surroundings.mutation.linkChannel?.(channel) ?? channel;
  }

  /** Nothing that this homeserver learns may be plaintext, or name people whom it may not know. */
  #watchedPrimitives(): Primitives {
    const { primitives, acquaintance, violations, happenings, watched } = this.#surroundings;
    if (!watched) return primitives;
    return watchedPrimitives(primitives, {
      opened: (plaintext) => {
        happenings.opened(plaintext, this.id);
        for (const stranger of acquaintance.strangersIn(plaintext, this.name))
          violations.add(`${this.name}'s homeserver was told of ${stranger}, a stranger`);
        if (Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).includes(marker))
          violations.add(`${this.name}'s homeserver opened a message's text`);
      },
      bundleSealed: (aad) => {
        // Class, source, destination, stream and sequence, all before the times.
        const place = Buffer.from(aad.subarray(1, 82)).toString("latin1");
        if (this.#sealed.has(place)) this.counts.sentAgain += 1;
        this.#sealed.add(place);
      },
    });
  }

  #processAt(host: string): SimulatedProcess | undefined {
    return this.#surroundings.processAt(host);
  }

  #memoryDisk(process: SimulatedProcess) {
    const random = this.#random.fork(`disk of run ${this.#runs}`);
    return {
      commit: () => {
        if (this.#surroundings.mutation.syncEveryMs !== undefined) return Promise.resolve();
        const { min, max } = this.disk.delayMs;
        return process.sleep(random.between(min, max));
      },
      full: () => this.disk.full,
    };
  }

  #syncLazily(process: SimulatedProcess, everyMs: number): void {
    this.#synced = this.backup();
    process.after(everyMs, () => this.#syncLazily(process, everyMs));
  }
}
