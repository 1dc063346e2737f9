import { ed25519, ED25519_TORSION_SUBGROUP, x25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { ml_kem768_x25519 } from "@noble/post-quantum/hybrid.js";
import { describe, expect, test } from "vitest";
import { hpkeInfo, hpkeOpen, hpkeSeal } from "../src/crypto/hpke.ts";
import { dhkemX25519, mlkem768X25519 } from "../src/crypto/kem.ts";
import { backends, native, sodium } from "./backends.ts";
import { seededRandom } from "./seeded-random.ts";
import { suiteOf } from "./suite-of.ts";
import { hex, unhex } from "./vectors.ts";

describe("all backends give the same answers", () => {
  const random = seededRandom("backends");

  test("hashes, MACs and SHAKE", () => {
    for (const length of [0, 1, 63, 64, 65, 200, 5000]) {
      const [data, key] = [random.bytes(length), random.bytes(Math.min(length, 70))];
      for (const hash of ["sha256", "sha384", "sha512"] as const) {
        const [digest, mac] = [sodium.hash(hash, data), sodium.hmac(hash, key, data)];
        for (const p of backends)
          expect([p.hash(hash, data), p.hmac(hash, key, data)]).toEqual([digest, mac]);
      }
      for (const p of backends) expect(p.shake256(data, 77)).toEqual(sodium.shake256(data, 77));
    }
  });

  test("AEADs, with a refusal of every changed bit", () => {
    for (const aead of ["aes128gcm", "aes256gcm", "chacha20poly1305"] as const) {
      const key = random.bytes(aead === "aes128gcm" ? 16 : 32);
      const [nonce, aad, plaintext] = [random.bytes(12), random.bytes(9), random.bytes(100)];
      const sealed = sodium.seal(aead, key, nonce, aad, plaintext);
      const changed = sealed.slice();
      changed[random.below(changed.length)]! ^= 1;
      for (const p of backends) {
        expect(p.seal(aead, key, nonce, aad, plaintext)).toEqual(sealed);
        expect(p.open(aead, key, nonce, aad, sealed)).toEqual(plaintext);
        expect(p.open(aead, key, nonce, aad, changed)).toBeUndefined();
        expect(p.open(aead, key, nonce, aad, sealed.subarray(0, 15))).toBeUndefined();
        expect(p.open(aead, key, nonce, new Uint8Array(0), sealed)).toBeUndefined();
      }
    }
  });

  test("Ed25519 and X25519", () => {
    const [a, b] = [random.bytes(32), random.bytes(32)];
    const message = random.bytes(50);
    const signature = sodium.ed25519.sign(a, message);
    for (const p of backends) {
      expect(p.ed25519.publicKey(a)).toEqual(sodium.ed25519.publicKey(a));
      expect(p.ed25519.sign(a, message)).toEqual(signature);
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

  test("every signature with points of small or mixed order, not in canonical form, or with S too large", () => {
    const { Point } = ed25519;
    const order = Point.Fn.ORDER;
    const message = unhex("aa");
    const torsion = ED25519_TORSION_SUBGROUP.map((encoded) => Point.fromHex(encoded));
    const verdicts: boolean[] = [];
    const judge = (publicKey: Uint8Array, r: Uint8Array, s: bigint) => {
      const signature = new Uint8Array([...r, ...littleEndian(s)]);
      // A key that comes again may be kept in another form: that changes no verdict.
      const given = backends.flatMap((p) =>
        [1, 2, 3].map(() => p.ed25519.verify(publicKey, message, signature)),
      );
      expect(new Set(given).size, hex(publicKey) + hex(signature)).toBe(1);
      verdicts.push(given[0]!);
    };
    // Honest but for what was added to key and R: such a signature holds with the cofactor, and only sometimes without.
    const scalar = () => Point.Fn.fromBytes(littleEndian(fromLittleEndian(random.bytes(32)) % order));
    for (const onKey of torsion) {
      for (const onR of torsion) {
        const [a, r] = [scalar(), scalar()];
        const publicKey = Point.BASE.multiply(a).add(onKey).toBytes();
        const encodedR = Point.BASE.multiply(r).add(onR).toBytes();
        const challenge = fromLittleEndian(sha512(new Uint8Array([...encodedR, ...publicKey, ...message])));
        const s = (r + (challenge % order) * a) % order;
        judge(publicKey, encodedR, s);
        judge(publicKey, encodedR, s + order);
      }
    }
    expect(new Set(verdicts)).toEqual(new Set([true, false]));

    // With S = 0 and the neutral element as key and as R, the equation of RFC 8032 holds for every message.
    const special = [...ED25519_TORSION_SUBGROUP.map(unhex), ...notCanonical()];
    for (const publicKey of special) {
      for (const r of special) {
        verdicts.length = 0;
        judge(publicKey, r, 0n);
        judge(publicKey, r, order);
        expect(verdicts).toEqual([false, false]);
      }
    }
  });

  test("every X25519 key of small order or not in canonical form, and of any length", () => {
    const privateKey = random.bytes(32);
    const lengths = [0, 1, 31, 33, 64].map((length) => random.bytes(length));
    const special = [...ED25519_TORSION_SUBGROUP.map(unhex), ...notCanonical(), ...X25519_ORDER_8.map(unhex)];
    for (const publicKey of [...special, ...special.map(signTurned), ...lengths]) {
      const shared = sodium.x25519.sharedSecret(privateKey, publicKey);
      for (const p of backends) expect(p.x25519.sharedSecret(privateKey, publicKey)).toEqual(shared);
      if (publicKey.length !== 32) expect(shared).toBeUndefined();
      expect(dhkemX25519.isPublicKey(publicKey)).toBe(shared !== undefined);
    }
  });

  test("every key that X-Wing cannot encapsulate to", () => {
    const key = sodium.xwing.publicKey(random.bytes(32));
    const changed = (part: Uint8Array, at: number) => {
      const other = key.slice();
      other.set(part, at);
      return other;
    };
    const points = [new Uint8Array(32), ...X25519_ORDER_8.map(unhex)];
    // Two coefficients each: 0 and 0, 3328 and 3328, 3329 and 0, 0 and 3329.
    const pairs = ["000000", "000dd0", "010d00", "0010d0"].map(unhex);
    const keys = [
      ...[key, key.subarray(1), new Uint8Array([...key, 0])],
      ...points.map((point) => changed(point, 1184)),
      ...[0, 600, 1149].flatMap((at) => pairs.map((pair) => changed(pair, at))),
    ];
    for (const publicKey of keys) {
      const isTaken = sodium.xwing.encapsulate(publicKey, random.bytes(64)) !== undefined;
      expect(mlkem768X25519.isPublicKey(publicKey)).toBe(isTaken);
    }
  });

  test("keys, nonces, signatures and ciphertexts of any other length", () => {
    const right = { key: 32, nonce: 12, ciphertext: 40 };
    for (const [name, length] of Object.entries(right).flatMap(([key, n]) =>
      [0, n - 1, n + 1].map((other) => [key, other] as const),
    )) {
      const sizes = { ...right, [name]: length };
      const [key, nonce, ciphertext] = [random.bytes(sizes.key), random.bytes(sizes.nonce), random.bytes(40)];
      const cut = ciphertext.subarray(0, name === "ciphertext" ? Math.min(length, 15) : 40);
      for (const p of backends) {
        expect(p.open("chacha20poly1305", key, nonce, nonce, cut)).toBeUndefined();
        if (name !== "ciphertext")
          expect(() => p.seal("chacha20poly1305", key, nonce, nonce, cut)).toThrow(Error);
      }
    }
    const seed = random.bytes(32);
    const message = random.bytes(10);
    const [publicKey, signature] = [sodium.ed25519.publicKey(seed), sodium.ed25519.sign(seed, message)];
    for (const p of backends) {
      expect(p.ed25519.verify(publicKey.subarray(1), message, signature)).toBe(false);
      expect(p.ed25519.verify(publicKey, message, signature.subarray(1))).toBe(false);
      expect(p.ed25519.verify(publicKey, message, new Uint8Array([...signature, 0]))).toBe(false);
      expect(p.ed25519.verify(publicKey, new Uint8Array(0), signature)).toBe(false);
      for (const other of [seed.subarray(1), new Uint8Array(0), random.bytes(64)]) {
        expect(() => p.ed25519.sign(other, message)).toThrow(Error);
        expect(() => p.ed25519.publicKey(other)).toThrow(Error);
        expect(() => p.x25519.publicKey(other)).toThrow(Error);
        expect(p.x25519.sharedSecret(other, publicKey)).toBeUndefined();
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

test.skipIf(native === undefined)(
  "sodium-native is among them, where it is installed and has a build for this platform",
  () => {
    expect(backends.map((p) => p.name)).toContain("sodium-native and node:crypto");
  },
);

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

const FIELD = 2n ** 255n - 19n;

const X25519_ORDER_8 = [
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
];

/** Encodings of y that are not below the field's order, and small orders' with their sign turned. */
function notCanonical(): Uint8Array[] {
  const tooLarge = Array.from({ length: 19 }, (_, above) => littleEndian(FIELD + BigInt(above)));
  return [...tooLarge, ...tooLarge.map(signTurned), ...ED25519_TORSION_SUBGROUP.map(unhex).map(signTurned)];
}

function signTurned(encoded: Uint8Array): Uint8Array {
  const turned = encoded.slice();
  turned[31]! ^= 0x80;
  return turned;
}

/** 32 octets. */
function littleEndian(value: bigint): Uint8Array {
  return unhex(value.toString(16).padStart(64, "0")).toReversed();
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes.toReversed())}`);
}
