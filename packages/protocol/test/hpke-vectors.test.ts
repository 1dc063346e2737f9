import { createCipheriv, createDecipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { HpkeAead } from "../src/hpke/aead.ts";
import { x25519Kem } from "../src/hpke/kem-x25519.ts";
import { xwingKem } from "../src/hpke/kem-xwing.ts";
import { authHpkeSuite, hpkeSuite } from "../src/hpke/suite.ts";
import { ascii, backends, givenRandom, hex, toHex } from "./backends.ts";
import { rfc9180Vectors } from "./hpke-rfc9180.ts";

// RFC 9180 prints no X25519 vectors with AES-256-GCM. All else is the same code with another AEAD put in; AES-256-GCM
// itself is held against another implementation of HPKE in hpke.test.ts.
const aeads: Record<number, HpkeAead> = {
  1: nodeAead(1, "aes-128-gcm", 16),
  3: nodeAead(3, "chacha20-poly1305", 32),
  65535: { id: 65535, keyBytes: 0, nonceBytes: 0, create: () => ({ seal: exportOnly, open: exportOnly }) },
};
const info = ascii("Ode on a Grecian Urn");
const plaintext = ascii("Beauty is truth, truth beauty");
const exporterContexts = [new Uint8Array(0), Uint8Array.of(0), ascii("TestContext")];

describe.each(backends)("HPKE on $name", ({ primitives }) => {
  test.each(rfc9180Vectors)("RFC 9180, $section", (vector) => {
    const suite = authHpkeSuite(primitives, x25519Kem(primitives), aeads[vector.aeadId]!);
    const forRecipient = {
      recipientPublicKey: hex(vector.recipientPublicKey),
      info,
      random: givenRandom(hex(vector.ephemeralInput)),
    };
    const byRecipient = {
      recipientPrivateKey: hex(vector.recipientPrivateKey),
      encapsulation: hex(vector.encapsulation),
      info,
    };
    const { sender } = vector;
    const setup = sender
      ? suite.setupAuthSender({ ...forRecipient, senderPrivateKey: hex(sender.privateKey) })
      : suite.setupSender(forRecipient);
    const receiver = sender
      ? suite.setupAuthReceiver({ ...byRecipient, senderPublicKey: hex(sender.publicKey) })
      : suite.setupReceiver(byRecipient);

    expect(toHex(setup!.encapsulation)).toBe(vector.encapsulation);
    for (const [sequence, ciphertext] of vector.ciphertexts) {
      const aad = ascii(`Count-${sequence}`);
      expect(toHex(setup!.context.seal(sequence, aad, plaintext))).toBe(ciphertext);
      expect(receiver!.open(sequence, aad, hex(ciphertext))).toEqual(plaintext);
    }
    for (const [index, value] of vector.exports.entries()) {
      expect(toHex(setup!.context.export(exporterContexts[index]!, 32))).toBe(value);
      expect(toHex(receiver!.export(exporterContexts[index]!, 32))).toBe(value);
    }
  });

  test("draft-ietf-hpke-pq: X-Wing, HKDF-SHA256, ChaCha20Poly1305, base mode", () => {
    const suite = hpkeSuite(primitives, xwingKem(primitives), aeads[3]!);
    const recipientPrivateKey = hex("3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630");
    const coins =
      "2a1c0a3745fe8a48fb62034d300f54dfe1974a5b2e169e580a8789cb1cf5fd190fc00f3fd899594e01a8b15334b9f3fa03d8de44da86e19f5776850fb689e6c8";
    // The draft's file holds the text of its info and plaintext in hexadecimal twice over.
    const draftInfo = ascii(toHex(info));
    const draftPlaintext = ascii(toHex(plaintext));
    const setup = suite.setupSender({
      recipientPublicKey: primitives.xwing.publicKey(recipientPrivateKey),
      info: draftInfo,
      random: givenRandom(hex(coins)),
    })!;
    const receiver = suite.setupReceiver({
      recipientPrivateKey,
      encapsulation: setup.encapsulation,
      info: draftInfo,
    })!;
    const ciphertexts = [
      "c5c591f99092d5e38df0a52699af249c66f8275a863423c076de8147a53e65cc584041c963b77a7e59ea93841b1339b5efda8909b71f74bb0073ad62e899de310c1566dea2fd29eba377",
      "ce339b2b956509cf9a9d3d736e8529f4eb87f27483e0c647869bd1d32c6c95ab3ff3f151abb11f863e5ea7cb852dc0c92346b46ac340ab390f8d3b6bd85d5d2d11c77499e006e36e3699",
    ];
    for (const [sequence, ciphertext] of ciphertexts.entries()) {
      const aad = ascii(`Count-${sequence}`);
      expect(toHex(setup.context.seal(sequence, aad, draftPlaintext))).toBe(ciphertext);
      expect(receiver.open(sequence, aad, hex(ciphertext))).toEqual(draftPlaintext);
    }
    expect(toHex(receiver.export(ascii("pseudorandom0"), 32))).toBe(
      "5a78d37f40e078c17ef43fa40963f1ff7dcdee56e366da9099dc181c3eccaee5",
    );
  });
});

function nodeAead(id: number, algorithm: "aes-128-gcm" | "chacha20-poly1305", keyBytes: number): HpkeAead {
  const options = { authTagLength: 16 };
  return {
    id,
    keyBytes,
    nonceBytes: 12,
    create: (borrowed) => {
      const key = borrowed.slice();
      return {
        seal(nonce, aad, text) {
          const cipher = createCipheriv(algorithm as "aes-128-gcm", key, nonce, options).setAAD(aad);
          return new Uint8Array(Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]));
        },
        open(nonce, aad, ciphertext) {
          const decipher = createDecipheriv(algorithm as "aes-128-gcm", key, nonce, options).setAAD(aad);
          decipher.setAuthTag(ciphertext.subarray(-16));
          return new Uint8Array(
            Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]),
          );
        },
      };
    },
  };
}

function exportOnly(): never {
  throw new Error("this suite only exports");
}
