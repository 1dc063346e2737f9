import type { CustodyReceipt } from "../../src/index.ts";
import {
  accountId,
  accountRecord,
  bundleAad,
  bundleHash,
  custodyReceipt,
  deviceCertificate,
  guardedRecord,
  recoveryKeyHashOf,
  replaceServer,
  serverRecord,
} from "../../src/index.ts";
import { bundleExample } from "./bundles.ts";
import { alice, bob, made, now, p, serverA, serverB, serverC } from "./cast.ts";
import { changed, withField, withoutField } from "./cases.ts";
import { toHex, type Json } from "./json.ts";
import { about, bodyOf, changedContainer, containerOf, flipLast, refused, statement } from "./statements.ts";
import { structures } from "./structures.ts";

export function serverRecords(): Json {
  const { seed, record } = serverA;
  const signed = (change: (body: Uint8Array) => Uint8Array) =>
    containerOf("server-record", seed, change(structures["server-record body"]!.encode(record)));
  const address = (more: Record<string, unknown>) => (body: Uint8Array) =>
    withField(body, "addresses", [
      new Map(Object.entries({ host: "a.example", port: 443, kind: "direct", ...more })) as never,
    ]);
  return {
    about,
    valid: [
      statement("a server with everything", serverRecord, seed, record),
      statement("a server on one machine", serverRecord, serverB.seed, serverB.record),
      statement("a server that had another key, prepared for the next time, too", serverRecord, seed, {
        ...record,
        recoveryKeyHash: recoveryKeyHashOf(p, made("recovery of a server", 32)),
        replaces: [
          replaceServer(p, made("recovery of a server", 32), {
            ...{ former: serverC.id, successor: serverA.id, issued: now },
          }),
        ],
      }),
    ],
    validToo: [
      { name: "a field of a newer version", signed: toHex(signed((body) => withField(body, "x-new", 1))) },
    ],
    invalid: [
      refused("signed by another key", containerOf("server-record", serverB.seed, bodyOf(serverA.signed))),
      refused("signed as another type", containerOf("account-record", seed, bodyOf(serverA.signed))),
      refused("a bit of the body", changedContainer(serverA.signed, flipLast)),
      refused("something beside body and signature", withField(serverA.signed, "x", 1)),
      refused("a byte after it", new Uint8Array([...serverA.signed, 0])),
      refused(
        "no name",
        signed((body) => withoutField(body, "name")),
      ),
      refused(
        "an empty name",
        signed((body) => withField(body, "name", "")),
      ),
      refused(
        "a name in upper case",
        signed((body) => withField(body, "name", "Bob")),
      ),
      refused(
        "a key that is too short",
        signed((body) => withField(body, "noiseKey", new Uint8Array(31))),
      ),
      refused(
        "a Noise key of zeros",
        signed((body) => withField(body, "noiseKey", new Uint8Array(32))),
      ),
      refused(
        "a Noise key of small order, in other than canonical form",
        signed((body) => withField(body, "noiseKey", new Uint8Array(32).fill(0xff).with(0, 0xee))),
      ),
      refused(
        "17 addresses",
        signed((body) =>
          withField(
            body,
            "addresses",
            Array.from({ length: 17 }, () => new Map()),
          ),
        ),
      ),
      refused(
        "a recovery key's hash that is too short",
        signed((body) => withField(body, "recoveryKeyHash", new Uint8Array(31))),
      ),
      refused(
        "no former keys",
        signed((body) => withField(body, "replaces", [])),
      ),
      refused(
        "nine former keys",
        signed((body) =>
          withField(
            body,
            "replaces",
            Array.from({ length: 9 }, () => new Map()),
          ),
        ),
      ),
      refused("port 0", signed(address({ port: 0 }))),
      refused("port 65536", signed(address({ port: 65_536 }))),
      refused("a host with a path", signed(address({ host: "a.example/x?" }))),
      refused("a host with a user", signed(address({ host: "bob@a.example" }))),
      refused("an address of an unknown kind", signed(address({ kind: "onion" }))),
      refused(
        "expires when it was issued",
        signed((body) => withField(body, "expires", now)),
      ),
      refused(
        "a negative sequence",
        signed((body) => withField(body, "sequence", -1)),
      ),
      refused(
        "relays for whom?",
        signed((body) => withField(body, "relaysFor", "everybody")),
      ),
    ],
    standing: {
      about: "How a record of `sequence` and `expires` stands against a held one (null: none) at `now`.",
      now,
      cases: [
        { held: null, sequence: now, expires: now + 1, standing: "newer" },
        { held: now, sequence: now + 1, expires: now + 1, standing: "newer" },
        { held: now, sequence: now, expires: now + 1, standing: "same" },
        { held: now, sequence: now - 1, expires: now + 1, standing: "older" },
        { held: null, sequence: now, expires: now, standing: "expired" },
        { held: null, sequence: now + 86_400_000, expires: now + 1, standing: "newer" },
        { held: null, sequence: now + 86_400_001, expires: now + 1, standing: "ahead-of-time" },
      ],
    },
  };
}

