/**
 * Which X25519 public keys count. RFC 7748 §6.1 lets a reader refuse a shared secret of zeros; the keys below give
 * nothing else with any private key, so that nobody can be reached by them and a statement that names one is void.
 */
/** The u-coordinates of points of small order, of the curve and of its twist, little-endian, each below 2^255. */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)));

/** Whether 32 bytes, of which X25519 ignores the highest bit, name a point of small order. */
export function isSmallOrderX25519Key(key: Uint8Array): boolean {
  return SMALL_ORDER.some((u) => hasU(key, u));
}

function hasU(key: Uint8Array, u: Uint8Array): boolean {
  for (let index = 0; index < 31; index++) if (key[index] !== u[index]) return false;
  return (key[31]! & 0x7f) === u[31];
}
