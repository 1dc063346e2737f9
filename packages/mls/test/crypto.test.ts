import { x25519 } from "@noble/curves/ed25519.js";
import { ml_kem768_x25519 } from "@noble/post-quantum/hybrid.js";
import { describe, expect, test } from "vitest";
import { hpkeInfo, hpkeOpen, hpkeSeal } from "../src/crypto/hpke.ts";
import { mlkem768X25519 } from "../src/crypto/kem.ts";
import { backends, node, sodium } from "./backends.ts";
import { seededRandom } from "./seeded-random.ts";
import { suiteOf } from "./suite-of.ts";
import { hex, unhex } from "./vectors.ts";

describe("both backends give the same answers", () => {
  const random = seededRandom("backends");

  test("hashes, MACs and SHAKE", () => {
    for (const length of [0, 1, 63, 64, 65, 200, 5000]) {
      const [data, key] = [random.bytes(length), random.bytes(Math.min(length, 70))];
      for (const hash of ["sha256", "sha384", "sha512"] as const) {
        expect(sodium.hash(hash, data)).toEqual(node.hash(hash, data));
        expect(sodium.hmac(hash, key, data)).toEqual(node.hmac(hash, key, data));
      }
      expect(sodium.shake256(data, 77)).toEqual(node.shake256(data, 77));
    }
  });

  test("AEADs, with a refusal of every changed bit", () => {
    for (const aead of ["aes128gcm", "aes256gcm", "chacha20poly1305"] as const) {
      const key = random.bytes(aead === "aes128gcm" ? 16 : 32);
      const [nonce, aad, plaintext] = [random.bytes(12), random.bytes(9), random.bytes(100)];
      const sealed = sodium.seal(aead, key, nonce, aad, plaintext);
      expect(node.seal(aead, key, nonce, aad, plaintext)).toEqual(sealed);
      const changed = sealed.slice();
      changed[random.below(changed.length)]! ^= 1;
      for (const p of backends) {
        expect(p.open(aead, key, nonce, aad, sealed)).toEqual(plaintext);
        expect(p.open(aead, key, nonce, aad, changed)).toBeUndefined();
        expect(p.open(aead, key, nonce, aad, sealed.subarray(0, 15))).toBeUndefined();
        expect(p.open(aead, key, nonce, new Uint8Array(0), sealed)).toBeUndefined();
      }
    }
  });

  test("Ed25519 and X25519", () => {
    const [a, b] = [random.bytes(32), random.bytes(32)];
    expect(sodium.ed25519.publicKey(a)).toEqual(node.ed25519.publicKey(a));
    const message = random.bytes(50);
    const signature = sodium.ed25519.sign(a, message);
    expect(node.ed25519.sign(a, message)).toEqual(signature);
    for (const p of backends) {
      const [keyA, keyB] = [p.ed25519.publicKey(a), p.ed25519.publicKey(b)];
      // A key that comes again may be kept in another form: that changes no answer.
      for (let time = 1; time <= 3; time += 1) {
        expect(p.ed25519.verify(keyA, message, signature)).toBe(true);
        expect(p.ed25519.verify(keyA, message.subarray(1), signature)).toBe(false);
        expect(p.ed25519.verify(keyB, message, signature)).toBe(false);
      }
      keyB.set(keyA);
      expect(p.ed25519.verify(keyB, message, signature)).toBe(true);
      const shared = p.x25519.sharedSecret(a, p.x25519.publicKey(b));
      expect(shared).toEqual(x25519.getSharedSecret(a, x25519.getPublicKey(b)));
      expect(p.x25519.sharedSecret(a, new Uint8Array(32))).toBeUndefined();
      expect(p.x25519.sharedSecret(a, new Uint8Array(31))).toBeUndefined();
    }
  });

  test("a signature by a key of small order, or with such a point, is refused by both", () => {
    // With the neutral element as key and as R, and S = 0, the equation of RFC 8032 holds for every message.
    const neutral = unhex(`01${"00".repeat(31)}`);
    const forged = unhex(`01${"00".repeat(63)}`);
    for (const p of backends) {
      for (let time = 1; time <= 3; time += 1) {
        expect(p.ed25519.verify(neutral, unhex("aa"), forged)).toBe(false);
      }
    }
  });

  test("a key that was overwritten no longer signs as it did", () => {
    for (const p of backends) {
      const key = random.bytes(32);
      const before = p.ed25519.sign(key, key);
      key.fill(0);
      expect(p.ed25519.sign(key, key)).not.toEqual(before);
    }
  });
});

