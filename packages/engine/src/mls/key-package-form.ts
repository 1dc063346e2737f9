/** The private keys of a key package as the engine's store keeps them, until its group is joined. */
import { bytes, decode, encode, literals, struct } from "@fedchat/protocol";
import type { OwnKeyPackage } from "@fedchat/mls";

/** Seeds of 32 bytes in every suite so far. */
const keyBytesMax = 64;
const formVersion = "2";

/** The form's version is its first field, so that a later one can be told apart. */
const privatePart = struct({
  version: literals(formVersion),
  init: bytes({ max: keyBytesMax }),
  leaf: bytes({ max: keyBytesMax }),
});

type PrivateKeys = Pick<OwnKeyPackage, "initPrivateKey" | "leafPrivateKey">;

export function writePrivatePart({ initPrivateKey, leafPrivateKey }: PrivateKeys): Uint8Array {
  return encode(privatePart, { version: formVersion, init: initPrivateKey, leaf: leafPrivateKey });
}

/** Throws where the bytes are none: they come from our own store. */
export function readPrivatePart(stored: Uint8Array): PrivateKeys {
  const { init, leaf } = decode(privatePart, stored);
  return { initPrivateKey: init.slice(), leafPrivateKey: leaf.slice() };
}
