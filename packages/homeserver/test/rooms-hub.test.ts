/** The hub of a room: who may append, what wins, and what is on disk when it says so. */
import { expect, test } from "vitest";
import type { ClientParams, RoomLogItem, ServerId } from "@fedchat/protocol";
import { encode, limits, ProtocolError, roomLogItem, serverId } from "@fedchat/protocol";
import { strangerQueryRate } from "../src/core/limits.ts";
import { StoreFullError } from "../src/store/index.ts";
import type { Host } from "./federation-world.ts";
import { roomHeads, sharedRoom, TestRoom } from "./room-scene.ts";

const day = 86_400_000;
const stranger: ServerId = serverId.fromBytes(new Uint8Array(32).fill(77));

/** What an append is answered with, or the code of its refusal. */
function outcomeOf(by: Host, append: ClientParams<"rooms.append">, person = by.person): Promise<unknown> {
  const answered = by.rooms.append(person, append).catch((error: unknown) => {
    if (error instanceof ProtocolError) return error.code;
    if (error instanceof StoreFullError) return "full";
    throw error;
  });
  return by.world.clock.settle(answered);
}

/** Time passes while none of them runs. */
async function asleep(hosts: Host[], ms: number): Promise<void> {
  for (const host of hosts) host.crash();
  await hosts[0]!.world.clock.advance(ms);
  for (const host of hosts) await host.start();
}

test("[O3] of two that build on one head one wins, and the other is told where the log is", async () => {
  const { hub, member, room } = await sharedRoom();
  const [mine, theirs] = [room.commit([hub.id, member.id], 10), room.commit([hub.id, member.id], 20)];
  const answers = (await Promise.all([
    outcomeOf(hub, room.append(mine)),
    outcomeOf(member, room.append(theirs)),
  ])) as Awaited<ReturnType<Host["rooms"]["append"]>>[];

  const winner = answers.find(({ outcome }) => outcome === "appended");
  const loser = answers.find(({ outcome }) => outcome === "behind");
  expect(winner).toMatchObject({ position: 3 });
  expect(loser).toEqual({ outcome: "behind", hub: hub.id, term: 1, position: 3, hash: winner?.hash });
  expect(await room.positions(hub)).toEqual([1, 2, 3]);
});

test("[O3] a hundred at once from two servers make one log, in which each stands once", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const append = async (by: Host, n: number): Promise<void> => {
    for (let tried = 0; tried < 200; tried += 1) {
      const item = { ...room.proposal(), message: room.message("proposal", room.epoch, 100 + n) };
      const answer = await by.rooms
        .append(by.person, room.append(item as RoomLogItem))
        .catch(() => undefined);
      if (answer?.outcome === "appended") return room.took(item as RoomLogItem, answer);
      if (answer !== undefined) room.head = { ...room.head, position: answer.position, hash: answer.hash };
      await by.world.clock.sleep(world.random.between(1, 500));
    }
    throw new Error("it never won");
  };
  const all = Array.from({ length: 100 }, (_, n) => append(n % 2 === 0 ? hub : member, n));
  await world.clock.settle(Promise.all(all), day);
  const items = (await room.read(hub)).slice(2).map(({ item }) => item.length);
  expect(new Set(items).size).toBe(100);
  await world.clock.until(() => room.at(member) === 102, "the member's server has all");
  expect(await room.read(member, 1)).toEqual(await room.read(hub, 1));
});

test("[O3] an append whose answer was lost is answered again, also when the log went on", async () => {
  const { hub, member, room } = await sharedRoom();
  const item = room.commit([hub.id, member.id]);
  const append = room.append(item);
  const first = await outcomeOf(member, append);
  expect(await outcomeOf(member, append)).toEqual(first);
  room.took(item, first as never);
  await room.add(hub, room.proposal());
  expect(await outcomeOf(member, append)).toEqual(first);
  // By somebody else, or with another item, it is another append.
  const behind = { outcome: "behind", ...room.head, position: 4 };
  expect(await outcomeOf(member, append, member.people[1]!.id)).toEqual(behind);
  const other = encode(roomLogItem, { ...item, external: true } as RoomLogItem);
  expect(await outcomeOf(member, { ...append, item: other })).toEqual(behind);
  // Whose server was taken off the list since then is told all the same, and nothing else.
  await room.add(hub, room.commit([hub.id]));
  expect(await outcomeOf(member, append)).toEqual(first);
  expect(await outcomeOf(member, { ...append, item: other })).toBe("not-allowed");
  await hub.restart();
  expect(await outcomeOf(hub, append)).toMatchObject({ outcome: "behind", position: 5 });
  expect(await room.positions(hub)).toEqual([1, 2, 3, 4, 5]);
});

