/**
 * A room as a large community has it, with real MLS, engines and homeservers, on a clock that waits for them: some are
 * invited, many more come in waves by a link, and live on many homeservers.
 * `CROWD=500 CROWD_SERVERS=50 CROWD_SIZE=large npm run test:crowd` is the largest that a room is made for.
 */
import { expect, test } from "vitest";
import { type Person, World } from "../../packages/engine/test/world.ts";
import { has, say, Village } from "./village.ts";

const people = Number(process.env["CROWD"] ?? 64);
const servers = Number(process.env["CROWD_SERVERS"] ?? 16);
const rooms = process.env["CROWD_SIZE"] === "usual" ? "usual" : "large";
const invitedMax = 20;
const waveMax = 120;

test(`[W7] [W8] [W9] [I9] ${people} people on ${servers} servers are one room, through waves of newcomers, a removal and the loss of its hub`, async () => {
  await using world = new World("real");
  world.takeoverAfterMs = 20_000;
  const village = await Village.found(world, { people, servers, rooms });
  const { owner, roomId } = village;

  const friends = await village.newcomers(Math.min(invitedMax, Math.floor(people / 4)));
  await village.invite(friends);
  const [moderator, other] = [friends[0]!, friends[1]!];
  for (const one of [moderator, other])
    await owner.call("rooms.setRole", { roomId, account: await one.account(), role: "moderator" });
  const role = (one: Person) => one.call("rooms.get", { roomId }).then(({ group }) => group?.role);
  for (const one of [moderator, other])
    await world.until(async () => (await role(one)) === "moderator", "moderators");
  const link = await village.link();
  await world.pass(1_000);

  // One less, who comes when the hub is lost.
  while (village.people.length < people - 1) {
    const wave = Math.min(waveMax, people - 1 - village.people.length);
    await village.follow(link, await village.newcomers(wave));
    await village.caughtUp();
    say(`the log has ${village.position(owner)} entries`);
  }
  expect((await owner.call("rooms.get", { roomId })).group?.people).toBe(people - 1);

  for (const [at, from] of [owner, friends.at(-1)!, village.people.at(-1)!].entries())
    await village.hears(from, `Good evening ${at}`);

  const removed = village.people.splice(-2, 1)[0]!;
  await owner.call("rooms.remove", { roomId, account: await removed.account() });
  const isOut = () =>
    removed.database.get<{ state: string }>("SELECT state FROM rooms WHERE id = ?", roomId)?.state ===
    "closed";
  await world.until(isOut, "the removed one to be told");
  await village.caughtUp();
  await village.hears(other, "Without one");
  const without = "SELECT id FROM messages WHERE text = 'Without one'";
  const { id } = other.database.get<{ id: string }>(without)!;
  await world.pass(5_000);
  expect([has(removed, id), village.isIn(removed)]).toEqual([false, false]);

  world.unreachable.add(owner.home.host);
  owner.home.cutLinks();
  const living = village.people.filter((person) => person !== owner);
  await moderator.call("rooms.rename", { roomId, name: "Town" });
  const title = "SELECT name FROM rooms WHERE id = ? AND name = 'Town'";
  await village.passUntil(
    "go on under the next hub",
    living,
    (one) => one.database.all(title, roomId).length > 0,
  );
  const [late] = await village.newcomers(1);
  await village.follow(link, [late!]);
  living.push(late!);
  await village.caughtUp(living);
  await village.hears(late!, "Is this the village?", living);

  world.unreachable.delete(owner.home.host);
  await village.caughtUp();
  await village.hears(owner, "It is", village.people);
  expect((await owner.call("rooms.get", { roomId })).group).toMatchObject({ people: people - 1 });
  say(`the log has ${village.position(owner)} entries`);
});
