/** What is believed of keys that servers had before, by records alone. */
import type { ServerId, ServerRecord } from "@fedchat/protocol";
import { recoveryKeyHashOf, replaceServer, serverId } from "@fedchat/protocol";
import { nodePrimitives as p } from "@fedchat/protocol/primitives/node";
import { expect, test } from "vitest";
import type { ReplacedServersPorts } from "../src/core/federation/replaced-servers.ts";
import { ReplacedServers } from "../src/core/federation/replaced-servers.ts";
import { claimantsOfOneMax, replacedServersMax } from "../src/core/limits.ts";

const words = new Uint8Array(32).fill(7);
const otherWords = new Uint8Array(32).fill(8);
const hash = recoveryKeyHashOf(p, words);

const id = (n: number) => serverId.fromBytes(p.sha256(new Uint8Array([n >> 8, n])));
const [self, a, b, c, d] = [id(1), id(2), id(3), id(4), id(5)];

/** Only what is looked at here. */
function record(key: ServerId, more: Partial<ServerRecord> = {}): ServerRecord {
  return {
    ...{ key, noiseKey: new Uint8Array(32), name: "x", addresses: [], relays: [], relaysFor: "nobody" },
    ...{ neighbours: [], software: "", sequence: 1, issued: 1, expires: 2, recoveryKeyHash: hash, ...more },
  };
}

const said = (former: ServerId, successor: ServerId, issued: number, seed = words) =>
  replaceServer(p, seed, { former, successor, issued });

const ports: ReplacedServersPorts = {
  ...{ meta: new Map(), primitives: p, own: { key: self } },
  ...{ keeps: () => false, record: () => undefined },
};

/** A server that knows these records. */
function knowing(...records: ServerRecord[]) {
  const known = new Map(records.map((one) => [one.key, one]));
  return { known, replaced: new ReplacedServers({ ...ports, record: (server) => known.get(server) }) };
}

test("[R8] of two words of one former key the later counts, whichever comes first; an older one changes nothing", () => {
  const older = record(b, { replaces: [said(a, b, 10)] });
  const later = record(c, { replaces: [said(a, c, 11)] });
  const { replaced } = knowing(record(a));
  expect(replaced.learn(older)).toEqual([{ former: a, successor: b }]);
  expect(replaced.learn(later)).toEqual([{ former: a, successor: c }]);
  for (const one of [older, later, record(d, { replaces: [said(a, d, 11)] })])
    expect(replaced.learn(one)).toEqual([]);
  expect([replaced.heir(a), replaced.formersOf(c), replaced.formersOf(b)]).toEqual([c, [a], []]);

  const { replaced: other } = knowing(record(a));
  other.learn(later);
  expect(other.learn(older)).toEqual([]);
  expect(other.heir(a)).toBe(c);
});

test("[R8] a word of other words, of another former key, for another server, or of a key that named none moves nothing", () => {
  const { recoveryKeyHash: _, ...unprepared } = record(d);
  const { replaced } = knowing(record(a), unprepared);
  const copied = { ...said(a, b, 10), server: d };
  for (const wrong of [said(a, b, 10, otherWords), copied, said(a, c, 10), said(d, b, 10), said(self, b, 10)])
    expect(replaced.learn(record(b, { replaces: [wrong] }))).toEqual([]);
  expect([a, d, self].map((one) => replaced.has(one))).toEqual([false, false, false]);
});

test("[R8] neither the former key nor a recovery key that it names since takes it back, and none leads back to itself", () => {
  const { replaced, known } = knowing(record(a));
  replaced.learn(record(b, { replaces: [said(a, b, 10)] }));
  known.set(a, record(a, { recoveryKeyHash: recoveryKeyHashOf(p, otherWords) }));
  known.set(b, record(b));
  expect(replaced.learn(record(c, { replaces: [said(a, c, 99, otherWords)] }))).toEqual([]);
  expect(replaced.learn(record(a, { replaces: [said(b, a, 99)] }))).toEqual([]);
  expect([replaced.heir(a), replaced.heir(b)]).toEqual([b, b]);
  replaced.learn(record(c, { replaces: [said(b, c, 11)] }));
  expect([replaced.heir(a), replaced.formersOf(c)]).toEqual([c, [a, b]]);
});

test("[R8] whoever comes to know the former record later believes the word then", () => {
  const successor = record(b, { replaces: [said(a, b, 10)] });
  const { replaced } = knowing(successor);
  expect(replaced.learn(successor)).toEqual([]);
  expect(replaced.learn(record(a))).toEqual([{ former: a, successor: b }]);
});

test("[R8] whoever claims a key falsely, later or first, does not hide its heir, nor do many, where somebody has to do with that", () => {
  const liars = Array.from({ length: 2 * claimantsOfOneMax }, (_, n) => id(200 + n));
  for (const claimants of [
    [b, ...liars],
    [...liars, b],
  ]) {
    const claims = claimants.map((key) =>
      record(key, { replaces: [key === b ? said(a, b, 10) : { ...said(a, b, 99, otherWords), server: a }] }),
    );
    const known = new Map(claims.map((one) => [one.key, one]));
    const replaced = new ReplacedServers({
      ...{ ...ports, record: (server) => known.get(server) },
      keeps: (server) => server === b,
    });
    for (const one of claims) expect(replaced.learn(one)).toEqual([]);
    expect(replaced.learn(record(a))).toEqual([{ former: a, successor: b }]);
  }
});

test("[R9] at most 1,024 former keys are remembered, first those of servers that somebody here has to do with", () => {
  const rows = Array.from({ length: replacedServersMax - 1 }, (_, n) => id(100 + n));
  const kept = id(6);
  // As a run of that server itself stored them, which believes its own: to sign each would take its time.
  const one = said(a, kept, 1);
  const replaces = rows.map((former) => ({ ...one, server: former }));
  const before = new ReplacedServers({ ...ports, own: { key: kept, replaces } });
  const meta = new Map(before.storing().flatMap((op) => (op.op === "meta.put" ? [[op.key, op.value]] : [])));
  const known = new Map([a, b].map((key) => [key, record(key)]));
  const replaced = new ReplacedServers({
    ...{ ...ports, meta, keeps: (server: ServerId) => server === kept },
    record: (server) => known.get(server),
  });
  replaced.learn(record(c, { replaces: [said(a, c, 10)] }));
  expect([a, ...rows].every((one) => replaced.has(one))).toBe(true);
  replaced.learn(record(d, { replaces: [said(b, d, 10)] }));
  expect([replaced.has(a), replaced.has(b)]).toEqual([false, true]);
  expect(rows.every((one) => replaced.has(one))).toBe(true);
  expect(replaced.storing()).toHaveLength(1);
});
