import fc from "fast-check";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeCbor } from "../src/cbor/cbor.ts";
import { DecodeError, encode, text, uint } from "../src/cbor/codec.ts";
import {
  computeMessageId,
  decodeContent,
  decodeStatusReport,
  deletion,
  disposition,
  edit,
  encodeContent,
  encodeStatusReport,
  expiresAfterReading,
  expiresAt,
  extensionKey,
  messageStatus,
  partsOf,
  reaction,
  reply,
  statusMessage,
  textMessage,
  type MimiContent,
  type MultiPart,
  type NestedPart,
} from "../src/content/index.ts";
import { accountId, accountUri, messageId, roomId, roomUri, type MessageId } from "../src/names.ts";
import { hex, mutated, thrownBy, unhex } from "./cbor-cases.ts";
import { contentFromJson, readContentVectors, reportFromJson } from "./content-vectors.ts";

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

const vectors = readContentVectors();

describe("our vectors", () => {
  test.each(vectors.valid)("[M5] [M6] $name", ({ content, encoded, sender, room, messageId: id }) => {
    expect(hex(encodeContent(contentFromJson(content)))).toBe(encoded);
    expect(decodeContent(unhex(encoded))).toEqual(contentFromJson(content));
    expect(hex(messageId.toBytes(computeMessageId({ sha256 }, { sender, room }, unhex(encoded))))).toBe(id);
  });

  test.each(vectors.invalid)("refused: $name", ({ encoded, reason }) => {
    const error = thrownBy(() => decodeContent(unhex(encoded)));
    expect(error).toBeInstanceOf(DecodeError);
    expect((error as DecodeError).what).toBe(reason);
  });

  test.each(vectors.statusReports.valid)("[M4] status report: $name", ({ report, encoded }) => {
    expect(hex(encodeStatusReport(reportFromJson(report)))).toBe(encoded);
    expect(decodeStatusReport(unhex(encoded))).toEqual(reportFromJson(report));
  });

  test.each(vectors.statusReports.invalid)("status report refused: $name", ({ encoded, reason }) => {
    const error = thrownBy(() => decodeStatusReport(unhex(encoded)));
    expect(error).toBeInstanceOf(DecodeError);
    expect((error as DecodeError).what).toBe(reason);
  });
});

const published = new URL("../../../../shared/vectors/mimi-content/", import.meta.url);
const arePublishedHere = existsSync(published);
if (!arePublishedHere) {
  console.log(
    "skipped: the MIMI working group's example messages are not here (../shared/vectors/mimi-content)",
  );
}

describe.skipIf(!arePublishedHere)("[MIMI content 09] the working group's examples", () => {
  test.each(["attachment", "edit", "expiring", "multipart-1", "original", "reaction", "reply"])(
    "%s",
    (name) => {
      const encoded = new Uint8Array(readFileSync(new URL(`${name}.cbor`, published)));
      const notes = readFileSync(new URL(`${name}.edn`, published), "utf8");
      const id = /message ID = h'([0-9a-f]+)\s*#\s*([0-9a-f]+)'/.exec(notes)!.slice(1).join("");
      const content = decodeContent(encoded);
      expect(hex(encodeContent(content))).toBe(hex(encoded));
      const uri = (key: number) => decodeCbor(content.extensions.get(key)!) as string;
      const origin = { sender: uri(extensionKey.senderUri), room: uri(extensionKey.roomUri) };
      expect(hex(messageId.toBytes(computeMessageId({ sha256 }, origin, encoded)))).toBe(id);
    },
  );

  test("are read as their notes say", () => {
    const read = (name: string) =>
      decodeContent(new Uint8Array(readFileSync(new URL(`${name}.cbor`, published))));
    expect(read("expiring").expires).toEqual(expiresAt(1_644_390_004));
    expect(read("reaction").body).toMatchObject({ disposition: disposition.reaction, cardinality: "single" });
    expect(read("edit").replaces).not.toBeNull();
    expect(read("attachment").body).toMatchObject({
      cardinality: "external",
      disposition: disposition.attachment,
      language: "en",
      size: 708_234_961,
      filename: "bigfile.mp4",
    });
    expect(read("multipart-1").body).toMatchObject({ cardinality: "multi", partSemantics: "chooseOne" });
  });
});

const salt = Uint8Array.from({ length: 16 }, (_, index) => index);
const frame = { salt };
const origin = {
  sender: accountUri(accountId.fromBytes(new Uint8Array(32).fill(1))),
  room: roomUri(roomId.fromBytes(new Uint8Array(16).fill(2))),
};
const idOf = (content: MimiContent): MessageId =>
  computeMessageId({ sha256 }, origin, encodeContent(content));
