/**
 * Padding in length buckets (RFC 9420 §15.1): a message tells its length to within an eighth of a power of two, as in
 * the PADMÉ scheme, and never less than the smallest bucket.
 */

/** The smallest bucket holds a short sentence, its signature and its framing. */
const SMALLEST = 128;

/** The padded length of a content of `length` octets. */
export function bucketed(length: number): number {
  if (length <= SMALLEST) return SMALLEST;
  const exponent = Math.floor(Math.log2(length));
  const step = 2 ** Math.max(0, exponent - 3);
  return Math.ceil(length / step) * step;
}
