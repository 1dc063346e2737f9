/** What people do in rooms of many, at random: each chooses among what they see at that moment. */
import type { AccountId, RoomId } from "@fedchat/protocol";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { marker } from "./marker.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Simulation } from "./simulate.ts";

type Deed = (by: SimulatedDevice) => Promise<unknown>;

const roles = ["owner", "moderator", "member", "guest"] as const;

export class RoomDeeds {
  readonly #simulation: Simulation;
  readonly #chance: SeededRandom;
  readonly #room: RoomId;
  /** Who may be taken in; others are never in the room. */
  readonly #people: readonly SimulatedDevice[];
  readonly #deeds: readonly (readonly [weight: number, deed: Deed])[] = [
    [50, (by) => this.write(by)],
    [8, (by) => this.#rename(by)],
    [10, (by) => this.#invite(by)],
    [5, (by) => this.#remove(by, false)],
    [2, (by) => this.#remove(by, true)],
    [3, (by) => this.#unban(by)],
    [7, (by) => this.#setRole(by)],
    [3, (by) => this.#setRules(by)],
    [3, (by) => this.#leave(by)],
    [3, () => this.#atOnce(2)],
    [1, () => this.#atOnce(20)],
  ];
  /** What was asked of engines, by kind, for people who read how a run went. */
  readonly counts: Record<string, number> = {};
  #written = 0;

  constructor(
    simulation: Simulation,
    chance: SeededRandom,
    place: { room: RoomId; people: readonly SimulatedDevice[] },
  ) {
    this.#simulation = simulation;
    this.#chance = chance;
    this.#room = place.room;
    this.#people = place.people;
  }

  /** One of somebody who is in. */
  async any(): Promise<void> {
    const present = this.present();
    if (present.length === 0) return;
    const by = this.#chance.pick(present);
    const whole = this.#deeds.reduce((sum, [weight]) => sum + weight, 0);
    let drawn = this.#chance.between(0, whole - 1);
    const [, deed] = this.#deeds.find(([weight]) => (drawn -= weight) < 0)!;
    await deed(by);
  }

  /** Whether its engine took it. */
  async write(by: SimulatedDevice): Promise<boolean> {
    this.#written += 1;
    const text = `${this.#written} of ${by.name}: ${marker}`;
    const done = await by.tries("messages.send", { roomId: this.#room, text, clientId: text });
    this.#count("messages written in rooms", done);
    return done;
  }

  /** Says yes, and now and then no, to every invitation as long as it goes on. */
  async answer(who: SimulatedDevice, goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      await this.#simulation.clock.sleep(this.#chance.between(200, 3_000));
      if (stateOf(who, this.#room) !== "invited") continue;
      const method = this.#chance.chance(0.95) ? "rooms.join" : "rooms.leave";
      this.#count("invitations answered", await who.tries(method, { roomId: this.#room }));
    }
  }

  async #atOnce(count: number): Promise<void> {
    this.#count(`${count} changes at once`);
    const present = this.present();
    const changes = Array.from({ length: count }, (_, at) => {
      const by = present[at % present.length]!;
      return this.#chance.chance(0.7) ? this.#rename(by) : this.#setRole(by);
    });
    await Promise.all(changes);
  }

  /** Those who are in, and have joined. */
  present(): SimulatedDevice[] {
    return this.#people.filter((one) => stateOf(one, this.#room) === "open");
  }

  async #rename(by: SimulatedDevice): Promise<void> {
    const name = `${this.#chance.between(1, 999)} ${marker}`;
    this.#count("rooms renamed", await by.tries("rooms.rename", { roomId: this.#room, name }));
  }

  async #invite(by: SimulatedDevice): Promise<void> {
    const there = peopleSeenBy(by, this.#room);
    const others = this.#people.filter(({ account }) => !there.has(account));
    if (others.length === 0) return;
    const { account: who } = this.#chance.pick(others);
    const role = this.#chance.pick(roles);
    const asked = { roomId: this.#room, who, ...(this.#chance.chance(0.7) ? {} : { role }) };
    this.#count("people taken in", await by.tries("rooms.invite", asked));
  }

  async #remove(by: SimulatedDevice, ban: boolean): Promise<void> {
    const { account } = this.#chance.pick(this.#people);
    if (account === by.account) return;
    const done = await by.tries("rooms.remove", { roomId: this.#room, account, ban });
    this.#count(ban ? "people banned" : "people removed", done);
  }

  async #unban(by: SimulatedDevice): Promise<void> {
    const { account } = this.#chance.pick(this.#people);
    this.#count("bans lifted", await by.tries("rooms.unban", { roomId: this.#room, account }));
  }

  async #setRole(by: SimulatedDevice): Promise<void> {
    const { account } = this.#chance.pick(this.#people);
    const role = this.#chance.pick(roles);
    this.#count("roles given", await by.tries("rooms.setRole", { roomId: this.#room, account, role }));
  }

  async #setRules(by: SimulatedDevice): Promise<void> {
    const inviting = this.#chance.pick(["moderators", "members"] as const);
    await by.tries("rooms.setRules", { roomId: this.#room, inviting });
  }

  async #leave(by: SimulatedDevice): Promise<void> {
    // The room would be over.
    if (this.present().length < 2) return;
    this.#count("people who left", await by.tries("rooms.leave", { roomId: this.#room }));
  }

  #count(what: string, isDone = true): void {
    if (isDone) this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

/** As it lies on this device's disk; undefined where it never heard of the room. */
export function stateOf({ database }: SimulatedDevice, room: RoomId): string | undefined {
  return database.get<{ state: string }>("SELECT state FROM rooms WHERE id = ?", room)?.state;
}

function peopleSeenBy({ database }: SimulatedDevice, room: RoomId): Set<AccountId> {
  const sql = "SELECT account FROM roomPeople WHERE room = ?";
  return new Set(database.all<{ account: AccountId }>(sql, room).map(({ account }) => account));
}
