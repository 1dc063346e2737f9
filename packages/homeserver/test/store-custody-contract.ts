/** What every store does with custody and receipts, whatever it is made of. */
import { describe, expect, test } from "vitest";
import type { CustodyRow, ReceiptRow } from "../src/store/store.ts";
import { bundle, envelope, here, server, there } from "./store-fixtures.ts";
import type { StorePlace } from "./store-contract.ts";

const [far, near, other] = [server(2), server(3), server(4)];
const hash = (n: number): Uint8Array => new Uint8Array(32).fill(n);

function held(n: number, change: Partial<CustodyRow> = {}): CustodyRow {
  return {
    ...{ from: near, next: far, source: here, destination: far, class: "messages", stream: 7, sequence: n },
    ...{ created: 100, taken: 200, until: 1_000 + n, hash: hash(n), passed: 0 },
    bundle: new TextEncoder().encode(`bundle ${n}`),
    ...change,
  };
}

const size = new TextEncoder().encode("bundle 1").length;
const gone = { from: near, next: far, source: here, bytes: size, left: "none" };

function receipt(sequence: number, change: Partial<ReceiptRow> = {}): ReceiptRow {
  return {
    ...{ destination: there, class: "messages", stream: 7, sequence, relay: near, hash: hash(1) },
    ...{ taken: 10, until: 20, at: 11, path: [near, far] },
    ...change,
  };
}

