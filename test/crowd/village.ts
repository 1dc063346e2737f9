/** People of one open room on many homeservers, how far each has come in it, and time that passes until all have. */
import type { Home, Person, World } from "../../packages/engine/test/world.ts";

export interface VillageSize {
  people: number;
  servers: number;
  rooms: "usual" | "large";
}

/**
 * Virtual time for one thing to come to everybody, in steps: a server takes requests of strangers from a dozen a minute,
 * and who was refused tries again after up to a quarter of an hour.
 */
const stepsMax = 4_800;
const stepMs = 500;

export class Village {
  readonly world: World;
  readonly owner: Person;
  readonly homes: readonly Home[];
  readonly roomId: string;
  /** Who is to be in the room, the owner first. */
  readonly people: Person[];
  #names = 0;

  private constructor(world: World, owner: Person, homes: readonly Home[], roomId: string) {
    this.world = world;
    this.owner = owner;
    this.homes = homes;
    this.roomId = roomId;
    this.people = [owner];
  }

  /** A room that everybody may come into by a link; its hub is a server where its owner alone lives. */
  static async found(world: World, { servers, rooms: size }: VillageSize): Promise<Village> {
    const owner = await (await world.home("owner.example")).person("Olga");
    const { roomId } = await owner.call("rooms.create", { name: "Village", people: [], size });
    const group = async () => (await owner.call("rooms.get", { roomId })).group;
    await world.until(async () => (await group())?.underway.length === 0, "the room's log to begin");
    await owner.call("rooms.setRules", { roomId, joining: "open" });
    await world.until(async () => (await group())?.joining === "open", "an open room");
    const homes: Home[] = [];
    for (let at = 1; at < servers; at++) homes.push(await world.home(`home-${at}.example`));
    return new Village(world, owner, homes, roomId);
  }

  /** So many more people, on one homeserver after the other. */
  async newcomers(count: number): Promise<Person[]> {
    const persons: Person[] = [];
    for (let at = 0; at < count; at++) {
      const number = this.#names++;
      persons.push(await this.homes[number % this.homes.length]!.person(`Person ${number}`));
    }
    return persons;
  }

  /** Friends of the owner's, who takes them in; each says yes. */
  async invite(friends: readonly Person[]): Promise<void> {
    const { owner, roomId, world } = this;
    const { link } = await owner.call("invitations.create", { uses: friends.length });
    for (const friend of friends) await friend.call("invitations.accept", { link: link! });
    const ready = () =>
      owner.database.all("SELECT 1 FROM contacts WHERE capability IS NOT NULL").length === friends.length;
    await world.until(ready, "chats with all of them");
    for (const friend of friends)
      await owner.call("rooms.invite", { roomId, who: await friend.account(), role: "member" });
    await this.passUntil("are invited", friends, (friend) => this.isIn(friend));
    for (const friend of friends) await friend.call("rooms.join", { roomId });
    this.people.push(...friends);
  }

  /** All at once, by one link. */
  async follow(link: string, newcomers: readonly Person[]): Promise<void> {
    for (const person of newcomers) await person.call("rooms.ask", { link });
    await this.passUntil("have come in", newcomers, (person) => this.isIn(person));
    this.people.push(...newcomers);
  }

  async link(): Promise<string> {
    return (await this.owner.call("rooms.createLink", { roomId: this.roomId })).link!;
  }

  /** Everybody, or these, took all that the log has. */
  async caughtUp(people: readonly Person[] = this.people): Promise<void> {
    const newest = () => Math.max(...people.map((person) => this.position(person)));
    await this.passUntil("are as far as the log", people, (person) => this.position(person) === newest());
  }

  /** Somebody writes, and all of these have it. */
  async hears(from: Person, text: string, people: readonly Person[] = this.people): Promise<void> {
    const { messageId } = await from.call("messages.send", { roomId: this.roomId, text });
    await this.passUntil(`have '${text}'`, people, (person) => has(person, messageId));
  }

  /** Lets time pass until it is so for all of these. */
  async passUntil(what: string, people: readonly Person[], isSo: (person: Person) => boolean): Promise<void> {
    const count = () => people.filter(isSo).length;
    for (let step = 0; count() < people.length; step++) {
      if (step === stepsMax) throw new Error(`only ${count()} of ${people.length} ${what}`);
      if (step % 40 === 39) say(`${count()} of ${people.length} ${what}`);
      await this.world.pass(stepMs);
    }
    say(`${people.length} ${what}`);
  }

  isIn(person: Person): boolean {
    const sql = "SELECT 1 FROM groupRecords WHERE room = ? LIMIT 1";
    return person.database.all(sql, this.roomId).length === 1;
  }

  position(person: Person): number {
    const sql = "SELECT position FROM roomLogs WHERE room = ?";
    return person.database.get<{ position: number }>(sql, this.roomId)?.position ?? 0;
  }
}

export function has({ database }: Person, messageId: string): boolean {
  return database.all("SELECT 1 FROM messages WHERE id = ?", messageId).length === 1;
}

export function say(what: string): void {
  const cpu = process.cpuUsage();
  const seconds = Math.round((cpu.user + cpu.system) / 1e6);
  console.log(`${seconds} s of processor time, ${Math.round(process.memoryUsage().rss / 1e6)} MB: ${what}`);
}
