import { describe, expect, test } from "vitest";
import { text } from "../src/cbor/codec.ts";
import { decode, encode } from "../src/index.ts";
import {
  accountId,
  accountUri,
  deviceId,
  fingerprint,
  messageId,
  nextSequence,
  roomId,
  roomUri,
  serverId,
  type AccountId,
  type RoomId,
  type ServerId,
} from "../src/names.ts";
import { patterns } from "../vectors/make/names.ts";
import { fromHex, toHex } from "../vectors/make/json.ts";
import { thrownBy } from "./cbor-cases.ts";
import { vectorFile } from "./vector-files.ts";

interface Names {
  identifiers: { kind: keyof typeof kinds; bytes: string; text: string }[];
  notIdentifiers: { name: string; text: string }[];
  uris: { account?: AccountId; room?: RoomId; uri: string }[];
  fingerprint: { id: ServerId; text: string };
  texts: { kind: keyof typeof patterns; text: string; allowed: boolean }[];
}

const kinds = { server: serverId, account: accountId, device: deviceId, room: roomId, message: messageId };
const vectors = vectorFile<Names>("names.json");

describe("identifiers", () => {
  test.each(vectors.identifiers)("[N3] a $kind id as bytes and as text", ({ kind, bytes, text }) => {
    const id = kinds[kind];
    expect(id.fromBytes(fromHex(bytes))).toBe(text);
    expect(id.parse(text)).toBe(text);
    expect(toHex(id.toBytes(text as never))).toBe(bytes);
    expect(toHex(encode(id.codec as never, text))).toMatch(new RegExp(`${bytes}$`));
  });

  test.each(vectors.notIdentifiers)("[N3] no identifier: $name", ({ text }) => {
    for (const id of Object.values(kinds)) expect(id.parse(text)).toBeUndefined();
  });

  test("[N3] an identifier of another length is none", () => {
    expect(roomId.parse(vectors.identifiers[0]!.text)).toBeUndefined();
    expect(() => roomId.fromBytes(new Uint8Array(15))).toThrow(RangeError);
    expect(() => decode(roomId.codec, encode(serverId.codec, vectors.fingerprint.id))).toThrow("16 bytes");
    expect(() => encode(roomId.codec, vectors.fingerprint.id as unknown as RoomId)).toThrow(TypeError);
  });

  test("[N3] a text of megabytes is refused without decoding it", () => {
    expect(roomId.parse("a".repeat(10_000_000))).toBeUndefined();
  });

  test.each(vectors.uris)("[N7] $uri", ({ account, room, uri }) => {
    expect(account === undefined ? roomUri(room!) : accountUri(account)).toBe(uri);
  });

  test("[N3] a fingerprint is the id in groups of four", () => {
    expect(fingerprint(vectors.fingerprint.id)).toBe(vectors.fingerprint.text);
  });
});

describe("names", () => {
  const codecs = Object.fromEntries(
    Object.entries(patterns).map(([kind, { pattern, max }]) => [kind, text({ min: 1, max, pattern })]),
  );

  test.each(vectors.texts)("[N4] [N5] $kind $text: allowed $allowed", ({ kind, text, allowed }) => {
    const error = thrownBy(() => encode(codecs[kind]!, text));
    if (allowed) expect(error).toBeUndefined();
    else expect(error).toBeInstanceOf(TypeError);
  });
});

describe("sequences", () => {
  test("[R2] rise with the clock, and without it", () => {
    expect(nextSequence(0, 1_000)).toBe(1_000);
    expect(nextSequence(1_000, 1_000)).toBe(1_001);
    expect(nextSequence(5_000, 1_000)).toBe(5_001);
  });
});