export function describeCustody(name: string, makePlace: () => StorePlace): void {
  describe(`custody in a store (${name})`, () => {
    test("[K5] bundles of a source go on in the order of class, stream and sequence, page by page", async () => {
      await using place = makePlace();
      const store = await place.open();
      const rows = [
        held(3),
        held(1),
        held(2, { stream: 6 }),
        held(1, { class: "bulk", hash: hash(9) }),
        held(0, { class: "control", stream: 0 }),
        held(1, { from: other, hash: hash(8) }),
        held(4, { source: there }),
        held(5, { next: near }),
      ];
      await store.write(rows.map((row) => ({ op: "custody.put", row })));
      const first = await store.custodyPage(far, here, undefined, 4);
      const rest = await store.custodyPage(far, here, first.at(-1), 100);
      expect([...first, ...rest].map((row) => [row.class, row.stream, row.sequence, row.from])).toEqual([
        ["control", 0, 0, near],
        ["messages", 6, 2, near],
        ["messages", 7, 1, near],
        ["messages", 7, 1, other],
        ["messages", 7, 3, near],
        ["bulk", 7, 1, near],
      ]);
      expect(first[0]).toEqual({ ...rows[4], number: 5 });
    });

    test("[K2] what one server hands over again takes the place of its own, and of nobody else's", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([
        { op: "custody.put", row: held(1) },
        { op: "custody.put", row: held(1, { from: other }) },
      ]);
      const again = held(1, { hash: hash(5), taken: 300 });
      expect(await store.write([{ op: "custody.put", row: again }])).toEqual([
        { op: "custody", gone: [gone] },
      ]);
      const { bundle: _, ...entry } = again;
      expect(await store.custodyFind(held(1))).toEqual({ ...entry, bytes: size });
      expect(await store.custodyFind(held(1, { from: other }))).toMatchObject({ hash: hash(1) });
      expect(await store.custodyFind(held(2))).toBeUndefined();
      expect(await store.custodyOfHash(far, hash(5))).toEqual([{ ...entry, bytes: size }]);
    });

    test("[K4] [K7] a number is never given twice, so that nothing newer is taken for what was sent or paid", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([{ op: "custody.put", row: held(1) }]);
      const [first] = await store.custodyPage(far, here, undefined, 1);
      await store.write([{ op: "custody.put", row: held(1, { hash: hash(5) }) }]);
      const [second] = await store.custodyPage(far, here, undefined, 1);
      expect(second!.number).toBeGreaterThan(first!.number);

      const owe = { op: "custody.owe", to: near, receipt: Uint8Array.of(1) } as const;
      await store.write([{ ...owe, until: 500 }]);
      const [expires] = await store.custodyOwed(near, 1);
      await store.write([
        { op: "custody.expire", now: 600 },
        { ...owe, until: 900 },
      ]);
      const [stays] = await store.custodyOwed(near, 1);
      expect(stays!.number).toBeGreaterThan(expires!.number);
    });

    test("[K6] what is taken goes with all before it of its stream, and only what goes to its destination", async () => {
      await using place = makePlace();
      const store = await place.open();
      const rows = [
        held(1),
        held(2),
        held(3),
        held(1, { stream: 8 }),
        held(2, { destination: other, from: other }),
      ];
      await store.write(rows.map((row) => ({ op: "custody.put", row })));
      const taken = {
        op: "custody.taken",
        next: far,
        source: here,
        class: "messages",
        stream: 7,
        upTo: 2,
      } as const;
      expect(await store.write([taken])).toEqual([{ op: "custody", gone: [gone, gone] }]);
      const left = await store.custodyPage(far, here, undefined, 10);
      expect(left.map(({ stream, sequence, destination }) => [stream, sequence, destination])).toEqual([
        [7, 2, other],
        [7, 3, far],
        [8, 1, far],
      ]);
      expect(await store.write([{ op: "custody.drop", next: far, hash: hash(3) }])).toEqual([
        { op: "custody", gone: [gone] },
      ]);
      expect(await store.write([{ op: "custody.drop", next: near, hash: hash(1) }])).toEqual([
        { op: "custody", gone: [] },
      ]);
    });

    test("[K2] a source's own bundles of lower streams go with what it hands over of a higher one, and nobody else's", async () => {
      await using place = makePlace();
      const store = await place.open();
      const own = { from: here, source: here };
      const rows = [
        held(1, own),
        held(2, { ...own, stream: 6, next: near }),
        held(3, { ...own, stream: 8 }),
        held(4, { ...own, class: "bulk" }),
        held(5, { ...own, destination: other }),
        held(6),
      ];
      await store.write(rows.map((row) => ({ op: "custody.put", row })));
      const outdated = { source: here, destination: far, class: "messages", stream: 8 } as const;
      const [result] = await store.write([{ op: "custody.outdated", ...outdated }]);
      expect(result?.op === "custody" && result.gone).toHaveLength(2);
      const left = await store.custodyPage(far, here, undefined, 10);
      expect(left.map(({ sequence }) => sequence)).toEqual([5, 6, 3, 4]);
      expect(await store.custodyPage(near, here, undefined, 10)).toEqual([]);
    });

    test("[K4] what was handed on leaves a trace for the receipts to come, until it ends", async () => {
      await using place = makePlace();
      let store = await place.open();
      await store.write([{ op: "custody.put", row: held(1) }]);
      expect(
        await store.write([{ op: "custody.handedOn", next: far, hash: hash(1), until: 10 ** 12 }]),
      ).toEqual([{ op: "custody", gone: [{ ...gone, left: "row" }] }]);
      await store.write([{ op: "custody.passed", next: far, hash: hash(1) }]);
      expect(await store.custodyPage(far, here, undefined, 10)).toEqual([]);
      expect(await store.custodyOfHash(far, hash(1))).toMatchObject([{ from: near, bytes: 0, passed: 1 }]);
      await store[Symbol.asyncDispose]();
      store = await place.open();
      expect((await store.load()).custody).toEqual([
        { from: near, next: far, source: here, rows: 1, bundles: 0, bytes: 0 },
      ]);
      expect(await store.write([{ op: "custody.expire", now: 1_001 }])).toEqual([
        { op: "custody", gone: [{ ...gone, bytes: 0 }] },
      ]);
    });

    test("[K4] the trace of what was handed on ends sooner than the bundle would have, and never later", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([
        { op: "custody.put", row: held(1) },
        { op: "custody.put", row: held(2) },
      ]);
      await store.write([
        { op: "custody.handedOn", next: far, hash: hash(1), until: 500 },
        { op: "custody.handedOn", next: far, hash: hash(2), until: 5_000 },
      ]);
      await store.write([{ op: "custody.expire", now: 500 }]);
      expect(await store.custodyOfHash(far, hash(1))).toEqual([]);
      expect(await store.custodyOfHash(far, hash(2))).toMatchObject([{ bytes: 0, until: 1_002 }]);
    });

    test("[K3] what has ended goes, with the records of sources of which nothing is left", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([
        { op: "custody.put", row: held(1) },
        { op: "custody.put", row: held(2, { source: there }) },
        { op: "custody.source", server: here, sequence: 5, record: Uint8Array.of(5) },
        { op: "custody.source", server: here, sequence: 4, record: Uint8Array.of(4) },
        { op: "custody.source", server: there, sequence: 1, record: Uint8Array.of(1) },
        { op: "custody.owe", to: near, receipt: Uint8Array.of(1), until: 1_001 },
        { op: "custody.owe", to: near, receipt: Uint8Array.of(2), until: 1_002 },
        { op: "custody.owe", to: other, receipt: Uint8Array.of(3), until: 9_000 },
      ]);
      expect(await store.custodySource(here)).toEqual(Uint8Array.of(5));
      expect(await store.write([{ op: "custody.expire", now: 1_001 }])).toEqual([
        { op: "custody", gone: [gone] },
      ]);
      expect(await store.custodySource(here)).toBeUndefined();
      expect(await store.custodySource(there)).toEqual(Uint8Array.of(1));
      const owed = await store.custodyOwed(near, 10);
      expect(owed).toEqual([{ number: 2, receipt: Uint8Array.of(2) }]);
      await store.write([{ op: "custody.paid", to: near, upTo: 2 }]);
      expect(await store.custodyOwed(near, 10)).toEqual([]);
      expect(await store.custodyOwed(other, 10)).toHaveLength(1);
    });

    test("[K9] receipts stand beside their bundles of the outbox and go with them", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store.write([
        { op: "outbox.append", rows: [bundle(1), bundle(2), bundle(3)] },
        { op: "receipt.put", row: receipt(1) },
        { op: "receipt.put", row: receipt(2, { relay: far, at: 12 }) },
        { op: "receipt.put", row: receipt(2) },
        { op: "receipt.put", row: receipt(2, { at: 13 }) },
        { op: "receipt.put", row: receipt(2, { stream: 6, relay: other }) },
        { op: "receipt.put", row: receipt(4) },
        { op: "receipt.put", row: receipt(1, { class: "bulk" }) },
      ]);
      expect(await store.receipts(there, "messages", 0, 100)).toEqual([
        receipt(1),
        receipt(2, { relay: far, at: 12 }),
        receipt(2, { at: 13 }),
      ]);
      const inStream = { destination: there, class: "messages", stream: 7 } as const;
      await store.write([{ op: "outbox.acknowledged", ...inStream, sequence: 1 }]);
      expect(await store.receipts(there, "messages", 0, 100)).toHaveLength(2);
      await store.write([{ op: "outbox.restart", ...inStream, stream: 8 }]);
      expect(await store.receipts(there, "messages", 0, 100)).toEqual([]);
    });

    test("[H18] an envelope is found wherever it waits", async () => {
      await using place = makePlace();
      const store = await place.open();
      const [first, second] = [bundle(1), bundle(1, { destination: here, envelopes: bundle(1).envelopes })];
      await store.write([{ op: "outbox.append", rows: [first, second] }]);
      const { from } = first.envelopes[0]!;
      const places = await store.outboxPlaces(envelope(1));
      expect(places.toSorted((a, b) => (a.server < b.server ? -1 : 1))).toEqual(
        [here, there].toSorted().map((at) => ({ server: at, class: "messages", sequence: 1, from })),
      );
      expect(await store.outboxPlaces(envelope(2))).toEqual([]);
    });
  });
}
