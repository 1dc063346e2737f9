import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssertionError } from "../src/primitives/assert.ts";
import { isAcceptableEd25519Key } from "../src/primitives/ed25519-keys.ts";
import { hkdfExpand, hkdfExtract } from "../src/primitives/hkdf.ts";
import { noblePrimitives } from "../src/primitives/noble.ts";
import { nodePrimitives, nodeRandom } from "../src/primitives/node.ts";
import { isSmallOrderX25519Key } from "../src/primitives/x25519-keys.ts";
import { ascii, backends, flipped, givenRandom, hex, lowOrderKeys, seededRandom, toHex } from "./backends.ts";

const none = new Uint8Array(0);

describe.each(backends)("primitives on $name", ({ primitives: p }) => {
  test("SHA-256 of FIPS 180-4, in one part or several", () => {
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(toHex(p.sha256(ascii("abc")))).toBe(abc);
    expect(toHex(p.sha256(ascii("a"), none, ascii("bc")))).toBe(abc);
    expect(toHex(p.sha256())).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test("HMAC-SHA-256 of RFC 4231, test cases 1, 2 and 6", () => {
    expect(toHex(p.hmacSha256(new Uint8Array(20).fill(0x0b), ascii("Hi "), ascii("There")))).toBe(
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
    expect(toHex(p.hmacSha256(ascii("Jefe"), ascii("what do ya want for nothing?")))).toBe(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
    const longKey = new Uint8Array(131).fill(0xaa);
    expect(
      toHex(p.hmacSha256(longKey, ascii("Test Using Larger Than Block-Size Key - Hash Key First"))),
    ).toBe("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  });

  test("HKDF-SHA-256 of RFC 5869, test cases 1 and 3, and its longest output", () => {
    const key = new Uint8Array(22).fill(0x0b);
    const extracted = hkdfExtract(p, hex("000102030405060708090a0b0c"), key);
    expect(toHex(hkdfExpand(p, extracted, [hex("f0f1f2f3f4"), hex("f5f6f7f8f9")], 42))).toBe(
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    expect(toHex(hkdfExpand(p, hkdfExtract(p, none, key), [], 42))).toBe(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
    expect(hkdfExpand(p, extracted, [], 8160)).toHaveLength(8160);
    expect(() => hkdfExpand(p, extracted, [], 8161)).toThrow(AssertionError);
  });

  describe("Ed25519", () => {
    test.each([
      {
        seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        message: "",
        signature:
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
      },
      {
        seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        message: "72",
        signature:
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      },
      {
        seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        message: "af82",
        signature:
          "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
      },
    ])("signs and verifies as RFC 8032 §7.1 ($message)", (vector) => {
      const [publicKey, message, signature] = [vector.publicKey, vector.message, vector.signature].map(hex);
      expect(toHex(p.ed25519.publicKey(hex(vector.seed)))).toBe(vector.publicKey);
      expect(toHex(p.ed25519.sign(hex(vector.seed), message!))).toBe(vector.signature);
      expect(p.ed25519.verify(publicKey!, message!, signature!)).toBe(true);
    });

    test("a changed message, signature or key is refused, and so is anything malformed", () => {
      const seed = new Uint8Array(32).fill(7);
      const publicKey = p.ed25519.publicKey(seed);
      const message = ascii("the device list");
      const signature = p.ed25519.sign(seed, message);
      expect(p.ed25519.verify(publicKey, flipped(message, 0), signature)).toBe(false);
      expect(p.ed25519.verify(publicKey, message, flipped(signature, 3))).toBe(false);
      expect(p.ed25519.verify(publicKey, message, flipped(signature, 40))).toBe(false);
      expect(p.ed25519.verify(p.ed25519.publicKey(new Uint8Array(32)), message, signature)).toBe(false);
      for (const length of [0, 31, 33])
        expect(p.ed25519.verify(new Uint8Array(length), message, signature)).toBe(false);
      for (const length of [0, 63, 65])
        expect(p.ed25519.verify(publicKey, message, new Uint8Array(length))).toBe(false);
    });

    test("the same signature with its scalar raised by the group order is refused", () => {
      const seed = new Uint8Array(32).fill(9);
      const signature = p.ed25519.sign(seed, none);
      const scalar = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + ed25519.Point.Fn.ORDER;
      const raised = signature.slice();
      raised.set(hex(scalar.toString(16).padStart(64, "0")).reverse(), 32);
      expect(p.ed25519.verify(p.ed25519.publicKey(seed), none, signature)).toBe(true);
      expect(p.ed25519.verify(p.ed25519.publicKey(seed), none, raised)).toBe(false);
    });

    test("a seed of the wrong length is our own mistake", () => {
      expect(() => p.ed25519.sign(new Uint8Array(31), none)).toThrow();
      expect(() => p.ed25519.publicKey(new Uint8Array(33))).toThrow();
    });
  });

  describe("X25519", () => {
    test("multiplies as RFC 7748 §5.2, unused bit ignored", () => {
      expect(
        toHex(
          p.x25519.sharedSecret(
            hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
            hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
          )!,
        ),
      ).toBe("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
      expect(
        toHex(
          p.x25519.sharedSecret(
            hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
            hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
          )!,
        ),
      ).toBe("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
    });

    test("Alice and Bob of RFC 7748 §6.1 agree", () => {
      const alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
      const bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
      const alicePublic = p.x25519.publicKey(alice);
      const bobPublic = p.x25519.publicKey(bob);
      expect(toHex(alicePublic)).toBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
      expect(toHex(bobPublic)).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
      const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
      expect(toHex(p.x25519.sharedSecret(alice, bobPublic)!)).toBe(shared);
      expect(toHex(p.x25519.sharedSecret(bob, alicePublic)!)).toBe(shared);
    });

    test.each(lowOrderKeys.map((key) => ({ key, text: toHex(key) })))("$text gives no secret", ({ key }) => {
      expect(p.x25519.sharedSecret(new Uint8Array(32).fill(5), key)).toBeUndefined();
      const highBit = key.slice();
      highBit[31] = highBit[31]! | 0x80;
      expect(p.x25519.sharedSecret(new Uint8Array(32).fill(5), highBit)).toBeUndefined();
    });

    test("a public key of the wrong length gives no secret; a private key of the wrong length is our own mistake", () => {
      const key = new Uint8Array(32).fill(9);
      for (const length of [0, 31, 33])
        expect(p.x25519.sharedSecret(key, new Uint8Array(length))).toBeUndefined();
      for (const length of [0, 31, 33])
        expect(() => p.x25519.sharedSecret(new Uint8Array(length), key)).toThrow();
    });
  });

  describe("AES-256-GCM", () => {
    const key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const nonce = hex("cafebabefacedbaddecaf888");
    const plaintext = hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
    );
    const body =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";
    const aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const zeros = (length: number) => new Uint8Array(length);

    test.each([
      {
        case: 13,
        key: zeros(32),
        nonce: zeros(12),
        aad: none,
        plaintext: none,
        sealed: "530f8afbc74536b9a963b4f1c4cb738b",
      },
      {
        case: 14,
        key: zeros(32),
        nonce: zeros(12),
        aad: none,
        plaintext: zeros(16),
        sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
      },
      { case: 15, key, nonce, aad: none, plaintext, sealed: `${body}b094dac5d93471bdec1a502270e3cc6c` },
      {
        case: 16,
        key,
        nonce,
        aad,
        plaintext: plaintext.subarray(0, 60),
        sealed: `${body.slice(0, 120)}76fc6ece0f4e1768cddf8853bb2d551b`,
      },
    ])("test case $case of the GCM specification", (vector) => {
      const aead = p.aes256Gcm(vector.key);
      expect(toHex(aead.seal(vector.nonce, vector.aad, vector.plaintext))).toBe(vector.sealed);
      expect(aead.open(vector.nonce, vector.aad, hex(vector.sealed))).toEqual(vector.plaintext.slice());
    });

    test("any changed byte of ciphertext, tag, additional data or nonce is refused", () => {
      const aead = p.aes256Gcm(key);
      const sealed = aead.seal(nonce, aad, plaintext);
      for (const index of [0, 63, 64, 79])
        expect(aead.open(nonce, aad, flipped(sealed, index))).toBeUndefined();
      expect(aead.open(nonce, flipped(aad, 0), sealed)).toBeUndefined();
      expect(aead.open(nonce, none, sealed)).toBeUndefined();
      expect(aead.open(flipped(nonce, 11), aad, sealed)).toBeUndefined();
      expect(p.aes256Gcm(zeros(32)).open(nonce, aad, sealed)).toBeUndefined();
      for (const length of [0, 15, 16, 79])
        expect(aead.open(nonce, aad, sealed.subarray(0, length))).toBeUndefined();
      expect(aead.open(nonce, aad, sealed)).toEqual(plaintext);
    });

    test("the key is kept by value: changing the caller's array afterwards changes nothing", () => {
      const array = key.slice();
      const aead = p.aes256Gcm(array);
      array.fill(0);
      expect(toHex(aead.seal(nonce, none, plaintext))).toBe(`${body}b094dac5d93471bdec1a502270e3cc6c`);
    });

    test("keys and nonces of other lengths are our own mistake", () => {
      expect(() => p.aes256Gcm(zeros(16))).toThrow(AssertionError);
      expect(() => p.aes256Gcm(key).seal(zeros(8), none, none)).toThrow(AssertionError);
      expect(() => p.aes256Gcm(key).open(zeros(16), none, zeros(32))).toThrow(AssertionError);
    });

    test("input in the middle of a larger array is not touched, and results own their memory", () => {
      const slab = new Uint8Array(200).fill(1);
      const aead = p.aes256Gcm(key);
      const sealed = aead.seal(nonce, slab.subarray(3, 9), slab.subarray(17, 90));
      const opened = aead.open(nonce, slab.subarray(3, 9), sealed)!;
      expect(slab).toEqual(new Uint8Array(200).fill(1));
      for (const result of [
        sealed,
        opened,
        p.sha256(slab),
        p.hmacSha256(key, slab),
        p.x25519.publicKey(key),
      ]) {
        expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
        expect(result.buffer.byteLength).toBe(result.byteLength);
      }
    });
  });

  describe("X-Wing", () => {
    // draft-connolly-cfrg-xwing-kem, appendix of test vectors; public key and ciphertext as the SHA-256 of theirs.
    test.each([
      {
        seed: "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
        coins:
          "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e235b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
        secret: "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384",
        publicKeyHash: "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb",
        ciphertextHash: "17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33",
      },
      {
        seed: "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
        coins:
          "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdefaee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
        secret: "f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150",
        publicKeyHash: "c42ba5f8430d7d2c83739338203819f090e8303ce9c8b02107c272bfa5376916",
        ciphertextHash: "1661ea86d608a1924ba30840cb0a65f13ae051e3aec9cf0f064efc0bc92f2154",
      },
      {
        seed: "ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
        coins:
          "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
        secret: "953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f",
        publicKeyHash: "6b080d6b84f095342092fa7a22423e58bd681397ad0ef00eac92bd254db4fa95",
        ciphertextHash: "d3ca5578500344b5896cffc4fd740c9311946b82951df155e6fd86a7966b43c6",
      },
    ])("encapsulates and decapsulates as the draft ($seed)", (vector) => {
      const publicKey = p.xwing.publicKey(hex(vector.seed));
      expect(toHex(p.sha256(publicKey))).toBe(vector.publicKeyHash);
      const made = p.xwing.encapsulate(publicKey, givenRandom(hex(vector.coins)))!;
      expect(toHex(p.sha256(made.ciphertext))).toBe(vector.ciphertextHash);
      expect(toHex(made.secret)).toBe(vector.secret);
      expect(toHex(p.xwing.decapsulate(hex(vector.seed), made.ciphertext)!)).toBe(vector.secret);
    });

    test("public keys of another length, out of range or of low order are refused", () => {
      const publicKey = p.xwing.publicKey(new Uint8Array(32));
      const random = seededRandom("xwing");
      expect(p.xwing.encapsulate(publicKey.subarray(1), random)).toBeUndefined();
      const outOfRange = publicKey.slice();
      outOfRange.fill(0xff, 0, 3); // A coefficient of 4095, where ML-KEM counts modulo 3329.
      expect(p.xwing.encapsulate(outOfRange, random)).toBeUndefined();
      const lowOrder = publicKey.slice();
      lowOrder.fill(0, 1184);
      expect(p.xwing.encapsulate(lowOrder, random)).toBeUndefined();
    });

    test("ciphertexts of another length or of low order are refused, and a changed one gives another secret", () => {
      const seed = new Uint8Array(32).fill(3);
      const { ciphertext, secret } = p.xwing.encapsulate(p.xwing.publicKey(seed), seededRandom("xwing"))!;
      expect(p.xwing.decapsulate(seed, ciphertext.subarray(1))).toBeUndefined();
      const lowOrder = ciphertext.slice();
      lowOrder.fill(0, 1088);
      expect(p.xwing.decapsulate(seed, lowOrder)).toBeUndefined();
      expect(p.xwing.decapsulate(seed, flipped(ciphertext, 5))).not.toEqual(secret);
      expect(p.xwing.decapsulate(seed, flipped(ciphertext, 1119))).not.toEqual(secret);
    });
  });
});

describe("the two backends agree", () => {
  const bytes = (max: number) => fc.uint8Array({ maxLength: max });
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

  test("on hashes and AES-256-GCM of any input", () => {
    fc.assert(
      fc.property(
        key,
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        bytes(70),
        bytes(300),
        (k, nonce, aad, text) => {
          expect(nodePrimitives.sha256(aad, text)).toEqual(noblePrimitives.sha256(aad, text));
          expect(nodePrimitives.hmacSha256(aad, text)).toEqual(noblePrimitives.hmacSha256(aad, text));
          const sealed = nodePrimitives.aes256Gcm(k).seal(nonce, aad, text);
          expect(noblePrimitives.aes256Gcm(k).seal(nonce, aad, text)).toEqual(sealed);
          expect(noblePrimitives.aes256Gcm(k).open(nonce, aad, sealed)).toEqual(text);
        },
      ),
    );
  });

  test("on X25519 and Ed25519 of any key", () => {
    fc.assert(
      fc.property(key, key, bytes(100), (first, second, message) => {
        const publicKey = nodePrimitives.x25519.publicKey(second);
        expect(noblePrimitives.x25519.publicKey(second)).toEqual(publicKey);
        const shared = nodePrimitives.x25519.sharedSecret(first, publicKey);
        expect(noblePrimitives.x25519.sharedSecret(first, publicKey)).toEqual(shared);
        const signature = nodePrimitives.ed25519.sign(first, message);
        expect(noblePrimitives.ed25519.sign(first, message)).toEqual(signature);
        expect(
          noblePrimitives.ed25519.verify(noblePrimitives.ed25519.publicKey(first), message, signature),
        ).toBe(true);
        expect(nodePrimitives.ed25519.verify(second, message, signature)).toBe(
          noblePrimitives.ed25519.verify(second, message, signature),
        );
      }),
      { numRuns: 25 },
    );
  });

  test("on the secret that a forged X-Wing ciphertext gives (FIPS 203 implicit rejection)", () => {
    const seed = nodeRandom.bytes(32);
    const { ciphertext } = nodePrimitives.xwing.encapsulate(
      nodePrimitives.xwing.publicKey(seed),
      nodeRandom,
    )!;
    for (const index of [0, 600, 1087]) {
      const forged = flipped(ciphertext, index);
      expect(nodePrimitives.xwing.decapsulate(seed, forged)).toEqual(
        noblePrimitives.xwing.decapsulate(seed, forged),
      );
    }
  });

  test("on refusing signatures that hold only after multiplying by the cofactor", () => {
    const { Point } = ed25519;
    const signer = ed25519.utils.getExtendedPublicKey(new Uint8Array(32).fill(1));
    const torsion = Point.fromBytes(hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"));
    const publicKey = signer.point.add(torsion).toBytes();
    const r = 12_345n;
    const encodedR = Point.BASE.multiply(r).toBytes();
    const judged = { byNobleItself: 0, byUs: 0 };
    for (let index = 0; index < 32; index++) {
      const message = Uint8Array.of(index);
      const input = Buffer.concat([encodedR, publicKey, message]);
      const k = Point.Fn.create(littleEndian(sha512(input)));
      const s = Point.Fn.toBytes(Point.Fn.create(r + k * signer.scalar));
      const signature = new Uint8Array(Buffer.concat([encodedR, s]));
      const verdict = nodePrimitives.ed25519.verify(publicKey, message, signature);
      expect(noblePrimitives.ed25519.verify(publicKey, message, signature)).toBe(verdict);
      expect(verdict).toBe(k % 8n === 0n);
      if (verdict) judged.byUs++;
      if (ed25519.verify(signature, message, publicKey, { zip215: false })) judged.byNobleItself++;
    }
    expect(judged.byNobleItself).toBe(32);
    expect(judged.byUs).toBeLessThan(32);
  });

  test("[R1] on X25519 keys that nothing can be sealed to, which are those of small order", () => {
    const others = [
      ...lowOrderKeys.map((key) => key.with(0, key[0]! ^ 0x10)),
      nodePrimitives.x25519.publicKey(new Uint8Array(32).fill(3)),
    ];
    const withHighBit = (keys: Uint8Array[]) => keys.map((key) => key.with(31, key[31]! | 0x80));
    const small = [...lowOrderKeys, ...withHighBit(lowOrderKeys)];
    others.push(...withHighBit(others));
    for (const { primitives } of backends) {
      const secret = (key: Uint8Array) => primitives.x25519.sharedSecret(new Uint8Array(32).fill(9), key);
      for (const key of small) expect([isSmallOrderX25519Key(key), secret(key)]).toEqual([true, undefined]);
      for (const key of others)
        expect([isSmallOrderX25519Key(key), secret(key) === undefined]).toEqual([false, false]);
    }
  });

  test("on refusing Ed25519 keys of small order and in other than canonical form", () => {
    const { Point } = ed25519;
    const torsion = Point.fromBytes(hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"));
    let point = Point.ZERO;
    for (let multiple = 0; multiple < 8; multiple++) {
      expect(isAcceptableEd25519Key(point.toBytes())).toBe(false);
      const otherSign = point.toBytes();
      otherSign[31] = otherSign[31]! ^ 0x80;
      expect(isAcceptableEd25519Key(otherSign)).toBe(false);
      point = point.add(torsion);
    }
    for (let low = 0xed; low <= 0xff; low++) {
      const beyondPrime = new Uint8Array(32).fill(0xff);
      beyondPrime[0] = low;
      expect(isAcceptableEd25519Key(beyondPrime)).toBe(false);
      beyondPrime[31] = 0x7f;
      expect(isAcceptableEd25519Key(beyondPrime)).toBe(false);
    }
    const justBelowPrime = new Uint8Array(32).fill(0xff);
    justBelowPrime.set([0xeb], 0);
    expect(isAcceptableEd25519Key(justBelowPrime)).toBe(true);
    expect(isAcceptableEd25519Key(Point.BASE.toBytes())).toBe(true);

    // The signature of nobody: R = identity and s = 0 verify under a key of small order where libraries let them.
    const forged = new Uint8Array(64);
    forged[0] = 1;
    for (const { primitives } of backends) {
      expect(primitives.ed25519.verify(Point.ZERO.toBytes(), ascii("anything"), forged)).toBe(false);
    }
  });
});

test("Node's random source gives plain arrays of its own that differ", () => {
  const [first, second] = [nodeRandom.bytes(32), nodeRandom.bytes(32)];
  expect(first).not.toEqual(second);
  expect(first.buffer.byteLength).toBe(32);
  expect(nodeRandom.bytes(0)).toHaveLength(0);
  expect(nodeRandom.bytes(100_000)).toHaveLength(100_000);
});

test("Node's random source gives no octets twice, nor any that were wiped, however small the pieces", () => {
  const seen = new Set<string>();
  for (let piece = 0; piece < 2_000; piece += 1) {
    const bytes = nodeRandom.bytes(12 + (piece % 300));
    for (let at = 0; at + 12 <= bytes.length; at += 12) seen.add(toHex(bytes.subarray(at, at + 12)));
  }
  const blocks = Array.from({ length: 2_000 }, (_, piece) => Math.floor((12 + (piece % 300)) / 12));
  expect(seen.size).toBe(blocks.reduce((sum, count) => sum + count));
  expect(seen).not.toContain("00".repeat(12));
});

function sha512(input: Uint8Array): Uint8Array {
  return createHash("sha512").update(input).digest();
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}