describe("MLKEM768-X25519 (draft-ietf-hpke-pq)", () => {
  test("the draft's vector for kem 0x647a, HKDF-SHA256, ChaCha20-Poly1305", () => {
    const ikmR = unhex("b86e76a59fabfc87b30cd7b1f7aaa28a834eb64e7a261c197b9a842893fbce56");
    const ikmE = unhex(
      "2a1c0a3745fe8a48fb62034d300f54dfe1974a5b2e169e580a8789cb1cf5fd19" +
        "0fc00f3fd899594e01a8b15334b9f3fa03d8de44da86e19f5776850fb689e6c8",
    );
    const suite = { kem: mlkem768X25519, kdf: "sha256", aead: "chacha20poly1305" } as const;
    for (const p of backends) {
      const info = hpkeInfo(p, suite, unhex("34663634363532303666"));
      const key = mlkem768X25519.deriveKeyPair(p, ikmR);
      expect(hex(key.privateKey)).toBe("3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630");
      const digest = (bytes: Uint8Array) => hex(p.hash("sha256", bytes));
      expect(digest(key.publicKey)).toBe("ad8aaf3f00d8a39bfeec2947a7d5dde68be08bba19bd301a348a45dc5fcc8341");
      const sent = mlkem768X25519.encapsulate(p, key.publicKey, ikmE)!;
      expect(digest(sent.kemOutput)).toBe("95c0a5fca31ea59f29bbc66255ad6637b5a476b3212886af11afdc8930aeb772");
      expect(hex(sent.sharedSecret)).toBe("58200ed1f137bd95a921bb47f6aaecf2395b26f7fd24efd3a5ffae4849e8dea3");
      expect(mlkem768X25519.decapsulate(p, key, sent.kemOutput)).toEqual(sent.sharedSecret);
      const random = { bytes: () => ikmE };
      const sealed = hpkeSeal(p, suite, random, key.publicKey, info, unhex("00"))!;
      expect(hpkeOpen(p, suite, key, info, sealed)).toEqual(unhex("00"));
    }
  });

  test("libsodium's X-Wing and noble's give the same keys, ciphertexts and secrets", () => {
    const random = seededRandom("xwing");
    for (let round = 0; round < 3; round += 1) {
      const [seed, coins] = [random.bytes(32), random.bytes(64)];
      const publicKey = sodium.xwing.publicKey(seed);
      expect(ml_kem768_x25519.keygen(seed).publicKey).toEqual(publicKey);
      const noble = ml_kem768_x25519.encapsulate(publicKey, coins);
      const ours = sodium.xwing.encapsulate(publicKey, coins)!;
      expect(ours).toEqual({ kemOutput: noble.cipherText, sharedSecret: noble.sharedSecret });
      expect(sodium.xwing.decapsulate(seed, ours.kemOutput)).toEqual(ours.sharedSecret);
    }
    expect(sodium.xwing.encapsulate(random.bytes(1215), random.bytes(64))).toBeUndefined();
    expect(sodium.xwing.decapsulate(random.bytes(32), random.bytes(5))).toBeUndefined();
  });

  test("the hybrid suite seals to a key and opens with it alone", () => {
    for (const p of backends) {
      const suite = suiteOf(p, 0x004f);
      const random = seededRandom("hybrid");
      const [alice, bob] = [suite.generateKeyPair(random), suite.generateKeyPair(random)];
      const sealed = suite.encryptWithLabel(random, alice.publicKey, "x", unhex("01"), unhex("02"))!;
      expect(suite.decryptWithLabel(alice, "x", unhex("01"), sealed)).toEqual(unhex("02"));
      expect(suite.decryptWithLabel(bob, "x", unhex("01"), sealed)).toBeUndefined();
    }
  });
});
