/** What engines keep of their groups' states: long records once, short ones with each state. */
import { expect, test } from "vitest";
import { roomId, serverId } from "@fedchat/protocol";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";

const room = roomId.fromBytes(new Uint8Array(16).fill(7));
const other = roomId.fromBytes(new Uint8Array(16).fill(8));
const long = (fill: number) => new Uint8Array(5_000).fill(fill);
const hub = serverId.fromBytes(new Uint8Array(32).fill(1));
const place = { hub, term: 1, head: new Uint8Array(32), at: 0, wanted: "[]", changes: "[]" };

function opened() {
  const database = openSqliteDatabase(":memory:");
  const store = openEngineStore(database);
  const longValues = () =>
    database
      .all<{ bytes: number; first: Uint8Array }>(
        "SELECT bytes, substr(value, 1, 1) AS first FROM groupValues ORDER BY id",
      )
      .map(({ bytes, first }) => [bytes, first[0]]);
  return { database, store, longValues };
}

const put = (entries: Record<string, Uint8Array>, remove: string[] = []) => ({
  put: new Map(Object.entries(entries)),
  remove,
});

test("[W10] states to go back to share the long records that they have in common, and each opens as it was", () => {
  const { store, longValues } = opened();
  store.rooms.changeGroup(room, put({ head: Uint8Array.of(0), "epoch/0/tree": long(1) }));
  for (let position = 1; position <= 3; position++) {
    store.branches.leave(room, { ...place, position });
    store.rooms.changeGroup(room, put({ head: Uint8Array.of(position) }));
  }
  expect(longValues()).toEqual([[5_000, 1]]);
  store.rooms.changeGroup(room, put({ "epoch/1/tree": long(2) }, ["epoch/0/tree"]));
  expect(longValues()).toEqual([
    [5_000, 1],
    [5_000, 2],
  ]);
  const second = new Map(store.branches.snapshotRecords(room, 2));
  expect(second).toEqual(
    new Map([
      ["head", Uint8Array.of(1)],
      ["epoch/0/tree", long(1)],
    ]),
  );
  expect(new Map(store.rooms.groupRecords(room))).toEqual(
    new Map([
      ["head", Uint8Array.of(3)],
      ["epoch/1/tree", long(2)],
    ]),
  );
});

test("[X4] a long record goes with the last state that has it, however that goes", () => {
  const { store, longValues } = opened();
  store.rooms.changeGroup(room, put({ a: long(1) }));
  store.rooms.changeGroup(other, put({ a: long(9) }));
  store.branches.leave(room, { ...place, position: 1 });
  store.branches.lose(room, 5, 1);
  store.rooms.changeGroup(room, put({ a: long(2) }));
  store.rooms.changeGroup(room, put({ a: long(3) }));
  expect(longValues()).toEqual([
    [5_000, 1],
    [5_000, 9],
    [5_000, 3],
  ]);
  store.branches.dropSnapshots(room, 0);
  expect(longValues()).toHaveLength(3);
  store.branches.prune(6);
  expect(longValues()).toEqual([
    [5_000, 9],
    [5_000, 3],
  ]);
  store.rooms.deleteGroup(room);
  expect(longValues()).toEqual([[5_000, 9]]);
});

test("[X4] what is kept of a Commit of ours shares all but what it changes, and leaves nothing behind", () => {
  const { store, longValues } = opened();
  const row = {
    room,
    item: new Uint8Array(1),
    info: null,
    welcome: null,
    access: null,
    changes: "[]",
    createdAt: 0,
  };
  store.rooms.changeGroup(room, put({ a: long(1), b: Uint8Array.of(1) }));
  store.groupRooms.putPending(row, { from: "present", changes: put({ c: long(2) }, ["b"]) });
  expect(new Map(store.groupRooms.pendingRecords(room))).toEqual(
    new Map([
      ["a", long(1)],
      ["c", long(2)],
    ]),
  );
  expect(longValues()).toEqual([
    [5_000, 1],
    [5_000, 2],
  ]);
  store.groupRooms.putPending(row, { from: "nothing", changes: put({ c: long(3) }) });
  expect(new Map(store.groupRooms.pendingRecords(room))).toEqual(new Map([["c", long(3)]]));
  store.groupRooms.deletePending(room);
  expect(longValues()).toEqual([[5_000, 1]]);
});

test("[W10] of states to go back to the newest stay, as many as there is room for all together", () => {
  const { store } = opened();
  for (let position = 1; position <= 6; position++) {
    store.branches.leave(room, { ...place, position });
    store.rooms.changeGroup(room, put({ tree: long(position) }));
  }
  const positions = () => store.branches.snapshots(room).map(({ position }) => position);
  store.branches.pruneSnapshots(room, { count: 5, bytes: 1_000_000 });
  expect(positions()).toEqual([6, 5, 4, 3, 2]);
  // The present state has one of these long records, too.
  store.branches.pruneSnapshots(room, { count: 5, bytes: 20_000 });
  expect(positions()).toEqual([6, 5, 4]);
  store.branches.pruneSnapshots(room, { count: 5, bytes: 1 });
  expect(positions()).toEqual([6]);
});