export function deviceCertificates(): Json {
  const [laptop, phone] = alice.devices;
  const signed = (change: (body: Uint8Array) => Uint8Array) =>
    containerOf("device-certificate", alice.seed, change(bodyOf(laptop!.signed)));
  return {
    about,
    valid: [
      statement("a laptop", deviceCertificate, alice.seed, laptop!.certificate),
      statement("a phone", deviceCertificate, alice.seed, phone!.certificate),
    ],
    invalid: [
      refused(
        "signed by another account",
        containerOf("device-certificate", bob.seed, bodyOf(laptop!.signed)),
      ),
      refused(
        "signed by the device itself",
        containerOf("device-certificate", laptop!.signatureSeed, bodyOf(laptop!.signed)),
      ),
      refused(
        "signed as an account record",
        containerOf("account-record", alice.seed, bodyOf(laptop!.signed)),
      ),
      refused(
        "no signature key",
        signed((body) => withoutField(body, "signatureKey")),
      ),
      refused(
        "a device id of 15 bytes",
        signed((body) => withField(body, "device", new Uint8Array(15))),
      ),
      refused(
        "a name of 65 bytes",
        signed((body) => withField(body, "name", "x".repeat(65))),
      ),
      refused(
        "a name that reorders text",
        signed((body) => withField(body, "name", "\u202epotpal")),
      ),
      refused(
        "created before 1970",
        signed((body) => withField(body, "created", -1)),
      ),
      refused(
        "more than 1,024 bytes",
        signed((body) => withField(body, "x", new Uint8Array(1_024))),
      ),
    ],
  };
}

export function accountRecords(): Json {
  const { seed, record } = alice;
  const body = (change: (body: Uint8Array) => Uint8Array) => change(bodyOf(alice.signed));
  const signed = (change: (body: Uint8Array) => Uint8Array) =>
    containerOf("account-record", seed, body(change));
  const bobsDevice = bob.devices[0]!.signed;
  const recovery = made("recovery key's seed");
  const prepared = { ...record, recoveryKeyHash: p.sha256(p.ed25519.publicKey(recovery)), sequence: now + 3 };
  const guarded = guardedRecord(p, recovery, prepared);
  const withDevices = (...devices: Uint8Array[]) => signed((body) => withField(body, "devices", devices));
  return {
    about: [...about, "The certificates in `devices` are the device list: each must hold by itself too."],
    valid: [
      statement("two devices", accountRecord, seed, record),
      statement("a recovery key", accountRecord, seed, {
        ...record,
        recoveryKeyHash: p.sha256(made("recovery key")),
        sequence: now + 1,
      }),
      statement("every device revoked", accountRecord, seed, { ...record, devices: [], sequence: now + 2 }),
      statement("guarded by the recovery key", accountRecord, seed, guarded),
    ],
    invalid: [
      refused("signed by another account", containerOf("account-record", bob.seed, bodyOf(alice.signed))),
      refused(
        "signed by a device",
        containerOf("account-record", alice.devices[0]!.signatureSeed, bodyOf(alice.signed)),
      ),
      refused(
        "a guard for another name",
        accountRecord.sign(p, seed, { ...guarded, displayName: "Mallory" }),
      ),
      refused(
        "a guard by another key than the one that was prepared",
        accountRecord.sign(p, seed, guardedRecord(p, made("another recovery key's seed"), prepared)),
      ),
      refused(
        "a guard where none was prepared",
        accountRecord.sign(p, seed, guardedRecord(p, recovery, { ...prepared, recoveryKeyHash: null })),
      ),
      refused("another account's device", withDevices(bobsDevice)),
      refused("a device twice", withDevices(record.devices[0]!, record.devices[0]!)),
      refused(
        "a certificate with a wrong signature",
        withDevices(changedContainer(record.devices[0]!, flipLast)),
      ),
      refused("a certificate that is none", withDevices(new Uint8Array(40))),
      refused("33 devices", withDevices(...Array<Uint8Array>(33).fill(record.devices[0]!))),
      refused("something beside body and signature", withField(alice.signed, "x", 1)),
      refused(
        "no handle",
        signed((body) => withoutField(body, "handle")),
      ),
      refused(
        "a handle with a space",
        signed((body) => withField(body, "handle", "al ice")),
      ),
      refused(
        "an invisible display name",
        signed((body) => withField(body, "displayName", "\u200b")),
      ),
      refused(
        "a recovery hash of 31 bytes",
        signed((body) => withField(body, "recoveryKeyHash", new Uint8Array(31))),
      ),
      refused(
        "a request key of 32 bytes",
        signed((body) =>
          changed(body, (fields) =>
            fields.set(
              "requestKey",
              new Map<string, Uint8Array>([
                ["id", made("id", 8)],
                ["publicKey", made("x")],
              ]),
            ),
          ),
        ),
      ),
    ],
    tie: tie(),
  };
}

