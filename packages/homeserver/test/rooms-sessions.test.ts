/** Rooms' logs as an engine meets them: over its session, and in what strangers may deliver. */
import { expect, test } from "vitest";
import type { EnvelopeKind, ServerId } from "@fedchat/protocol";
import { accountId, encode, openAccountRecord, roomLogItem, serverId } from "@fedchat/protocol";
import { Accounts } from "../src/core/accounts/accounts.ts";
import { GroupCommit } from "../src/core/group-commit.ts";
import {
  roomEntriesOfAccountRate,
  roomFanOutPieceBytes,
  roomFanOutRate,
  roomReplicaIdleMs,
  roomReplicasUnfollowedBytesMax,
  roomReplicasUnfollowedMax,
  roomsFoundedMax,
  roomUnlistedRate,
} from "../src/core/limits.ts";
import { silentLog } from "../src/core/log.ts";
import { Rooms } from "../src/core/rooms/rooms.ts";
import type { RoomLinks, Trust } from "../src/core/seams.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { ManualClock } from "./manual-clock.ts";
import { signEntryWith, TestRoom } from "./room-scene.ts";
import { primitives, random, startHomeserver } from "./start-homeserver.ts";
import { makeAccount } from "./test-account.ts";

const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });
const someServer = (): ServerId => serverId.fromBytes(random.bytes(32));

test("[O3] [O6] an engine begins a room at its homeserver, follows it, appends, reads, and is told", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const room = new TestRoom(world.id);
  const append = async (by: typeof alice, item: Parameters<TestRoom["append"]>[0]) =>
    room.took(item, await by.client.request("rooms.append", room.append(item)));

  await append(alice, room.begin([world.id]));
  const { position, hash } = room.head;
  const followed = { room: room.id, hub: world.id, position, hash };
  await alice.client.request("rooms.follow", followed);
  await bob.client.request("rooms.follow", followed);
  await append(bob, room.commit([world.id]));
  expect(await alice.client.event("roomHead")).toEqual({
    ...{ kind: "roomHead", room: room.id, term: 1, position: 2 },
  });
  const late = { ...room.append(room.proposal()), position, head: hash };
  expect(await alice.client.request("rooms.append", late)).toEqual({ outcome: "behind", ...room.head });
  expect(await alice.client.request("rooms.heads", {})).toEqual({
    rooms: [{ room: room.id, ...room.head }],
  });
  const page = await alice.client.request("rooms.log", { room: room.id, after: 1 });
  expect(page).toMatchObject({ entries: [expect.any(Uint8Array)], head: room.head });
  expect(await bob.client.request("rooms.info", { room: room.id, hub: world.id, offset: 0 })).toEqual({
    ...{ info: Uint8Array.of(1, 2, 0), total: 3, position: 2 },
  });

  await bob.client.request("rooms.unfollow", { room: room.id });
  await expect(bob.client.request("rooms.log", { room: room.id, after: 0 })).rejects.toEqual(
    code("unknown-room"),
  );
  const wrong = room.append(room.proposal());
  await expect(bob.client.request("rooms.append", { ...wrong, proof: new Uint8Array(64) })).rejects.toEqual(
    code("not-allowed"),
  );
  await expect(bob.client.request("rooms.append", { ...wrong, hub: someServer() })).rejects.toEqual(
    code("unknown-server"),
  );

  await using again = await world.restart();
  const back = await again.reopen(alice.account, alice.opened.fencing);
  expect(await back.client.request("rooms.heads", {})).toMatchObject({ rooms: [{ position: 2 }] });
  await append(back, room.proposal());
  expect(await back.client.event("roomHead")).toMatchObject({ position: 3 });
});

test("[H14] [O3] a full disk refuses appends with `storage-full` and the time to wait, and then takes them", async () => {
  let full = false;
  await using world = await startHomeserver({ disk: { full: () => full } });
  const alice = await world.join("alice");
  const room = new TestRoom(world.id);
  const append = room.append(room.begin([world.id]));
  full = true;
  for (let tried = 0; tried < 2; tried += 1)
    await expect(alice.client.request("rooms.append", append)).rejects.toEqual(code("storage-full"));
  full = false;
  await world.clock.advance(2_000);
  expect(await alice.client.request("rooms.append", append)).toMatchObject({ outcome: "appended" });
});

