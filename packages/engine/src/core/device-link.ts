/**
 * How a further device and one of its account prove to each other that both know the secret of a code, and agree on keys
 * for what they have to say: a commitment, two X25519 keys, and everything after under keys made of both and the secret.
 * Who has seen the code may try to come between: then the signs that both show differ, since neither side can choose its
 * key knowing the other's. Pure; it sends nothing. [U4] [U5]
 */
import type { Primitives, RandomSource, ServerId, TypeOf } from "@fedchat/protocol";
import {
  array,
  bytes,
  decode,
  decodeBase32,
  DecodeError,
  deviceId,
  encode,
  encodeBase32,
  limits,
  serverId,
  storageKeyList,
  struct,
  tagged,
  text,
  uint,
} from "@fedchat/protocol";
import { emojiTable } from "./emoji-table.ts";

const utf8 = new TextEncoder();
const secretBytes = 16;
const prefix = "fedchat-device:";
const codeTextMax = 200;

const code = struct({ server: serverId.codec, secret: bytes(secretBytes) });
export type DeviceCode = TypeOf<typeof code>;

export function formatDeviceCode(value: DeviceCode): string {
  return prefix + encodeBase32(encode(code, value));
}

/** Undefined where it is none, or not whole. */
export function parseDeviceCode(given: string): DeviceCode | undefined {
  const trimmed = given.trim();
  if (!trimmed.startsWith(prefix) || trimmed.length > codeTextMax) return undefined;
  try {
    return decode(code, decodeBase32(trimmed.slice(prefix.length)));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

export function newDeviceCode(random: RandomSource, server: ServerId): DeviceCode {
  return { server, secret: random.bytes(secretBytes) };
}

/** Of sealed records; a name takes 40 bytes, and the rest is as new as the homeserver says. */
export const seenMax = 1_000;

const sealed = bytes({ min: 16, max: limits.meetingMessageBytesMax - 1_024 });

/** Of the device that is to be linked. */
export const askingMessage = tagged("kind", {
  hello: struct({ commitment: bytes(32) }),
  device: struct({ ephemeral: bytes(32), opening: bytes(32), sealed }),
});
/** Of the device that links it. */
export const linkingMessage = tagged("kind", {
  hello: struct({ ephemeral: bytes(32) }),
  linked: struct({ sealed }),
  declined: struct({}),
});

/** What a new device asks to be certified. */
export const deviceRequest = struct({
  device: deviceId.codec,
  signatureKey: bytes(32),
  noiseKey: bytes(32),
  name: text({ max: 64 }),
});
export type DeviceRequest = TypeOf<typeof deviceRequest>;

/** What it then needs: its account's record with its certificate, and the keys of sealed storage. */
export const deviceGift = struct({
  record: bytes({ min: 1, max: limits.recordBytesMax * 4 }),
  certificate: bytes({ min: 1, max: 1_024 }),
  keys: storageKeyList,
  /** Versions that sealed storage had: the homeserver cannot begin with older ones. */
  seen: array(struct({ name: text({ max: 128 }), version: uint() }), { max: seenMax }),
});
export type DeviceGift = TypeOf<typeof deviceGift>;

export interface Sign {
  symbol: string;
  name: string;
}

export interface LinkKeys {
  /** Seals what the new device asks for, and what it is given. */
  asking: Uint8Array;
  giving: Uint8Array;
  /** Both sides show these; a person compares them. */
  signs: Sign[];
}

/** The meeting's name: it says nothing of the secret. */
export function meetingOf(p: Primitives, secret: Uint8Array): Uint8Array {
  return p.hmacSha256(secret, utf8.encode("fedchat/v1/device-link meeting\0")).subarray(0, 16);
}

export function commitmentOf(p: Primitives, ephemeral: Uint8Array, opening: Uint8Array): Uint8Array {
  return p.sha256(utf8.encode("fedchat/v1/device-link commitment\0"), ephemeral, opening);
}

/** Undefined where the other key is no good. */
export function linkKeys(
  p: Primitives,
  secret: Uint8Array,
  keys: { ownPrivate: Uint8Array; other: Uint8Array; asking: Uint8Array; giving: Uint8Array },
): LinkKeys | undefined {
  const shared = p.x25519.sharedSecret(keys.ownPrivate, keys.other);
  if (shared === undefined) return undefined;
  const label = utf8.encode("fedchat/v1/device-link keys\0");
  const root = p.hmacSha256(secret, Uint8Array.of(...label, ...shared, ...keys.asking, ...keys.giving));
  shared.fill(0);
  const part = (name: string) => p.hmacSha256(root, utf8.encode(name));
  const signs = [...part("signs").subarray(0, signsShown)].map((byte) => emojiTable[byte % 64]!);
  return { asking: part("asking"), giving: part("giving"), signs };
}

/** One in 2^24 is the chance of whoever guesses, and they have one try. */
const signsShown = 4;

/** One message under each key: the nonce is zero. */
export function sealOnce(p: Primitives, key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return p.aes256Gcm(key).seal(new Uint8Array(12), new Uint8Array(), plaintext);
}

export function openOnce(p: Primitives, key: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  return p.aes256Gcm(key).open(new Uint8Array(12), new Uint8Array(), ciphertext);
}
