/** What every store does with rooms' logs, whatever it is made of. */
import { describe, expect, test } from "vitest";
import type { RoomId } from "@fedchat/protocol";
import { roomId } from "@fedchat/protocol";
import type { HomeserverStore, RoomEntryRow, RoomLogRow, WriteOp } from "../src/store/store.ts";
import type { StorePlace } from "./store-contract.ts";
import { alice, bob, here, server, there } from "./store-fixtures.ts";

export const room = (n: number): RoomId => roomId.fromBytes(new Uint8Array(16).fill(n + 1));
const bytes = (n: number): Uint8Array => new Uint8Array(32).fill(n);

/** A log as it is at its newest entry, which was a commit. */
export function roomLog(position: number, change: Partial<RoomLogRow> = {}): RoomLogRow {
  return {
    ...{ room: room(1), hub: here, founder: alice, term: 1, position, hash: bytes(position % 256) },
    ...{ group: bytes(7), access: bytes(8), servers: [here, there], former: [server(2)] },
    ...{ anchor: position, at: 1_000 + position, idleSince: undefined },
    ...{ continues: undefined, successor: undefined },
    ...change,
  };
}

/** Entry n is n bytes long. */
export const entry = (position: number): RoomEntryRow => ({
  position,
  signed: new Uint8Array(position).fill(position % 256),
});

export function append(
  row: RoomLogRow,
  count = 1,
  info?: Uint8Array,
): Extract<WriteOp, { op: "room.append" }> {
  const entries = Array.from({ length: count }, (_, index) => entry(row.position - count + 1 + index));
  return { op: "room.append", row, entries, info };
}

const positions = (page: RoomEntryRow[]): number[] => page.map(({ position }) => position);

