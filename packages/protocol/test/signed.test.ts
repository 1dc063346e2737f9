import { describe, expect, test } from "vitest";
import { encodeCbor } from "../src/cbor/cbor.ts";
import {
  accountRecord,
  accountRecordReplaces,
  bundleHash,
  compareServerRecord,
  custodyReceipt,
  deviceCertificate,
  openAccountRecord,
  ProtocolError,
  roomEntry,
  serverRecord,
  signAs,
  signatureInput,
  verifyAs,
  type AccountRecord,
  type DeviceCertificate,
  type ServerRecord,
  type SignedKind,
} from "../src/index.ts";
import { alice, bob, now, p, serverA, serverB } from "../vectors/make/cast.ts";
import { withField } from "../vectors/make/cases.ts";
import { fromHex, fromJson, toHex, type Json } from "../vectors/make/json.ts";
import { backends } from "./backends.ts";
import { thrownBy } from "./cbor-cases.ts";
import { bytesOf, vectorFile } from "./vector-files.ts";

interface Statements {
  valid: { name: string; type: string; seed: string; value: Json; body: string; signed: string }[];
  validToo?: { name: string; signed: string }[];
  invalid: { name: string; signed: string; error: string }[];
  standing?: {
    now: number;
    cases: { held: number | null; sequence: number; expires: number; standing: string }[];
  };
  tie?: { wins: { signed: string }; loses: { signed: string } };
}

interface Signatures {
  valid: { type: string; seed: string; publicKey: string; body: string; input: string; signature: string }[];
  invalid: { name: string; type: string; publicKey: string; body: string; signature: string }[];
}

describe.each(backends)("signatures ($name)", ({ primitives }) => {
  const { valid, invalid } = vectorFile<Signatures>("signatures.json");

  test.each(valid)("[S1] a signature as $type", ({ type, ...hex }) => {
    const { seed, publicKey, body, input, signature } = bytesOf(hex);
    expect(signatureInput(type, body!)).toEqual(input);
    expect(toHex(signAs(primitives, type, seed!, body!))).toBe(hex.signature);
    expect(verifyAs(primitives, type, publicKey!, body!, signature!)).toBe(true);
  });

  test.each(invalid)("[S1] does not hold: $name", ({ type, publicKey, body, signature }) => {
    const hex = bytesOf({ publicKey, body, signature });
    expect(verifyAs(primitives, type, hex.publicKey, hex.body, hex.signature)).toBe(false);
  });
});

const kinds: [string, SignedKind<unknown>, (signed: Uint8Array) => unknown][] = [
  ["custody-receipt.json", custodyReceipt as SignedKind<unknown>, (signed) => custodyReceipt.open(p, signed)],
  ["room-entry.json", roomEntry as SignedKind<unknown>, (signed) => roomEntry.open(p, signed)],
  ["server-record.json", serverRecord as SignedKind<unknown>, (signed) => serverRecord.open(p, signed)],
  [
    "device-certificate.json",
    deviceCertificate as SignedKind<unknown>,
    (signed) => deviceCertificate.open(p, signed),
  ],
  [
    "account-record.json",
    accountRecord as SignedKind<unknown>,
    (signed) => openAccountRecord(p, signed).record,
  ],
];

test("[K2] a receipt names its bundle by the hash over header and sealed body", () => {
  const { bundle, valid } = vectorFile<Statements & { bundle: { header: string; sealed: string } }>(
    "custody-receipt.json",
  );
  const { header, sealed } = bytesOf(bundle);
  const receipt = custodyReceipt.open(p, fromHex(valid[0]!.signed));
  expect(bundleHash(p, { aad: header, sealed })).toEqual(receipt.bundle);
});

describe.each(kinds)("[R1] [A1] [A4] [A5] [K2] [O1] %s", (file, kind, open) => {
  const { valid, validToo = [], invalid } = vectorFile<Statements>(file);

  test.each(valid)("[S2] $name", ({ seed, value, signed }) => {
    expect(toHex(kind.sign(p, fromHex(seed), fromJson(value)))).toBe(signed);
    expect(open(fromHex(signed))).toEqual(fromJson(value));
  });

  test.each(validToo)("[S5] $name does not matter", ({ signed }) => {
    expect(open(fromHex(signed))).toEqual(fromJson(valid[0]!.value));
  });

  test.each(invalid)("[S2] refused: $name", ({ signed, error }) => {
    const thrown = thrownBy(() => open(fromHex(signed)));
    expect(thrown).toBeInstanceOf(ProtocolError);
    expect((thrown as ProtocolError).code).toBe(error);
  });
});

