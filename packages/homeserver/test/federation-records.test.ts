/** What is known of other servers: the newest wins, and what others told is bounded and shared out fairly. */
import type { ServerId } from "@fedchat/protocol";
import { serverId, serverRecord } from "@fedchat/protocol";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { ChangesLog } from "../src/core/federation/changes-log.ts";
import { ServerRecords } from "../src/core/federation/records.ts";
import { heardRecordBytesMax, heardRecordsMax } from "../src/core/limits.ts";
import type { RecordRow, WriteOp } from "../src/store/store.ts";

const now = Date.UTC(2026, 0, 1);
const seedOf = (number: number) => {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, number);
  return seed;
};
const idOf = (number: number) => serverId.fromBytes(primitives.ed25519.publicKey(seedOf(number)));
/** Servers by the thousand: nobody has their keys. */
const madeUpId = (number: number) => serverId.fromBytes(seedOf(number + 1));
const unsigned = { ...primitives, ed25519: { ...primitives.ed25519, sign: fakeSignature } };

function fakeSignature(_seed: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64);
  signature.set(primitives.sha256(message));
  return signature;
}

interface Change {
  sequence?: number;
  issued?: number;
  expires?: number;
  neighbours?: ServerId[];
}

const signed = (number: number, change?: Change) => recordOf(idOf(number), number, primitives, change);
const madeUp = (number: number, change?: Change) => recordOf(madeUpId(number), number, unsigned, change);

function recordOf(key: ServerId, number: number, signing: typeof primitives, change: Change = {}) {
  return serverRecord.sign(signing, seedOf(number), {
    key,
    name: `server${number}`,
    noiseKey: new Uint8Array(32).fill(1),
    addresses: [{ host: "chat.example.com", port: 8443, kind: "direct" }],
    relays: [],
    relaysFor: "nobody",
    neighbours: [],
    software: "test",
    sequence: 1_000,
    issued: now,
    expires: now + 86_400_000,
    ...change,
  });
}

interface Scene {
  records: ServerRecords;
  kept: Set<ServerId>;
  changes: () => number;
}

function scene(stored: RecordRow[] = [], heardMax?: { count: number; bytes: number }): Scene {
  const kept = new Set<ServerId>();
  let changes = 0;
  const records = new ServerRecords({
    stored,
    primitives,
    keeps: (server) => kept.has(server),
    ...(heardMax && { heardMax }),
    onChange: () => void (changes += 1),
  });
  return { records, kept, changes: () => changes };
}

const [alice, bob, mallory] = [idOf(90_001), idOf(90_002), idOf(90_003)];

function tell(records: ServerRecords, teller: ServerId, bytes: Uint8Array, hops = 1): WriteOp[] {
  const told = records.read(bytes, hops, now);
  if (told.standing === "same") return records.admitAgain(teller, told, now);
  return told.standing === "newer" ? records.admitTold(teller, told, now) : [];
}

const own = (records: ServerRecords, number: number, bytes: Uint8Array) =>
  records.admitSent(idOf(number), bytes, now, () => undefined);

describe("[G1] of the records of one server", () => {
  test("the newest wins, whoever brought it, and nothing older comes back", () => {
    const { records } = scene();
    own(records, 1, signed(1, { sequence: 5 }));
    tell(records, alice, signed(1, { sequence: 7 }));
    expect(records.known(idOf(1))).toMatchObject({ hops: 1, heardFrom: alice, record: { sequence: 7 } });
    expect(own(records, 1, signed(1, { sequence: 6 }))).toBe(false);
    expect(tell(records, bob, signed(1, { sequence: 6 }))).toEqual([]);
    expect(records.get(idOf(1))?.sequence).toBe(7);
    expect(own(records, 1, signed(1, { sequence: 8 }))).toBe(true);
    expect(records.known(idOf(1))).toMatchObject({ hops: 0, heardFrom: undefined, record: { sequence: 8 } });
  });

  test("[R3] one of the far future or of the past does not count", () => {
    const { records } = scene();
    const ahead = signed(1, { sequence: now + 86_400_001 });
    expect(records.read(ahead, 1, now).standing).toBe("ahead-of-time");
    expect(records.read(signed(1, { issued: 1, expires: now }), 1, now).standing).toBe("expired");
    expect(records.read(signed(1, { sequence: now + 86_400_000 }), 1, now).standing).toBe("newer");
  });

  test("[R2] at one sequence the one that is held stays", () => {
    const { records } = scene();
    const first = signed(1);
    tell(records, alice, first);
    tell(records, bob, signed(1, { neighbours: [bob] }), 0);
    expect(records.signed(idOf(1))).toEqual(first);
    expect(records.known(idOf(1))).toMatchObject({ hops: 1, heardFrom: alice });
  });
});

