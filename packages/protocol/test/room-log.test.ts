/** Logs of rooms: who may append, what a server reads of an item and of an MLS message. */
import { describe, expect, test } from "vitest";
import type { RoomAppend, RoomTakeover, TakeoverPlace } from "../src/index.ts";
import {
  decode,
  decodeRoomLogItem,
  deviceCertificate,
  encodeLinkControl,
  isRoomAppendProved,
  isTakeoverBy,
  isTakeoverProved,
  limits,
  ProtocolError,
  proveRoomAppend,
  readMlsHead,
  roomAppend,
  roomEntry,
  roomEntryHash,
  roomId,
  signTakeover,
} from "../src/index.ts";
import { alice, p } from "../vectors/make/cast.ts";
import { fromHex, toHex } from "../vectors/make/json.ts";
import { backends } from "./backends.ts";
import { thrownBy } from "./cbor-cases.ts";
import { vectorFile } from "./vector-files.ts";

interface RoomLogFile {
  append: { seed: string; access: string; encoded: string };
  takeover: { seed: string; memberSeed: string; item: string };
  heads: {
    name: string;
    message: string;
    head: { group: string; epoch: number; content: string } | null;
  }[];
}

const { append, takeover, heads } = vectorFile<RoomLogFile>("room-log.json");
const given = decode(roomAppend, fromHex(append.encoded));

describe.each(backends)("appends ($name)", ({ primitives }) => {
  test("[O3] the access key proves an append and everything that it says", () => {
    const access = fromHex(append.access);
    expect(proveRoomAppend(primitives, fromHex(append.seed), given)).toEqual(given.proof);
    expect(isRoomAppendProved(primitives, access, given)).toBe(true);
    const others: Partial<RoomAppend>[] = [
      { term: 2 },
      { position: 2 },
      { head: new Uint8Array(32) },
      { item: given.item.with(0, 0) },
      { info: null },
      { info: new Uint8Array(80) },
      { proof: given.proof.with(0, given.proof[0]! ^ 1) },
    ];
    for (const other of others)
      expect(isRoomAppendProved(primitives, access, { ...given, ...other })).toBe(false);
    expect(isRoomAppendProved(primitives, given.head, given)).toBe(false);
  });
});

describe.each(backends)("takeovers ($name)", ({ primitives }) => {
  const { valid } = vectorFile<{ valid: { signed: string }[] }>("room-entry.json");
  const entry = roomEntry.open(p, fromHex(valid[2]!.signed));
  const given = decodeRoomLogItem(fromHex(takeover.item)) as RoomTakeover;
  const { signatureKey } = deviceCertificate.open(p, given.member);

  test("[O9] the access key and a device say who goes on with which log, and where", () => {
    const seeds = { access: fromHex(takeover.seed), member: fromHex(takeover.memberSeed) };
    expect(signTakeover(primitives, seeds, entry, given)).toEqual(given);
    expect(entry.item).toEqual(fromHex(takeover.item));
    expect(isTakeoverProved(primitives, entry, given)).toBe(true);
    expect(isTakeoverBy(primitives, signatureKey, entry, given)).toBe(true);
    expect(isTakeoverBy(primitives, given.access, entry, given)).toBe(false);
    const elsewhere: Partial<TakeoverPlace>[] = [
      { room: roomId.fromBytes(new Uint8Array(16)) },
      { hub: alice.record.server },
      { term: 3 },
      { position: 4 },
      { previous: new Uint8Array(32) },
    ];
    const otherwise: Partial<RoomTakeover>[] = [
      { from: entry.hub },
      { group: new Uint8Array(32) },
      { epoch: 9 },
      { servers: [entry.hub] },
    ];
    const changed = [
      ...elsewhere.map((change) => [{ ...entry, ...change }, given] as const),
      ...otherwise.map((change) => [entry, { ...given, ...change }] as const),
    ];
    for (const [place, item] of changed) {
      expect(isTakeoverProved(primitives, place, item)).toBe(false);
      expect(isTakeoverBy(primitives, signatureKey, place, item)).toBe(false);
    }
    const { proof, signature } = given;
    expect(isTakeoverProved(primitives, entry, { ...given, proof: signature })).toBe(false);
    expect(isTakeoverProved(primitives, entry, { ...given, access: signatureKey })).toBe(false);
    expect(isTakeoverBy(primitives, signatureKey, entry, { ...given, signature: proof })).toBe(false);
  });
});

test("[O1] an entry names the one before it by the hash of its container", () => {
  const { valid } = vectorFile<{ valid: { signed: string }[] }>("room-entry.json");
  const [first, second, third] = valid.map(({ signed }) => fromHex(signed));
  expect(roomEntry.open(p, second!).previous).toEqual(roomEntryHash(p, first!));
  expect(roomEntry.open(p, third!).previous).toEqual(roomEntryHash(p, second!));
});

test("[O2] what is no item is malformed", () => {
  const thrown = thrownBy(() => decodeRoomLogItem(Uint8Array.of(0xa0)));
  expect(thrown).toBeInstanceOf(ProtocolError);
  expect(thrown).toMatchObject({ code: "malformed" });
});

test.each(heads)("[O7] the head of an MLS message: $name", ({ message, head }) => {
  const read = readMlsHead(fromHex(message));
  expect(read === undefined ? null : { ...read, group: toHex(read.group) }).toEqual(head);
});

test("[O3] the largest append fits a batch of a link", () => {
  const largest = {
    ...given,
    item: new Uint8Array(limits.roomItemBytesMax),
    info: new Uint8Array(limits.roomInfoBytesMax),
  };
  const message = encodeLinkControl({
    kind: "query",
    id: 0xffff_ffff,
    query: { ask: "roomAppend", account: alice.account, ...largest },
  });
  expect(message.length).toBeLessThan(limits.frameBytesMax - 1_024);
});
