/**
 * A room of many, on real MLS unless a test brings another: devices with records of their own, and the log as the order in which commits are taken.
 * Each device's state is put together from its records after each step, as after a restart.
 */
import assert from "node:assert/strict";
import { sodiumPrimitives, type GroupState as MlsState } from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives } from "@fedchat/mls/node";
import type { AccountId, RandomSource, RoomId } from "@fedchat/protocol";
import { roomId } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import type { TestAccount } from "../../homeserver/test/test-account.ts";
import { vouchesFor } from "../src/core/credentials.ts";
import type { GroupState } from "../src/mls/group-records.ts";
import type { MemberIdentity } from "../src/mls/room-crypto.ts";
import { MlsRoomCrypto, type MlsRoomPorts } from "../src/mls/mls-room.ts";
import type {
  RoomCommit,
  RoomCommitOutcome,
  RoomCommitSummary,
  RoomCrypto,
  RoomReceived,
  RoomSuite,
} from "../src/mls/room-crypto.ts";
import type { Role, RoomState } from "../src/room-state/room-state.ts";
import type { RoomUpdate } from "../src/room-state/room-update.ts";
import { person } from "./room-people.ts";

export const mlsPrimitives = nodeMlsPrimitives(await sodiumPrimitives());
export const clock = { at: 1_800_000_000_000, now: () => clock.at };

export const roomPorts = (random: RandomSource = nodeRandom): MlsRoomPorts => ({
  primitives: mlsPrimitives,
  protocolPrimitives: nodePrimitives,
  random,
  clock,
  vouches: vouchesFor(nodePrimitives),
});

export type Committed = Extract<RoomCommitOutcome, { kind: "committed" }>;

/** One device. */
export class Seat {
  readonly world: RoomWorld;
  account: TestAccount;
  readonly device: number;
  readonly records = new Map<string, Uint8Array>();
  /** The epoch in which it came in. */
  since = 0n;
  #state: GroupState | undefined;

  constructor(world: RoomWorld, account: TestAccount, device = 0) {
    this.world = world;
    this.account = account;
    this.device = device;
  }

  get id(): AccountId {
    return this.account.id;
  }

  get identity(): MemberIdentity {
    const { signatureSeed, certificate } = this.account.devices[this.device]!;
    const signaturePublicKey = nodePrimitives.ed25519.publicKey(signatureSeed);
    return { signaturePrivateKey: signatureSeed, signaturePublicKey, credential: certificate };
  }

  get isIn(): boolean {
    return this.#state !== undefined;
  }

  get state(): GroupState {
    if (this.#state === undefined) throw new Error("assertion: this device is in the room");
    return this.#state;
  }

  get mls(): MlsState {
    return this.state as unknown as MlsState;
  }

  get room(): RoomState {
    return this.world.crypto.room(this.state);
  }

  /** Stored, and read again from copies of what is stored. */
  step(after: GroupState, anew = false): void {
    const { crypto } = this.world;
    const before = anew ? undefined : this.#state;
    if (anew) {
      this.records.clear();
      this.since = crypto.epoch(after);
    }
    const { put, remove } = crypto.changes(before, after);
    for (const name of remove) this.records.delete(name);
    for (const [name, value] of put) this.records.set(name, Uint8Array.from(value));
    if (before !== undefined) crypto.erase(before, after);
    this.#state = crypto.restore([...this.records].map(([name, value]) => [name, Uint8Array.from(value)]));
  }

  forget(): void {
    this.#state = undefined;
    this.records.clear();
  }

  send(content: string): Uint8Array {
    const { state, message } = this.world.crypto.encrypt(this.state, new TextEncoder().encode(content));
    this.step(state);
    return message;
  }

  receive(message: Uint8Array): RoomReceived {
    const outcome = this.world.crypto.receive(this.state, message);
    if ("state" in outcome) this.step(outcome.state);
    if (outcome.kind === "removed") this.forget();
    return outcome;
  }

  /** Not sent yet. */
  commit(args: RoomCommit): Committed {
    const outcome = this.world.crypto.commit(this.state, args);
    if (outcome.kind === "refused") throw new Error(`${outcome.rule}: ${outcome.reason}`);
    this.step(outcome.before);
    return outcome;
  }

  /** The rule that keeps it from committing this. */
  refusal(args: RoomCommit): string {
    const outcome = this.world.crypto.commit(this.state, args);
    return outcome.kind === "refused" ? outcome.rule : outcome.kind;
  }
}

export interface RoomWorldOptions {
  random?: RandomSource;
  suite?: RoomSuite;
  crypto?: (random: RandomSource) => RoomCrypto;
}

export class RoomWorld {
  readonly crypto: RoomCrypto;
  readonly random: RandomSource;
  readonly id: RoomId;
  readonly suite: RoomSuite;
  /** All devices that there are, in the room or not. */
  readonly seats: Seat[] = [];
  /** As the hub holds it. */
  info = new Uint8Array();
  access = new Uint8Array();

  constructor({
    random = nodeRandom,
    suite = "classical",
    crypto = (source) => new MlsRoomCrypto(roomPorts(source)),
  }: RoomWorldOptions = {}) {
    this.random = random;
    this.suite = suite;
    this.crypto = crypto(random);
    this.id = roomId.fromBytes(random.bytes(16));
  }

  /** Its devices, none of them in the room yet. */
  person(handle: string, devices = 1): Seat[] {
    const account = person(handle, { devices, random: this.random });
    const seats = Array.from({ length: devices }, (_, device) => new Seat(this, account, device));
    this.seats.push(...seats);
    return seats;
  }

