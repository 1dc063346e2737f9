/** Every structure against its file of vectors: both directions, and what must be refused. */
import { describe, expect, test } from "vitest";
import { decodeLinkMessage, DecodeError, encodeLinkControl, ProtocolError } from "../src/index.ts";
import { joined, withField } from "../vectors/make/cases.ts";
import { fromHex, fromJson, toHex } from "../vectors/make/json.ts";
import { structures } from "../vectors/make/structures.ts";
import { makeVectors } from "../vectors/make.ts";
import { thrownBy } from "./cbor-cases.ts";
import { vectorFile, vectorFileNames, vectorText, type Cases } from "./vector-files.ts";

test("making the vectors again gives the same files, byte for byte", async () => {
  const made = await makeVectors();
  for (const [name, text] of made) expect(vectorText(name) === text, name).toBe(true);
  expect([...made.keys(), "content.json"].sort()).toEqual([...vectorFileNames].sort());
});

/** The code that a boundary would answer with. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof DecodeError) return "malformed";
  return error instanceof ProtocolError ? error.code : undefined;
}

/** Value to bytes and back, and what must be refused, as the file says it. */
function holds(file: string): void {
  const { valid, invalid } = vectorFile<Cases>(file);

  test.each(valid)("$structure: $name", ({ structure, value, encoded }) => {
    const kind = structures[structure]!;
    expect(toHex(kind.encode(fromJson(value)))).toBe(encoded);
    const decoded = kind.decode(fromHex(encoded));
    expect(decoded).toEqual(fromJson(value));
    expect(toHex(kind.encode(decoded))).toBe(encoded);
  });

  test.each(invalid)("$structure refused: $name", ({ structure, encoded, error }) => {
    expect(codeOf(thrownBy(() => structures[structure]!.decode(fromHex(encoded))))).toBe(error);
  });
}

describe("[V1] [V3] envelopes", () => holds("envelope.json"));
describe("[B1] bundles", () => holds("bundle.json"));
describe("[B11] bodies of bundles", () => holds("bundle-body.json"));
describe("[Q1] account notes", () => holds("account-note.json"));
describe("[M1] items of rooms", () => holds("room-item.json"));
describe("[O2] items of rooms' logs", () => holds("room-log.json"));
describe("[L1] [L3] [L5] openings and batches", () => holds("channel.json"));
describe("[L7] messages of links", () => holds("link-messages.json"));
describe("[H1] client frames", () => holds("client-frames.json"));
describe("[H2] methods and events of the homeserver interface", () => holds("client-methods.json"));
describe("[E2] errors", () => holds("errors.json"));

test("[S4] whatever is CBOR is refused in any other encoding of the same value", () => {
  const { valid } = vectorFile<Cases>("errors.json");
  for (const { structure, encoded } of valid) {
    const bytes = fromHex(encoded);
    // A map header of one byte written in two: the same map, not its canonical form.
    const longer = Uint8Array.of(0xb8, bytes[0]! & 0x1f, ...bytes.subarray(1));
    expect(codeOf(thrownBy(() => structures[structure]!.decode(longer)))).toBe("malformed");
  }
});

test("[S5] keys of a newer version are ignored, kinds of a newer version refused", () => {
  const trust = encodeLinkControl({ kind: "trust", linked: true }).subarray(1);
  const read = (cbor: Uint8Array) => decodeLinkMessage(joined([2], cbor));
  expect(read(withField(trust, "since", 7))).toEqual({
    kind: "control",
    control: { kind: "trust", linked: true },
  });
  expect(() => read(withField(trust, "kind", "distrust"))).toThrow(ProtocolError);
});

test("every method of the homeserver interface has vectors", () => {
  const { valid } = vectorFile<Cases>("client-methods.json");
  const known = new Set(valid.map(({ structure }) => structure));
  const methods = Object.keys(structures).filter((name) => /^(params|result) of /.test(name));
  expect(methods.filter((name) => !known.has(name))).toEqual([]);
});
