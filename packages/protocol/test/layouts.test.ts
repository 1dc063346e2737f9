/** The fixed layouts at their bounds: what we would not take from others we do not send. */
import { describe, expect, test } from "vitest";
import type { Bundle, Envelope } from "../src/index.ts";
import {
  accountId,
  BinaryReader,
  BinaryWriter,
  decodeBundle,
  decodeBundleBody,
  decodeClientFrame,
  decodeEnvelope,
  encodeBundle,
  encodeBundleBody,
  encodeClientFrame,
  encodeEnvelope,
  limits,
} from "../src/index.ts";
import { AssertionError } from "../src/primitives/assert.ts";
import { made, now, serverA, serverB } from "../vectors/make/cast.ts";
import { roomEnvelope } from "../vectors/make/envelopes.ts";
import { joined } from "../vectors/make/cases.ts";

const someAccounts = (count: number) =>
  Array.from({ length: count }, (_, index) => accountId.fromBytes(made(`account ${index}`)));

const bundle: Bundle = {
  header: {
    class: "messages",
    source: serverA.id,
    destination: serverB.id,
    stream: now,
    sequence: 1,
    created: now,
    lifetimeMs: limits.bundleLifetimeMs,
    encapsulation: made("encapsulation"),
    sealNumber: 0,
  },
  route: { hopLimit: 16, path: [] },
  sealed: made("sealed", 32),
};

describe("fields", () => {
  test("a number that does not fit its field is our mistake", () => {
    expect(() => new BinaryWriter(1).u8(256)).toThrow(AssertionError);
    expect(() => new BinaryWriter(2).u16(65_536)).toThrow(AssertionError);
    expect(() => new BinaryWriter(4).u32(-1)).toThrow(AssertionError);
    expect(() => new BinaryWriter(8).u64(2 ** 53)).toThrow(AssertionError);
    expect(() => new BinaryWriter(8).u64(0.5)).toThrow(AssertionError);
    expect(() => new BinaryWriter(2).u8(1).finish()).toThrow("wrote 1 of 2");
  });

  test.each([0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER])("64 bits hold %d", (value) => {
    const reader = new BinaryReader(new BinaryWriter(8).u64(value).finish(), "value");
    expect(reader.u64()).toBe(value);
    expect(reader.atEnd).toBe(true);
  });
});

describe("envelopes", () => {
  test("[V3] the most recipients and the largest payload", () => {
    const most: Envelope = {
      ...roomEnvelope,
      to: someAccounts(limits.envelopeRecipientsMax),
      payload: new Uint8Array(limits.envelopePayloadBytesMax),
    };
    expect(decodeEnvelope(encodeEnvelope(most))).toEqual(most);
    const tooMany = { ...roomEnvelope, to: someAccounts(limits.envelopeRecipientsMax + 1) };
    expect(() => encodeEnvelope(tooMany)).toThrow(AssertionError);
    expect(() => encodeEnvelope({ ...roomEnvelope, to: [] })).toThrow(AssertionError);
    const tooLarge = { ...roomEnvelope, payload: new Uint8Array(limits.envelopePayloadBytesMax + 1) };
    expect(() => encodeEnvelope(tooLarge)).toThrow(AssertionError);
  });

  test("a payload is a view: nothing is copied on the hot path", () => {
    const encoded = encodeEnvelope(roomEnvelope);
    expect(decodeEnvelope(encoded).payload.buffer).toBe(encoded.buffer);
  });
});

describe("bundles", () => {
  test("[B1] the longest path and the largest body", () => {
    const path = Array.from({ length: limits.bundleHopsMax }, () => serverB.id);
    const sealed = new Uint8Array(limits.bundleBodyBytesMax + 16);
    const most = { ...bundle, route: { hopLimit: 255, path }, sealed };
    expect(decodeBundle(encodeBundle(most))).toMatchObject({ header: bundle.header, route: most.route });
    expect(() =>
      decodeBundle(joined(encodeBundle(bundle), new Uint8Array(limits.bundleBodyBytesMax))),
    ).toThrow("body size");
  });

  test("[B1] a lifetime is whole seconds, 30 days at most", () => {
    expect(decodeBundle(encodeBundle(bundle)).header.lifetimeMs).toBe(limits.bundleLifetimeMs);
    const odd = { ...bundle, header: { ...bundle.header, lifetimeMs: 1_999 } };
    expect(decodeBundle(encodeBundle(odd)).header.lifetimeMs).toBe(1_000);
  });

  test("[B9] as many envelopes as a bundle carries, and one more", () => {
    const envelopes = Array<Envelope>(limits.bundleEnvelopesMax).fill(roomEnvelope);
    expect(decodeBundleBody(encodeBundleBody({ kind: "envelopes", envelopes }))).toEqual({
      kind: "envelopes",
      envelopes,
    });
    const more = [...envelopes, roomEnvelope];
    expect(() => encodeBundleBody({ kind: "envelopes", envelopes: more })).toThrow(AssertionError);
    expect(() => encodeBundleBody({ kind: "envelopes", envelopes: [] })).toThrow(AssertionError);
  });
});

describe("client frames", () => {
  const submission = {
    id: roomEnvelope.id,
    kind: "room" as const,
    created: now,
    destinations: [{ server: serverB.id, accounts: roomEnvelope.to }],
    payload: new Uint8Array(limits.envelopePayloadBytesMax),
  };

  test("[H10] the largest payload that can be submitted, and one byte more", () => {
    const encoded = encodeClientFrame({ kind: "submit", id: 1, submission });
    expect(decodeClientFrame(encoded)).toEqual({ kind: "submit", id: 1, submission });
    expect(() => decodeClientFrame(joined(encoded, [0]))).toThrow("payload too large");
  });

  test("[H10] whatever can be submitted fits an envelope", () => {
    const recipients = someAccounts(limits.envelopeRecipientsMax);
    const encoded = encodeEnvelope({ ...roomEnvelope, to: recipients, payload: submission.payload });
    expect(encoded.length + 3).toBeLessThanOrEqual(limits.bundleBodyBytesMax);
  });
});