const partText = (part: NestedPart) =>
  part.cardinality === "single" ? new TextDecoder().decode(part.content) : undefined;
const original = idOf(textMessage(frame, "hi"));

describe("the messages that people send", () => {
  test.each<[string, MimiContent]>([
    ["a text", textMessage(frame, "hi")],
    ["a text in a topic", textMessage({ ...frame, topicId: Uint8Array.of(1) }, "hi")],
    ["a reply", reply(frame, original, "hello")],
    ["a reaction", reaction(frame, original, "👩🏽‍⚕️")],
    ["an edit", edit(frame, original, "hi!")],
    ["an edit of a reply", edit(frame, original, "hi!", original)],
    ["a deletion", deletion(frame, original)],
    ["one that expires", textMessage({ ...frame, expires: expiresAfterReading(60) }, "psst")],
    [
      "one with an extension",
      textMessage({ ...frame, extensions: new Map([["x", encode(uint(), 7)]]) }, "hi"),
    ],
    ["a status report", statusMessage(frame, [{ messageId: original, status: messageStatus.read }])],
  ])("%s decodes as it was made", (_name, content) => {
    expect(decodeContent(encodeContent(content))).toEqual(content);
  });

  test("a reply, a reaction, an edit and a deletion differ where the draft says", () => {
    expect(reply(frame, original, "x")).toMatchObject({ inReplyTo: original, replaces: null });
    expect(reaction(frame, original, "❤")).toMatchObject({ inReplyTo: original, body: { disposition: 2 } });
    expect(partText(reaction(frame, original, "❤").body)).toBe("❤");
    expect(edit(frame, original, "x")).toMatchObject({ inReplyTo: null, replaces: original });
    expect(deletion(frame, original)).toMatchObject({ replaces: original, body: { cardinality: "null" } });
  });
});

