/**
 * Which Ed25519 public keys count. RFC 8032 leaves room: libraries differ on points of small order, on encodings
 * that are not canonical, and on whether the verification equation is multiplied by the cofactor. A signature that
 * one of our backends took and the other refused could tell two honest readers different things, so both refuse the
 * keys below and both check the equation without the cofactor.
 */

/** The y-coordinates of the eight points of small order, little-endian without the sign bit. */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)));

/** Whether 32 bytes may be a public key: in canonical form and not of small order. They may still be no point. */
export function isAcceptableEd25519Key(key: Uint8Array): boolean {
  return key.length === 32 && isCanonical(key) && !SMALL_ORDER.some((y) => hasY(key, y));
}

/** The y-coordinate is below 2^255 − 19 (RFC 8032 §5.1.3). */
function isCanonical(key: Uint8Array): boolean {
  if ((key[31]! & 0x7f) !== 0x7f) return true;
  for (let index = 30; index > 0; index--) if (key[index] !== 0xff) return true;
  return key[0]! < 0xed;
}

function hasY(key: Uint8Array, y: Uint8Array): boolean {
  for (let index = 0; index < 31; index++) if (key[index] !== y[index]) return false;
  return (key[31]! & 0x7f) === y[31];
}