/** Two records of one sequence: whose container has the lower SHA-256 replaces the other. */
export function custodyReceipts(): Json {
  const { header } = bundleExample;
  const receipt: CustodyReceipt = {
    ...{ relay: serverC.id, source: header.source, destination: header.destination, class: header.class },
    ...{ stream: header.stream, sequence: header.sequence },
    bundle: bundleHash(p, { aad: bundleAad(header), sealed: bundleExample.sealed }),
    ...{ taken: now, until: now + 14 * 86_400_000 },
  };
  const control = { ...receipt, class: "control" as const, stream: 0, sequence: 0 };
  const signed = (change: (body: Uint8Array) => Uint8Array) =>
    containerOf("custody-receipt", serverC.seed, change(structures["custody-receipt body"]!.encode(receipt)));
  return {
    about: [
      ...about,
      "bundle: what the first receipt is for; its `bundle` is SHA-256 over `header`, the first 134 bytes, and `sealed`.",
    ],
    bundle: { header: toHex(bundleAad(header)), sealed: toHex(bundleExample.sealed) },
    valid: [
      statement("for a message", custodyReceipt, serverC.seed, receipt),
      statement("for control", custodyReceipt, serverC.seed, control),
      statement("that ends at once", custodyReceipt, serverC.seed, { ...receipt, until: now }),
    ],
    invalid: [
      refused("signed by the source", containerOf("custody-receipt", serverA.seed, signedBody(receipt))),
      refused("signed as another type", containerOf("server-record", serverC.seed, signedBody(receipt))),
      refused(
        "that ends before it began",
        signed((body) => withField(body, "until", now - 1)),
      ),
      refused(
        "a hash that is too short",
        signed((body) => withField(body, "bundle", new Uint8Array(31))),
      ),
      refused(
        "of no class",
        signed((body) => withField(body, "class", "urgent")),
      ),
      refused(
        "without its relay",
        signed((body) => withoutField(body, "relay")),
      ),
      refused("a bit of the body", changedContainer(custodyReceipt.sign(p, serverC.seed, receipt), flipLast)),
    ],
  };
}

const signedBody = (receipt: CustodyReceipt): Uint8Array =>
  structures["custody-receipt body"]!.encode(receipt);

function tie(): Json {
  const signed = ["Alice", "Alicia"].map((displayName) =>
    accountRecord.sign(p, alice.seed, { ...alice.record, displayName }),
  );
  const [one, other] = signed.map((bytes) => ({ signed: toHex(bytes), sha256: toHex(p.sha256(bytes)) }));
  const [wins, loses] = one!.sha256 < other!.sha256 ? [one!, other!] : [other!, one!];
  return { account: toHex(accountId.toBytes(alice.account)), wins, loses };
}
