import { encodeCbor } from "../../src/cbor/cbor.ts";
import type { Bundle, BundleBody, BundleHeader } from "../../src/index.ts";
import { bundleAad, bundleSealInfo, encodeBundle, encodeBundleBody, hpkeX25519 } from "../../src/index.ts";
import { alice, bob, given, made, now, p, serverA, serverB, serverC } from "./cast.ts";
import { invalid, joined, patched, valid, withField } from "./cases.ts";
import { roomEnvelope } from "./envelopes.ts";
import { toHex, type Json } from "./json.ts";
import { signedRoomEntryExample } from "./room-logs.ts";

const header: BundleHeader = {
  class: "messages",
  source: serverA.id,
  destination: serverB.id,
  stream: now,
  sequence: 1,
  created: now,
  lifetimeMs: 30 * 86_400_000,
  encapsulation: made("an encapsulation"),
  sealNumber: 0,
};
/** One that custody-receipt.json is about. */
export const bundleExample: Bundle = {
  header,
  route: { hopLimit: 16, path: [] },
  sealed: made("a sealed body", 48),
};

const bodies: [string, BundleBody][] = [
  ["one envelope", { kind: "envelopes", envelopes: [roomEnvelope] }],
  [
    "two envelopes",
    {
      kind: "envelopes",
      envelopes: [roomEnvelope, { ...roomEnvelope, kind: "answer", to: [alice.account, bob.account] }],
    },
  ],
  [
    "an acknowledgement",
    { kind: "control", items: [{ kind: "ack", class: "messages", stream: now, committed: 41 }] },
  ],
  [
    "the state of both streams",
    {
      kind: "control",
      items: [
        {
          kind: "state",
          class: "messages",
          sending: { stream: now, floor: 40, next: 42 },
          receiving: { stream: now - 5_000, committed: 7 },
        },
        {
          kind: "state",
          class: "bulk",
          sending: { stream: now, floor: 1, next: 1 },
          receiving: { stream: 0, committed: 0 },
        },
      ],
    },
  ],
  [
    "a refusal",
    {
      kind: "refusals",
      refusals: [{ envelope: roomEnvelope.id, from: alice.account, to: bob.account, code: "blocked" }],
    },
  ],
];

/** Apart, since what is above is also sealed. */
const entriesBody: BundleBody = { kind: "entries", entries: [signedRoomEntryExample] };

export function bundles(): Json {
  const one = encodeBundle(bundleExample);
  const classAt = 1;
  const sequenceAt = 74;
  const lifetimeAt = 90;
  const pathAt = 135;
  return {
    about: [
      "Layout: version 1 · class 1 · source 32 · destination 32 · stream 8 · sequence 8 · created 8 · lifetime in seconds 4 · encapsulation 32 · seal number 8 (these 134 bytes are the AAD) · hop limit 1 · path length 1 · n × server 32 · sealed body. Big-endian.",
      "valid, invalid: bundles, as a relay sees them.",
      "seals: HPKE (RFC 9180) mode_auth, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. The recipient opens `sealed` under `sealNumber` with `recipientPrivateKey`, `senderPublicKey`, `info` and the AAD; the sender gets the same bytes from `senderPrivateKey` when its ephemeral key is DeriveKeyPair of `ephemeralKeyMaterial`.",
    ],
    valid: [
      valid("bundle", "direct", bundleExample),
      valid("bundle", "bulk, over one relay", {
        ...bundleExample,
        header: { ...header, class: "bulk", sequence: 2 ** 40, sealNumber: 7 },
        route: { hopLimit: 3, path: [serverC.id] },
      }),
      valid("bundle", "control", {
        ...bundleExample,
        header: { ...header, class: "control", stream: 0, sequence: 0, lifetimeMs: 60_000 },
      }),
    ],
    invalid: [
      invalid("bundle", "another version", patched(one, 0, 2), "unsupported-version"),
      invalid("bundle", "an unknown class", patched(one, classAt, 3)),
      invalid("bundle", "control with a sequence", patched(one, classAt, 0)),
      invalid("bundle", "a message without a sequence", patched(one, sequenceAt, 0, 0, 0, 0, 0, 0, 0, 0)),
      invalid("bundle", "a message without a stream", patched(one, sequenceAt - 8, 0, 0, 0, 0, 0, 0, 0, 0)),
      invalid("bundle", "a sequence of 2^53", patched(one, sequenceAt, 0, 0x20, 0, 0, 0, 0, 0, 0)),
      invalid("bundle", "from a server to itself", patched(one, 34, ...one.subarray(2, 34))),
      invalid("bundle", "a lifetime of 30 days and a second", patched(one, lifetimeAt, 0, 0x27, 0x8d, 1)),
      invalid(
        "bundle",
        "17 hops",
        joined(one.subarray(0, pathAt), [17], new Uint8Array(17 * 32), new Uint8Array(48)),
      ),
      invalid("bundle", "a path that is cut off", patched(one, pathAt, 3)),
      invalid("bundle", "no room for a tag", one.subarray(0, -33)),
      invalid("bundle", "cut off in the header", one.subarray(0, 100)),
      invalid("bundle", "nothing", new Uint8Array(0)),
    ],
    seals: seals(),
  };
}

