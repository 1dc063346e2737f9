/**
 * A segment of an archive: lines of history, sealed under the account's archive key, bound to the device that wrote it
 * and to its number. Vectors: `packages/engine/vectors/archive.json`. [F7]
 */
import type { AccountId, DeviceId, Primitives } from "@fedchat/protocol";
import { accountId, deviceId } from "@fedchat/protocol";

export interface SegmentPlace {
  account: AccountId;
  device: DeviceId;
  number: number;
}

const version = 1;
/** Version, generation, nonce. */
const headBytes = 1 + 4 + 12;
/** What a segment is longer than its lines. */
export const segmentOverheadBytes = headBytes + 16;
const utf8 = new TextEncoder();
const label = utf8.encode("fedchat/v1/archive-segment\0");

/** @param nonce 12 random bytes, never used before with this key */
export function sealSegment(
  p: Primitives,
  place: SegmentPlace,
  { generation, key }: { generation: number; key: Uint8Array },
  nonce: Uint8Array,
  lines: string,
): Uint8Array {
  const ciphertext = p.aes256Gcm(key).seal(nonce, aad(place, generation), utf8.encode(lines));
  const sealed = new Uint8Array(headBytes + ciphertext.length);
  sealed[0] = version;
  new DataView(sealed.buffer).setUint32(1, generation);
  sealed.set(nonce, 5);
  sealed.set(ciphertext, headBytes);
  return sealed;
}

/** Undefined for what is no segment of this place, or of a key that is not known. */
export function openSegment(
  p: Primitives,
  place: SegmentPlace,
  keyOf: (generation: number) => Uint8Array | undefined,
  sealed: Uint8Array,
): string | undefined {
  if (sealed.length < segmentOverheadBytes || sealed[0] !== version) return undefined;
  const generation = new DataView(sealed.buffer, sealed.byteOffset).getUint32(1);
  const key = keyOf(generation);
  if (key === undefined) return undefined;
  const opened = p
    .aes256Gcm(key)
    .open(sealed.subarray(5, headBytes), aad(place, generation), sealed.subarray(headBytes));
  return opened && new TextDecoder().decode(opened);
}

function aad({ account, device, number }: SegmentPlace, generation: number): Uint8Array {
  const numbers = new Uint8Array(12);
  const view = new DataView(numbers.buffer);
  view.setBigUint64(0, BigInt(number));
  view.setUint32(8, generation);
  return Uint8Array.of(...label, ...accountId.toBytes(account), ...deviceId.toBytes(device), ...numbers);
}