test("[O7] [H9] a room's message is let in from a server on the list, and slowly from one that may be soon", async () => {
  const { admits, room, servers, follow, change, clock } = await quietRoom();
  const [listed, unlisted, gone] = servers;
  const hello = room.message("application");
  expect(admits(listed, hello)).toBe("not-allowed");
  await follow();
  expect(admits(listed, hello)).toBe("admitted");
  expect(admits(gone, hello)).toBe("admitted");

  // Nothing but a message of this very group.
  expect(admits(listed, new TestRoom(room.hub, "another").message("application"))).toBe("not-allowed");
  expect(admits(listed, Uint8Array.of(0, 1, 0, 2))).toBe("not-allowed");
  expect(admits(listed, hello, { kind: "answer" })).toBe("not-allowed");
  expect(admits(listed, hello, { trust: "blocked" })).toBe("blocked");
  expect(admits(listed, hello, { to: accountId.fromBytes(random.bytes(32)) })).toBe("unknown-account");

  await change([room.hub, listed]);
  expect(admits(listed, hello)).toBe("admitted");
  expect(admits(gone, hello)).toBe("not-allowed");
  const verdicts = Array.from({ length: roomUnlistedRate.burst + 1 }, () => admits(unlisted, hello));
  expect(verdicts.filter((verdict) => verdict === "admitted")).toHaveLength(roomUnlistedRate.burst);
  expect(verdicts.at(-1)).toBe("rate-limited");
  await clock.advance(roomUnlistedRate.refillMs);
  expect(admits(unlisted, hello)).toBe("admitted");

  await change([room.hub, listed, unlisted]);
  for (let n = 0; n < 100; n += 1) expect(admits(unlisted, hello)).toBe("admitted");
});

test("[O3] what one account has sent to servers is bounded in bytes, all of them together", async () => {
  const { room, change, told, clock } = await quietRoom();
  const many = [room.hub, ...Array.from({ length: 255 }, someServer)];
  let rounds = 0;
  const large = () => change(many, 350_000);
  await expect(
    (async () => {
      for (; rounds < 100; rounds += 1) await large();
    })(),
  ).rejects.toEqual(code("rate-limited"));
  const bytes = roomFanOutRate.burst * roomFanOutPieceBytes;
  expect(told.length * 350_000).toBeLessThan(bytes);
  expect(rounds).toBeGreaterThan(8);
  await clock.advance(roomFanOutRate.refillMs * 2_000);
  await large();
});

test("[O7] [L20] servers of rooms that somebody here follows are met; others are not", async () => {
  const { accounts, servers, change, room } = await quietRoom();
  const [listed, unlisted, gone] = servers;
  const met = () => [listed, unlisted, gone].map((server) => accounts.hasGrantAt(server));
  expect(met()).toEqual([true, false, true]);
  await change([room.hub, unlisted]);
  expect(met()).toEqual([false, true, false]);
});

test("[O3] an account begins so many rooms, and appends so many entries; others are not held up by it", async () => {
  const { rooms, room, alice, clock } = await quietRoom();
  const begin = async (n: number) => {
    const another = new TestRoom(room.hub, `room ${n}`);
    return rooms.append(alice, another.append(another.begin([room.hub])));
  };
  const { burst, refillMs } = roomEntriesOfAccountRate;
  for (let n = 1; n < roomsFoundedMax; n += 1) {
    expect(await begin(n)).toMatchObject({ position: 1 });
    if (n % (burst / 2) === 0) await clock.advance(burst * refillMs);
  }
  await expect(begin(roomsFoundedMax)).rejects.toEqual(code("quota-exceeded"));

  const [busy, other] = [1, 2].map((n) => accountId.fromBytes(new Uint8Array(32).fill(n)));
  const add = async (by = busy!) => {
    const item = room.proposal();
    room.took(item, await rooms.append(by, room.append(item)));
  };
  for (let n = 0; n < roomEntriesOfAccountRate.burst; n += 1) {
    // Attempts have a bound of their own.
    await clock.advance(1);
    await add();
  }
  await expect(add()).rejects.toEqual(code("rate-limited"));
  await add(other);
});

