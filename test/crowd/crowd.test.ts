/**
 * A crowd that comes into a room at once, with real MLS, engines and homeservers, on a clock that waits for them: more
 * people than a Welcome has room for. `CROWD=200 CROWD_SIZE=large CROWD_SERVERS=20 npm run test:crowd` asks more.
 */
import { expect, test } from "vitest";
import type { Person } from "../../packages/engine/test/world.ts";
import { World } from "../../packages/engine/test/world.ts";

const count = Number(process.env["CROWD"] ?? 60);
const size = process.env["CROWD_SIZE"] === "large" ? "large" : "usual";
const servers = Number(process.env["CROWD_SERVERS"] ?? 3);
const roundsMax = 600;

test(`[W7] ${count} people on ${servers} servers ask to come into an open room at once, are in, and all hear each other`, async () => {
  await using world = new World("real");
  const owner = await (await world.home("owner.example")).person("Olga");
  const { roomId, link } = await openRoom(owner);
  const homes = [];
  for (let at = 0; at < servers; at++) homes.push(await world.home(`home-${at}.example`));
  const crowd: Person[] = [];
  for (let at = 0; at < count; at++) crowd.push(await homes[at % servers]!.person(`Person ${at}`));
  const all = [owner, ...crowd];
  say("accounts are open");

  for (const person of crowd) await person.call("rooms.ask", { link });
  await moving(world, "be in", () => all.filter((person) => isIn(person, roomId)).length, all.length);
  // Everybody's first act is a Commit with new keys. [W8]
  const newest = () => Math.max(...all.map((person) => positionOf(person, roomId)));
  await moving(
    world,
    "be as far",
    () => all.filter((person) => positionOf(person, roomId) === newest() && isSettled(person, roomId)).length,
    all.length,
  );
  say(`the log has ${newest()} entries`);

  for (const person of [owner, crowd.at(0)!, crowd.at(-1)!]) {
    const { messageId } = await person.call("messages.send", { roomId, text: "Good evening, everybody" });
    const has = (one: Person) =>
      one.database.all("SELECT 1 FROM messages WHERE id = ?", messageId).length === 1;
    await moving(world, "hear it", () => all.filter(has).length, all.length);
  }
  expect((await owner.call("rooms.get", { roomId })).group?.people).toBe(all.length);
});

async function openRoom(owner: Person): Promise<{ roomId: string; link: string }> {
  const { world } = owner.home;
  const { roomId } = await owner.call("rooms.create", { name: "Village", people: [], size });
  const group = async () => (await owner.call("rooms.get", { roomId })).group;
  await world.until(async () => (await group())?.underway.length === 0, "the room's log to begin");
  await owner.call("rooms.setRules", { roomId, joining: "open" });
  await world.until(async () => (await group())?.joining === "open", "an open room");
  const { link } = await owner.call("rooms.createLink", { roomId });
  return { roomId, link: link! };
}

/** Lets time pass until so many are as they are to be. */
async function moving(world: World, what: string, count: () => number, wanted: number): Promise<void> {
  for (let round = 0; count() < wanted; round++) {
    if (round === roundsMax) throw new Error(`only ${count()} of ${wanted} ${what}`);
    if (round % 20 === 19) say(`${count()} of ${wanted} ${what}`);
    await world.pass(500);
  }
  say(`all ${what}`);
}

function isIn(person: Person, roomId: string): boolean {
  return person.database.all("SELECT 1 FROM groupRecords WHERE room = ? LIMIT 1", roomId).length === 1;
}

function isSettled(person: Person, roomId: string): boolean {
  return person.database.all("SELECT 1 FROM roomChanges WHERE room = ? LIMIT 1", roomId).length === 0;
}

function positionOf(person: Person, roomId: string): number {
  const sql = "SELECT position FROM roomLogs WHERE room = ?";
  return person.database.get<{ position: number }>(sql, roomId)?.position ?? 0;
}

const began = performance.now();

function say(what: string): void {
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(`${seconds} s, ${Math.round(process.memoryUsage().rss / 1e6)} MB: ${what}`);
}
