import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { describe, expect, test } from "vitest";
import { hpkeX25519, hpkeXWing } from "../src/hpke/index.ts";
import type { Hpke } from "../src/hpke/index.ts";
import { AssertionError } from "../src/primitives/assert.ts";
import { nodePrimitives } from "../src/primitives/node.ts";
import type { Primitives } from "../src/primitives/primitives.ts";
import { ascii, backends, flipped, lowOrderKeys, pairings, seededRandom, toHex } from "./backends.ts";

const info = ascii("fedchat/v1/bundle");
const aad = ascii("header");
const recipientPrivateKey = new Uint8Array(32).fill(0xb0);
const senderPrivateKey = new Uint8Array(32).fill(0xa1);
const { x25519 } = nodePrimitives;
const recipientPublicKey = x25519.publicKey(recipientPrivateKey);
const senderPublicKey = x25519.publicKey(senderPrivateKey);
const random = seededRandom("hpke");
const forRecipient = { recipientPublicKey, info, random };

describe.each(backends)("X25519, HKDF-SHA256, AES-256-GCM on $name, against @hpke/core", ({ primitives }) => {
  const ours = hpkeX25519(primitives);
  const theirs = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
  const sequences = [0, 1, 2, 3];

  async function oracleKeys() {
    const privateKey = await theirs.kem.deserializePrivateKey(buffer(recipientPrivateKey));
    const publicKey = await theirs.kem.deserializePublicKey(buffer(recipientPublicKey));
    const sender = {
      privateKey: await theirs.kem.deserializePrivateKey(buffer(senderPrivateKey)),
      publicKey: await theirs.kem.deserializePublicKey(buffer(senderPublicKey)),
    };
    return { recipient: { privateKey, publicKey }, sender };
  }

  test.each(["base", "auth"] as const)("%s: it opens what we seal and exports the same", async (mode) => {
    const { recipient, sender } = await oracleKeys();
    const { encapsulation, context } = (
      mode === "auth"
        ? ours.setupAuthSender({ ...forRecipient, senderPrivateKey })
        : ours.setupSender(forRecipient)
    )!;
    const oracle = await theirs.createRecipientContext({
      recipientKey: recipient.privateKey,
      enc: buffer(encapsulation),
      info: buffer(info),
      ...(mode === "auth" ? { senderPublicKey: sender.publicKey } : {}),
    });
    for (const sequence of sequences) {
      const sealed = context.seal(sequence, aad, ascii(`message ${sequence}`));
      const opened = await oracle.open(buffer(sealed), buffer(aad));
      expect(new Uint8Array(opened)).toEqual(ascii(`message ${sequence}`));
    }
    const exported = await oracle.export(buffer(ascii("for something")), 48);
    expect(new Uint8Array(exported)).toEqual(context.export(ascii("for something"), 48));
  });

  test.each(["base", "auth"] as const)("%s: we open what it seals and export the same", async (mode) => {
    const { recipient, sender } = await oracleKeys();
    const oracle = await theirs.createSenderContext({
      recipientPublicKey: recipient.publicKey,
      info: buffer(info),
      ...(mode === "auth" ? { senderKey: sender } : {}),
    });
    const encapsulation = new Uint8Array(oracle.enc);
    const options = { encapsulation, recipientPrivateKey, info };
    const context = (
      mode === "auth" ? ours.setupAuthReceiver({ ...options, senderPublicKey }) : ours.setupReceiver(options)
    )!;
    for (const sequence of sequences) {
      const sealed = new Uint8Array(await oracle.seal(buffer(ascii(`message ${sequence}`)), buffer(aad)));
      expect(context.open(sequence, aad, sealed)).toEqual(ascii(`message ${sequence}`));
    }
    const exported = await oracle.export(buffer(ascii("for something")), 48);
    expect(new Uint8Array(exported)).toEqual(context.export(ascii("for something"), 48));
  });

  test("single-shot: it opens what we seal, we open what it seals", async () => {
    const { recipient } = await oracleKeys();
    const sealed = ours.sealOnce(forRecipient, aad, ascii("once"))!;
    const opened = await theirs.open(
      { recipientKey: recipient.privateKey, enc: buffer(sealed.encapsulation), info: buffer(info) },
      buffer(sealed.ciphertext),
      buffer(aad),
    );
    expect(new Uint8Array(opened)).toEqual(ascii("once"));

    const made = await theirs.seal(
      { recipientPublicKey: recipient.publicKey, info: buffer(info) },
      buffer(ascii("once more")),
      buffer(aad),
    );
    const options = { encapsulation: new Uint8Array(made.enc), recipientPrivateKey, info };
    expect(ours.openOnce(options, aad, new Uint8Array(made.ct))).toEqual(ascii("once more"));
  });
});