  get present(): Seat[] {
    return this.seats.filter(({ isIn }) => isIn);
  }

  create(owner: Seat, terms: { name?: string; invite?: RoomState["invite"] } = {}): void {
    const { name = "a room", invite = "moderators" } = terms;
    const created = this.crypto.create({
      ...{ room: this.id, groupId: this.random.bytes(32), suite: this.suite, identity: owner.identity },
      ...{ record: owner.account.signed, name, join: "invited", invite, hubs: [owner.account.record.server] },
    });
    if (created.kind === "refused") throw new Error(created.reason);
    owner.step(created.state);
    this.#log(created.begin);
  }

  /** Made, taken by the log, and received by everybody; who is added joins. */
  commit(
    by: Seat,
    updates: RoomUpdate[] = [],
    adding: Seat[] = [],
    more: RoomCommit = {},
  ): RoomCommitSummary {
    const packages = adding.map((seat) => this.crypto.createKeyPackage(seat.identity, this.suite));
    const add = packages.map(({ keyPackage }) => keyPackage);
    const made = by.commit({ updates, add, ...more });
    this.take(by, made);
    for (const [at, seat] of adding.entries()) {
      const joined = this.crypto.join({
        ...{ room: this.id, welcome: made.welcome!, identity: seat.identity, ...packages[at]! },
        ...(made.welcomeHasTree ? {} : { info: { sealed: this.info, key: by.room.infoKey } }),
      });
      if (joined.kind === "refused") throw new Error(`${joined.rule}: ${joined.reason}`);
      assert.deepEqual([joined.adder.account, joined.adder.own], [by.id, false]);
      seat.step(joined.state, true);
    }
    this.expectAgreement();
    return made.summary;
  }

  /** The log takes this commit: the others receive it. */
  take(by: Seat, made: Committed): RoomReceived[] {
    const others = this.present.filter((seat) => seat !== by);
    const received = others.map((seat) => seat.receive(made.message));
    for (const outcome of received) {
      assert(outcome.kind === "commit" || outcome.kind === "removed", `everybody takes it: ${outcome.kind}`);
      assert.deepEqual(withoutOwn(outcome.summary), withoutOwn(made.summary));
    }
    by.step(made.next);
    this.#log(made.after);
    return received;
  }

  admit(by: Seat, seats: Seat[], role: Role = "member"): RoomCommitSummary {
    const accounts = new Map(seats.map(({ account }) => [account.id, account]));
    const updates = [...accounts.values()].map(({ signed }): RoomUpdate => ({
      kind: "admit",
      record: signed,
      role,
    }));
    return this.commit(by, updates, seats);
  }

  /** By itself, with the key that `key` is or that somebody has. */
  comeIn(seat: Seat, key = this.present[0]!.room.infoKey) {
    return this.crypto.joinByItself({ room: this.id, identity: seat.identity, info: this.info, key });
  }

  /** The log takes its commit. */
  comesIn(seat: Seat): RoomReceived[] {
    const outcome = this.comeIn(seat);
    if (outcome.kind === "refused") throw new Error(`${outcome.rule}: ${outcome.reason}`);
    assert.deepEqual(outcome.access.publicKey, this.access);
    const received = this.present
      .filter((other) => other !== seat)
      .map((other) => other.receive(outcome.message));
    seat.step(outcome.state, true);
    this.#log(outcome.after);
    this.expectAgreement();
    return received;
  }

  /** All who are in hold one epoch of one room, and the hub knows it. */
  expectAgreement(): void {
    const { crypto } = this;
    for (const seat of this.present) {
      const first = this.present[0]!;
      assert.deepEqual(crypto.epochAuthenticator(seat.state), crypto.epochAuthenticator(first.state));
      assert.deepEqual(seat.room, first.room);
      assert.deepEqual(crypto.access(seat.state).publicKey, this.access);
    }
  }

  /** What everybody but the sender reads. */
  expectHeard(from: Seat, content: string): void {
    const message = from.send(content);
    for (const seat of this.present) {
      if (seat !== from) assert.equal(textOf(seat.receive(message)), content);
    }
  }

  #log({ info, access }: { info: Uint8Array; access: Uint8Array }): void {
    this.info = Uint8Array.from(info);
    this.access = Uint8Array.from(access);
  }
}

/** A room with these people in it; the first made it, and all joined by Welcome. */
export function roomWith(
  people: [string, Role, number?][],
  terms: { random?: RandomSource; suite?: RoomSuite; invite?: RoomState["invite"] } = {},
): { world: RoomWorld; seats: Record<string, Seat[]> } {
  const world = new RoomWorld(terms);
  const seats = Object.fromEntries(people.map(([name, , devices]) => [name, world.person(name, devices)]));
  const [first, ...others] = people;
  world.create(seats[first![0]]![0]!, terms);
  const updates = others.map(([name, role]): RoomUpdate => ({
    kind: "admit",
    record: seats[name]![0]!.account.signed,
    role,
  }));
  const adding = people.flatMap(([name], at) => (at === 0 ? seats[name]!.slice(1) : seats[name]!));
  world.commit(seats[first![0]]![0]!, updates, adding);
  return { world, seats };
}

export function textOf(outcome: RoomReceived): string {
  return outcome.kind === "application" ? new TextDecoder().decode(outcome.plaintext) : outcome.kind;
}

/** Which of them is oneself differs, nothing else may. */
function withoutOwn(summary: RoomCommitSummary) {
  const bare = ({ account, device, index }: RoomCommitSummary["by"]) => ({ account, device, index });
  return {
    ...summary,
    by: bare(summary.by),
    joined: summary.joined.map(bare),
    gone: summary.gone.map(bare),
  };
}
