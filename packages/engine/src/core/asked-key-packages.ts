/** The key packages that came with somebody's asking to be let into a room, as they are kept until they are in. */
import { array, bytes, decode, encode, limits } from "@fedchat/protocol";

const list = array(bytes({ min: 1, max: limits.keyPackageBytesMax }), {
  min: 1,
  max: limits.requestKeyPackagesMax,
});

export const keptKeyPackages = (packages: Uint8Array[]): Uint8Array => encode(list, packages);
export const openKeyPackages = (kept: Uint8Array): Uint8Array[] =>
  decode(list, kept).map((keyPackage) => keyPackage.slice());
