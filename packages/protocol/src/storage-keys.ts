/**
 * The keys that an account's sealed storage is under, newest last, as they lie at the homeserver: once under the account
 * key, for whoever signs in with it, and once for each device on the list, which does not hold that. The account key signs
 * it, so that nobody else gives devices a key to write under. [U2]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, struct, uint } from "./cbor/codec.ts";
import { accountDevicesMax, sealedRecordBytesMax, signedOverheadBytesMax } from "./limits.ts";
import { accountId, deviceId } from "./names.ts";
import { signedKind } from "./signed.ts";

/** One more with each revocation: what was sealed under the oldest is sealed anew long before. */
export const storageKeysMax = 64;

/** What is sealed. A record says under which of them it is. */
export const storageKeyList = array(struct({ generation: uint({}), key: bytes(32) }), {
  min: 1,
  max: storageKeysMax,
});
export type StorageKeyList = TypeOf<typeof storageKeyList>;

const sealedBytesMax = 4_096;

export const storageKeysBody = struct({
  account: accountId.codec,
  /** Of the newest key. */
  generation: uint({}),
  /** `nonce(12) ‖ AES-256-GCM` under the key made of the account key. */
  forAccount: bytes({ min: 28, max: sealedBytesMax }),
  /** HPKE base mode to the devices' Noise keys. */
  forDevices: array(
    struct({
      device: deviceId.codec,
      encapsulation: bytes(32),
      ciphertext: bytes({ min: 16, max: sealedBytesMax }),
    }),
    { max: accountDevicesMax },
  ),
});
export type StorageKeys = TypeOf<typeof storageKeysBody>;

export const storageKeys = signedKind(
  "storage-keys",
  storageKeysBody,
  ({ account }) => accountId.toBytes(account),
  { bytesMax: sealedRecordBytesMax - signedOverheadBytesMax },
);

/** HPKE `info` of the keys for devices. */
export const storageKeysSealInfo = new TextEncoder().encode("fedchat/v1/storage-keys");
