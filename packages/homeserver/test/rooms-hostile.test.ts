/** Hubs that misbehave, and servers that know no rooms: what they can make a member's server do is bounded. */
import { expect, test } from "vitest";
import type { LinkControl } from "@fedchat/protocol";
import {
  encode,
  encodeBundleBody,
  ProtocolError,
  roomEntryHash,
  roomLogItem,
  roomLogPage,
  toWireError,
} from "@fedchat/protocol";
import { roomPauseMsMax } from "../src/core/limits.ts";
import { BarePeer } from "./federation-peer.ts";
import { primitives, World } from "./federation-world.ts";
import { signEntryWith, TestRoom } from "./room-scene.ts";

type Query = Extract<LinkControl, { kind: "query" }>;
type Answer = Omit<Extract<LinkControl, { kind: "answer" }>, "kind" | "id">;

/** A hub played by hand, linked with a server at which somebody follows its room; its first entry is there. */
async function handMade(features = ["rooms"]) {
  const world = new World();
  const host = await world.homeserver("host");
  const hub = new BarePeer(world, "mallory", host);
  hub.features = features;
  await hub.dial();
  hub.control({ kind: "trust", linked: true });
  await world.clock.advance(100);
  await world.clock.settle(host.federation.linkBack(hub.id));

  const room = new TestRoom(hub.id);
  const entry = (position: number, previous: Uint8Array): Uint8Array =>
    signEntryWith(hub.seed)({
      ...{ room: room.id, hub: hub.id, term: 1, position, previous, at: 1 },
      by: { account: host.person, server: hub.id },
      item: encode(roomLogItem, position === 1 ? room.begin([hub.id, host.id]) : room.commit([hub.id])),
    });
  const first = entry(1, new Uint8Array(32));
  const asked = () => hub.controls.filter((control): control is Query => control.kind === "query");
  /** Answers every question from now on. */
  const answering = (answer: (query: Query) => Answer): void => {
    hub.onControl = (control) => {
      if (control.kind === "query") hub.control({ kind: "answer", id: control.id, ...answer(control) });
    };
  };
  const page = (entries: Uint8Array[], position: number): Answer => ({
    result: encode(roomLogPage, {
      entries,
      head: { hub: hub.id, term: 1, position, hash: new Uint8Array(32) },
    }),
  });
  const follow = () => {
    const begun = { position: 1, hash: roomEntryHash(primitives, first) };
    return world.clock.settle(host.rooms.follow(host.person, { room: room.id, hub: hub.id, ...begun }));
  };
  return { world, host, hub, room, entry, first, asked, answering, page, follow };
}

test("[O8] a server that does not offer rooms is not asked about any", async () => {
  const { world, host, hub, room, asked, follow } = await handMade([]);
  const info = host.rooms.info({ room: room.id, hub: hub.id, offset: 0 });
  await expect(world.clock.settle(info)).rejects.toMatchObject({ code: "unknown-method" });
  await follow();
  await world.clock.advance(60_000);
  expect(asked()).toEqual([]);
});

test("[O5] a hub whose answers bring nothing on is asked once at a time, not without end", async () => {
  const { world, host, room, entry, first, asked, answering, page, follow } = await handMade();
  const far = 1_000_000;
  const useless: Answer[] = [
    page([], far),
    page([first], far),
    page([entry(2, new Uint8Array(32).fill(1))], far),
    page([Uint8Array.of(1)], far),
    { result: Uint8Array.of(0xff) },
    { result: null },
    { error: toWireError(new ProtocolError("not-allowed")) },
    { error: toWireError(new ProtocolError("internal")) },
  ];
  answering(() => page([first], 1));
  await follow();
  await world.clock.until(() => room.at(host) === 1, "the first is there");
  const before = asked().length;
  for (const answer of useless) {
    answering(() => answer);
    await follow();
    await world.clock.advance(120_000);
  }
  expect(asked().length - before).toBe(useless.length);
  expect(room.at(host)).toBe(1);
});

test("[O5] a hub that asks for patience is asked again, and holds up nothing but itself", async () => {
  const { world, host, room, first, asked, answering, page, follow } = await handMade();
  const day = 86_400_000;
  const later = new ProtocolError("rate-limited", undefined, { retryAfterMs: day });
  answering(() => ({ error: toWireError(later) }));
  await follow();
  await world.clock.advance(10 * roomPauseMsMax + 1_000);
  expect(asked().length).toBeGreaterThan(9);
  expect(asked().length).toBeLessThan(13);
  answering(() => page([first], 1));
  await world.clock.until(() => room.at(host) === 1, "it gave in", 2 * roomPauseMsMax);
});

test("[O4] [B11] entries that are none arrive like anything else, and nothing of them is kept", async () => {
  const { world, host, hub, first, entry } = await handMade();
  const header = { stream: 1_000, sequence: 1 };
  const forged = first.with(50, first[50]! ^ 1);
  const body = encodeBundleBody({ kind: "entries", entries: [Uint8Array.of(1), forged, first] });
  hub.bundle(hub.state({ stream: 1_000, floor: 1, next: 3 }));
  hub.bundle(hub.seal(header, body));
  await world.clock.until(() => hub.acknowledged?.committed === 1, "it is acknowledged");
  expect((await host.store.load()).rooms).toMatchObject([{ position: 1, hub: hub.id }]);

  const next = entry(2, roomEntryHash(primitives, first));
  hub.bundle(
    hub.seal({ ...header, sequence: 2 }, encodeBundleBody({ kind: "entries", entries: [next, next] })),
  );
  await world.clock.until(() => hub.acknowledged?.committed === 2, "and so is the next");
  expect((await host.store.load()).rooms).toMatchObject([{ position: 2, servers: [hub.id] }]);
});
