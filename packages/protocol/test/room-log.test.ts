/** Logs of rooms: who may append, what a server reads of an item and of an MLS message. */
import { describe, expect, test } from "vitest";
import type { RoomAppend } from "../src/index.ts";
import {
  decode,
  decodeRoomLogItem,
  encodeLinkControl,
  isRoomAppendProved,
  limits,
  ProtocolError,
  proveRoomAppend,
  readMlsHead,
  roomAppend,
  roomEntry,
  roomEntryHash,
} from "../src/index.ts";
import { alice, p } from "../vectors/make/cast.ts";
import { fromHex, toHex } from "../vectors/make/json.ts";
import { backends } from "./backends.ts";
import { thrownBy } from "./cbor-cases.ts";
import { vectorFile } from "./vector-files.ts";

interface RoomLogFile {
  append: { seed: string; access: string; encoded: string };
  heads: {
    name: string;
    message: string;
    head: { group: string; epoch: number; content: string } | null;
  }[];
}

const { append, heads } = vectorFile<RoomLogFile>("room-log.json");
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

test("[O1] an entry names the one before it by the hash of its container", () => {
  const { valid } = vectorFile<{ valid: { signed: string }[] }>("room-entry.json");
  const [first, second] = valid.map(({ signed }) => fromHex(signed));
  expect(roomEntry.open(p, second!).previous).toEqual(roomEntryHash(p, first!));
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
