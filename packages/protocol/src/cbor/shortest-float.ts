/**
 * Whether a CBOR float has the form that RFC 8949 §4.2.1 asks for: the shortest of 16, 32 and 64 bits that holds
 * the value, and for NaN the one quiet NaN of 16 bits (the MIMI content data model).
 */
export function isShortestFloat(bytes: Uint8Array, start: number, width: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, width);
  if (width === 2) {
    const bits = view.getUint16(0);
    const isNaN16 = (bits & 0x7c00) === 0x7c00 && (bits & 0x03ff) !== 0;
    return !isNaN16 || bits === 0x7e00;
  }
  const value = width === 4 ? view.getFloat32(0) : view.getFloat64(0);
  if (Number.isNaN(value)) return false;
  return width === 4 ? !fitsHalf(value) : Math.fround(value) !== value;
}

/** Half precision: 11 significant bits, exponents −14 to 15, and subnormals in steps of 2^−24. */
function fitsHalf(value: number): boolean {
  const size = Math.abs(value);
  if (size === Infinity || size === 0) return true;
  if (size > 65_504) return false;
  const step = size < 2 ** -14 ? 2 ** -24 : 2 ** (Math.floor(Math.log2(size)) - 10);
  return size % step === 0;
}