export function describeRooms(name: string, makePlace: () => StorePlace): void {
  const all = (store: HomeserverStore, log: RoomLogRow) => store.roomEntries(log, 0, 1_000_000);

  describe(`rooms' logs in a store (${name})`, () => {
    test("[O1] a log is given back with its entries, its info and its followers after a crash", async () => {
      await using place = makePlace();
      let store = await place.open();
      const follower = { account: bob, ...{ room: room(1), hub: here, position: 2 } };
      const replica = roomLog(9, {
        hub: there,
        founder: undefined,
        idleSince: 77,
        former: [],
        servers: [there],
      });
      await store.write([
        append(roomLog(1), 1, Uint8Array.of(1, 2)),
        append(roomLog(3), 2, Uint8Array.of(3, 4, 5)),
        append(replica),
        { op: "room.follow", row: { ...follower, hub: there } },
        { op: "room.follow", row: follower },
        { op: "room.follow", row: { ...follower, account: alice } },
        { op: "room.unfollow", account: alice, room: room(1) },
      ]);
      await place.crash(store);
      store = await place.open();
      const { rooms, followers } = await store.load();
      expect(rooms.toSorted((a, b) => a.position - b.position)).toEqual([
        { ...roomLog(3), bytes: 6 },
        { ...replica, bytes: 9 },
      ]);
      expect(followers).toEqual([follower]);
      expect(await all(store, roomLog(3))).toEqual([entry(1), entry(2), entry(3)]);
      expect(await all(store, replica)).toEqual([entry(9)]);
      expect(await store.roomInfo(roomLog(3), 0, 100)).toEqual({
        ...{ position: 3, total: 3, part: Uint8Array.of(3, 4, 5) },
      });
      expect(await store.roomInfo(roomLog(3), 1, 1)).toMatchObject({ part: Uint8Array.of(4) });
      expect(await store.roomInfo(roomLog(3), 9, 1)).toMatchObject({ part: new Uint8Array(0) });
      expect(await store.roomInfo(replica, 0, 1)).toBeUndefined();
    });

    test("[I12] a listing stays until it is taken back, and one that is put anew goes to the end", async () => {
      await using place = makePlace();
      let store = await place.open();
      const listing = (people: number) => ({ link: bytes(5), description: "Sundays.", people, open: true });
      const list = (n: number, people: number, account = alice): WriteOp => ({
        ...{ op: "room.list", account, room: room(n), listing: listing(people) },
      });
      await store.write([list(1, 3), list(2, 4), list(1, 5, bob)]);
      await store.write([list(1, 7), { op: "room.list", account: bob, room: room(1), listing: undefined }]);
      await place.crash(store);
      store = await place.open();
      expect((await store.load()).listings).toEqual([
        { account: alice, room: room(2), listing: listing(4) },
        { account: alice, room: room(1), listing: listing(7) },
      ]);
    });

    test("[O5] entries that leave a hole are a mistake of ours: the whole write rejects and changes nothing", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([append(roomLog(1))]);
      const beside: WriteOp = { op: "meta.put", key: "beside", value: Uint8Array.of(1) };
      for (const wrong of [append(roomLog(3)), append(roomLog(1)), append(roomLog(2), 0)]) {
        await expect(store.write([beside, wrong])).rejects.toThrow("continue");
      }
      await expect(store.write([beside, append(roomLog(2)), append(roomLog(4))])).rejects.toThrow("continue");
      const apart = { ...append(roomLog(3), 2), entries: [entry(2), entry(2)] };
      await expect(store.write([beside, apart])).rejects.toThrow("follow each other");
      const state = await store.load();
      expect([state.meta.size, state.rooms]).toEqual([0, [{ ...roomLog(1), bytes: 1 }]]);
      await store.write([append(roomLog(1, { at: 5 }), 0)]);
      expect((await store.load()).rooms).toMatchObject([{ position: 1, at: 5, bytes: 1 }]);
    });

    test("[O6] a page holds what fits its bytes, and one entry at least", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([append(roomLog(20), 20), append(roomLog(3, { room: room(2) }), 3)]);
      expect(positions(await store.roomEntries(roomLog(20), 0, 10))).toEqual([1, 2, 3, 4]);
      expect(positions(await store.roomEntries(roomLog(20), 4, 10))).toEqual([5]);
      expect(positions(await store.roomEntries(roomLog(20), 18, 1))).toEqual([19]);
      expect(await store.roomEntries(roomLog(20), 20, 100)).toEqual([]);
      expect(await store.roomEntries(roomLog(1, { hub: there }), 0, 100)).toEqual([]);
    });

    test("[O5] a log that goes leaves its followers, and may begin anew anywhere", async () => {
      await using place = makePlace();
      const store = await place.open();
      const follower = { account: bob, room: room(1), hub: here, position: 1 };
      await store.write([append(roomLog(2), 2, Uint8Array.of(1)), { op: "room.follow", row: follower }]);
      const { room: dropped, hub } = roomLog(2);
      await store.write([{ op: "room.drop", room: dropped, hub }, append(roomLog(41))]);
      expect(positions(await all(store, roomLog(41)))).toEqual([41]);
      expect(await store.roomInfo(roomLog(41), 0, 1)).toBeUndefined();
      expect((await store.load()).followers).toEqual([follower]);
      await store.write([{ op: "room.drop", room: dropped, hub }]);
      expect((await store.load()).rooms).toEqual([]);
    });

    test("[O11] where another hub goes on, entries and followers go with it, and what its term lost stays apart", async () => {
      await using place = makePlace();
      let store = await place.open();
      const from = roomLog(5);
      const follower = { account: bob, room: room(1), hub: here, position: 2 };
      const now = roomLog(3, {
        hub: there,
        founder: undefined,
        term: 2,
        continues: { hub: here, position: 3 },
      });
      const lost = { ...from, successor: there, idleSince: 5 };
      await store.write([
        append(from, 5, Uint8Array.of(1, 2)),
        append(roomLog(9, { hub: there })),
        { op: "room.follow", row: follower },
        { op: "room.follow", row: { ...follower, account: alice, room: room(2) } },
      ]);
      const beyond = { ...now, position: 6 };
      await expect(store.write([{ op: "room.fork", from, row: beyond, lost } as WriteOp])).rejects.toThrow(
        "fork",
      );
      const next = { ...now, position: 4, hash: bytes(4) };
      await store.write([{ op: "room.fork", from, row: now, lost }, append(next, 1, Uint8Array.of(7))]);
      await place.crash(store);
      store = await place.open();
      const { rooms, followers } = await store.load();
      expect(rooms.toSorted((a, b) => a.position - b.position)).toEqual([
        { ...next, bytes: 10 },
        { ...lost, bytes: 9 },
      ]);
      expect(positions(await all(store, next))).toEqual([1, 2, 3, 4]);
      expect(positions(await all(store, from))).toEqual([4, 5]);
      expect(await store.roomInfo(from, 0, 9)).toBeUndefined();
      expect(await store.roomInfo(next, 0, 9)).toMatchObject({ position: 4, part: Uint8Array.of(7) });
      expect(followers.find(({ account }) => account === bob)?.hub).toBe(there);
      expect(followers.find(({ account }) => account === alice)?.hub).toBe(here);

      // The same hub again, a term later: what is behind goes.
      const same = roomLog(2, { hub: there, term: 3 });
      await store.write([{ op: "room.fork", from: next, row: same, lost: next }]);
      expect(positions(await all(store, next))).toEqual([1, 2]);
      expect(await store.roomInfo(next, 0, 9)).toBeUndefined();
      expect((await store.load()).rooms.find(({ hub }) => hub === there)).toEqual({ ...same, bytes: 3 });
    });

    test("[O3] old entries go, the oldest first, but for those from the newest begin or commit on", async () => {
      await using place = makePlace();
      const store = await place.open();
      const quiet = { room: room(2) };
      await store.write([
        ...[1, 2, 3].map((n) => append(roomLog(n, { at: 10 * n }))),
        append(roomLog(4, { anchor: 3, at: 40 })),
        append(roomLog(5, { ...quiet, anchor: 5, at: 15 }), 5),
      ]);
      const prune = async (before: number, limit: number) =>
        (await store.write([{ op: "room.prune", before, limit }]))[0];
      const [one, other] = [roomLog(1), roomLog(1, quiet)].map((log) => ({ room: log.room, hub: here }));
      expect(await prune(20, 3)).toEqual({
        ...{ op: "room.prune", entries: 3 },
        pruned: [
          { ...one, bytes: 1 },
          { ...other, bytes: 3 },
        ],
      });
      expect(await prune(1_000, 100)).toEqual({
        ...{ op: "room.prune", entries: 3 },
        pruned: [
          { ...other, bytes: 7 },
          { ...one, bytes: 2 },
        ],
      });
      expect(await prune(1_000, 100)).toEqual({ op: "room.prune", entries: 0, pruned: [] });
      expect(positions(await all(store, roomLog(1)))).toEqual([3, 4]);
      expect(positions(await all(store, roomLog(1, quiet)))).toEqual([5]);
      await store.write([append(roomLog(5, { at: 50 }))]);
      expect((await store.load()).rooms.map((row) => row.bytes).toSorted()).toEqual([12, 5]);
    });
  });
}
