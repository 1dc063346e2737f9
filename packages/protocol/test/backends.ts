/** What the tests of primitives, Noise and HPKE share: both backends, hex, and a random source that replays. */
import { createHash } from "node:crypto";
import type { RandomSource } from "../src/ports.ts";
import { noblePrimitives } from "../src/primitives/noble.ts";
import { nodePrimitives } from "../src/primitives/node.ts";

export const backends = [
  { name: "node", primitives: nodePrimitives },
  { name: "noble", primitives: noblePrimitives },
];

/** Both ends of a conversation on every pairing of backends. */
export const pairings = backends.flatMap((ours) =>
  backends.map((theirs) => ({
    name: `${ours.name} with ${theirs.name}`,
    ours: ours.primitives,
    theirs: theirs.primitives,
  })),
);

export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Gives `values` one after the other, each asked for with its own length. */
export function givenRandom(...values: Uint8Array[]): RandomSource {
  let next = 0;
  return {
    bytes(length) {
      const value = values[next++];
      if (value?.length !== length) throw new Error(`no ${length} random bytes were given here`);
      return value.slice();
    },
  };
}

/** Different bytes at each call, the same ones for the same seed. */
export function seededRandom(seed: string): RandomSource {
  let call = 0;
  return {
    bytes: (length) =>
      new Uint8Array(createHash("shake256", { outputLength: length }).update(`${seed} ${call++}`).digest()),
  };
}

/** A copy with one bit of one byte turned over. */
export function flipped(bytes: Uint8Array, index: number): Uint8Array {
  const copy = bytes.slice();
  copy[index] = copy[index]! ^ 1;
  return copy;
}

/** The u-coordinates of low order on Curve25519 and its twist, in every encoding below 2^255. */
export const lowOrderKeys = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(hex);
