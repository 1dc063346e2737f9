/**
 * Rooms at random, from a seed: what a few people do one after the other and at once, with messages that come late.
 * `ROOM_RANDOM_MS` makes it longer than what `npm test` gives it, `ROOM_RANDOM_SEED` says where to begin.
 */
import assert from "node:assert/strict";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { changed } from "../../homeserver/test/test-account.ts";
import { seededRandom } from "../../mls/test/seeded-random.ts";
import { roomPastEpochs } from "../src/mls/limits.ts";
import { participantOf } from "../src/room-state/room-state.ts";
import type { RoomUpdate } from "../src/room-state/room-update.ts";
import { RoomWorld, type RoomWorldOptions, type Seat, textOf } from "./room-world.ts";
import { stubRooms } from "./stub-rooms.ts";

const budgetMs = Number(process.env["ROOM_RANDOM_MS"] ?? 1_500);
const firstSeed = Number(process.env["ROOM_RANDOM_SEED"] ?? 1);
const stepsPerRoom = 25;

/** The simulation's stub has to be as strict as what it stands for. */
describe.each([
  ["MLS", undefined],
  ["the stub", stubRooms],
])("%s", (_name, crypto) =>
  test(
    "[W5] whatever people do, all who are in a room hold one epoch of it, and who is out is out",
    { timeout: budgetMs + 30_000 },
    () => {
      const end = performance.now() + budgetMs;
      let [seed, steps, commits] = [firstSeed, 0, 0];
      do {
        const room = new Story(seed, crypto);
        for (let i = 0; i < stepsPerRoom && (seed === firstSeed || performance.now() < end); i++) {
          try {
            room.act();
          } catch (cause) {
            throw new Error(`seed ${seed}, step ${i}: ${room.deeds.at(-1)}`, { cause });
          }
          steps += 1;
        }
        commits += room.commits;
        seed += 1;
      } while (performance.now() < end);
      console.log(`random rooms: ${seed - firstSeed} seeds, ${steps} steps, ${commits} commits`);
      expect(commits).toBeGreaterThan(0);
    },
  ),
);

class Story {
  readonly #random;
  readonly #world: RoomWorld;
  readonly #people: Seat[][];
  /** Messages under way, with who has yet to hear them. */
  readonly #late: { readonly epoch: bigint; readonly message: Uint8Array; readonly to: Set<Seat> }[] = [];
  /** The epochs in which they last said that they leave. */
  readonly #left = new Map<Seat, bigint>();
  readonly deeds: string[] = [];
  commits = 0;