describe("a message id is bound to everything that it must be bound to", () => {
  const content = textMessage(frame, "hi");
  const elsewhere = { ...origin, room: `${origin.room}a` };

  test("another salt, text, sender or room gives another id", () => {
    const ids = [
      idOf(content),
      idOf(textMessage({ salt: salt.map((byte) => byte ^ 1) }, "hi")),
      idOf(textMessage(frame, "ho")),
      computeMessageId({ sha256 }, elsewhere, encodeContent(content)),
      computeMessageId({ sha256 }, { ...origin, sender: `${origin.sender}a` }, encodeContent(content)),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("a character moved from the sender's URI to the room's gives another id", () => {
    const encoded = encodeContent(content);
    expect(computeMessageId({ sha256 }, { sender: "ab", room: "c" }, encoded)).not.toBe(
      computeMessageId({ sha256 }, { sender: "a", room: "bc" }, encoded),
    );
  });

  test("a URI longer than its length field is our own mistake", () => {
    const long = { ...origin, sender: "x".repeat(65_536) };
    expect(() => computeMessageId({ sha256 }, long, encodeContent(content))).toThrow(RangeError);
  });
});

describe("the limits of content hold in both directions", () => {
  const leaf = (index: number): NestedPart => ({
    cardinality: "single",
    disposition: disposition.render,
    language: "",
    contentType: "text/plain;charset=utf-8",
    content: Uint8Array.of(index & 0xff),
  });
  const multi = (parts: NestedPart[]): MultiPart => ({
    cardinality: "multi",
    disposition: disposition.render,
    language: "",
    partSemantics: "processAll",
    parts,
  });
  const withBody = (body: NestedPart): MimiContent => ({ ...textMessage(frame, ""), body });
  const nested = (levels: number): NestedPart =>
    levels === 1 ? leaf(0) : multi([nested(levels - 1), leaf(levels)]);

  test("1024 parts pass, 1025 do not", () => {
    const parts = (count: number) =>
      withBody(multi(Array.from({ length: count - 1 }, (_, index) => leaf(index))));
    const content = decodeContent(encodeContent(parts(1_024)));
    expect([...partsOf(content.body)]).toHaveLength(1_024);
    expect(() => encodeContent(parts(1_025))).toThrow(TypeError);
  });

  test("the parts of all levels count together", () => {
    const half = () => multi(Array.from({ length: 600 }, (_, index) => leaf(index)));
    expect(() => encodeContent(withBody(multi([half(), half()])))).toThrow(TypeError);
  });

  test("four levels pass, five do not", () => {
    expect(decodeContent(encodeContent(withBody(nested(4)))).body).toEqual(nested(4));
    expect(() => encodeContent(withBody(nested(5)))).toThrow(TypeError);
  });

  test("parts are numbered depth first", () => {
    const body = multi([multi([leaf(2), leaf(3)]), leaf(4)]);
    const indices = [...partsOf(body)].map((part) =>
      part.cardinality === "single" ? part.content[0] : undefined,
    );
    expect(indices).toEqual([undefined, undefined, 2, 3, 4]);
  });

  test.each<[string, Partial<MimiContent>]>([
    ["a short salt", { salt: new Uint8Array(15) }],
    ["a long topic", { topicId: new Uint8Array(4_097) }],
    ["an expiration beyond 2106", { expires: expiresAt(2 ** 32) }],
    ["too many bytes", { body: { ...leaf(0), content: new Uint8Array(245_760) } as NestedPart }],
    ["a deletion of nothing", { body: { cardinality: "null", disposition: 1, language: "" } }],
    ["an extension that is not CBOR", { extensions: new Map([["x", unhex("ff")]]) }],
    ["an extension that is two values", { extensions: new Map([["x", unhex("0000")]]) }],
    ["a sender extension that is a number", { extensions: new Map([[extensionKey.senderUri, unhex("00")]]) }],
    ["an extension with an empty key", { extensions: new Map([["", unhex("00")]]) }],
  ])("encoding %s is our own mistake", (_name, change) => {
    expect(() => encodeContent({ ...textMessage(frame, "hi"), ...change })).toThrow(TypeError);
  });

  test("more than 240 KiB is refused before it is looked at", () => {
    expect(() => decodeContent(new Uint8Array(245_761).fill(0x87))).toThrow("is longer than 245760 bytes");
  });
});

describe("for every input", () => {
  const extension = fc.tuple(
    fc.oneof(fc.integer({ min: 3 }), fc.integer({ max: -1 }), fc.string({ minLength: 1, maxLength: 30 })),
    fc
      .string({ maxLength: 20 })
      .map((value) => encode(text({ max: 100, multiline: true }), value.replace(/\W/g, ""))),
  );
  const reference = fc
    .option(fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map((bytes) => (bytes === null ? null : messageId.fromBytes(bytes)));
  const leaf: fc.Arbitrary<NestedPart> = fc.record({
    cardinality: fc.constant("single" as const),
    disposition: fc.nat(255),
    language: fc.constantFrom("", "en", "de,fr"),
    contentType: fc.string({ maxLength: 20 }),
    content: fc.uint8Array({ maxLength: 30 }).map((bytes) => Uint8Array.from(bytes)),
  });
  const branch = (inner: fc.Arbitrary<NestedPart>): fc.Arbitrary<NestedPart> =>
    fc.record({
      cardinality: fc.constant("multi" as const),
      disposition: fc.nat(255),
      language: fc.constant(""),
      partSemantics: fc.constantFrom("chooseOne" as const, "singleUnit" as const, "processAll" as const),
      parts: fc.array(inner, { minLength: 2, maxLength: 4 }),
    });
  const content: fc.Arbitrary<MimiContent> = fc.record({
    salt: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
    replaces: reference,
    topicId: fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
    expires: fc.option(fc.record({ relative: fc.boolean(), seconds: fc.nat() })),
    inReplyTo: reference,
    extensions: fc.array(extension, { maxLength: 4 }).map((list) => new Map(list)),
    body: fc.oneof(leaf, branch(fc.oneof(leaf, branch(leaf)))),
  });

  test("content decodes as it was encoded", () => {
    fc.assert(
      fc.property(content, (value) => {
        expect(decodeContent(encodeContent(value))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  test("random and damaged bytes are refused with a DecodeError, or are the one encoding of what they decode to", () => {
    const encodings = fc.oneof(
      content.map(encodeContent),
      fc.constantFrom(...vectors.valid.map(({ encoded }) => unhex(encoded))),
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated(encodings)), (bytes) => {
        let decoded: MimiContent;
        try {
          decoded = decodeContent(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(hex(encodeContent(decoded))).toBe(hex(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  test("damaged status reports are refused with a DecodeError", () => {
    const report = encodeStatusReport([{ messageId: original, status: 2 }]);
    fc.assert(
      fc.property(mutated(fc.constant(report)), (bytes) => {
        const error = thrownBy(() => decodeStatusReport(bytes));
        expect(error === undefined || error instanceof DecodeError).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