const suites: readonly {
  suite: string;
  create: (p: Primitives) => Hpke;
  publicKey: Uint8Array;
  encapsulationBytes: number;
}[] = [
  { suite: "X25519", create: hpkeX25519, publicKey: recipientPublicKey, encapsulationBytes: 32 },
  {
    suite: "X-Wing",
    create: hpkeXWing,
    publicKey: nodePrimitives.xwing.publicKey(recipientPrivateKey),
    encapsulationBytes: 1120,
  },
];

describe.each(suites)("a sealed message under $suite", ({ create, publicKey, encapsulationBytes }) => {
  const options = { recipientPublicKey: publicKey, info, random };

  test.each(pairings)("is opened by its recipient, $name", ({ ours, theirs }) => {
    const sealed = create(ours).sealOnce(options, aad, ascii("a chat request"))!;
    expect(sealed.encapsulation).toHaveLength(encapsulationBytes);
    expect(sealed.ciphertext).toHaveLength("a chat request".length + 16);
    const { encapsulation } = sealed;
    const opened = create(theirs).openOnce(
      { encapsulation, recipientPrivateKey, info },
      aad,
      sealed.ciphertext,
    );
    expect(opened).toEqual(ascii("a chat request"));
  });

  test("opens for no other key, info, additional data or encapsulation", () => {
    const hpke = create(nodePrimitives);
    const { encapsulation, ciphertext } = hpke.sealOnce(options, aad, ascii("a chat request"))!;
    const right = { encapsulation, recipientPrivateKey, info };
    expect(hpke.openOnce(right, aad, ciphertext)).toEqual(ascii("a chat request"));
    expect(
      hpke.openOnce({ ...right, recipientPrivateKey: senderPrivateKey }, aad, ciphertext),
    ).toBeUndefined();
    expect(hpke.openOnce({ ...right, info: aad }, aad, ciphertext)).toBeUndefined();
    expect(hpke.openOnce(right, info, ciphertext)).toBeUndefined();
    expect(hpke.openOnce(right, aad, flipped(ciphertext, 0))).toBeUndefined();
    expect(hpke.openOnce(right, aad, ciphertext.subarray(0, 15))).toBeUndefined();
    const wrongEncapsulations = [
      flipped(encapsulation, 0),
      flipped(encapsulation, encapsulationBytes - 2),
      encapsulation.subarray(1),
      new Uint8Array(encapsulationBytes + 1),
      new Uint8Array(0),
    ];
    for (const wrong of wrongEncapsulations) {
      expect(hpke.openOnce({ ...right, encapsulation: wrong }, aad, ciphertext)).toBeUndefined();
    }
  });

  test("is not made for a public key that is none", () => {
    const hpke = create(nodePrimitives);
    for (const wrong of [publicKey.subarray(1), new Uint8Array(0), new Uint8Array(publicKey.length)]) {
      expect(hpke.setupSender({ ...options, recipientPublicKey: wrong })).toBeUndefined();
      expect(hpke.sealOnce({ ...options, recipientPublicKey: wrong }, aad, aad)).toBeUndefined();
    }
  });
});