test("[O3] what breaks a rule is refused and changes nothing", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const outsider = await world.homeserver("outsider");
  await world.link(hub, outsider);
  const commit = room.commit([hub.id, member.id]);
  const fields = commit as Extract<RoomLogItem, { kind: "commit" }>;
  const right = room.append(commit);
  const unproved = { ...right, proof: right.proof.with(5, right.proof[5]! ^ 1) };
  const refused: [string, Host, ClientParams<"rooms.append">][] = [
    ["not-allowed", hub, unproved],
    ["not-allowed", member, unproved],
    ["not-allowed", hub, { ...right, info: Uint8Array.of(9) }],
    ["not-allowed", outsider, right],
    ["unknown-room", member, new TestRoom(hub.id, "another").append(commit)],
    ["not-allowed", member, new TestRoom(hub.id, "new").append(room.begin([hub.id, member.id]))],
    ["malformed", hub, new TestRoom(hub.id, "new").append(room.begin([member.id]))],
    ["malformed", hub, new TestRoom(hub.id, "new").append(room.begin([hub.id]), { position: 3 })],
    ["malformed", hub, new TestRoom(hub.id, "new").append(room.begin([hub.id]), { info: null })],
    ["malformed", hub, room.append(room.begin([hub.id]))],
    ["malformed", hub, room.append(commit, { info: null })],
    ["malformed", hub, room.append(room.proposal(), { info: Uint8Array.of(1) })],
    ["malformed", hub, room.append({ ...fields, group: new Uint8Array(32) })],
    ["malformed", hub, room.append({ ...fields, epoch: 9 })],
    ["malformed", hub, room.append({ ...fields, message: room.message("proposal") })],
    ["malformed", hub, room.append({ ...fields, message: Uint8Array.of(1, 2, 3) })],
    ["malformed", hub, room.append(commit, { item: Uint8Array.of(0xa0) })],
  ];
  for (const [code, by, append] of refused) expect(await outcomeOf(by, append), code).toBe(code);
  expect(await outcomeOf(hub, { ...right, term: 2 })).toMatchObject({
    outcome: "behind",
    term: 1,
    position: 2,
  });
  expect(await room.positions(hub)).toEqual([1, 2]);
  expect(await outcomeOf(hub, right)).toMatchObject({ outcome: "appended", position: 3 });
});

test("[O3] a device that joins by itself: its message is no business of the hub's", async () => {
  const { hub, member, room } = await sharedRoom();
  const sealed = { ...room.commit([hub.id, member.id]), external: true, message: Uint8Array.of(1, 2, 3) };
  await room.add(member, sealed as RoomLogItem);
  expect((await room.read(hub)).at(-1)).toMatchObject({
    position: 3,
    by: { account: member.person, server: member.id },
  });
});

test("[O4] on a full disk nothing is appended and nothing sent; with room again both are, once", async () => {
  const { world, hub, member, room } = await sharedRoom();
  hub.disk.full = true;
  const append = room.append(room.commit([hub.id, member.id]));
  expect(await outcomeOf(hub, append)).toBe("full");
  expect(await outcomeOf(member, append)).toBe("storage-full");
  await world.clock.advance(60_000);
  expect([room.at(hub), room.at(member)]).toEqual([2, 2]);

  hub.disk.full = false;
  await world.clock.advance(5_000);
  expect([room.at(hub), room.at(member)]).toEqual([2, 2]);
  expect(await outcomeOf(member, append)).toMatchObject({ outcome: "appended", position: 3 });
  await world.clock.until(() => room.at(member) === 3, "the member's server has it");
  expect(roomHeads(member).filter((position) => position === 3)).toEqual([3]);
});

test("[O4] what was acknowledged survives a crash of the hub at any moment, with what it owes its members", async () => {
  const { world, hub, member, room } = await sharedRoom();
  member.crash();
  for (let n = 0; n < 12; n += 1) {
    const item = n % 3 === 0 ? room.commit([hub.id, member.id]) : room.proposal();
    const answered = hub.rooms.append(hub.person, room.append(item)).catch(() => undefined);
    const crashed = world.clock.sleep(world.random.between(0, 6)).then(() => undefined);
    const answer = await world.clock.settle(Promise.race([answered, crashed]));
    await hub.restart();
    // A process that crashed never answers: the same again tells.
    room.took(item, answer ?? (await world.clock.settle(hub.rooms.append(hub.person, room.append(item)))));
  }
  expect(await room.positions(hub)).toEqual(Array.from({ length: 14 }, (_, n) => n + 1));
  await member.start();
  await world.clock.until(() => room.at(member) === 14, "the member's server has all", day);
  expect(await room.read(member, 1)).toEqual(await room.read(hub, 1));
});

