/** Signed structures as cases: from key and value to container, and containers that must be refused. */
import { encodeCbor } from "../../src/cbor/cbor.ts";
import type { SignedKind } from "../../src/index.ts";
import { decode, encode, signAs, signedNote } from "../../src/index.ts";
import { p } from "./cast.ts";
import { toHex, toJson, type Json } from "./json.ts";

export const about = [
  "valid: `value` encodes to `body`; `seed` (Ed25519) signs it as `type`; `signed` is the container that travels.",
  "invalid: `signed` must be refused.",
];

export function statement<T>(name: string, kind: SignedKind<T>, seed: Uint8Array, value: T): Json {
  const signed = kind.sign(p, seed, value);
  const { body, signature } = decode(signedNote, signed);
  return {
    name,
    type: kind.type,
    seed: toHex(seed),
    value: toJson(value),
    body: toHex(body),
    signature: toHex(signature),
    signed: toHex(signed),
  };
}

export function refused(name: string, signed: Uint8Array): Json {
  return { name, signed: toHex(signed), error: "malformed" };
}

/** Any bytes as the body of a signed structure: the container is the same for every type. */
export function containerOf(type: string, seed: Uint8Array, body: Uint8Array): Uint8Array {
  return encode(signedNote, { body, signature: signAs(p, type, seed, body) });
}

export function bodyOf(signed: Uint8Array): Uint8Array {
  return decode(signedNote, signed).body;
}

export function changedContainer(signed: Uint8Array, change: (body: Uint8Array) => Uint8Array): Uint8Array {
  const { body, signature } = decode(signedNote, signed);
  return encodeCbor(
    new Map([
      ["body", change(body)],
      ["signature", signature],
    ]),
  );
}

export function flipLast(bytes: Uint8Array): Uint8Array {
  return bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1);
}
