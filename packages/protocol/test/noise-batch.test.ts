import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError } from "../src/cbor/decode-error.ts";
import {
  batchedMessageBytesMax,
  batchLimits,
  BatchWriter,
  CipherState,
  decodeBatch,
  encodeBatch,
  sealedFrameBytesMax,
} from "../src/noise/index.ts";
import { AssertionError } from "../src/primitives/assert.ts";
import { nodePrimitives } from "../src/primitives/node.ts";
import { ascii, hex } from "./backends.ts";

const small = { batchBytesMax: 32, batchMessagesMax: 3 };

describe("a batch", () => {
  test("is each message behind its length, big-endian", () => {
    const batch = encodeBatch([ascii("hi"), ascii("you")]);
    expect(batch).toEqual(hex("00000002 6869 00000003 796f75"));
    expect(decodeBatch(batch)).toEqual([ascii("hi"), ascii("you")]);
  });

  test("gives back any messages, whatever lies around it in memory", () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 500 }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(messages, (list) => {
        const batch = encodeBatch(list);
        const slab = new Uint8Array(batch.length + 20).fill(0xff);
        slab.set(batch, 7);
        expect(decodeBatch(slab.subarray(7, 7 + batch.length))).toEqual(list);
      }),
    );
  });

  test("is decoded without copying: the messages are views into it", () => {
    const batch = encodeBatch([ascii("hi"), ascii("you")]);
    for (const message of decodeBatch(batch)) expect(message.buffer).toBe(batch.buffer);
  });

  test.each([
    { what: "nothing at all", batch: "", where: "batch", says: "is empty" },
    { what: "a length cut off", batch: "000000", where: "batch[0]", says: "is cut off within its length" },
    {
      what: "bytes after the last message",
      batch: "00000001aa 0000",
      where: "batch[1]",
      says: "is cut off within",
    },
    { what: "a length beyond the rest", batch: "00000003aabb", where: "batch[0]", says: "reaches beyond" },
    { what: "a length of 4 GiB", batch: "ffffffffaabb", where: "batch[0]", says: "reaches beyond" },
    { what: "an empty message", batch: "00000001aa 00000000", where: "batch[1]", says: "is empty" },
    { what: "an empty message first", batch: "00000000 00000001aa", where: "batch[0]", says: "is empty" },
    {
      what: "one message too many",
      batch: "00000001aa".repeat(4),
      where: "batch",
      says: "more than 3 messages",
    },
    {
      what: "a byte too many",
      batch: `0000001d${"aa".repeat(29)}`,
      where: "batch",
      says: "longer than 32 bytes",
    },
  ])("with $what is refused", ({ batch, where, says }) => {
    const error = caught(() => decodeBatch(hex(batch), small));
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ where, what: expect.stringContaining(says) });
  });

  test("of any bytes is either refused or exactly its messages", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const outcome = caught(() => expect(encodeBatch(decodeBatch(bytes))).toEqual(bytes));
        if (outcome !== undefined) expect(outcome).toBeInstanceOf(DecodeError);
      }),
      { numRuns: 1_000 },
    );
  });

  test("at its limits passes, and beyond them encoding is our own mistake", () => {
    const three = [ascii("a"), ascii("b"), ascii("c")];
    expect(decodeBatch(encodeBatch(three, small), small)).toEqual(three);
    expect(decodeBatch(encodeBatch([new Uint8Array(28)], small), small)).toHaveLength(1);
    for (const wrong of [[], [...three, ascii("d")], [new Uint8Array(29)], [ascii("a"), new Uint8Array(0)]]) {
      expect(() => encodeBatch(wrong, small)).toThrow(AssertionError);
    }
  });

  test("of one mebibyte, sealed, is the longest frame", () => {
    const batch = encodeBatch([new Uint8Array(batchedMessageBytesMax)]);
    expect(batch).toHaveLength(batchLimits.batchBytesMax);
    const sealed = new CipherState(nodePrimitives, new Uint8Array(32)).seal(batch);
    expect(sealed).toHaveLength(sealedFrameBytesMax);
    expect(() => encodeBatch([new Uint8Array(batchedMessageBytesMax + 1)])).toThrow(AssertionError);
  });
});

describe("a batch writer", () => {
  test("collects messages in order and gives them as one batch", () => {
    const writer = new BatchWriter();
    expect(writer.take()).toBeUndefined();
    expect([writer.add(ascii("hi")), writer.add(ascii("you"))]).toEqual([true, true]);
    expect([writer.count, writer.bytes]).toEqual([2, 13]);
    expect(writer.take()).toEqual(encodeBatch([ascii("hi"), ascii("you")]));
    expect([writer.count, writer.bytes]).toEqual([0, 0]);
    expect(writer.take()).toBeUndefined();
  });

  test("says that it is full, by messages or by bytes, and takes the message after a flush", () => {
    const byMessages = new BatchWriter(small);
    for (const text of ["a", "b", "c"]) expect(byMessages.add(ascii(text))).toBe(true);
    expect(byMessages.add(ascii("d"))).toBe(false);
    expect(decodeBatch(byMessages.take()!, small)).toHaveLength(3);
    expect(byMessages.add(ascii("d"))).toBe(true);

    const byBytes = new BatchWriter(small);
    expect(byBytes.add(new Uint8Array(20).fill(1))).toBe(true);
    expect(byBytes.add(new Uint8Array(5).fill(2))).toBe(false);
    expect(byBytes.add(new Uint8Array(4).fill(3))).toBe(true);
    expect(byBytes.take()).toHaveLength(32);
  });

  test("an empty message or one that no batch can carry is our own mistake", () => {
    const writer = new BatchWriter(small);
    expect(() => writer.add(new Uint8Array(0))).toThrow(AssertionError);
    expect(() => writer.add(new Uint8Array(29))).toThrow(AssertionError);
    expect(writer.count).toBe(0);
  });
});

function caught(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
