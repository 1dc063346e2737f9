/** A key encapsulation mechanism as HPKE uses it (RFC 9180 §4). */
import type { RandomSource } from "../ports.ts";

export interface Kem {
  /** Registered number. */
  readonly id: number;
  /** A fresh secret and what tells it to the holder of the private key; undefined where the public key is unusable. */
  encapsulate(publicKey: Uint8Array, random: RandomSource): Encapsulated | undefined;
  /** Undefined where `encapsulation` cannot have been made for this key. A false one may also give a useless secret. */
  decapsulate(encapsulation: Uint8Array, privateKey: Uint8Array): Uint8Array | undefined;
}

/** A KEM whose secret also proves the sender's static key. */
export interface AuthKem extends Kem {
  authEncapsulate(
    publicKey: Uint8Array,
    senderKey: Uint8Array,
    random: RandomSource,
  ): Encapsulated | undefined;
  authDecapsulate(
    encapsulation: Uint8Array,
    privateKey: Uint8Array,
    senderPublicKey: Uint8Array,
  ): Uint8Array | undefined;
}

export interface Encapsulated {
  /** Public; RFC 9180 calls it `enc`. */
  readonly encapsulation: Uint8Array;
  readonly secret: Uint8Array;
}
