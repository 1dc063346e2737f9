/** Octets as test vectors write them. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

export const hex: (bytes: Uint8Array) => string = bytesToHex;
export const unhex: (text: string) => Uint8Array = hexToBytes;