describe("[G2] how far a record came", () => {
  test("is the shortest way that the newest one took", () => {
    const { records, changes } = scene();
    tell(records, alice, signed(1), 4);
    tell(records, bob, signed(1), 2);
    expect(records.known(idOf(1))?.hops).toBe(2);
    expect(changes()).toBe(2);
    tell(records, alice, signed(1), 3);
    expect(records.known(idOf(1))?.hops).toBe(2);
    expect(changes()).toBe(2);
    own(records, 1, signed(1));
    expect(records.known(idOf(1))?.hops).toBe(0);
  });
});

describe("[G1] when a server is let go", () => {
  test("its record goes where it came from itself, and stays where somebody told it", () => {
    const { records } = scene();
    own(records, 1, signed(1));
    own(records, 2, signed(2));
    tell(records, alice, signed(2));
    expect(records.release(idOf(1))).toEqual([{ op: "record.delete", server: idOf(1) }]);
    expect(records.release(idOf(2))).toMatchObject([{ op: "record.put", hops: 1, heardFrom: alice }]);
    expect([...records.all()].map(({ record }) => record.key)).toEqual([idOf(2)]);
  });

  test("it stays where it is somebody's contact", () => {
    const { records, kept } = scene();
    own(records, 1, signed(1));
    kept.add(idOf(1));
    expect(records.release(idOf(1))).toEqual([]);
    expect(records.get(idOf(1))).toBeDefined();
  });

  test("an expired one that was heard goes, a linked one's does not", () => {
    const { records, kept } = scene();
    const expires = now + 1_000;
    tell(records, alice, signed(1, { expires }));
    tell(records, alice, signed(2, { expires }));
    tell(records, alice, signed(3));
    kept.add(idOf(2));
    expect(records.sweep(now + 999)).toEqual([]);
    expect(records.sweep(now + 1_000)).toEqual([{ op: "record.delete", server: idOf(1) }]);
    expect(records.get(idOf(2))).toBeDefined();
  });
});

describe("[G3] what changed since", () => {
  test("is told in the order of the changes, each server once, after a restart too", () => {
    const { records } = scene();
    const stored = new Map<ServerId, RecordRow>();
    const keep = (ops: WriteOp[]) => {
      for (const op of ops) if (op.op === "record.put") stored.set(op.server, op);
    };
    for (const number of [1, 2, 3]) keep(tell(records, alice, signed(number)));
    keep(tell(records, alice, signed(1, { sequence: 2_000 })));
    const order = (of: ServerRecords, since: number) =>
      [...of.changedAfter(since)].map(({ record }) => record.key);
    expect(order(records, 0)).toEqual([idOf(2), idOf(3), idOf(1)]);
    expect(order(records, records.known(idOf(2))!.changed)).toEqual([idOf(3), idOf(1)]);
    expect(order(records, records.changes)).toEqual([]);

    const again = scene([...stored.values()]).records;
    expect(again.changes).toBe(records.changes);
    expect(order(again, 0)).toEqual([idOf(2), idOf(3), idOf(1)]);
    tell(again, alice, signed(4));
    expect(order(again, records.changes)).toEqual([idOf(4)]);
  });

  test("a number that was never given counts as 0, and what one server changes often takes no room", () => {
    const log = new ChangesLog([]);
    for (let count = 0; count < 10_000; count += 1) log.changed(alice, now);
    log.changed(bob, now);
    expect([...log.after(log.count + 1)].map(({ server }) => server)).toEqual([alice, bob]);
    log.forget(alice);
    expect([...log.after(0)].map(({ server }) => server)).toEqual([bob]);
    log.changed(alice, now - 5_000);
    expect([...log.after(log.count - 1)].map(({ server }) => server)).toEqual([alice]);
  });
});