  constructor(seed: number, crypto: RoomWorldOptions["crypto"]) {
    this.#random = seededRandom(`rooms ${seed}`);
    this.#world = new RoomWorld({ random: this.#random, ...(crypto === undefined ? {} : { crypto }) });
    const count = 3 + this.#random.below(10);
    this.#people = Array.from({ length: count }, (_, at) =>
      this.#world.person(`p${at}`, 1 + this.#random.below(3)),
    );
    this.#world.create(this.#people[0]![0]!, {
      invite: this.#random.below(2) === 0 ? "members" : "moderators",
    });
  }

  act(): void {
    const deeds: [string, () => void][] = [
      ["updates", () => this.#commit()],
      ["updates", () => this.#commit()],
      ["updates at once", () => this.#race()],
      ["admits", () => this.#admit()],
      ["admits", () => this.#admit()],
      ["leaves", () => this.#leave()],
      ["comes in by itself", () => this.#comeIn()],
      ["writes", () => this.#write()],
      ["writes", () => this.#write()],
      ["hears", () => this.#hear()],
    ];
    const [what, deed] = this.#one(deeds);
    this.deeds.push(what);
    deed();
    this.#world.expectAgreement();
    this.#expectOut();
  }

  #commit(): void {
    const by = this.#one(this.#world.present);
    const updates = [this.#update(), this.#update()].slice(this.#random.below(3));
    const made = this.#world.crypto.commit(by.state, { updates, renewKey: this.#random.below(8) === 0 });
    if (made.kind === "refused") return;
    by.step(made.before);
    this.#world.take(by, made);
    this.commits += 1;
  }

  #race(): void {
    if (this.#world.present.length < 2) return;
    const [winner, loser] = this.#shuffled(this.#world.present) as [Seat, Seat];
    const [first, second] = [winner, loser].map((seat) => {
      return this.#world.crypto.commit(seat.state, { updates: [this.#update()] });
    });
    if (first!.kind === "refused" || second!.kind === "refused") return;
    winner.step(first!.before);
    loser.step(second!.before);
    this.#world.take(winner, first!);
    this.#world.crypto.erase(second!.next, second!.before);
    this.commits += 1;
  }

  #admit(): void {
    const by = this.#one(this.#world.present);
    const group = this.#one(this.#people);
    const seats = group.filter(({ isIn }) => !isIn);
    const { signed } = group[0]!.account;
    const isNew = participantOf(by.room, group[0]!.id) === undefined;
    const updates: RoomUpdate[] = isNew ? [{ kind: "admit", record: signed, role: "member" }] : [];
    const held = new Set(this.#world.crypto.members(by.state).map(({ credential }) => keyOf(credential)));
    const adding = seats.filter(({ identity }) => !held.has(keyOf(identity.credential)));
    if (by.refusal({ updates }) !== "committed" || !this.#listed(by, group, isNew)) return;
    this.#world.commit(by, updates, adding);
    this.commits += 1;
  }

  #leave(): void {
    const by = this.#one(this.#world.present);
    // The same wish twice in an epoch is one proposal.
    const epoch = this.#world.crypto.epoch(by.state);
    if (this.#left.get(by) === epoch) return;
    const left = this.#world.crypto.leave(by.state);
    if (left.kind === "refused") return;
    this.#left.set(by, epoch);
    by.step(left.state);
    for (const seat of this.#world.present)
      if (seat !== by) assert.equal(seat.receive(left.message).kind, "proposal");
  }

  /** A device that is on the list, also one that is in and lost its state. */
  #comeIn(): void {
    const seat = this.#one(this.#people.flat());
    if (this.#world.present.every((one) => one === seat)) return;
    const { infoKey } = this.#world.present.find((one) => one !== seat)!.room;
    if (this.#world.comeIn(seat, infoKey).kind === "refused") return;
    seat.forget();
    this.#world.comesIn(seat);
    this.commits += 1;
  }

  #write(): void {
    const by = this.#one(this.#world.present);
    const epoch = this.#world.crypto.epoch(by.state);
    const to = new Set(this.#world.present.filter((seat) => seat !== by));
    this.#late.push({ epoch, message: by.send(`of ${epoch}`), to });
  }

  /** Whoever was in from the message's epoch on reads it, however late within five epochs. */
  #hear(): void {
    for (const { epoch, message, to } of this.#late) {
      for (const seat of to) {
        to.delete(seat);
        if (!seat.isIn) continue;
        const now = this.#world.crypto.epoch(seat.state);
        const kept = epoch >= seat.since && now - epoch <= BigInt(roomPastEpochs);
        assert.equal(textOf(seat.receive(message)), kept ? `of ${epoch}` : "stale-epoch");
      }
    }
    this.#late.length = 0;
  }

  #update(): RoomUpdate {
    const somebody = this.#one(this.#people)[0]!;
    const account = somebody.id;
    const updates: (() => RoomUpdate)[] = [
      () => ({ kind: "rename", name: `room ${this.#random.below(1_000)}` }),
      () => ({ kind: "remove", account }),
      () => ({ kind: "ban", account }),
      () => ({ kind: "unban", account }),
      () => ({ kind: "role", account, role: this.#one(["owner", "moderator", "member", "guest"] as const) }),
      () => ({ kind: "rules", join: "open", invite: this.#one(["moderators", "members"] as const) }),
      () => ({ kind: "record", record: this.#newer(somebody) }),
    ];
    return this.#one(updates)();
  }

  /** The same devices, one sequence on. */
  #newer(seat: Seat): Uint8Array {
    const newer = changed({ primitives }, seat.account, {});
    for (const one of this.#people.find((group) => group.includes(seat))!) one.account = newer;
    return newer.signed;
  }

  /** Whether the room lists all of these devices, or would. */
  #listed(by: Seat, group: readonly Seat[], isNew: boolean): boolean {
    return isNew || participantOf(by.room, group[0]!.id)!.devices.length === group.length;
  }

  /** Nobody is a member whose account is not in the room, or without holding its state. */
  #expectOut(): void {
    const [one] = this.#world.present;
    for (const { account } of this.#world.crypto.members(one!.state))
      assert(participantOf(one!.room, account) !== undefined);
    assert.equal(this.#world.crypto.members(one!.state).length, this.#world.present.length);
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  #shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    return list.map(() => left.splice(this.#random.below(left.length), 1)[0]!);
  }
}

const keyOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