test("[O5] of copies that nobody follows a hub leaves so many here, and for 60 days", async () => {
  const { rooms, clock, store, commit } = await quietRoom();
  const seed = random.bytes(32);
  const hub = serverId.fromBytes(primitives.ed25519.publicKey(seed));
  const begun = (n: number, bytes?: number): Uint8Array => {
    const room = new TestRoom(hub, `room ${n}`);
    const item = bytes === undefined ? room.begin([hub]) : room.commit([hub], bytes);
    return signEntryWith(seed)({
      ...{ room: room.id, hub, term: 1, position: 1, previous: new Uint8Array(32), at: 1 },
      by: { account: accountId.fromBytes(random.bytes(32)), server: hub },
      item: encode(roomLogItem, item),
    });
  };
  const arrive = async (entries: Uint8Array[], linked = true) => {
    const plan = await rooms.arrived(hub, linked, entries);
    await commit.add(plan.ops);
    plan.committed();
  };
  // Beside the room that this server is the hub of.
  const copies = async () => (await store.load()).rooms.length - 1;

  await arrive([begun(0)], false);
  expect(await copies()).toBe(0);
  await arrive(Array.from({ length: roomReplicasUnfollowedMax + 9 }, (_, n) => begun(n)));
  expect(await copies()).toBe(roomReplicasUnfollowedMax);
  await clock.advance(roomReplicaIdleMs - 1_000);
  await rooms.expire();
  expect(await copies()).toBe(roomReplicasUnfollowedMax);
  await clock.advance(2_000);
  await rooms.expire();
  expect(await copies()).toBe(0);

  const large = 300_000;
  const fits = Math.floor(roomReplicasUnfollowedBytesMax / (large + 1_000));
  for (let n = 0; n < fits + 3; n += 1) await arrive([begun(n, large)]);
  expect(await copies()).toBe(fits);
});

/** Accounts and rooms of one homeserver, with a room of three servers whose hub it is. */
async function quietRoom() {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const seed = random.bytes(32);
  const self = serverId.fromBytes(primitives.ed25519.publicKey(seed));
  const commit = new GroupCommit(store, clock);
  const state = await store.load();
  const accounts = new Accounts({
    ...{ self, store, commit, state, primitives, clock, random, log: silentLog },
    visibility: "linked",
    rooms: () => rooms,
  });
  const told: ServerId[] = [];
  const links: RoomLinks = {
    reachable: (listed) => Promise.resolve(listed),
    tell: (listed) => {
      told.push(...listed);
      return () => {};
    },
    ask: () => Promise.reject(new Error("nobody is asked")),
    meet: () => Promise.resolve(),
    record: () => undefined,
    heir: (server) => server,
    formersOf: () => [],
    listed: () => Promise.resolve([]),
    lobbies: () => Promise.resolve([]),
  };
  const rooms: Rooms = new Rooms({
    ...{ self, state, store, commit, disk: accounts.disk, clock, primitives, log: silentLog },
    sign: signEntryWith(seed),
    notify: (to, event) => accounts.notify(to, event),
    links: () => links,
  });
  const alice = makeAccount({ primitives, random }, { server: self, handle: "alice", nowMs: clock.now() });
  const terms = { administrator: true, incarnation: random.bytes(16), nowMs: clock.now() };
  await accounts.book.open(openAccountRecord(primitives, alice.signed), terms);

  const servers = [someServer(), someServer(), someServer()] as const;
  const room = new TestRoom(self);
  const add = async (item: Parameters<TestRoom["append"]>[0]) =>
    room.took(item, await rooms.append(alice.id, room.append(item)));
  await add(room.begin([self, servers[0], servers[2]]));
  const from = accountId.fromBytes(random.bytes(32));
  const usual = { kind: "room" as EnvelopeKind, to: alice.id, trust: "none" as Trust };
  return {
    ...{ accounts, rooms, room, servers, clock, told, store, commit, alice: alice.id },
    admits: (server: ServerId, payload: Uint8Array, other: Partial<typeof usual> = {}) =>
      accounts.admits({ ...usual, server, from, payload, ...other }),
    follow: () => rooms.follow(alice.id, { room: room.id, ...room.head }),
    change: (listed: ServerId[], bytes?: number) => add(room.commit(listed, bytes)),
  };
}