describe("auth mode", () => {
  const hpke = hpkeX25519(nodePrimitives);

  test.each(pairings)("proves the sender, $name", ({ ours, theirs }) => {
    const setup = hpkeX25519(ours).setupAuthSender({ ...forRecipient, senderPrivateKey })!;
    const options = { encapsulation: setup.encapsulation, recipientPrivateKey, info };
    const receiver = hpkeX25519(theirs).setupAuthReceiver({ ...options, senderPublicKey })!;
    expect(receiver.open(0, aad, setup.context.seal(0, aad, ascii("from Alice")))).toEqual(
      ascii("from Alice"),
    );
  });

  test("opens nothing of another sender, and neither mode opens the other's", () => {
    const byAlice = hpke.setupAuthSender({ ...forRecipient, senderPrivateKey })!;
    const sealed = byAlice.context.seal(0, aad, ascii("from Alice"));
    const options = { encapsulation: byAlice.encapsulation, recipientPrivateKey, info };
    const asFromMallory = hpke.setupAuthReceiver({ ...options, senderPublicKey: recipientPublicKey })!;
    expect(asFromMallory.open(0, aad, sealed)).toBeUndefined();
    expect(hpke.setupReceiver(options)!.open(0, aad, sealed)).toBeUndefined();

    const anonymous = hpke.setupSender(forRecipient)!;
    const asFromAlice = hpke.setupAuthReceiver({
      ...options,
      encapsulation: anonymous.encapsulation,
      senderPublicKey,
    })!;
    expect(asFromAlice.open(0, aad, anonymous.context.seal(0, aad, ascii("from nobody")))).toBeUndefined();
  });

  test.each(lowOrderKeys.map((key) => ({ key, text: toHex(key) })))(
    "refuses the key $text in every place",
    ({ key }) => {
      const receive = { encapsulation: recipientPublicKey, recipientPrivateKey, info };
      expect(hpke.setupSender({ ...forRecipient, recipientPublicKey: key })).toBeUndefined();
      expect(
        hpke.setupAuthSender({ ...forRecipient, recipientPublicKey: key, senderPrivateKey }),
      ).toBeUndefined();
      expect(hpke.setupReceiver({ ...receive, encapsulation: key })).toBeUndefined();
      expect(hpke.setupAuthReceiver({ ...receive, encapsulation: key, senderPublicKey })).toBeUndefined();
      expect(hpke.setupAuthReceiver({ ...receive, senderPublicKey: key })).toBeUndefined();
    },
  );
});

describe("a context with explicit sequence numbers", () => {
  const hpke = hpkeX25519(nodePrimitives);
  const pair = () => {
    const { encapsulation, context } = hpke.setupSender(forRecipient)!;
    return { sender: context, receiver: hpke.setupReceiver({ encapsulation, recipientPrivateKey, info })! };
  };

  test("opens bundles in any order and as often as they are resent", () => {
    const { sender, receiver } = pair();
    const numbers = [0, 7, 8, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER - 1];
    const sealed = numbers.map(
      (sequence) => [sequence, sender.seal(sequence, aad, ascii(`bundle ${sequence}`))] as const,
    );
    for (const [sequence, bundle] of [...sealed.toReversed(), ...sealed]) {
      expect(receiver.open(sequence, aad, bundle)).toEqual(ascii(`bundle ${sequence}`));
    }
    expect(receiver.open(7, aad, sealed[2]![1])).toBeUndefined();
  });

  test("never seals twice under one number, nor under a lower one", () => {
    const { sender } = pair();
    sender.seal(5, aad, aad);
    for (const sequence of [5, 4, 0, -1, 6.5, Number.NaN, 2 ** 53]) {
      expect(() => sender.seal(sequence, aad, aad)).toThrow(AssertionError);
    }
    expect(sender.seal(6, aad, aad)).toHaveLength(aad.length + 16);
  });

  test("refuses a number from outside that is none", () => {
    const { sender, receiver } = pair();
    const sealed = sender.seal(0, aad, aad);
    for (const sequence of [-1, 0.5, Number.NaN, 2 ** 53])
      expect(receiver.open(sequence, aad, sealed)).toBeUndefined();
    expect(receiver.open(0, aad, sealed)).toEqual(aad);
  });

  test("every setup has keys of its own", () => {
    const [first, second] = [pair(), pair()];
    expect(second.receiver.open(0, aad, first.sender.seal(0, aad, aad))).toBeUndefined();
    expect(first.sender.export(aad, 32)).not.toEqual(second.sender.export(aad, 32));
    expect(first.sender.export(aad, 32)).toEqual(first.receiver.export(aad, 32));
    expect(first.sender.export(aad, 32)).not.toEqual(first.sender.export(info, 32));
  });
});

/** What WebCrypto takes: the bytes in an ArrayBuffer of their own. */
function buffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
