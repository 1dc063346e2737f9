/** Rooms that people let others see: who may list what, who is told of it, and what is let go. */
import { expect, test } from "vitest";
import type { AccountId, Invitation, RoomListing } from "@fedchat/protocol";
import { encode, invitation, ProtocolError, roomListings } from "@fedchat/protocol";
import type { Host } from "./federation-world.ts";
import { sharedRoom, type TestRoom } from "./room-scene.ts";

const week = 7 * 86_400_000;

function listing(host: Host, room: TestRoom, change: Partial<Invitation> = {}): RoomListing {
  const link = encode(invitation, {
    ...{ id: new Uint8Array(16).fill(1), secret: new Uint8Array(16).fill(2) },
    ...{ expires: host.world.clock.now() + week, server: host.id, serverName: "here" },
    ...{ addresses: [], relays: [], inviter: host.person, handle: "alice", displayName: "Alice" },
    room: { id: room.id, name: "Choir", also: [] },
    ...change,
  });
  return { link, description: "Every Sunday.", people: 3, open: true };
}

function publish(host: Host, room: TestRoom, listed: RoomListing | null, person: AccountId = host.person) {
  const done = host.rooms.publish(person, { room: room.id, listing: listed }).then(
    () => "listed",
    (error: unknown) => (error instanceof ProtocolError ? error.code : Promise.reject(error)),
  );
  return host.world.clock.settle(done);
}

async function seenFrom(host: Host): Promise<string[]> {
  const { rooms } = await host.world.clock.settle(host.rooms.listed());
  return rooms.map(
    ({ server, listing: { description } }) => `${server === host.id ? "here" : "there"}: ${description}`,
  );
}

test("[I12] [I13] a room that is listed is seen here and on mutually linked servers, over a restart, until it is taken back", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const stranger = await world.homeserver("stranger");
  expect(await publish(hub, room, listing(hub, room))).toBe("listed");
  expect(await seenFrom(hub)).toEqual(["here: Every Sunday."]);
  expect(await seenFrom(member)).toEqual(["there: Every Sunday."]);
  expect(await seenFrom(stranger)).toEqual([]);
  await hub.restart();
  expect(await seenFrom(hub)).toEqual(["here: Every Sunday."]);
  expect(await publish(hub, room, null)).toBe("listed");
  expect(await seenFrom(hub)).toEqual([]);
  await world.clock.advance(60_000);
  expect(await seenFrom(member)).toEqual([]);
});

test("[I12] only who follows a room lists it, by a link of their own into that very room at this server", async () => {
  const { hub, member, room } = await sharedRoom();
  const good = listing(hub, room);
  expect(await publish(hub, room, good, hub.people[1]!.id)).toBe("unknown-room");
  const wrong = {
    "another's link": listing(hub, room, { inviter: member.person }),
    "a link of another server": listing(hub, room, { server: member.id }),
    "a link into another room": listing(hub, room, {
      room: { id: "a".repeat(26) as never, name: "", also: [] },
    }),
    "no link": { ...good, link: new Uint8Array(9) },
  };
  for (const [what, one] of Object.entries(wrong))
    expect(await publish(hub, room, one), what).toBe("malformed");
  expect(await seenFrom(hub)).toEqual([]);
  expect(await publish(hub, room, good)).toBe("listed");
  // Whoever leaves the room lists it no more, and a link that has expired opens nothing.
  await hub.world.clock.settle(hub.rooms.unfollow(hub.person, { room: room.id }));
  expect(await seenFrom(hub)).toEqual([]);
  const expires = hub.world.clock.now() + 60_000;
  expect(await publish(member, room, listing(member, room, { expires }))).toBe("listed");
  expect(await seenFrom(member)).toHaveLength(1);
  await hub.world.clock.advance(61_000);
  expect(await seenFrom(member)).toEqual([]);
});

test("[I13] a server has nothing to say of rooms of other servers' people", async () => {
  const { hub, member, room } = await sharedRoom();
  expect(await publish(member, room, listing(member, room))).toBe("listed");
  // It lies about where its people live.
  const evil = listing(hub, room);
  Object.assign(member.rooms, { listings: () => encode(roomListings, [evil]) });
  expect(await seenFrom(hub)).toEqual([]);
  Object.assign(member.rooms, { listings: () => new Uint8Array([0xff]) });
  await hub.world.clock.advance(60_000);
  expect(await seenFrom(hub)).toEqual([]);
});

test("[O8] where a server of a room is its hub tells those in it, and nobody else", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const third = await world.homeserver("third");
  await world.link(hub, third);
  await room.add(hub, room.commit([hub.id, member.id, third.id]));
  await world.clock.until(() => room.at(member) === 3, "the entry to arrive");
  const asked = (by: Host, server: Host) =>
    hub.rooms.answer(by.id, { ask: "roomServer", room: room.id, server: server.id }).then(
      () => "told",
      (error: unknown) => (error instanceof ProtocolError ? error.code : Promise.reject(error)),
    );
  expect(await asked(member, third)).toBe("told");
  await room.add(hub, room.commit([hub.id, member.id]));
  expect(await asked(member, third)).toBe("not-allowed");
  expect(await asked(third, member)).toBe("not-allowed");
});