describe("[G1] a neighbour that makes up servers", () => {
  test("pushes out its own, not linked ones, contacts', or another neighbour's", () => {
    const { records, kept } = scene([], { count: 500, bytes: heardRecordBytesMax });
    for (let number = 80_000; number < 80_010; number += 1) tell(records, bob, madeUp(number), 6);
    own(records, 1, signed(1));
    tell(records, mallory, madeUp(80_021), 6);
    for (const server of [idOf(1), madeUpId(80_021)]) kept.add(server);

    const ops = Array.from({ length: 550 }, (_, index) => tell(records, mallory, madeUp(index))).flat();

    expect(records.size).toBe(500 + 2);
    const gone = ops.filter(({ op }) => op === "record.delete");
    expect(gone).toEqual(
      Array.from({ length: 60 }, (_, index) => ({ op: "record.delete", server: madeUpId(index) })),
    );
    for (let number = 80_000; number < 80_010; number += 1)
      expect(records.get(madeUpId(number))).toBeDefined();
    for (const server of [idOf(1), madeUpId(80_021)]) expect(records.get(server)).toBeDefined();
  });

  test("has no power over what an honest neighbour told, too, though it told it first", () => {
    const { records } = scene([], { count: 100, bytes: heardRecordBytesMax });
    for (let number = 80_000; number < 80_020; number += 1) tell(records, mallory, madeUp(number), 6);
    for (let number = 80_000; number < 80_020; number += 1) tell(records, alice, madeUp(number), 2);
    for (let number = 0; number < 300; number += 1) tell(records, mallory, madeUp(number), 1);

    expect(records.size).toBe(100);
    for (let number = 80_000; number < 80_020; number += 1)
      expect(records.known(madeUpId(number))?.heardFrom).toBe(alice);
  });

  test("shares with another that does: ten thousand of each leave half each, the farthest going first", () => {
    const { records } = scene();
    tell(records, bob, madeUp(90_000), 6);
    for (let number = 0; number < heardRecordsMax; number += 1) {
      tell(records, alice, madeUp(number), 1 + (number % 3));
      tell(records, mallory, madeUp(heardRecordsMax + number), 5);
    }
    const held = [...records.all()];
    const of = (teller: ServerId) => held.filter(({ heardFrom }) => heardFrom === teller);
    expect(held).toHaveLength(heardRecordsMax);
    expect(of(bob)).toHaveLength(1);
    expect(Math.abs(of(alice).length - of(mallory).length)).toBeLessThanOrEqual(1);
    const near = of(alice).filter(({ hops }) => hops === 1);
    expect(near.length).toBeGreaterThan(heardRecordsMax / 3 - 2);
  });

  test("cannot fill the memory with large records", () => {
    const bytes = 1_000_000;
    const { records } = scene([], { count: heardRecordsMax, bytes });
    const neighbours = Array.from({ length: 256 }, (_, index) => madeUpId(index));
    const fitting = Math.floor(bytes / madeUp(1_000, { neighbours }).length);
    tell(records, bob, madeUp(500));
    for (let number = 1_000; number < 1_000 + fitting + 20; number += 1) {
      tell(records, mallory, madeUp(number, { neighbours }));
    }
    expect([fitting, fitting + 1]).toContain(records.size);
    expect(records.get(madeUpId(500))).toBeDefined();
  });

  test("[G4] costs no verification by telling the same again", () => {
    const { records } = scene();
    const bytes = madeUp(1);
    tell(records, alice, bytes);
    expect(records.isKnown(bytes)).toBe(true);
    expect(() => records.read(bytes, 1, now).verify()).not.toThrow();
    const other = madeUp(1, { sequence: 2_000 });
    expect(records.isKnown(other)).toBe(false);
    expect(() => records.read(other, 1, now).verify()).toThrow("signature");
    const forged = bytes.slice();
    forged[40]! ^= 1;
    expect(records.isKnown(forged)).toBe(false);
  });
});
