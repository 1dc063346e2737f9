/** Every decoder that a stranger's bytes reach: a value, a DecodeError or a ProtocolError, and nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  accountRecord,
  answerChannel,
  decodeContent,
  decodeSealedNote,
  decodeStatusReport,
  DecodeError,
  deviceCertificate,
  fromWireError,
  openAccountRecord,
  parseInvitationLink,
  ProtocolError,
  readMlsHead,
  roomEntry,
  serverRecord,
} from "../src/index.ts";
import { serverB, alice, now, p, serverA } from "../vectors/make/cast.ts";
import { fromHex } from "../vectors/make/json.ts";
import { structures } from "../vectors/make/structures.ts";
import { mutated, thrownBy } from "./cbor-cases.ts";
import { signedRoomEntryExample } from "../vectors/make/room-logs.ts";
import { seededRandom } from "./backends.ts";
import { carrier } from "./carrier.ts";
import { ManualClock } from "./manual-clock.ts";
import { vectorFile, type Cases } from "./vector-files.ts";

/** Of random cases, each decoder: some 100 ms. */
const runs = 300;

const files = [
  "envelope.json",
  "bundle.json",
  "bundle-body.json",
  "account-note.json",
  "room-item.json",
  "room-log.json",
  "channel.json",
  "link-messages.json",
  "client-frames.json",
  "client-methods.json",
  "errors.json",
].map((name) => vectorFile<Cases>(name));

/** Valid encodings by structure: what mutations start from. */
const samples = Map.groupBy(
  files.flatMap(({ valid }) => valid),
  ({ structure }) => structure,
);

interface Encoded {
  encoded: string;
}
const contents = vectorFile<{ valid: Encoded[]; statusReports: { valid: Encoded[] } }>("content.json");
const sealedNotes = vectorFile<{ sealed: { payload: string }[] }>("account-note.json").sealed.map(
  ({ payload }) => fromHex(payload),
);

const mlsMessages = vectorFile<{ heads: { message: string }[] }>("room-log.json").heads.map(({ message }) =>
  fromHex(message),
);

const decoders: [string, (bytes: Uint8Array) => unknown, Uint8Array[]][] = [
  ...[...samples].map(([name, list]): [string, (bytes: Uint8Array) => unknown, Uint8Array[]] => [
    name,
    structures[name]!.decode,
    list.map(({ encoded }) => fromHex(encoded)),
  ]),
  ["signed server record", (bytes) => serverRecord.open(p, bytes), [serverA.signed]],
  ["signed device certificate", (bytes) => deviceCertificate.open(p, bytes), [alice.devices[0]!.signed]],
  ["signed account record", (bytes) => accountRecord.open(p, bytes), [alice.signed]],
  ["account record with its devices", (bytes) => openAccountRecord(p, bytes), [alice.signed]],
  ["signed room entry", (bytes) => roomEntry.open(p, bytes), [signedRoomEntryExample]],
  ["head of an MLS message", readMlsHead, mlsMessages],
  ["sealed note", decodeSealedNote, sealedNotes],
  ["content", decodeContent, contents.valid.map(({ encoded }) => fromHex(encoded))],
  ["status report", decodeStatusReport, contents.statusReports.valid.map(({ encoded }) => fromHex(encoded))],
];

function expectForeseen(error: unknown): void {
  if (error === undefined || error instanceof DecodeError || error instanceof ProtocolError) return;
  throw error;
}

describe.each(decoders)("%s", (_, decode, encodings) => {
  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        expectForeseen(thrownBy(() => decode(bytes))),
      ),
      { numRuns: runs },
    );
  });

  test("valid bytes with a few changed, removed or put in", () => {
    fc.assert(
      fc.property(mutated(fc.constantFrom(...encodings)), (bytes) =>
        expectForeseen(thrownBy(() => decode(bytes))),
      ),
      { numRuns: runs },
    );
  });

  test("[S6] headers that promise more than there is cost nothing", () => {
    const before = process.memoryUsage();
    for (const bomb of bombs) {
      expectForeseen(thrownBy(() => decode(bomb)));
      for (const encoding of encodings.slice(0, 2)) {
        expectForeseen(thrownBy(() => decode(Uint8Array.of(...encoding.subarray(0, 5), ...bomb))));
      }
    }
    const after = process.memoryUsage();
    const grown = after.arrayBuffers + after.heapTotal - before.arrayBuffers - before.heapTotal;
    expect(grown).toBeLessThan(64 * 1024 * 1024);
  });
});

/** Lengths of 2^32 and 2^53, nesting without end, and the two after the first bytes of each layout. */
const bombs = [
  "9affffffff",
  "9b001fffffffffffff",
  "bb001fffffffffffff",
  "5b001fffffffffffff",
  "7b001fffffffffffff",
  "81".repeat(10_000),
  `${"a100".repeat(5_000)}00`,
  "9f".repeat(1_000),
  "01ffff",
  "029affffffff",
  "039bffffffffffffffff",
  `${"d8".repeat(2_000)}`,
].map(fromHex);

test("[S6] an array of a hundred thousand claimed and delivered items is refused where two are allowed", () => {
  const many = new Uint8Array(200_005).fill(0xa0);
  many.set(fromHex("9a00030d40"));
  expect(thrownBy(() => structures["wire error"]!.decode(many))).toBeInstanceOf(DecodeError);
  expect(thrownBy(() => structures["opening frame"]!.decode(many))).toBeInstanceOf(DecodeError);
});

test("[I1] any text as an invitation link", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      expect(thrownBy(() => parseInvitationLink(text))).toBeInstanceOf(ProtocolError);
    }),
    { numRuns: runs },
  );
});

test("[E3] any error that decodes becomes one of ours", () => {
  const anyError = fc.record({
    code: fc.string({ maxLength: 40 }),
    detail: fc.string({ maxLength: 100 }),
    retry: fc.constantFrom("never" as const, "later" as const, "now" as const),
  });
  fc.assert(
    fc.property(anyError, (wire) => {
      expect(fromWireError(wire)).toBeInstanceOf(ProtocolError);
    }),
    { numRuns: runs },
  );
});

test("[L6] any frames at all as an opening", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 3 }),
      async (frames) => {
        const { dialler, answerer } = carrier();
        const opening = answerChannel({
          channel: answerer,
          protocol: "fedchat-link",
          self: serverB.id,
          staticKey: serverB.noisePrivateKey,
          record: () => serverB.signed,
          features: [],
          primitives: p,
          random: seededRandom("fuzz"),
          clock: new ManualClock(now),
        });
        for (const frame of frames) dialler.send(frame);
        dialler.close();
        await expect(opening).rejects.toBeInstanceOf(ProtocolError);
      },
    ),
    { numRuns: runs },
  );
});