test("[O4] an entry goes to the servers before it and after it, and to nobody else", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const [third, other] = [await world.homeserver("third"), await world.homeserver("other")];
  await world.link(hub, third);
  await world.link(hub, other);
  await room.add(hub, room.commit([hub.id, third.id, stranger]));
  const added = room.head;
  await room.add(hub, room.proposal());
  await room.follow(third, third.person, added);
  await world.clock.until(() => room.at(third) === 4, "the third has it");
  await world.clock.advance(60_000);
  expect(await room.positions(member, 1)).toEqual([2, 3]);
  expect(await room.positions(third)).toEqual([3, 4]);
  expect((await other.store.load()).rooms).toEqual([]);
  // Of one that nobody knows nothing waits.
  expect(await hub.store.outboxPage(stranger, "messages", 0, 1)).toEqual([]);
});

test("[O3] entries older than 90 days go, but for the newest commit and what is behind it", async () => {
  const { world, hub, member, room } = await sharedRoom();
  await room.add(hub, room.commit([hub.id, member.id]));
  await room.add(hub, room.proposal());
  await asleep([hub, member], 50 * day);
  await room.add(hub, room.proposal());
  await world.clock.until(() => room.at(member) === 5, "the member's server has it", day);
  await asleep([hub, member], 41 * day);
  for (const host of [hub, member]) await world.clock.settle(host.rooms.expire());
  expect(await room.positions(hub)).toEqual([3, 4, 5]);
  expect(await room.positions(member)).toEqual([3, 4, 5]);
  await hub.restart();
  await room.add(hub, room.commit([hub.id, member.id]));
  await world.clock.settle(hub.rooms.expire());
  expect(await room.positions(hub)).toEqual([5, 6]);
});

test("[O6] entries are told in pages, one at least; the info in pieces, both to member servers only", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const outsider = await world.homeserver("outsider");
  await world.link(hub, outsider);
  for (let n = 0; n < 3; n += 1) await room.add(hub, room.commit([hub.id, member.id], 200_000));
  const info = new Uint8Array(limits.roomInfoBytesMax).map((_, index) => index % 251);
  const large = room.commit([hub.id, member.id], 370_000);
  room.took(large, (await outcomeOf(hub, room.append(large, { info }))) as never);
  const pages = [0, 2, 3, 5, 6].map((after) => hub.rooms.log(hub.person, { room: room.id, after }));
  const told = (await Promise.all(pages)).map(({ entries, head }) => [entries.length, head.position]);
  expect(told).toEqual([
    [3, 6],
    [1, 6],
    [1, 6],
    [1, 6],
    [0, 6],
  ]);
  await world.clock.until(() => room.at(member) === 6, "the member's server has it");

  const infoFrom = (by: Host, offset: number) =>
    world.clock.settle(by.rooms.info({ room: room.id, hub: hub.id, offset }));
  for (const by of [hub, member]) {
    const parts: number[] = [];
    while (parts.length < info.length) {
      const { info: part, total, position } = await infoFrom(by, parts.length);
      expect([total, position]).toEqual([info.length, 6]);
      parts.push(...part);
    }
    expect(Uint8Array.from(parts)).toEqual(info);
    await expect(infoFrom(by, info.length + 1)).rejects.toMatchObject({ code: "malformed" });
  }
  await expect(infoFrom(outsider, 0)).rejects.toMatchObject({ code: "not-allowed" });
  const unknown = outsider.rooms.info({ room: new TestRoom(hub.id, "x").id, hub: hub.id, offset: 0 });
  await expect(world.clock.settle(unknown)).rejects.toMatchObject({ code: "unknown-room" });
});

test("[O8] [L11] a stranger asks about rooms slowly; a server that is in one need not wait", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const outsider = await world.homeserver("outsider");
  await world.clock.settle(outsider.federation.addLink(hub.id, [hub.address], undefined));
  const ask = (by: Host) =>
    world.clock.settle(
      by.rooms.info({ room: room.id, hub: hub.id, offset: 0 }).then(
        () => "answered",
        (error: { code: string }) => error.code,
      ),
    );
  const [theirs, ours]: [string[], string[]] = [[], []];
  for (let n = 0; n < strangerQueryRate.burst + 5; n += 1) {
    theirs.push(await ask(outsider));
    ours.push(await ask(member));
  }
  expect([new Set(theirs), theirs.at(-1)]).toEqual([
    new Set(["not-allowed", "rate-limited"]),
    "rate-limited",
  ]);
  expect(new Set(ours)).toEqual(new Set(["answered"]));
});
