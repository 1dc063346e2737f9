/** What every store does, whatever it is made of. Each implementation runs this same suite. */
import { describe, expect, test } from "vitest";
import type { AccountId, InboxItem, KeyPackageSuite } from "@fedchat/protocol";
import { GroupCommit } from "../src/core/group-commit.ts";
import type { Delivered, HomeserverStore, WriteOp } from "../src/store/store.ts";
import {
  account,
  accountRow,
  alice,
  bob,
  bundle,
  carol,
  deliver,
  deliverAbove,
  delivery,
  envelope,
  here,
  laptop,
  link,
  opening,
  phone,
  server,
  there,
} from "./store-fixtures.ts";

/** A place where a store is kept. */
export interface StorePlace extends AsyncDisposable {
  open(): Promise<HomeserverStore>;
  /** Ends this store as a crash would, in the middle of whatever it is doing. */
  crash(store: HomeserverStore): Promise<void>;
}

export function describeStore(name: string, makePlace: () => StorePlace): void {
  /** A store with Alice (phone, laptop) and Bob (phone). */
  async function house(): Promise<{ place: StorePlace; store: HomeserverStore } & AsyncDisposable> {
    const place = makePlace();
    const store = await place.open();
    await store.write([opening(alice, "alice", [phone, laptop]), opening(bob, "bob", [phone])]);
    return { place, store, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  }

  describe(`a store (${name})`, () => {
    test("holds nothing at first", async () => {
      await using place = makePlace();
      const store = await place.open();
      expect(await store.load()).toEqual({
        meta: new Map(),
        accounts: [],
        devices: [],
        links: [],
        records: [],
        told: [],
        outgoing: [],
        incoming: [],
        custody: [],
        grants: [],
        blocks: [],
        rooms: [],
        followers: [],
        listings: [],
      });
      expect(await store.inboxState(alice)).toBeUndefined();
      expect(await store.inboxPage(alice, 0, 10)).toEqual([]);
      expect(await store.outboxPage(there, "messages", 0, 10)).toEqual([]);
      expect(await store.sealedGet(alice, "contacts")).toBeUndefined();
      expect(await store.sealedList(alice)).toEqual([]);
      expect(await store.keyPackageCount(alice, phone, "hybrid")).toBe(0);
      expect(await store.refusals(alice, [envelope(1)])).toEqual([]);
      expect(await store.outboxFind([envelope(1)])).toEqual([]);
    });

    test("gives everything back after it was closed and opened again", async () => {
      await using place = makePlace();
      const password = { opaque: Uint8Array.of(4), wrappedKey: Uint8Array.of(5, 6) };
      const record = {
        server: there,
        name: "there",
        sequence: 3,
        record: Uint8Array.of(8),
        hops: 0,
        heardFrom: undefined,
        changed: 1_700_000_000_000,
      };
      const heard = { ...record, server: here, hops: 3, heardFrom: there, changed: 1_700_000_000_001 };
      const told = { server: there, incarnation: new Uint8Array(8).fill(5), upTo: 40 };
      const incoming = { source: there, class: "messages", stream: 40, committed: 12 } as const;
      const full = link(there, {
        blocked: true,
        localName: "Théo's",
        lastContactAt: 6_000,
        addresses: [],
        origin: "directory",
      });
      let store = await place.open();
      await store.write([
        { op: "meta.put", key: "one", value: Uint8Array.of(1) },
        { op: "meta.put", key: "one", value: Uint8Array.of(2) },
        opening(alice, "alice", [phone]),
        opening(bob, "bob", []),
        { op: "account.password", account: alice, password },
        { op: "account.visibility", account: alice, visibility: "beyond" },
        { op: "device.fence", account: alice, device: phone, fencing: 17 },
        { op: "link.put", row: link(there) },
        { op: "link.put", row: full },
        { op: "link.put", row: link(here) },
        { op: "link.delete", server: here },
        { op: "record.put", ...heard },
        { op: "link.delete", server: here },
        { op: "record.put", ...record, sequence: 2 },
        { op: "record.put", ...record },
        { op: "record.put", ...record, server: server(2) },
        { op: "record.delete", server: server(2) },
        { op: "told.put", row: { ...told, server: here } },
        { op: "link.delete", server: here },
        { op: "told.put", row: { ...told, upTo: 39 } },
        { op: "told.put", row: told },
        { op: "stream.received", row: { ...incoming, committed: 11 } },
        { op: "stream.received", row: incoming },
        { op: "outbox.append", rows: [bundle(1)] },
        { op: "grant.put", account: alice, peer: carol, server: here },
        { op: "grant.put", account: alice, peer: carol, server: there },
        { op: "grant.put", account: bob, peer: carol, server: there },
        { op: "grant.delete", account: bob, peer: carol },
        { op: "block.put", account: bob, peer: carol },
        { op: "block.put", account: alice, peer: carol },
        { op: "block.put", account: alice, peer: carol },
        { op: "block.delete", account: alice, peer: carol },
      ]);
      await store[Symbol.asyncDispose]();
      store = await place.open();
      const state = await store.load();
      expect({
        ...state,
        accounts: state.accounts.toSorted((a, b) => (a.handle < b.handle ? -1 : 1)),
        records: state.records.toSorted((a, b) => a.hops - b.hops),
      }).toEqual({
        meta: new Map([["one", Uint8Array.of(2)]]),
        accounts: [{ ...accountRow(alice, "alice"), password, visibility: "beyond" }, accountRow(bob, "bob")],
        devices: [{ account: alice, device: phone, fencing: 17, cursor: 0 }],
        links: [full],
        records: [record, heard],
        told: [told],
        outgoing: [{ destination: there, class: "messages", stream: 7, next: 2 }],
        incoming: [incoming],
        custody: [],
        grants: [{ account: alice, peer: carol, server: there }],
        blocks: [{ account: bob, peer: carol }],
        rooms: [],
        followers: [],
        listings: [],
      });
    });

    test("refuses calls after it was closed", async () => {
      await using place = makePlace();
      const store = await place.open();
      await store[Symbol.asyncDispose]();
      await expect(store.write([])).rejects.toThrow("closed");
      await expect(store.load()).rejects.toThrow("closed");
      await expect(store.inboxPage(alice, 0, 1)).rejects.toThrow("closed");
    });

    test("finishes what was asked before it is closed", async () => {
      await using h = await house();
      const written = h.store.write([deliver(delivery(1, [alice]))]);
      await h.store[Symbol.asyncDispose]();
      expect(await written).toHaveLength(1);
      expect(await positions(await h.place.open(), alice)).toEqual([1]);
    });

    test("neither keeps nor gives out arrays that its caller can change", async () => {
      await using h = await house();
      const frame = Buffer.from("....the payload....");
      const written = h.store.write([deliver(delivery(1, [alice], { payload: frame.subarray(4, 15) }))]);
      frame.fill(0);
      await written;
      const read = async () => (await h.store.inboxPage(alice, 0, 1))[0]!;
      (await read()).payload.fill(0);
      expect(new TextDecoder().decode((await read()).payload)).toBe("the payload");
    });

    describe("accounts", () => {
      test("take a newer record; devices that are new begin at the floor, those no longer listed go", async () => {
        await using h = await house();
        await h.store.write([deliver(delivery(1, [alice]), delivery(2, [alice]))]);
        await acknowledge(h.store, alice, phone, 1);
        await acknowledge(h.store, alice, laptop, 2);
        const tablet = "tablet".padEnd(26, "a") as typeof phone;
        await h.store.write([
          {
            op: "account.record",
            account: alice,
            record: Uint8Array.of(7),
            handle: "alicia",
            devices: [laptop, tablet],
          },
        ]);
        const { accounts, devices } = await h.store.load();
        expect(accounts.find((row) => row.account === alice)).toEqual({
          ...accountRow(alice, "alicia"),
          record: Uint8Array.of(7),
        });
        expect(cursors(devices, alice)).toEqual({ [laptop]: 2, [tablet]: 1 });
      });

      test("with a device less drop what the remaining ones have acknowledged", async () => {
        await using h = await house();
        await h.store.write([deliver(delivery(1, [alice]), delivery(2, [alice]))]);
        await acknowledge(h.store, alice, laptop, 2);
        expect(await h.store.inboxState(alice)).toMatchObject({ floor: 0, head: 2 });
        await h.store.write([
          {
            op: "account.record",
            account: alice,
            record: Uint8Array.of(7),
            handle: "alice",
            devices: [laptop],
          },
        ]);
        expect(await h.store.inboxState(alice)).toMatchObject({ floor: 2, head: 2 });
      });

      test("do nothing for a device whose removal came first", async () => {
        await using h = await house();
        const [, , , take] = await h.store.write([
          { op: "account.record", account: bob, record: Uint8Array.of(7), handle: "bob", devices: [laptop] },
          { op: "device.fence", account: bob, device: phone, fencing: 3 },
          putPackages(bob, phone, [1]),
          takePackage(bob, phone),
          { op: "inbox.acknowledge", account: bob, device: phone, position: 1 },
        ]);
        expect(take).toEqual({ op: "keyPackages.take", keyPackage: undefined });
        const { devices } = await h.store.load();
        expect(devices.filter((row) => row.account === bob)).toEqual([
          { account: bob, device: laptop, fencing: 0, cursor: 0 },
        ]);
      });
    });

    describe("transactions", () => {
      test("apply all operations or none", async () => {
        await using h = await house();
        const impossible: WriteOp[] = [
          opening(alice, "alice", []),
          { op: "account.record", account: carol, record: Uint8Array.of(1), handle: "carol", devices: [] },
          {
            op: "account.password",
            account: carol,
            password: { opaque: Uint8Array.of(1), wrappedKey: Uint8Array.of(1) },
          },
          { op: "sealed.put", account: carol, row: { name: "a", version: 1, bytes: Uint8Array.of(1) } },
          { op: "outbox.append", rows: [bundle(3)] },
        ];
        await h.store.write([{ op: "outbox.append", rows: [bundle(1)] }]);
        for (const op of impossible) {
          const before: WriteOp[] = [
            { op: "meta.put", key: "half", value: Uint8Array.of(1) },
            deliver(delivery(1, [alice])),
            opening(account(7), "eve", [phone]),
          ];
          await expect(h.store.write([...before, op])).rejects.toThrow("impossible");
        }
        expect((await h.store.load()).meta.size).toBe(0);
        expect((await h.store.load()).accounts).toHaveLength(2);
        expect(await h.store.inboxState(account(7))).toBeUndefined();
        expect(await delivered(h.store, delivery(1, [alice, account(7)]))).toEqual([
          { account: alice, outcome: "delivered", position: 1 },
          { account: account(7), outcome: "unknown" },
        ]);
      });

      test("take nothing of the others with them when one fails", async () => {
        await using h = await house();
        const writes = [
          h.store.write([deliver(delivery(1, [alice]))]),
          h.store.write([deliver(delivery(2, [alice])), opening(bob, "bob", [])]),
          h.store.write([deliver(delivery(3, [alice]))]),
        ];
        const outcomes = await Promise.allSettled(writes);
        expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
        expect((await h.store.inboxPage(alice, 0, 10)).map(({ id }) => id)).toEqual([
          envelope(1),
          envelope(3),
        ]);
      });

      test("are applied in the order of the calls, and reads see those that resolved", async () => {
        await using h = await house();
        const order: number[] = [];
        const seen: number[] = [];
        await Promise.all(
          Array.from({ length: 40 }, async (_, n) => {
            await h.store.write([deliver(delivery(n, [alice]))]);
            order.push(n);
            seen.push((await h.store.inboxState(alice))!.head);
          }),
        );
        expect(order).toEqual(order.toSorted((a, b) => a - b));
        seen.forEach((head, index) => expect(head).toBeGreaterThan(index));
        const items = await h.store.inboxPage(alice, 0, 100);
        expect(items.map(({ id }) => id)).toEqual(order.map(envelope));
      });

      test("give an empty list for no operations", async () => {
        await using h = await house();
        expect(await h.store.write([])).toEqual([]);
      });

      test("stand whole after a crash in their middle, and every one that was answered stands", async () => {
        await using h = await house();
        const commit = new GroupCommit(h.store, { soon: setImmediate });
        const answered: number[] = [];
        const writers = Array.from({ length: 300 }, async (_, n) => {
          // Both inboxes in one transaction, by two operations.
          await commit.add([deliver(delivery(2 * n, [alice])), deliver(delivery(2 * n + 1, [bob]))]);
          answered.push(n);
          if (answered.length === 20) await h.place.crash(h.store);
        });
        const unanswered = (await Promise.allSettled(writers)).filter(({ status }) => status === "rejected");
        const store = await h.place.open();
        const atAlice = (await store.inboxPage(alice, 0, 1_000)).map(({ id }) => id);
        const atBob = (await store.inboxPage(bob, 0, 1_000)).map(({ id }) => id);
        expect(atAlice.length).toBe(atBob.length);
        for (const n of answered) {
          expect(atAlice).toContain(envelope(2 * n));
          expect(atBob).toContain(envelope(2 * n + 1));
        }
        expect(answered.length + unanswered.length).toBe(300);
        expect(await store.inboxState(alice)).toMatchObject({ head: atAlice.length });
        await store.write([deliver(delivery(9_999, [alice]))]);
      });
    });

    describe("inboxes", () => {
      test("[H6] give items above a position, in order, as they were delivered", async () => {
        await using h = await house();
        const first = delivery(1, [alice, bob]);
        await h.store.write([
          deliver(first),
          deliver(delivery(2, [alice], { kind: "request", server: there })),
        ]);
        const { to: _, ...rest } = first;
        expect(await h.store.inboxPage(alice, 0, 1)).toEqual([{ ...rest, position: 1 }]);
        expect(await h.store.inboxPage(alice, 1, 9)).toMatchObject([
          { position: 2, kind: "request", server: there, created: 1_002, received: 2_002 },
        ]);
        expect(await h.store.inboxPage(alice, 2, 9)).toEqual([]);
        expect(await h.store.inboxPage(bob, 0, 9)).toEqual([{ ...rest, position: 1 }]);
        expect(await h.store.inboxState(alice)).toEqual({
          incarnation: new Uint8Array(16).fill(9),
          floor: 0,
          head: 2,
        });
      });

      test("give large items in shorter pages, which end only with an empty one", async () => {
        await using h = await house();
        const payload = new Uint8Array(262_144);
        await h.store.write([
          deliver(...Array.from({ length: 100 }, (_, n) => delivery(n, [alice], { payload }))),
        ]);
        const found: number[] = [];
        for (;;) {
          const page = await h.store.inboxPage(alice, found.at(-1) ?? 0, 500);
          if (page.length === 0) break;
          found.push(...page.map(({ position }) => position));
        }
        expect(found).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
      });

      test("tell delivered, duplicate and unknown apart, for each recipient", async () => {
        await using h = await house();
        expect(await delivered(h.store, delivery(1, [bob, carol]))).toEqual([
          { account: bob, outcome: "delivered", position: 1 },
          { account: carol, outcome: "unknown" },
        ]);
        expect(await delivered(h.store, delivery(1, [alice, bob]))).toEqual([
          { account: alice, outcome: "delivered", position: 1 },
          { account: bob, outcome: "duplicate" },
        ]);
        const [same] = await h.store.write([deliver(delivery(2, [bob]), delivery(2, [bob]))]);
        expect(same).toMatchObject({
          deliveries: [[{ outcome: "delivered", position: 2 }], [{ outcome: "duplicate" }]],
        });
      });

      test("let no other server suppress an envelope by using its id first", async () => {
        await using h = await house();
        await h.store.write([deliver(delivery(1, [bob], { server: server(9) }))]);
        expect(await delivered(h.store, delivery(1, [bob]))).toMatchObject([{ outcome: "delivered" }]);
        expect(await delivered(h.store, delivery(1, [bob]))).toMatchObject([{ outcome: "duplicate" }]);
      });

      test("drop an item once every device has acknowledged it, and keep knowing its id", async () => {
        await using h = await house();
        await h.store.write([deliver(...[1, 2, 3].map((n) => delivery(n, [alice, bob])))]);
        await acknowledge(h.store, alice, phone, 2);
        expect(await positions(h.store, alice)).toEqual([1, 2, 3]);
        await acknowledge(h.store, alice, laptop, 3);
        expect(await positions(h.store, alice)).toEqual([3]);
        expect(await h.store.inboxState(alice)).toMatchObject({ floor: 2, head: 3 });
        expect(await positions(h.store, bob)).toEqual([1, 2, 3]);
        expect(await delivered(h.store, delivery(1, [alice]))).toMatchObject([{ outcome: "duplicate" }]);
        await acknowledge(h.store, bob, phone, 3);
        await acknowledge(h.store, alice, phone, 3);
        expect([await positions(h.store, alice), await positions(h.store, bob)]).toEqual([[], []]);
        expect(await delivered(h.store, delivery(4, [alice]))).toMatchObject([{ position: 4 }]);
      });

      test("move a cursor neither back nor above the head", async () => {
        await using h = await house();
        await h.store.write([deliver(delivery(1, [bob]), delivery(2, [bob]))]);
        const cursor = async () => cursors((await h.store.load()).devices, bob);
        await acknowledge(h.store, bob, phone, 1);
        await acknowledge(h.store, bob, phone, 0);
        expect(await cursor()).toEqual({ [phone]: 1 });
        await acknowledge(h.store, bob, phone, 2 ** 40);
        expect(await cursor()).toEqual({ [phone]: 2 });
        await acknowledge(h.store, carol, phone, 1);
        expect(await delivered(h.store, delivery(3, [bob]))).toMatchObject([{ position: 3 }]);
        expect(await positions(h.store, bob)).toEqual([3]);
      });

      test("[H7] take positions above both the head and what the run asks for", async () => {
        await using h = await house();
        const above = 1_800_000_000_000;
        await h.store.write([deliver(delivery(1, [bob])), deliverAbove(above, delivery(2, [bob]))]);
        await h.store.write([
          deliverAbove(above, delivery(3, [bob]), delivery(4, [alice, bob])),
          deliverAbove(7, delivery(5, [bob])),
        ]);
        expect(await positions(h.store, bob)).toEqual([1, above + 1, above + 2, above + 3, above + 4]);
        expect(await positions(h.store, alice)).toEqual([above + 1]);
        await h.store.write([{ op: "inbox.expire", itemsBefore: 2_002, idsBefore: 0 }]);
        expect(await h.store.inboxState(bob)).toMatchObject({ floor: 1, head: above + 4 });
        await acknowledge(h.store, bob, phone, above + 2);
        expect(await positions(h.store, bob)).toEqual([above + 3, above + 4]);
      });

      test("[H7] leave positions out where the head is not below what the run asks for", async () => {
        await using h = await house();
        await h.store.write([deliver(delivery(1, [alice, bob])), deliver(delivery(2, [bob]))]);
        await h.store.write([
          { op: "inbox.leap", accounts: [alice, bob], above: 2, by: 100 },
          deliver(delivery(3, [alice, bob])),
        ]);
        expect(await positions(h.store, alice)).toEqual([1, 2]);
        expect(await positions(h.store, bob)).toEqual([1, 2, 103]);
      });

      test("drop leading items that are too old, and forget old ids", async () => {
        await using h = await house();
        await h.store.write([deliver(...[1, 2, 3].map((n) => delivery(n, [alice, bob])))]);
        await h.store.write([{ op: "inbox.expire", itemsBefore: 2_003, idsBefore: 2_002 }]);
        expect(await positions(h.store, alice)).toEqual([3]);
        expect(await h.store.inboxState(bob)).toMatchObject({ floor: 2, head: 3 });
        expect(await delivered(h.store, delivery(2, [alice]))).toMatchObject([{ outcome: "duplicate" }]);
        expect(await delivered(h.store, delivery(1, [alice]))).toMatchObject([{ position: 4 }]);
        await h.store.write([{ op: "inbox.expire", itemsBefore: 9_999, idsBefore: 0 }]);
        expect(await positions(h.store, alice)).toEqual([]);
      });

      test("never drop a fresh item because an older one stands behind it", async () => {
        await using h = await house();
        await h.store.write([
          deliver(delivery(1, [bob], { received: 5_000 }), delivery(2, [bob], { received: 10 })),
        ]);
        await h.store.write([{ op: "inbox.expire", itemsBefore: 1_000, idsBefore: 0 }]);
        expect(await positions(h.store, bob)).toEqual([1, 2]);
      });
    });

    describe("outboxes", () => {
      test("[B15] give bundles in order, and drop what was acknowledged of the same stream", async () => {
        await using h = await house();
        await h.store.write([
          { op: "outbox.append", rows: [1, 2, 3].map((n) => bundle(n)) },
          {
            op: "outbox.append",
            rows: [bundle(1, { class: "bulk" }), bundle(1, { destination: server(5) })],
          },
        ]);
        expect(await h.store.outboxPage(there, "messages", 2, 1)).toEqual([bundle(2)]);
        await h.store.write([acknowledged(6, 3), acknowledged(8, 3), acknowledged(7, 2)]);
        expect(await sequences(h.store)).toEqual([3]);
        await h.store.write([
          { op: "outbox.expire", destination: there, class: "messages", stream: 7, sequence: 3 },
        ]);
        expect(await sequences(h.store)).toEqual([]);
        expect(await h.store.outboxPage(there, "bulk", 0, 9)).toHaveLength(1);
        await h.store.write([{ op: "outbox.append", rows: [bundle(4)] }]);
        expect(await sequences(h.store)).toEqual([4]);
      });

      test("[B17] number what waits from 1 in a new stream", async () => {
        await using h = await house();
        await h.store.write([
          { op: "outbox.append", rows: [1, 2, 3].map((n) => bundle(n)) },
          acknowledged(7, 1),
          { op: "outbox.restart", destination: there, class: "messages", stream: 12 },
          { op: "outbox.append", rows: [bundle(3, { stream: 12 })] },
        ]);
        const rows = await h.store.outboxPage(there, "messages", 0, 9);
        expect(rows.map(({ stream, sequence, created }) => [stream, sequence, created])).toEqual([
          [12, 1, 3_002],
          [12, 2, 3_003],
          [12, 3, 3_003],
        ]);
        expect((await h.store.load()).outgoing).toEqual([
          { destination: there, class: "messages", stream: 12, next: 4 },
        ]);
      });

      test("begin a new stream by themselves only where nothing waits", async () => {
        await using h = await house();
        const later: WriteOp = { op: "outbox.append", rows: [bundle(1, { stream: 9 })] };
        await h.store.write([{ op: "outbox.append", rows: [bundle(1)] }]);
        await expect(h.store.write([later])).rejects.toThrow("impossible");
        await h.store.write([acknowledged(7, 1), later]);
        expect(await sequences(h.store)).toEqual([1]);
        await h.store.write([{ op: "outbox.restart", destination: here, class: "bulk", stream: 3 }]);
        expect((await h.store.load()).outgoing).toContainEqual({
          destination: here,
          class: "bulk",
          stream: 3,
          next: 1,
        });
      });

      test("find where an envelope waits, until it is gone", async () => {
        await using h = await house();
        await h.store.write([
          { op: "outbox.append", rows: [bundle(1), bundle(2), bundle(1, { destination: server(5) })] },
        ]);
        const find = async (...wanted: number[]) =>
          (await h.store.outboxFind(wanted.map(envelope)))
            .map((found) => `${found.envelope} ${found.server}`)
            .sort();
        const at = (n: number, to = there) => `${envelope(n)} ${to}`;
        expect(await find(1, 2, 3)).toEqual([at(1), at(2), at(1, server(5))].sort());
        await h.store.write([acknowledged(7, 1)]);
        expect(await find(1, 2)).toEqual([at(2), at(1, server(5))].sort());
      });
    });

    describe("streams", () => {
      test("[B17] of a forgotten server are gone in both directions with what waits, and may begin anew", async () => {
        await using h = await house();
        const received = { class: "messages", stream: 5, committed: 9 } as const;
        await h.store.write([
          { op: "outbox.append", rows: [bundle(1), bundle(2), bundle(1, { class: "bulk", envelopes: [] })] },
          { op: "outbox.append", rows: [bundle(1, { destination: here })] },
          { op: "stream.received", row: { source: there, ...received } },
          { op: "stream.received", row: { source: there, ...received, class: "bulk" } },
          { op: "stream.received", row: { source: here, ...received } },
        ]);
        await h.store.write([
          { op: "stream.forget", server: there },
          { op: "outbox.append", rows: [bundle(1, { stream: 3 })] },
        ]);
        await h.store.write([{ op: "stream.forget", server: server(77) }]);

        const { incoming, outgoing } = await h.store.load();
        expect(incoming).toEqual([{ source: here, ...received }]);
        expect(outgoing.toSorted((a, b) => a.stream - b.stream)).toEqual([
          { destination: there, class: "messages", stream: 3, next: 2 },
          { destination: here, class: "messages", stream: 7, next: 2 },
        ]);
        expect(await h.store.outboxPage(there, "messages", 0, 10)).toEqual([bundle(1, { stream: 3 })]);
        expect(await h.store.outboxPage(there, "bulk", 0, 10)).toEqual([]);
        expect(await h.store.outboxFind([envelope(2)])).toEqual([]);
      });
    });

    describe("key packages", () => {
      test("leave one by one, then the last resort, which stays; only with the capability", async () => {
        await using h = await house();
        await h.store.write([putPackages(alice, phone, [1, 2], 9), putPackages(alice, phone, [3])]);
        expect(await h.store.keyPackageCount(alice, phone, "hybrid")).toBe(3);
        expect(await taken(h.store, Uint8Array.of(0))).toBeUndefined();
        expect([await taken(h.store), await taken(h.store), await taken(h.store)]).toEqual([1, 2, 3]);
        expect([await taken(h.store), await taken(h.store)]).toEqual([9, 9]);
        await h.store.write([putPackages(alice, phone, [4], 8)]);
        expect([await taken(h.store), await taken(h.store)]).toEqual([4, 8]);
      });

      test("lie ready for each kind of room by themselves", async () => {
        await using h = await house();
        await h.store.write([
          putPackages(alice, phone, [1], 9),
          putPackages(alice, phone, [2, 3], undefined, "classical"),
        ]);
        expect(await h.store.keyPackageCount(alice, phone, "classical")).toBe(2);
        expect([await taken(h.store), await taken(h.store)]).toEqual([1, 9]);
        const classical = () => taken(h.store, capability, "classical");
        expect([await classical(), await classical(), await classical()]).toEqual([2, 3, undefined]);
      });

      test("go with their device", async () => {
        await using h = await house();
        const list = (devices: (typeof phone)[]): WriteOp => ({
          op: "account.record",
          account: alice,
          record: Uint8Array.of(1),
          handle: "alice",
          devices,
        });
        await h.store.write([putPackages(alice, phone, [1, 2], 9), list([laptop])]);
        expect(await taken(h.store)).toBeUndefined();
        await h.store.write([list([laptop, phone])]);
        expect(await h.store.keyPackageCount(alice, phone, "hybrid")).toBe(0);
        expect(await taken(h.store)).toBeUndefined();
      });
    });

    describe("sealed storage", () => {
      test("takes the next version only", async () => {
        await using h = await house();
        const put = async (version: number, byte: number, of: AccountId = alice) => {
          const row = { name: "contacts", version, bytes: Uint8Array.of(byte) };
          const [result] = await h.store.write([{ op: "sealed.put", account: of, row }]);
          return result;
        };
        expect(await put(2, 1)).toMatchObject({ outcome: "conflict" });
        expect(await put(1, 1)).toMatchObject({ outcome: "stored" });
        expect(await put(1, 2)).toMatchObject({ outcome: "conflict" });
        expect(await put(2, 2)).toMatchObject({ outcome: "stored" });
        expect(await put(1, 3, bob)).toMatchObject({ outcome: "stored" });
        expect(await h.store.sealedGet(alice, "contacts")).toEqual({
          name: "contacts",
          version: 2,
          bytes: Uint8Array.of(2),
        });
        expect(await h.store.sealedList(alice)).toEqual([{ name: "contacts", version: 2 }]);
      });
    });

    describe("refusals", () => {
      test("are found by envelope until they are old; a later one replaces an earlier one", async () => {
        await using h = await house();
        const refusal = { account: alice, envelope: envelope(1), server: there, code: "blocked", at: 100 };
        await h.store.write([
          { op: "refusal.put", row: refusal },
          { op: "refusal.put", row: { ...refusal, code: "not-allowed" } },
          { op: "refusal.put", row: { ...refusal, envelope: envelope(2), at: 300 } },
          { op: "refusal.put", row: { ...refusal, account: bob } },
        ]);
        const found = () => h.store.refusals(alice, [envelope(1), envelope(2)]);
        expect(await found()).toEqual([
          { ...refusal, code: "not-allowed" },
          { ...refusal, envelope: envelope(2), at: 300 },
        ]);
        await h.store.write([{ op: "inbox.expire", itemsBefore: 0, idsBefore: 200 }]);
        expect(await found()).toMatchObject([{ envelope: envelope(2) }]);
      });
    });
  });
}

const capability = new Uint8Array(16).fill(5);

function putPackages(
  of: AccountId,
  device: typeof phone,
  bytes: number[],
  lastResort?: number,
  suite: KeyPackageSuite = "hybrid",
): WriteOp {
  return {
    op: "keyPackages.put",
    account: of,
    device,
    suite,
    packages: bytes.map((byte) => Uint8Array.of(byte)),
    lastResort: lastResort === undefined ? undefined : Uint8Array.of(lastResort),
    capability,
  };
}

const takePackage = (
  of: AccountId,
  device: typeof phone,
  held = capability,
  suite: KeyPackageSuite = "hybrid",
): WriteOp => ({
  op: "keyPackages.take",
  account: of,
  device,
  suite,
  capability: held,
});

async function taken(
  store: HomeserverStore,
  held = capability,
  suite: KeyPackageSuite = "hybrid",
): Promise<number | undefined> {
  const [result] = await store.write([takePackage(alice, phone, held, suite)]);
  return result?.op === "keyPackages.take" ? result.keyPackage?.[0] : undefined;
}

async function delivered(store: HomeserverStore, one: ReturnType<typeof delivery>): Promise<Delivered[]> {
  const [result] = await store.write([deliver(one)]);
  return result?.op === "inbox.deliver" ? result.deliveries[0]! : [];
}

async function acknowledge(
  store: HomeserverStore,
  of: AccountId,
  device: typeof phone,
  position: number,
): Promise<void> {
  await store.write([{ op: "inbox.acknowledge", account: of, device, position }]);
}

const acknowledged = (stream: number, sequence: number): WriteOp => ({
  op: "outbox.acknowledged",
  destination: there,
  class: "messages",
  stream,
  sequence,
});

async function positions(store: HomeserverStore, of: AccountId): Promise<number[]> {
  return (await store.inboxPage(of, 0, 100)).map(({ position }: InboxItem) => position);
}

async function sequences(store: HomeserverStore): Promise<number[]> {
  return (await store.outboxPage(there, "messages", 0, 100)).map(({ sequence }) => sequence);
}

function cursors(
  devices: { account: AccountId; device: string; cursor: number }[],
  of: AccountId,
): Record<string, number> {
  const own = devices.filter((row) => row.account === of);
  return Object.fromEntries(own.map(({ device, cursor }) => [device, cursor]));
}
