/**
 * What lies at servers and is for those who know the room's `infoKey`: the GroupInfo of the newest epoch, and commits
 * of devices that come in by themselves, which MLS does not encrypt. Group and epoch stand in the clear, as they do in
 * every message. [W6]
 */
import type { RoomId, TypeOf } from "@fedchat/protocol";
import { bytes, decode, DecodeError, encode, literals, roomId, struct, uint } from "@fedchat/protocol";
import type { Primitives, RandomSource } from "@fedchat/mls";
import { sealedBytesMax } from "./limits.ts";

const sealedCodec = struct({
  kind: literals("info", "message"),
  group: bytes(32),
  epoch: uint(),
  nonce: bytes(12),
  ciphertext: bytes({ min: 17, max: sealedBytesMax }),
});
export type Sealed = TypeOf<typeof sealedCodec>;

/** What `info` holds. */
const infoCodec = struct({
  /** MLSMessage with a GroupInfo, with ratchet tree and external public key. */
  groupInfo: bytes({ min: 1, max: sealedBytesMax }),
  /** Seed of the access key. */
  access: bytes(32),
});
export type RoomInfo = TypeOf<typeof infoCodec>;

interface Place {
  readonly room: RoomId;
  readonly group: Uint8Array;
  readonly epoch: bigint;
  readonly key: Uint8Array;
}

export function seal(
  { primitives, random }: { primitives: Primitives; random: RandomSource },
  kind: Sealed["kind"],
  { room, group, epoch, key }: Place,
  plaintext: Uint8Array,
): Uint8Array {
  const sealed = { kind, group, epoch: Number(epoch), nonce: random.bytes(12) };
  const aad = additionalData(room, sealed);
  const ciphertext = primitives.seal("aes256gcm", key, sealed.nonce, aad, plaintext);
  return encode(sealedCodec, { ...sealed, ciphertext });
}

/** Undefined where it is of another kind, or not sealed by this key for this room. */
export function unseal(
  primitives: Primitives,
  kind: Sealed["kind"],
  { room, key }: Pick<Place, "room" | "key">,
  sealed: Sealed,
): Uint8Array | undefined {
  if (sealed.kind !== kind) return undefined;
  return primitives.open("aes256gcm", key, sealed.nonce, additionalData(room, sealed), sealed.ciphertext);
}

/** Undefined where the bytes are nothing sealed. */
export function readSealed(source: Uint8Array): Sealed | undefined {
  return decodedOr(() => decode(sealedCodec, source));
}

export const encodeInfo = (info: RoomInfo): Uint8Array => encode(infoCodec, info);
export const decodeInfo = (source: Uint8Array): RoomInfo | undefined =>
  decodedOr(() => decode(infoCodec, source));

/** What stands in the clear, and the room, which does not. */
function additionalData(room: RoomId, { kind, group, epoch }: Omit<Sealed, "ciphertext">): Uint8Array {
  const label = new TextEncoder().encode(`fedchat/v1/room-${kind}\0`);
  const data = new Uint8Array(label.length + 16 + 32 + 8);
  data.set(label);
  data.set(roomId.toBytes(room), label.length);
  data.set(group, label.length + 16);
  new DataView(data.buffer).setBigUint64(label.length + 48, BigInt(epoch));
  return data;
}

function decodedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
