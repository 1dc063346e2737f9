/** A person's engine in the simulation: the database that outlives its runs, the run of now, and what its person does. */
import type { AccountId, Primitives, RoomId } from "@fedchat/protocol";
import { causeOf } from "../../packages/engine/src/core/causes.ts";
import { EngineError } from "../../packages/engine/src/core/engine-error.ts";
import type { Engine } from "../../packages/engine/src/core/engine.ts";
import { openEngine } from "../../packages/engine/src/core/engine.ts";
import type { Message, MethodName, Params, Result, Room } from "../../packages/engine/src/interface/index.ts";
import type { RoomCrypto } from "../../packages/engine/src/mls/room-crypto.ts";
import { openMigratedDatabase } from "../../packages/engine/test/migrated-database.ts";
import type { Database } from "../../packages/engine/src/store/database.ts";
import { StoreFullError } from "../../packages/engine/src/store/database.ts";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { guardedDatabase } from "./guarded-database.ts";
import { leavingMessages } from "./leaving-messages.ts";
import type { SimulatedHomeserver } from "./simulated-homeserver.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { Peer, Surroundings } from "./surroundings.ts";

/** `gone`: the engine ended before it answered, so nobody knows whether it was done. */
type Outcome<T> = { kind: "done"; value: T } | { kind: "gone" } | { kind: "failed"; error: unknown };

/** How often a call is tried again before it is taken for impossible. */
const attemptsMax = 1_500;
/** And before somebody does something else. */
const triesMax = 150;

class NotDone extends Error {}

export class SimulatedDevice {
  readonly name: string;
  readonly home: SimulatedHomeserver;
  readonly database: Database;
  readonly disk = { full: false, refusedByFullDisk: 0 };
  process: SimulatedProcess | undefined;
  engine: Engine | undefined;
  /** What its engine has of rooms of many, since it first ran. */
  rooms: RoomCrypto | undefined;
  /** What its person was told is kept, in the order of writing. */
  readonly acknowledged: { to: string; text: string }[] = [];
  /** How far this machine's wall clock is off. */
  skewMs = 0;
  readonly #surroundings: Surroundings;
  readonly #random: SeededRandom;
  readonly #rooms = new Map<string, RoomId>();
  #account: AccountId | undefined;
  #runs = 0;
  #written = 0;

  constructor(surroundings: Surroundings, home: SimulatedHomeserver, name = home.name) {
    this.#surroundings = surroundings;
    this.home = home;
    this.name = name;
    this.#random = surroundings.random.fork(`device of ${this.name}`);
    this.database =
      surroundings.mutation.database?.(openMigratedDatabase(":memory:")) ?? openMigratedDatabase(":memory:");
  }

  /** The name under which it dials. */
  get host(): string {
    return `${this.name}/device`;
  }

  start(): void {
    const { clock, network, trace, violations, groups, rooms } = this.#surroundings;
    this.#runs += 1;
    const process = new SimulatedProcess({
      clock,
      threw: (error) => violations.add(`${this.name}'s engine threw`, error),
      crash: () => this.crash(),
      skewMs: this.skewMs,
    });
    this.process = process;
    // A host that crashed before may dial again.
    network.listen(this.host, (channel) => channel.close());
    const random = this.#random.fork(`run ${this.#runs}`);
    this.rooms = rooms.watch(groups.crypto({ random, clock: process }), this.name);
    this.engine = openEngine({
      database: guardedDatabase(this.database, {
        name: `${this.name}'s engine`,
        process,
        trace,
        disk: this.disk,
      }),
      homeserver: {
        connect: () =>
          process.dial(
            network.dialer(this.host).dial({ ...this.home.address, host: this.home.clientHost }, ""),
            () => this.home.process,
          ),
        server: { id: this.home.id, noiseKey: this.home.noiseKey },
      },
      groups: this.rooms,
      opaque: noPasswords,
      clock: process,
      random,
      primitives: this.#watchedPrimitives(),
      log: {
        debug() {},
        info() {},
        warn: (message, fields) => {
          if (!process.ended)
            violations.add(`${this.name}'s engine: ${message} ${JSON.stringify(fields ?? {})}`);
        },
      },
      deviceName: "simulated",
      registrationToken: this.home.token,
    });
    this.engine.onEvent(() => undefined);
  }

  /** kill -9: what was not committed is gone, and nobody is told. */
  crash(): void {
    this.process?.end();
    this.engine = undefined;
    this.#surroundings.network.crash(this.host);
    this.#surroundings.mutation.crashed?.(this.database);
  }

  /** An orderly stop, however long it takes. */
  async stop(): Promise<void> {
    const { process, engine } = this;
    if (engine === undefined || process === undefined) return;
    this.engine = undefined;
    await Promise.race([engine[Symbol.asyncDispose](), process.gone]);
    if (!process.ended) this.crash();
  }

  /** Calls once. */
  async attempt<M extends MethodName>(method: M, params: Params<M>): Promise<Outcome<Result<M>>> {
    const { engine, process } = this;
    if (engine === undefined || process === undefined) return { kind: "gone" };
    const call = engine.call(method, params).then(
      (value): Outcome<Result<M>> => ({ kind: "done", value }),
      (error: unknown): Outcome<Result<M>> => ({ kind: "failed", error }),
    );
    const outcome = await Promise.race([call, process.gone]);
    return outcome === undefined || process.ended ? { kind: "gone" } : outcome;
  }

