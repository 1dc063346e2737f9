/**
 * Moves byte arrays between threads. Posting an array copies the whole buffer beneath it, and a 400-byte piece of a
 * received frame may lie in a buffer of a megabyte: so all pieces are copied into one buffer of their own, which is
 * then transferred.
 */
export interface Packed<T> {
  value: T;
  transfer: ArrayBuffer[];
}

/** A copy of plain objects, arrays and byte arrays, ready for `postMessage(value, transfer)`. Maps are left as they are. */
export function packBytes<T>(value: T): Packed<T> {
  const size = bytesIn(value);
  if (size === 0) return { value, transfer: [] };
  const buffer = new ArrayBuffer(size);
  let used = 0;
  const copy = (part: unknown): unknown => {
    if (part instanceof Uint8Array) {
      const moved = new Uint8Array(buffer, used, part.length);
      moved.set(part);
      used += part.length;
      return moved;
    }
    if (Array.isArray(part)) return part.map(copy);
    if (!isObject(part)) return part;
    const copied: Record<string, unknown> = {};
    for (const key in part) copied[key] = copy(part[key]);
    return copied;
  };
  return { value: copy(value) as T, transfer: [buffer] };
}

function bytesIn(part: unknown): number {
  if (part instanceof Uint8Array) return part.length;
  let size = 0;
  if (Array.isArray(part)) for (const element of part) size += bytesIn(element);
  else if (isObject(part)) for (const key in part) size += bytesIn(part[key]);
  return size;
}

function isObject(part: unknown): part is Record<string, unknown> {
  return typeof part === "object" && part !== null && !(part instanceof Map);
}
