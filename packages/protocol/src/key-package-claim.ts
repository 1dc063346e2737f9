/**
 * Key packages lie ready at homeservers by the kind of room that they are for: a device stocks each kind by itself, and
 * whoever knows an account's capability may take one. [H15]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { bytes, literals } from "./cbor/codec.ts";
import { accountId, deviceId } from "./names.ts";

/** X25519 with ML-KEM-768, and X25519 alone for rooms of many hundreds. [W1] */
export const keyPackageSuites = ["hybrid", "classical"] as const;
export const keyPackageSuite = literals(...keyPackageSuites);
export type KeyPackageSuite = TypeOf<typeof keyPackageSuite>;

/** What one asks for, and by what right. */
export const keyPackageClaim = {
  account: accountId.codec,
  device: deviceId.codec,
  suite: keyPackageSuite,
  capability: bytes(16),
} as const;
export type KeyPackageClaim = {
  [Field in keyof typeof keyPackageClaim]: TypeOf<(typeof keyPackageClaim)[Field]>;
};