  /** Calls until it is done, as a patient person would: through crashes, a full disk and an unreachable homeserver. */
  async call<M extends MethodName>(method: M, params: Params<M>, attempts = attemptsMax): Promise<Result<M>> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const outcome = await this.attempt(method, params);
      if (outcome.kind === "done") return outcome.value;
      if (outcome.kind === "failed" && !isForNow(outcome.error)) throw outcome.error;
      if (this.#surroundings.violations.found.length > 0) throw new Error("ended by what was found");
      await this.#surroundings.clock.sleep(200);
    }
    throw new NotDone(`${this.name}: ${method} was not done in ${attempts} attempts`);
  }

  /** As a person with less patience, where it may be too late for it: whether it was done. */
  async tries<M extends MethodName>(method: M, params: Params<M>): Promise<boolean> {
    try {
      await this.call(method, params, triesMax);
      return true;
    } catch (error) {
      if (error instanceof EngineError || error instanceof NotDone) return false;
      throw error;
    }
  }

  /** Resolves once the engine says that the message is kept. */
  async send(text: string, to: Peer = this.#onlyContact()): Promise<Message> {
    const roomId = await this.#roomWith(to);
    this.#written += 1;
    const message = await this.call("messages.send", {
      roomId,
      text,
      clientId: `${this.name} ${this.#written}`,
    });
    this.acknowledged.push({ to: to.name, text });
    return message;
  }

  /** Texts of the conversation in the order in which this engine holds them. */
  async messages(peer: Peer = this.#onlyContact()): Promise<string[]> {
    return (await this.history(peer)).map(({ text }) => text);
  }

  async history(peer: Peer = this.#onlyContact()): Promise<Message[]> {
    const roomId = await this.#roomWith(peer);
    const all: Message[] = [];
    for (;;) {
      const after = all.at(-1)?.position ?? 0;
      const { messages } = await this.call("messages.list", { roomId, after, limit: 500 });
      if (messages.length === 0) return all.filter(({ kind }) => kind === "text");
      all.push(...messages);
    }
  }

  /** The open conversation with this person, where there is one. */
  async pairWith(peer: Peer): Promise<Room | undefined> {
    const rooms = await this.call("rooms.list", {});
    return rooms.find(
      (room) => room.kind === "pair" && room.state === "open" && room.peer?.account === peer.account,
    );
  }

  /** The open conversation with this person, waiting for it where need be. */
  async pair(peer: Peer = this.#onlyContact()): Promise<Room> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const room = await this.pairWith(peer);
      if (room !== undefined) return room;
      await this.#surroundings.clock.sleep(200);
    }
    throw new Error(`${this.name} has no conversation with ${peer.name}`);
  }

  async createAccount(): Promise<void> {
    const me = await this.call("account.create", { displayName: this.name });
    this.#account = me.account as AccountId;
  }

  /** Known once it is created. */
  get account(): AccountId {
    if (this.#account === undefined) throw new Error(`assertion: ${this.name} has an account`);
    return this.#account;
  }

  async link({ address: { host, port }, id }: SimulatedHomeserver): Promise<void> {
    await this.call("servers.link", { host, port, serverId: id });
  }

  /** The link's trust, once that server is known here. */
  async linkBack({ id }: SimulatedHomeserver): Promise<string | undefined> {
    const outcome = await this.attempt("servers.linkBack", { serverId: id });
    if (
      outcome.kind === "failed" &&
      !isForNow(outcome.error) &&
      causeOf(outcome.error).code !== "unknown-server"
    )
      throw outcome.error;
    return outcome.kind === "done" ? outcome.value.trust : undefined;
  }

  async #roomWith(peer: Peer): Promise<RoomId> {
    const known = this.#rooms.get(peer.name) ?? (await this.pair(peer)).roomId;
    this.#rooms.set(peer.name, known as RoomId);
    return known as RoomId;
  }

  /** The other one of two people. */
  #onlyContact(): Peer {
    const others = this.#surroundings.devices.filter((device) => device !== this);
    if (others.length !== 1) throw new Error("assertion: among more than two people it is said who is meant");
    return others[0]!;
  }

  /** Sees what this engine seals for its homeserver: what is among it for a room has left. */
  #watchedPrimitives(): Primitives {
    const { groups, primitives } = this.#surroundings;
    return {
      ...primitives,
      aes256Gcm(key) {
        const aead = primitives.aes256Gcm(key);
        return {
          open: (nonce, aad, ciphertext) => aead.open(nonce, aad, ciphertext),
          seal(nonce, aad, plaintext) {
            for (const message of leavingMessages(plaintext)) groups.left(message);
            return aead.seal(nonce, aad, plaintext);
          },
        };
      },
    };
  }
}

/** Failures that pass: no connection, no room on the disk. */
function isForNow(error: unknown): boolean {
  return error instanceof StoreFullError || causeOf(error).retry !== "never";
}

const refuse = (): never => {
  throw new Error("there are no passwords in the simulation");
};
const noPasswords = {
  startRegistration: refuse,
  finishRegistration: refuse,
  startLogin: refuse,
  finishLogin: refuse,
};
