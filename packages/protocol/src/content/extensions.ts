/**
 * The extension map of a MIMI message (draft-ietf-mimi-content-09, "Extension Fields"). Values may be any CBOR, of
 * vendors that we have never heard of, so they are checked for form, carried as the bytes they came in, and decoded
 * only by whoever knows the key. That keeps a message byte-exact and its other fields readable.
 */
import { checkCanonical, endOfItem } from "../cbor/canonical.ts";
import { decodeCbor, encodeCbor, type CborKey } from "../cbor/cbor.ts";
import { DecodeError } from "../cbor/codec.ts";
import { compareBytes, concatBytes } from "./bytes.ts";
import { extensionDepthMax, extensionItemsMax, extensionKeyBytesMax, extensionsMax } from "./limits.ts";

/** Key to encoded value: `decode(codec, value)` reads one, `encode(codec, value)` makes one. */
export type Extensions = ReadonlyMap<CborKey, Uint8Array>;

/** Registered keys. Their values are text. */
export const extensionKey = { senderUri: 1, roomUri: 2 } as const;

/** The bytes of the map. TypeError where an extension breaks the rules that `decodeExtensions` holds others to. */
export function encodeExtensions(extensions: Extensions): Uint8Array {
  const entries = [...extensions].map(([key, value]) => ({ key, encodedKey: encodeCbor(key), value }));
  try {
    checkCount(entries.length, "extensions");
    for (const { key, value } of entries) checkExtension(key, value, "extensions");
  } catch (cause) {
    throw new TypeError("cannot encode these extensions", { cause });
  }
  // RFC 8949 §4.2.1, bytewise order of the encoded keys.
  entries.sort((a, b) => compareBytes(a.encodedKey, b.encodedKey));
  const header = entries.length < 24 ? [0xa0 | entries.length] : [0xb8, entries.length];
  return concatBytes(
    Uint8Array.from(header),
    ...entries.flatMap(({ encodedKey, value }) => [encodedKey, value]),
  );
}

/** `bytes` is one data item that `canonical.ts` has accepted as foreign. Throws `DecodeError`. */
export function decodeExtensions(bytes: Uint8Array, where: string): Extensions {
  const initial = bytes[0] as number;
  if (initial >> 5 !== 5) throw new DecodeError(where, "is not a map");
  // A header of more than two bytes counts more than 255 entries.
  const count = initial < 0xb8 ? initial & 0x1f : initial === 0xb8 ? (bytes[1] as number) : Infinity;
  checkCount(count, where);
  const extensions = new Map<CborKey, Uint8Array>();
  let position = initial < 0xb8 ? 1 : 2;
  for (let i = 0; i < count; i++) {
    const keyEnd = endOfItem(bytes, position, valueLimits, "foreign");
    const end = endOfItem(bytes, keyEnd, valueLimits, "foreign");
    const key = decodeCbor(bytes.subarray(position, keyEnd)) as CborKey;
    const value = bytes.slice(keyEnd, end);
    checkExtension(key, value, `${where}[${i}]`);
    extensions.set(key, value);
    position = end;
  }
  return extensions;
}

const valueLimits = { depthMax: extensionDepthMax, itemsMax: extensionItemsMax };

function checkCount(count: number, where: string): void {
  if (count > extensionsMax) throw new DecodeError(where, `has more than ${extensionsMax} entries`);
}

function checkExtension(key: CborKey, value: Uint8Array, where: string): void {
  if (typeof key === "string") {
    const length = utf8.encode(key).length;
    if (length === 0 || length > extensionKeyBytesMax) {
      throw new DecodeError(where, `has a key that is not 1 to ${extensionKeyBytesMax} bytes long`);
    }
  } else if (!Number.isSafeInteger(key)) {
    throw new DecodeError(where, "has a key that is neither text nor an integer");
  }
  checkCanonical(value, valueLimits, "foreign");
  const isRegistered = key === extensionKey.senderUri || key === extensionKey.roomUri;
  if (isRegistered && (value[0] as number) >> 5 !== 3) throw new DecodeError(where, "is not text");
}

const utf8 = new TextEncoder();
