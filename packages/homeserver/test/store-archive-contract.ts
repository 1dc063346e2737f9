/** What every store does with archives, whatever it is made of. */
import { describe, expect, test } from "vitest";
import type { HomeserverStore, SegmentName, WriteOp } from "../src/store/store.ts";
import type { StorePlace } from "./store-contract.ts";
import { alice, bob, laptop, opening, phone } from "./store-fixtures.ts";

const segment = (number: number, change: Partial<SegmentName> = {}): SegmentName => ({
  ...{ account: alice, device: phone, number },
  ...change,
});

export function put(name: SegmentName, offset: number, total: number, bytes: Uint8Array): WriteOp {
  return { op: "archive.put", ...name, offset, total, bytes };
}

export function describeArchives(name: string, makePlace: () => StorePlace): void {
  const whole = async (store: HomeserverStore, of: SegmentName): Promise<number[]> => {
    const bytes: number[] = [];
    for (;;) {
      const part = await store.archivePart(of, bytes.length);
      if (part === undefined) return bytes;
      bytes.push(...part.bytes);
    }
  };

  describe(`archives in a store (${name})`, () => {
    test("[F6] a segment is put together of its pieces, each once, and read from anywhere after a crash", async () => {
      await using place = makePlace();
      let store = await place.open();
      await store.write([opening(alice, "alice", [phone, laptop]), opening(bob, "bob", [phone])]);
      const [first, again, gap, second] = await store.write([
        put(segment(1), 0, 5, Uint8Array.of(1, 2, 3)),
        put(segment(1), 0, 5, Uint8Array.of(7, 7, 7)),
        put(segment(1), 4, 5, Uint8Array.of(7)),
        put(segment(1), 3, 5, Uint8Array.of(4, 5)),
        put(segment(2, { account: bob }), 0, 9, Uint8Array.of(9)),
        put(segment(4, { device: laptop }), 0, 1, Uint8Array.of(8)),
      ]);
      expect([first, again, gap, second]).toEqual([3, 3, 3, 5].map((held) => ({ op: "archive.put", held })));
      await place.crash(store);
      store = await place.open();
      expect((await store.archiveList(alice)).toSorted((a, b) => a.number - b.number)).toEqual([
        { device: phone, number: 1, total: 5, held: 5 },
        { device: laptop, number: 4, total: 1, held: 1 },
      ]);
      expect(await whole(store, segment(1))).toEqual([1, 2, 3, 4, 5]);
      expect((await store.archivePart(segment(1), 4))?.bytes).toEqual(Uint8Array.of(5));
      expect(await store.archivePart(segment(1), 5)).toBeUndefined();
      expect(await store.archivePart(segment(9), 0)).toBeUndefined();
      expect(await whole(store, segment(2, { account: bob }))).toEqual([9]);
    });

    test("[F6] what is dropped is gone, and nothing else is", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([opening(alice, "alice", [phone, laptop])]);
      await store.write([1, 2, 3].map((number) => put(segment(number), 0, 1, Uint8Array.of(number))));
      await store.write([
        put(segment(2, { device: laptop }), 0, 1, Uint8Array.of(7)),
        { op: "archive.drop", account: alice, device: phone, numbers: [1, 2, 9] },
      ]);
      expect((await store.archiveList(alice)).map(({ number }) => number).toSorted()).toEqual([2, 3]);
      expect(await whole(store, segment(2))).toEqual([]);
      expect(await whole(store, segment(2, { device: laptop }))).toEqual([7]);
    });
  });
}