export function bundleBodies(): Json {
  const [envelopes, , ack, , refused] = bodies.map(([, body]) => encodeBundleBody(body));
  const item = { class: "messages", stream: now, committed: 41 };
  const control = (...items: unknown[]) => joined([2], encodeCbor(items as never));
  const asMap = (fields: object) => new Map(Object.entries(fields));
  return {
    about: [
      "Layout: kind 1 · (1: number of envelopes 2 · envelopes) or (2: CBOR array of control items) or (3: CBOR array of refusals) or (4: CBOR array of signed room entries).",
    ],
    valid: [
      ...bodies.map(([name, body]) => valid("bundle body", name, body)),
      valid("bundle body", "an entry of a room's log", entriesBody),
    ],
    invalid: [
      invalid("bundle body", "nothing", new Uint8Array(0)),
      invalid("bundle body", "kind 0", patched(envelopes!, 0, 0)),
      invalid("bundle body", "kind 5", patched(envelopes!, 0, 5)),
      invalid("bundle body", "no envelope", Uint8Array.of(1, 0, 0)),
      invalid("bundle body", "257 envelopes", patched(envelopes!, 1, 1, 1)),
      invalid("bundle body", "fewer envelopes than counted", patched(envelopes!, 1, 0, 2)),
      invalid("bundle body", "a byte after the last envelope", joined(envelopes!, [0])),
      invalid("bundle body", "no control item", control()),
      invalid("bundle body", "17 control items", control(...Array(17).fill(asMap({ kind: "ack", ...item })))),
      invalid("bundle body", "an unknown control item", control(asMap({ kind: "nack", ...item }))),
      invalid(
        "bundle body",
        "an acknowledgement of control",
        control(asMap({ kind: "ack", ...item, class: "control" })),
      ),
      invalid(
        "bundle body",
        "an acknowledgement without a stream",
        control(asMap({ kind: "ack", class: "bulk", committed: 1 })),
      ),
      invalid("bundle body", "a fraction acknowledged", joined(ack!.subarray(0, 1), [0x81, 0xf9, 0x3e, 0])),
      invalid("bundle body", "no refusal", Uint8Array.of(3, 0x80)),
      invalid("bundle body", "a refusal without a code", joined([3, 0x81], withoutCode(refused!))),
      invalid("bundle body", "a byte after the refusals", joined(refused!, [0])),
      invalid("bundle body", "no entry", Uint8Array.of(4, 0x80)),
      invalid("bundle body", "an entry that is no bytes", Uint8Array.of(4, 0x81, 0x01)),
    ],
  };
}

function withoutCode(encoded: Uint8Array): Uint8Array {
  const one = encoded.subarray(2);
  return withField(one, "code", null);
}

function seals(): Json[] {
  const suite = hpkeX25519(p);
  const ephemeralKeyMaterial = made("ephemeral of a bundle's seal");
  const info = bundleSealInfo(serverA.id, serverB.id);
  const setup = suite.setupAuthSender({
    recipientPublicKey: serverB.record.noiseKey,
    senderPrivateKey: serverA.noisePrivateKey,
    info,
    random: given(ephemeralKeyMaterial),
  })!;
  return bodies.slice(0, 3).map(([name, body], sealNumber) => {
    const control = body.kind === "control";
    const full = {
      ...header,
      ...(control ? { class: "control" as const, stream: 0, sequence: 0 } : { sequence: sealNumber + 1 }),
      encapsulation: setup.encapsulation,
      sealNumber,
    };
    const aad = bundleAad(full);
    const sealed = setup.context.seal(sealNumber, aad, encodeBundleBody(body));
    return {
      name,
      senderPrivateKey: toHex(serverA.noisePrivateKey),
      senderPublicKey: toHex(serverA.record.noiseKey),
      recipientPrivateKey: toHex(serverB.noisePrivateKey),
      recipientPublicKey: toHex(serverB.record.noiseKey),
      info: toHex(info),
      ephemeralKeyMaterial: toHex(ephemeralKeyMaterial),
      encapsulation: toHex(setup.encapsulation),
      sealNumber,
      aad: toHex(aad),
      body: toHex(encodeBundleBody(body)),
      sealed: toHex(sealed),
      bundle: toHex(encodeBundle({ header: full, route: { hopLimit: 16, path: [] }, sealed })),
    };
  });
}
