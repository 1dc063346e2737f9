/**
 * Signatures with a domain: every signature covers `fedchat/v1/<type>` ‖ 0x00 ‖ bytes, so that no signature of one
 * kind can stand for another [S1]. A signed structure travels as its body's exact bytes beside the signature and is
 * verified over those bytes as received, never over a re-encoding [S2]. Nothing stands beside those two: what the
 * signature does not cover could be added by anybody, and one statement would have many hashes [S3].
 */
import type { Codec } from "./cbor/codec.ts";
import { bytes, decode, encode, struct } from "./cbor/codec.ts";
import { ProtocolError } from "./errors.ts";
import { recordBytesMax, signedOverheadBytesMax } from "./limits.ts";
import { equalBytes } from "./primitives/bytes.ts";
import type { Primitives } from "./primitives/primitives.ts";

const utf8 = new TextEncoder();

/** The bytes that a signature of this type covers. */
export function signatureInput(type: string, body: Uint8Array): Uint8Array {
  const prefix = utf8.encode(`fedchat/v1/${type}\0`);
  const input = new Uint8Array(prefix.length + body.length);
  input.set(prefix);
  input.set(body, prefix.length);
  return input;
}

/** Signs `body` as `type`. `seed` is the 32-byte Ed25519 private key. */
export function signAs(p: Primitives, type: string, seed: Uint8Array, body: Uint8Array): Uint8Array {
  return p.ed25519.sign(seed, signatureInput(type, body));
}

export function verifyAs(
  p: Primitives,
  type: string,
  publicKey: Uint8Array,
  body: Uint8Array,
  signature: Uint8Array,
): boolean {
  return p.ed25519.verify(publicKey, signatureInput(type, body), signature);
}

/** A kind of signed structure: who signs it is a function of its value. */
export interface SignedKind<T> {
  readonly type: string;
  /** Encodes and signs; the result is what is stored and sent. */
  sign(p: Primitives, seed: Uint8Array, value: T): Uint8Array;
  /** Decodes strictly and verifies. Throws `ProtocolError("malformed")`. */
  open(p: Primitives, signed: Uint8Array): T;
  /** Decodes strictly; whether it is worth verifying can be judged first. Throws `ProtocolError("malformed")`. */
  read(signed: Uint8Array): UnverifiedStructure<T>;
}

export interface UnverifiedStructure<T> {
  /** What it says; who says so is not known. */
  value: T;
  /** Throws `ProtocolError("malformed")` where the signature is not its signer's. */
  verify(p: Primitives): void;
}

/**
 * Declares a signed structure.
 * @param signer the public key that must have signed, read from the value itself
 * @param options.check further rules; returns what is wrong, or undefined
 */
export function signedKind<T>(
  type: string,
  codec: Codec<T>,
  signer: (value: T) => Uint8Array,
  options: { bytesMax?: number; check?: (value: T) => string | undefined } = {},
): SignedKind<T> {
  const bytesMax = options.bytesMax ?? recordBytesMax;
  const container = struct({ body: bytes({ min: 1, max: bytesMax }), signature: bytes(64) });
  const refuse = (what: string, cause?: unknown) =>
    new ProtocolError("malformed", `${type}: ${what}`, { cause });
  const kind: SignedKind<T> = {
    type,
    sign(p, seed, value) {
      const fault = options.check?.(value);
      if (fault !== undefined) throw new TypeError(`cannot sign a ${type} that ${fault}`);
      const body = encode(codec, value);
      return encode(container, { body, signature: signAs(p, type, seed, body) });
    },
    open(p, signed) {
      const { value, verify } = kind.read(signed);
      verify(p);
      return value;
    },
    read(signed) {
      if (signed.length > bytesMax + signedOverheadBytesMax) throw refuse("too large");
      let value: T;
      let parts: { body: Uint8Array; signature: Uint8Array };
      try {
        parts = decode(container, signed);
        value = decode(codec, parts.body);
      } catch (cause) {
        throw refuse("does not decode", cause);
      }
      if (!equalBytes(encode(container, parts), signed)) throw refuse("more than a body and a signature");
      const wrong = options.check?.(value);
      if (wrong !== undefined) throw refuse(wrong);
      return {
        value,
        verify(p) {
          if (!verifyAs(p, type, signer(value), parts.body, parts.signature)) {
            throw refuse("signature is wrong");
          }
        },
      };
    },
  };
  return kind;
}