describe("signed structures", () => {
  test("[S3] what stands beside body and signature is refused, since anybody could have put it there", () => {
    const padded = withField(alice.signed, "padding", new Uint8Array(4));
    expect(() => accountRecord.open(p, padded)).toThrow("more than a body and a signature");
  });

  test("[S3] a container that is too large is refused before it is decoded", () => {
    const large = encodeCbor(new Map([["body", new Uint8Array(70_000)]]));
    expect(() => serverRecord.open(p, large)).toThrow("too large");
  });

  test("what its readers would refuse is not signed in the first place", () => {
    const record: ServerRecord = { ...serverA.record, expires: serverA.record.issued };
    expect(() => serverRecord.sign(p, serverA.seed, record)).toThrow(TypeError);
  });

  test("[S1] a device certificate is no account record, whoever signed it", () => {
    const certificate = deviceCertificate.sign(
      p,
      alice.seed,
      alice.devices[0]!.certificate as DeviceCertificate,
    );
    expect(() => accountRecord.open(p, certificate)).toThrow(ProtocolError);
  });
});

describe("which server record counts", () => {
  const { standing } = vectorFile<Statements>("server-record.json");

  test.each(standing!.cases)(
    "[R2] [R3] held $held, sequence $sequence, expires $expires: $standing",
    (one) => {
      const candidate = { ...serverA.record, sequence: one.sequence, expires: one.expires };
      const held = one.held === null ? undefined : { ...serverA.record, sequence: one.held };
      expect(compareServerRecord(candidate, held, standing!.now)).toBe(one.standing);
    },
  );

  test("records of two servers are never compared", () => {
    expect(() => compareServerRecord(serverA.record, serverB.record, now)).toThrow("records of one server");
  });
});

describe("which account record counts", () => {
  const open = (change: Partial<AccountRecord>) =>
    openAccountRecord(p, accountRecord.sign(p, alice.seed, { ...alice.record, ...change }));

  test("[A3] the higher sequence, whichever came first", () => {
    const held = open({});
    const newer = open({ sequence: now + 1 });
    expect(accountRecordReplaces(p, newer, held, now)).toBe(true);
    expect(accountRecordReplaces(p, held, newer, now)).toBe(false);
    expect(accountRecordReplaces(p, held, undefined, now)).toBe(true);
    expect(accountRecordReplaces(p, held, held, now)).toBe(false);
  });

  test("[A3] on a tie the lower hash, whichever came first", () => {
    const { tie } = vectorFile<Statements>("account-record.json");
    const wins = openAccountRecord(p, fromHex(tie!.wins.signed));
    const loses = openAccountRecord(p, fromHex(tie!.loses.signed));
    expect(accountRecordReplaces(p, wins, loses, now)).toBe(true);
    expect(accountRecordReplaces(p, loses, wins, now)).toBe(false);
  });

  test("[R3] a sequence more than a day ahead does not count", () => {
    expect(accountRecordReplaces(p, open({ sequence: now + 86_400_000 }), undefined, now)).toBe(true);
    expect(accountRecordReplaces(p, open({ sequence: now + 86_400_001 }), undefined, now)).toBe(false);
  });

  test("records of two accounts are never compared", () => {
    const bobs = openAccountRecord(p, bob.signed);
    expect(() => accountRecordReplaces(p, bobs, open({}), now)).toThrow("records of one account");
  });
});

test("[S2] [G4] what a signed structure says can be read before it is verified, and is as strictly decoded", () => {
  const vectors = vectorFile<Statements>("server-record.json");
  const genuine = fromHex(vectors.valid[0]!.signed);
  const { value, verify } = serverRecord.read(genuine);
  expect(value).toEqual(serverRecord.open(p, genuine));
  expect(() => verify(p)).not.toThrow();

  const forged = genuine.slice();
  forged[forged.length - 1]! ^= 1;
  expect(serverRecord.read(forged).value).toEqual(value);
  expect(() => serverRecord.read(forged).verify(p)).toThrow("signature");
  expect(() => serverRecord.read(genuine.slice(0, -1))).toThrow(ProtocolError);
});
