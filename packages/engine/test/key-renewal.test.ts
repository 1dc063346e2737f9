/** When a device renews its keys in rooms of different sizes. */
import { expect, test } from "vitest";
import { accountId, type RandomSource, roomId, serverId } from "@fedchat/protocol";
import { isForLater, putOffRenewal, renewed, wantRenewal } from "../src/core/key-renewal.ts";
import { wantedChanges } from "../src/core/wanted-changes.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";

const room = roomId.fromBytes(new Uint8Array(16).fill(7));
const server = serverId.fromBytes(new Uint8Array(32).fill(1));
const dayMs = 86_400_000;

/** A device in a room of so many, whose chance is the latest moment unless it is set otherwise. */
function deviceIn(people: number) {
  const store = openEngineStore(openSqliteDatabase(":memory:"));
  const names = { server, handle: "somebody", displayName: "Somebody", role: "member" } as const;
  const account = (at: number) => accountId.fromBytes(new Uint8Array(32).fill(at + 1, 0, 1).fill(1, 1));
  store.groupRooms.putPeople(
    room,
    Array.from({ length: people }, (_, at) => ({ account: account(at), ...names })),
  );
  const chance = { byte: 255 };
  const random: RandomSource = { bytes: (length) => new Uint8Array(length).fill(chance.byte) };
  const clock = { at: 1_000, now: () => clock.at };
  const ports = { store, clock, random };
  /** When, from now; undefined: not at all. */
  const due = () => {
    const wanted = wantedChanges(store, room);
    expect(wanted.length).toBeLessThan(2);
    return wanted.map(
      ({ change }) => change.kind === "refresh" && (change.notBefore ?? clock.at) - clock.at,
    )[0];
  };
  return { ports, chance, clock, due };
}

test.each([
  [2, "joined", 0],
  [2, "writes", 0],
  [3, "joined", 750],
  [32, "joined", 8_000],
  [32, "writes", 8_000],
  [33, "joined", dayMs],
  [33, "writes", 33_000],
  [200, "writes", 200_000],
] as const)("[W8] in a room of %i whoever %s renews their keys within %i ms", (people, why, withinMs) => {
  const { ports, chance, due } = deviceIn(people);
  wantRenewal(ports, room, why);
  expect(due()).toBe(withinMs);
  renewed(ports, room);
  expect(due()).toBeUndefined();
  chance.byte = 0;
  wantRenewal(ports, room, why);
  expect(due()).toBe(0);
});

test("[W8] who joined a large room and then writes renews sooner, and never later than was said before", () => {
  const { ports, chance, due, clock } = deviceIn(100);
  wantRenewal(ports, room, "joined");
  wantRenewal(ports, room, "writes");
  expect(due()).toBe(100_000);
  clock.at += 60_000;
  wantRenewal(ports, room, "writes");
  expect(due()).toBe(40_000);
  chance.byte = 0;
  wantRenewal(ports, room, "writes");
  expect(due()).toBe(0);
});

test("[W8] where another's Commit was first new keys alone wait as long again, and what is not due yet as before", () => {
  const { ports, chance, clock, due } = deviceIn(100);
  putOffRenewal(ports, room);
  expect(due()).toBeUndefined();
  wantRenewal(ports, room, "joined");
  putOffRenewal(ports, room);
  expect(due()).toBe(dayMs);
  clock.at += dayMs;
  chance.byte = 128;
  putOffRenewal(ports, room);
  expect(due()).toBeGreaterThan(50_000);
  expect(due()).toBeLessThan(51_000);
});

test("[W8] new keys that have time do not stand in the way of what is wanted now", () => {
  const { ports, clock } = deviceIn(100);
  wantRenewal(ports, room, "joined");
  ports.store.groupRooms.addChange(room, JSON.stringify({ kind: "rename", name: "Town" }), clock.at);
  const waiting = () => wantedChanges(ports.store, room).map((one) => isForLater(one, clock.at));
  expect(waiting()).toEqual([true, false]);
  clock.at += dayMs;
  expect(waiting()).toEqual([false, false]);
});
